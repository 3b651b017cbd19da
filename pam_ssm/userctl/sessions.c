/* sessions: who is in, by whose leave, and what binds him. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/core/duration.h"
#include "pam_ssm/core/rfc3339.h"
#include "pam_ssm/core/session_view.h"
#include "pam_ssm/edge/agent_dir.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/process.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/find_session.h"
#include "pam_ssm/userctl/node.h"
#include "pam_ssm/userctl/userctl_print.h"
#include "pam_ssm/userctl/verbs.h"

#include <inttypes.h>
#include <stdio.h>

struct view {
    struct login_record *records; /* owned, as all of these */
    struct session_login *logins;
    size_t login_count, unreadable_records;
    struct agent_sessions agents;
    struct session_of_agent *known;
    struct host_grants grants;
    struct session_row *rows;
    size_t row_count;
};

static void view_free(struct view *view)
{
    free(view->records);
    free(view->logins);
    free(view->known);
    free(view->rows);
    agent_dir_free(&view->agents);
    host_files_free_grants(&view->grants);
}

/* ---- reading ---- */

/* A record by its file's name, dead or alive. */
static bool read_record(const struct node *node, const char *name, struct login_record *record,
                        struct session_login *ret_login)
{
    struct proc_stat noted = {0};
    if (login_record_parse_name(name, &noted.pid, &noted.start_ticks) != ERR_OK ||
        host_files_read_login(node->paths, &noted, record) != ERR_OK) {
        return false;
    }
    AUTO(process_close) struct process process = PROCESS_NONE;
    *ret_login = (struct session_login){
        .record = record,
        .is_alive = process_open(node->paths, noted.pid, &process) == ERR_OK &&
                    login_record_is_of(record, &process.stat, node->now.boot_id),
    };
    return true;
}

static enum err read_records(const struct node *node, struct view *view, struct text *ret_why)
{
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    TRY(state_dir_list(node->paths->sessions_dir, node->paths->owner, &names, ret_why));
    view->records = calloc(names.count + 1, sizeof *view->records);
    view->logins = calloc(names.count + 1, sizeof *view->logins);
    if (view->records == NULL || view->logins == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < names.count; i++) {
        size_t at = view->login_count;
        if (read_record(node, names.names[i], &view->records[at], &view->logins[at])) {
            view->login_count++;
        } else {
            view->unreadable_records++;
        }
    }
    return ERR_OK;
}

static enum err read_view(const struct node *node, struct view *view, struct text *ret_why)
{
    TRY(read_records(node, view, ret_why));
    TRY(agent_dir_read(node->paths, &view->agents));
    TRY(host_files_read_grants(node->paths, &view->grants, ret_why));
    view->known = calloc(view->agents.count + 1, sizeof *view->known);
    view->rows = calloc(view->login_count + view->agents.count + 1, sizeof *view->rows);
    if (view->known == NULL || view->rows == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < view->agents.count; i++) {
        const struct agent_session *session = &view->agents.sessions[i];
        view->known[i] = (struct session_of_agent){
            session,
            find_session_has_worker(node->paths, &node->policy, session),
        };
    }
    view->row_count = session_view_join(view->logins, view->login_count, view->known, view->agents.count, view->rows);
    return ERR_OK;
}

/* ---- saying ---- */

static bool is_live(const struct session_row *row)
{
    return row->kind != SESSION_DEAD_LOGIN && row->kind != SESSION_DEAD_WORKER;
}

/* The next grant from `*at` on that gives root to this session now; NULL: no more. */
static const struct grant *next_grant(const struct node *node, const struct view *view, const struct session_row *row,
                                      size_t *at)
{
    while (is_live(row) && *at < view->grants.count) {
        const struct grant *grant = &view->grants.grants[(*at)++];
        if (grant_is_active(grant, &node->now) && grant_binds(grant, row->session)) {
            return grant;
        }
    }
    return NULL;
}

static int64_t began_unix_ms(const struct session_row *row)
{
    return row->record != NULL ? row->record->opened_unix_s * 1000 : row->session->worker_start_unix_ms;
}

static void put_time(int64_t unix_ms, char ret_words[40])
{
    struct text text = text_in(ret_words, 40);
    rfc3339_put(&text, unix_ms);
}

static void print_line(const char *name, const char *value)
{
    if (text_is_given(value)) {
        printf("    %-10s", name);
        userctl_print_safe(value);
        printf("\n");
    }
}

static void print_since(const struct node *node, const struct session_row *row)
{
    char since[40];
    put_time(began_unix_ms(row), since);
    char memory[64];
    struct text ago = text_in(memory, sizeof memory);
    int64_t age_s = node->now.unix_s - began_unix_ms(row) / 1000;
    duration_put(&ago, age_s > 0 ? age_s : 0);
    printf("    %-10s%s (%s ago)\n", "since", since, memory);
}

static const char *words_of(enum session_kind kind)
{
    switch (kind) {
    case SESSION_LOGIN:
        return "logged in by sshd";
    case SESSION_SHELL:
        return "a shell of the agent's, without sshd and PAM";
    case SESSION_TUNNEL:
        return "a connection without a login";
    case SESSION_DEAD_LOGIN:
        return "dead: the login's process is gone; ssm-userctl apply sweeps its record";
    case SESSION_DEAD_WORKER:
        return "dead: the session's worker is gone; the agent removes its file";
    }
    return "";
}

static void print_row(const struct node *node, const struct view *view, const struct session_row *row)
{
    userctl_print_safe(row->session->session_id);
    printf("  %s\n", words_of(row->kind));
    print_line("owner", row->session->owner[0] != '\0' ? row->session->owner : "unknown");
    print_line("document", row->session->document);
    print_since(node, row);
    if (row->record != NULL) {
        print_line("user", row->record->user);
        print_line("service", row->record->service);
        print_line("peer", row->record->peer);
        printf("    %-10s%" PRId64 "\n", "login pid", row->record->pid);
    }
    printf("    %-10s%" PRId64 "%s\n", "worker pid", row->session->worker_pid,
           row->is_known_to_agent ? "" : " (the agent has no file of this session any more)");
    size_t at = 0;
    for (const struct grant *grant; (grant = next_grant(node, view, row, &at)) != NULL;) {
        char until[40];
        put_time(grant->not_after_unix_s * 1000, until);
        printf("    %-10s%s until %s: ", "grant", grant->id, until);
        userctl_print_safe(grant->reason);
        printf("\n");
    }
}

static void print_text(const struct node *node, const struct view *view)
{
    for (size_t i = 0; i < view->row_count; i++) {
        print_row(node, view, &view->rows[i]);
    }
    if (view->row_count == 0) {
        printf("no sessions\n");
    }
}

static void set_text(json_t *object, const char *name, const char *value)
{
    if (text_is_given(value)) {
        (void)json_object_set_new(object, name, userctl_print_string(value));
    }
}

static json_t *grants_json(const struct node *node, const struct view *view, const struct session_row *row)
{
    json_t *list = json_array();
    size_t at = 0;
    for (const struct grant *grant; (grant = next_grant(node, view, row, &at)) != NULL;) {
        (void)json_array_append_new(list, userctl_print_string(grant->id));
    }
    return list;
}

static json_t *row_json(const struct node *node, const struct view *view, const struct session_row *row)
{
    char since[40];
    put_time(began_unix_ms(row), since);
    json_t *object = json_object();
    set_text(object, "kind", session_view_kind_text(row->kind));
    (void)json_object_set_new(object, "is_live", json_boolean(is_live(row)));
    set_text(object, "session_id", row->session->session_id);
    set_text(object, "owner_arn", row->session->owner);
    set_text(object, "document", row->session->document);
    set_text(object, "plugin", row->session->plugin);
    set_text(object, "since", since);
    (void)json_object_set_new(object, "worker_pid", json_integer(row->session->worker_pid));
    (void)json_object_set_new(object, "is_known_to_agent", json_boolean(row->is_known_to_agent));
    if (row->record != NULL) {
        set_text(object, "user", row->record->user);
        set_text(object, "service", row->record->service);
        set_text(object, "peer", row->record->peer);
        (void)json_object_set_new(object, "login_pid", json_integer(row->record->pid));
    }
    (void)json_object_set_new(object, "grants", grants_json(node, view, row));
    return object;
}

static bool print_json(const struct node *node, const struct view *view)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < view->row_count; i++) {
        (void)json_array_append_new(rows, row_json(node, view, &view->rows[i]));
    }
    json_t *document = json_object();
    (void)json_object_set_new(document, "sessions", rows);
    (void)json_object_set_new(document, "unreadable_files",
                              json_integer((json_int_t)view->unreadable_records + (json_int_t)view->agents.unreadable));
    return userctl_print_json(document);
}

static int sessions_run(const struct options *options)
{
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(NODE_READ, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    AUTO(view_free) struct view view = {0};
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    err = read_view(node, &view, &why);
    if (err != ERR_OK) {
        log_error("the sessions cannot be read: %s", memory[0] != '\0' ? memory : err_text(err));
        return userctl_exit_code(err);
    }
    if (options_has(options, OPTION_JSON)) {
        return print_json(node, &view) ? USERCTL_OK : USERCTL_ERROR;
    }
    print_text(node, &view);
    if (view.unreadable_records + view.agents.unreadable > 0) {
        log_notice("%zu files make no sense as a login record, %zu as a session of the agent", view.unreadable_records,
                   view.agents.unreadable);
    }
    return fflush(stdout) == 0 ? USERCTL_OK : USERCTL_ERROR;
}

const struct verb sessions_verb = {
    .name = "sessions",
    .arguments = "[OPTIONS]",
    .summary = "Show who is in: by which IAM principal, since when, and which grants bind it.",
    .details = "Logins by sshd, and sessions of the agent without one, such as its own shells. A record whose process\n"
               "is gone is shown as dead.\n",
    .options = OPTION_BIT(OPTION_JSON),
    .run = sessions_run,
};
