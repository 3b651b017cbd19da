/* audit: who did what, when: our audit log, sudo's I/O logs and the agent's log as one history. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/core/duration.h"
#include "pam_ssm/core/rfc3339.h"
#include "pam_ssm/core/trail.h"
#include "pam_ssm/edge/io_log.h"
#include "pam_ssm/edge/plain_file.h"
#include "pam_ssm/userctl/node.h"
#include "pam_ssm/userctl/userctl_print.h"
#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>
#include <time.h>

#define IO_LOG_FOLDER "/var/log/sudo-io/ssm"
#define AGENT_LOG "/var/log/amazon/ssm/amazon-ssm-agent.log"
#define FILE_SIZE (16 * 1024 * 1024) /* the end of each file; logrotate cuts them before */
#define ROTATED 9                    /* FILE.9 is the oldest that is looked for; compressed ones are not read */
#define SINCE_MAX_S (INT64_C(3650) * 24 * 3600)

struct trail {
    struct trail_entry *entries; /* owned */
    size_t count, room;
    size_t malformed;
    int64_t since_unix_ms;
};

static void trail_free(struct trail *trail)
{
    for (size_t i = 0; i < trail->count; i++) {
        json_decref(trail->entries[i].event);
    }
    free(trail->entries);
}

/* Takes the entry. ERR_MEMORY. */
static enum err add(struct trail *trail, struct trail_entry entry)
{
    if (trail->count == trail->room) {
        size_t room = trail->room * 2 + 64;
        struct trail_entry *larger = reallocarray(trail->entries, room, sizeof *larger);
        if (larger == NULL) {
            json_decref(entry.event);
            return ERR_MEMORY;
        }
        trail->entries = larger;
        trail->room = room;
    }
    trail->entries[trail->count++] = entry;
    return ERR_OK;
}

/* ---- reading ---- */

typedef enum err parse_line(struct bytes line, struct trail_entry *ret_entry);

static enum err read_lines(const char *path, parse_line *parse, struct trail *trail)
{
    AUTO_FREE char *memory = NULL;
    size_t len = 0;
    enum err err = plain_file_read_end(path, FILE_SIZE, &memory, &len);
    if (err != ERR_OK) {
        return err == ERR_NO_TARGET ? ERR_OK : err;
    }
    for (struct bytes rest = bytes_of(memory, len); rest.len > 0;) {
        const uint8_t *end = memchr(rest.data, '\n', rest.len);
        size_t line_len = end != NULL ? (size_t)(end - rest.data) : rest.len;
        struct trail_entry entry;
        err = line_len > 0 ? parse(bytes_of(rest.data, line_len), &entry) : ERR_NO_TARGET;
        if (err == ERR_OK) {
            TRY(add(trail, entry));
        } else if (err != ERR_NO_TARGET) {
            trail->malformed++;
        }
        rest = bytes_from(rest, line_len + 1);
    }
    return ERR_OK;
}

/* The file, and those that it was before, oldest first. */
static enum err read_rotated(const char *path, parse_line *parse, struct trail *trail)
{
    for (int i = ROTATED; i > 0; i--) {
        char memory[LIMIT_PATH + 8];
        (void)snprintf(memory, sizeof memory, "%s.%d", path, i);
        TRY(read_lines(memory, parse, trail));
    }
    return read_lines(path, parse, trail);
}

static enum err visit_sudo(struct bytes file, const char *id, void *context)
{
    struct trail *trail = context;
    struct trail_entry entry;
    if (trail_parse_sudo(file, id, &entry) != ERR_OK) {
        trail->malformed++;
        return ERR_OK;
    }
    return add(trail, entry);
}

/* The agent writes the node's local time. */
static void correct_zone(struct trail_entry *entry)
{
    time_t as_utc = (time_t)(entry->unix_ms / 1000);
    struct tm local;
    if (gmtime_r(&as_utc, &local) != NULL) {
        local.tm_isdst = -1;
        time_t right = mktime(&local);
        entry->unix_ms = right != (time_t)-1 ? (int64_t)right * 1000 : entry->unix_ms;
    }
}

static enum err read_all(const struct node *node, struct trail *trail)
{
    if (node->policy.audit.jsonl[0] != '\0') {
        TRY(read_rotated(node->policy.audit.jsonl, trail_parse_own, trail));
    }
    TRY(io_log_walk(IO_LOG_FOLDER, visit_sudo, trail));
    size_t agent_at = trail->count;
    TRY(read_rotated(AGENT_LOG, trail_parse_agent, trail));
    for (size_t i = agent_at; i < trail->count; i++) {
        correct_zone(&trail->entries[i]);
    }
    trail_sort(trail->entries, trail->count);
    trail_attribute(trail->entries, trail->count);
    return ERR_OK;
}

/* ---- saying ---- */

static void put_time(int64_t unix_ms, char ret_words[40])
{
    struct text text = text_in(ret_words, 40);
    rfc3339_put(&text, unix_ms);
}

static void print_member(const json_t *event, const char *member)
{
    const char *value = json_view_text(event, member);
    if (text_is_given(value)) {
        printf("  %s=", member);
        userctl_print_safe(value);
    }
}

static void print_entry(const struct trail_entry *entry)
{
    static const char *const members[] = {"user",     "session_id", "document", "command", "run_as", "level",
                                          "grant_id", "peer",       "reason",   "by",      "log",    "attribution"};
    char time[40];
    put_time(entry->unix_ms, time);
    printf("%s  ", time);
    const char *who = json_view_text(entry->event, "owner_arn");
    userctl_print_safe(text_is_given(who) ? who : "-");
    printf("  ");
    userctl_print_safe(json_view_text(entry->event, "event"));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        print_member(entry->event, members[i]);
    }
    printf("\n");
}

static bool print_json(const struct trail *trail)
{
    json_t *events = json_array();
    for (size_t i = 0; i < trail->count; i++) {
        if (trail->entries[i].unix_ms >= trail->since_unix_ms) {
            char time[40];
            put_time(trail->entries[i].unix_ms, time);
            (void)json_object_set_new(trail->entries[i].event, "time", json_string(time));
            (void)json_array_append(events, trail->entries[i].event);
        }
    }
    json_t *document = json_object();
    (void)json_object_set_new(document, "events", events);
    (void)json_object_set_new(document, "malformed", json_integer((json_int_t)trail->malformed));
    return userctl_print_json(document);
}

static enum err parse_since(const char *words, int64_t now_unix_s, int64_t *ret_unix_ms)
{
    int64_t ago_s = 0;
    if (words == NULL) {
        *ret_unix_ms = INT64_MIN;
    } else if (duration_parse(words, SINCE_MAX_S, &ago_s) == ERR_OK) {
        *ret_unix_ms = (now_unix_s - ago_s) * 1000;
    } else if (rfc3339_parse(words, ret_unix_ms) != ERR_OK) {
        log_error("--since wants a time ago, such as 2h, or a point in time, such as 2026-11-21T04:30:00Z");
        return ERR_USAGE;
    }
    return ERR_OK;
}

static int audit_run(const struct options *options)
{
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(NODE_READ, &node);
    AUTO(trail_free) struct trail trail = {0};
    if (err == ERR_OK) {
        err = parse_since(options->values[OPTION_SINCE], node->now.unix_s, &trail.since_unix_ms);
    }
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    err = read_all(node, &trail);
    if (err != ERR_OK) {
        log_error("the logs cannot be read: %s", err_text(err));
        return userctl_exit_code(err);
    }
    if (options_has(options, OPTION_JSON)) {
        return print_json(&trail) ? USERCTL_OK : USERCTL_ERROR;
    }
    for (size_t i = 0; i < trail.count; i++) {
        if (trail.entries[i].unix_ms >= trail.since_unix_ms) {
            print_entry(&trail.entries[i]);
        }
    }
    if (trail.malformed > 0) {
        log_notice("%zu lines or files make no sense", trail.malformed);
    }
    return fflush(stdout) == 0 ? USERCTL_OK : USERCTL_ERROR;
}

const struct verb audit_verb = {
    .name = "audit",
    .arguments = "[OPTIONS]",
    .summary = "Show who did what, when: by IAM principal, from our audit log, sudo's I/O logs and the agent's log.",
    .details =
        "A command of sudo has the principal of the check just before it; where several sessions could be meant,\n"
        "it says so. What a command printed: sudoreplay -d /var/log/sudo-io/ssm LOG. Compressed files are not\n"
        "read.\n",
    .options = OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_SINCE),
    .run = audit_run,
};
