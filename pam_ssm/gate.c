#include "pam_ssm/gate.h"

#include "common/auto.h"
#include "pam_ssm/core/audit_line.h"
#include "pam_ssm/core/decision.h"
#include "pam_ssm/edge/audit_log.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/process.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/find_session.h"

#include <security/pam_ext.h>
#include <syslog.h>
#include <unistd.h>

/* ---- the PAM line ---- */

struct arguments {
    const char *user;
    enum decision_demand demand;
};

static const char *const demand_words[] = {
    [DECISION_CONNECTION] = "connection", [DECISION_SESSION] = "session", [DECISION_GRANT] = "grant"};

static bool parse_demand(const char *word, enum decision_demand *ret_demand)
{
    for (unsigned i = 0; i < sizeof demand_words / sizeof demand_words[0]; i++) {
        if (strcmp(demand_words[i], word) == 0) {
            *ret_demand = (enum decision_demand)i;
            return true;
        }
    }
    return false;
}

static const char *text_item(pam_handle_t *pamh, int item)
{
    const void *value = NULL;
    return pam_get_item(pamh, item, &value) == PAM_SUCCESS && value != NULL ? value : "";
}

/* Is it our user's turn? PAM_SUCCESS, or what the phase returns at once: PAM_IGNORE for everybody else, which a typing
 * error in our line must not change; PAM_SERVICE_ERR when there is one. */
static int read_line(pam_handle_t *pamh, int argc, const char **argv, struct arguments *ret_arguments)
{
    struct arguments arguments = {"ssm-user", DECISION_CONNECTION};
    const char *unknown = NULL;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "user=", 5) == 0) {
            arguments.user = argv[i] + 5;
        } else if (strncmp(argv[i], "require=", 8) != 0 || !parse_demand(argv[i] + 8, &arguments.demand)) {
            unknown = argv[i];
        }
    }
    if (strcmp(text_item(pamh, PAM_USER), arguments.user) != 0) {
        return PAM_IGNORE;
    }
    if (unknown != NULL) {
        pam_syslog(pamh, LOG_AUTHPRIV | LOG_ERR, "unknown argument %s", unknown);
        return PAM_SERVICE_ERR;
    }
    *ret_arguments = arguments;
    return PAM_SUCCESS;
}

/* ---- one run ---- */

/* Too large for the stack of a guest. */
struct gate {
    const struct host_paths *paths;
    pam_handle_t *pamh;
    struct arguments arguments;
    int64_t deadline_us;
    struct host_policy policy;
    struct host_moment now;
    struct found_session found;
    char words[512]; /* why something could not be read */
};

static void gate_log(const struct gate *gate, const char *event, const char *reason)
{
    bool has_session = gate->found.finding == FINDING_VERIFIED;
    const struct agent_session *session = has_session ? &gate->found.session : NULL;
    pam_syslog(gate->pamh, LOG_AUTHPRIV | LOG_NOTICE, "%s: user %s, session %s, owner %s, document %s: %s", event,
               gate->arguments.user, session != NULL ? session->session_id : "-",
               session != NULL && session->owner[0] != '\0' ? session->owner : "unknown",
               session != NULL ? session->document : "-", reason);
}

/* True when the event is on disk, or need not be. */
static bool gate_audit(const struct gate *gate, const char *event, const char *reason, const struct grant *grant)
{
    const struct host_policy *policy = &gate->policy;
    if (policy->audit.jsonl[0] == '\0') {
        return true;
    }
    struct audit_event line = {
        .event = event,
        .unix_ms = host_clock_unix_ms(),
        .user = gate->arguments.user,
        .service = text_item(gate->pamh, PAM_SERVICE),
        .session = gate->found.finding == FINDING_VERIFIED ? &gate->found.session : NULL,
        .peer = pam_getenv(gate->pamh, "SSH_CONNECTION"),
        .level = host_policy_level_text(policy->privilege.level),
        .grant_id = grant != NULL ? grant->id : NULL,
        .reason = reason,
        .pid = getpid(),
        .uid = -1,
    };
    AUTO_FREE char *memory = malloc(AUDIT_LINE_SIZE);
    if (memory == NULL) {
        return !policy->audit.is_required;
    }
    struct text text = text_in(memory, AUDIT_LINE_SIZE);
    audit_line_put(&text, &line);
    enum err err = text_finish(&text);
    if (err == ERR_OK) {
        err = audit_log_append(policy->audit.jsonl, text_bytes(&text));
    }
    if (err != ERR_OK) {
        pam_syslog(gate->pamh, LOG_AUTHPRIV | LOG_WARNING, "%s: the event could not be written: %s",
                   policy->audit.jsonl, audit_log_failure_text(err));
    }
    return err == ERR_OK || !policy->audit.is_required;
}

/* ---- a verdict that was told already ---- */

/* sudo asks twice, in auth and in account, and account alone where nobody is asked for a password (-l, -v). Both are
 * judged, and one event is enough. PAM keeps this for as long as the application's one run. */
#define ALLOWED_BEFORE "pam_ssm_allowed"

static void forget_allowed(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    free(data);
}

static bool was_allowed_before(const struct gate *gate)
{
    const void *value = NULL;
    return pam_get_data(gate->pamh, ALLOWED_BEFORE, &value) == PAM_SUCCESS && value != NULL &&
           strcmp(value, demand_words[gate->arguments.demand]) == 0;
}

static void note_allowed(const struct gate *gate)
{
    char *demand = strdup(demand_words[gate->arguments.demand]);
    if (demand != NULL && pam_set_data(gate->pamh, ALLOWED_BEFORE, demand, forget_allowed) != PAM_SUCCESS) {
        free(demand);
    }
}

static bool read_policy(struct gate *gate)
{
    char memory[512];
    struct text warnings = text_in(memory, sizeof memory);
    struct text why = text_in(gate->words, sizeof gate->words);
    if (host_files_read_policy(gate->paths, &gate->policy, &warnings, &why) != ERR_OK) {
        return false;
    }
    if (strcmp(gate->policy.account.name, gate->arguments.user) != 0) {
        text_format(&why, "host.conf names %s, the PAM line %s", gate->policy.account.name, gate->arguments.user);
        return false;
    }
    return true;
}

static void find_session(struct gate *gate)
{
    if (gate->arguments.demand == DECISION_CONNECTION) {
        find_session_of_connection(gate->paths, &gate->policy, pam_getenv(gate->pamh, "SSH_CONNECTION"),
                                   gate->deadline_us, &gate->found);
    } else {
        find_session_of_process(gate->paths, &gate->policy, gate->now.boot_id, getpid(), gate->deadline_us,
                                &gate->found);
    }
}

/* NULL when there is no memory. */
static struct gate *gate_new(const struct host_paths *paths, pam_handle_t *pamh, const struct arguments *arguments)
{
    struct gate *gate = calloc(1, sizeof *gate);
    if (gate != NULL) {
        *gate = (struct gate){.paths = paths,
                              .pamh = pamh,
                              .arguments = *arguments,
                              .deadline_us = host_clock_mono_us() + paths->search_limit_us,
                              .found = {.finding = FINDING_UNKNOWN}};
        host_policy_defaults(&gate->policy);
    }
    return gate;
}

/* The decision; its grant is borrowed from `grants`. */
static struct decision decide(struct gate *gate, struct host_grants *grants)
{
    struct text why = text_in(gate->words, sizeof gate->words);
    if (!read_policy(gate)) {
        return (struct decision){.reason = gate->words};
    }
    if (host_clock_now(gate->paths, &gate->now) != ERR_OK) {
        return (struct decision){.reason = "the clock or boot_id cannot be read"};
    }
    if (gate->arguments.demand == DECISION_GRANT && host_files_read_grants(gate->paths, grants, &why) != ERR_OK) {
        return (struct decision){.reason = gate->words};
    }
    find_session(gate);
    if (host_clock_mono_us() > gate->deadline_us) {
        gate->found.finding = FINDING_TIMEOUT;
    }
    struct decision_facts facts = {
        .demand = gate->arguments.demand,
        .finding = gate->found.finding,
        .session = gate->found.finding == FINDING_VERIFIED ? &gate->found.session : NULL,
        .is_recorded = gate->found.is_recorded,
        .grants = grants->grants,
        .grant_count = grants->count,
        .now = &gate->now,
    };
    return decision_make(&gate->policy, &facts);
}

static const char *event_of(enum decision_demand demand, const struct decision *decision)
{
    bool is_login = demand == DECISION_CONNECTION;
    if (!decision->is_allowed) {
        return is_login ? "login-refused" : "sudo-refused";
    }
    if (decision->is_only_logged) {
        return is_login ? "login-unverified" : "sudo-unverified";
    }
    return is_login ? "login-allowed" : "sudo-allowed";
}

/* What the person is told: why, and where there is more. */
static void tell(const struct gate *gate, const char *reason)
{
    static const char *const more[] = {[DECISION_CONNECTION] = "ssm-userctl doctor",
                                       [DECISION_SESSION] = "ssm-userctl status",
                                       [DECISION_GRANT] =
                                           "ssm-userctl grant gives root for a while; ssm-userctl status"};
    pam_error(gate->pamh, "ssm-bridge: %s (for an administrator: %s)", reason, more[gate->arguments.demand]);
}

int gate_check(const struct host_paths *paths, pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct arguments arguments;
    int line = read_line(pamh, argc, argv, &arguments);
    if (line != PAM_SUCCESS) {
        return line;
    }
    AUTO_FREE struct gate *gate = gate_new(paths, pamh, &arguments);
    if (gate == NULL) {
        return PAM_PERM_DENIED;
    }
    AUTO(host_files_free_grants) struct host_grants grants = {0};
    struct decision decision = decide(gate, &grants);
    if (decision.is_allowed && was_allowed_before(gate)) {
        return PAM_SUCCESS;
    }
    const char *event = event_of(arguments.demand, &decision);
    gate_log(gate, event, decision.reason);
    if (!gate_audit(gate, event, decision.reason, decision.grant) && decision.is_allowed) {
        decision = (struct decision){.reason = "the audit log cannot be written"};
        gate_log(gate, event_of(arguments.demand, &decision), decision.reason);
    }
    if (decision.is_allowed) {
        note_allowed(gate);
        return PAM_SUCCESS;
    }
    /* sudo asks for silence here, and then nobody would read why. */
    if (arguments.demand != DECISION_CONNECTION || ((unsigned)flags & PAM_SILENT) == 0) {
        tell(gate, decision.reason);
    }
    return PAM_PERM_DENIED;
}

/* ---- logins ---- */

static void write_record(struct gate *gate, const struct proc_stat *process, int64_t worker_start_ticks)
{
    AUTO_FREE struct login_record *record = calloc(1, sizeof *record);
    AUTO_FREE char *memory = malloc(LIMIT_STATE_FILE);
    if (record == NULL || memory == NULL) {
        return;
    }
    record->pid = process->pid;
    record->start_ticks = process->start_ticks;
    record->opened_unix_s = gate->now.unix_s;
    record->session = gate->found.session;
    record->worker_start_ticks = worker_start_ticks;
    memcpy(record->boot_id, gate->now.boot_id, sizeof record->boot_id);
    struct text user = text_in(record->user, sizeof record->user);
    text_put(&user, gate->arguments.user);
    struct text service = text_in(record->service, sizeof record->service);
    text_put(&service, text_item(gate->pamh, PAM_SERVICE));
    struct text peer = text_in(record->peer, sizeof record->peer);
    const char *connection = pam_getenv(gate->pamh, "SSH_CONNECTION");
    text_put(&peer, connection != NULL ? connection : "");
    struct text content = text_in(memory, LIMIT_STATE_FILE);
    login_record_render(record, &content);
    char name[LOGIN_RECORD_NAME_SIZE];
    login_record_name(record->pid, record->start_ticks, name);
    struct text why = text_in(gate->words, sizeof gate->words);
    if (text_finish(&content) != ERR_OK ||
        state_dir_make(gate->paths->runtime_dir, gate->paths->owner, &why) != ERR_OK ||
        state_dir_make(gate->paths->sessions_dir, gate->paths->owner, &why) != ERR_OK ||
        state_dir_write(gate->paths->sessions_dir, name, text_bytes(&content), 0600, false, &why) != ERR_OK) {
        pam_syslog(gate->pamh, LOG_AUTHPRIV | LOG_WARNING, "no record of this login, sudo will be refused in it: %s",
                   gate->words);
    }
}

/* The process whose life is the login's: sshd's monitor, this one. */
static bool own_process(const struct gate *gate, struct proc_stat *ret_stat)
{
    AUTO(process_close) struct process self = PROCESS_NONE;
    if (process_open(gate->paths, getpid(), &self) != ERR_OK) {
        return false;
    }
    *ret_stat = self.stat;
    return true;
}

int gate_open_session(const struct host_paths *paths, pam_handle_t *pamh, int argc, const char **argv)
{
    struct arguments arguments;
    if (read_line(pamh, argc, argv, &arguments) != PAM_SUCCESS) {
        return PAM_IGNORE;
    }
    if (arguments.demand != DECISION_CONNECTION) {
        return PAM_SUCCESS; /* sudo's sessions are inside of one that is known */
    }
    AUTO_FREE struct gate *gate = gate_new(paths, pamh, &arguments);
    struct proc_stat self;
    if (gate == NULL || !read_policy(gate) || host_clock_now(paths, &gate->now) != ERR_OK ||
        !own_process(gate, &self)) {
        return PAM_SUCCESS;
    }
    find_session(gate);
    int64_t worker_start_ticks;
    if (gate->found.finding == FINDING_VERIFIED &&
        find_session_worker_start(paths, &gate->policy, &gate->found.session, &worker_start_ticks)) {
        write_record(gate, &self, worker_start_ticks);
        char memory[LIMIT_SESSION_ID + 32];
        struct text variable = text_in(memory, sizeof memory);
        text_format(&variable, "SSM_SESSION_ID=%s", gate->found.session.session_id);
        (void)pam_putenv(pamh, memory); /* for the person's information; nothing of ours believes it */
    }
    (void)gate_audit(gate, "login", NULL, NULL);
    return PAM_SUCCESS;
}

int gate_close_session(const struct host_paths *paths, pam_handle_t *pamh, int argc, const char **argv)
{
    struct arguments arguments;
    if (read_line(pamh, argc, argv, &arguments) != PAM_SUCCESS) {
        return PAM_IGNORE;
    }
    if (arguments.demand != DECISION_CONNECTION) {
        return PAM_SUCCESS; /* sudo's sessions are inside of one that is known */
    }
    AUTO_FREE struct gate *gate = gate_new(paths, pamh, &arguments);
    struct proc_stat self;
    if (gate == NULL || !own_process(gate, &self)) {
        return PAM_SUCCESS;
    }
    AUTO_FREE struct login_record *record = calloc(1, sizeof *record);
    if (record != NULL && host_files_read_login(paths, &self, record) == ERR_OK) {
        gate->found.session = record->session;
        gate->found.finding = FINDING_VERIFIED;
    }
    char name[LOGIN_RECORD_NAME_SIZE];
    login_record_name(self.pid, self.start_ticks, name);
    struct text why = text_in(gate->words, sizeof gate->words);
    /* Without the right to remove it, it falls out of use when this process ends. */
    (void)!state_dir_remove(paths->sessions_dir, name, &why);
    if (read_policy(gate)) {
        (void)gate_audit(gate, "logout", NULL, NULL);
    }
    return PAM_SUCCESS;
}

int gate_set_credentials(pam_handle_t *pamh, int argc, const char **argv)
{
    struct arguments arguments;
    return read_line(pamh, argc, argv, &arguments) == PAM_SUCCESS ? PAM_SUCCESS : PAM_IGNORE;
}
