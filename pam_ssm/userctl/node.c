#include "pam_ssm/userctl/node.h"

#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/audit_log.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/host_lock.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"

#include <errno.h>
#include <syslog.h>
#include <unistd.h>

enum err node_read_policy(struct node *node, struct text *ret_why)
{
    char memory[2048];
    struct text warnings = text_in(memory, sizeof memory);
    enum err err = host_files_read_policy(node->paths, &node->policy, &warnings, ret_why);
    char *state = NULL;
    for (const char *line = strtok_r(memory, "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state)) {
        log_notice("%s", line);
    }
    return err;
}

static enum err read_record(struct node *node, struct text *ret_why)
{
    char memory[LIMIT_PATH + 1];
    struct text path = text_in(memory, sizeof memory);
    text_format(&path, "%s/%s", node->paths->state_dir, ACCOUNT_RECORD_NAME);
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    enum err err = path_trust_read(memory, node->paths->owner, LIMIT_STATE_FILE, &content, &len, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
        return ERR_OK;
    }
    TRY(err);
    if (account_record_parse(content, len, &node->record) != ERR_OK) {
        text_format(ret_why,
                    "%s makes no sense: somebody has changed it. Mend it, or move it away and run "
                    "ssm-userctl adopt",
                    memory);
        return ERR_MALFORMED;
    }
    node->has_record = true;
    return ERR_OK;
}

static enum err prepare(struct node *node, enum node_use use, struct text *ret_why)
{
    if (geteuid() != 0) {
        text_put(ret_why, "this is for root (sudo ssm-userctl ...)");
        return ERR_DENIED;
    }
    if (use == NODE_CHANGE) {
        TRY(host_lock_take(node->paths, HOST_LOCK_TIMEOUT_MS, &node->lock, ret_why));
    }
    /* Only now: who was waited for may have changed them. */
    TRY(node_read_policy(node, ret_why));
    if (host_clock_now(node->paths, &node->now) != ERR_OK) {
        text_format(ret_why, "the clock or boot_id cannot be read: %s", strerror(errno));
        return ERR_SYSTEM;
    }
    return read_record(node, ret_why);
}

enum err node_open(enum node_use use, struct node **ret_node)
{
    AUTO(node_close) struct node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        log_error("out of memory");
        return ERR_MEMORY;
    }
    node->paths = &host_paths_system;
    node->lock = -1;
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum err err = prepare(node, use, &why);
    if (err != ERR_OK) {
        log_error("%s", memory[0] != '\0' ? memory : err_text(err));
        return err;
    }
    *ret_node = MOVE(node);
    return ERR_OK;
}

void node_close(struct node **node)
{
    if (*node != NULL) {
        path_trust_close(&(*node)->lock);
        free(*node);
        *node = NULL;
    }
}

enum err node_store_record(struct node *node, struct text *ret_why)
{
    char memory[1024];
    struct text text = text_in(memory, sizeof memory);
    account_record_render(&node->record, &text);
    TRY(text_finish(&text));
    TRY(state_dir_make(node->paths->state_dir, node->paths->owner, ret_why));
    TRY(state_dir_write(node->paths->state_dir, ACCOUNT_RECORD_NAME, text_bytes(&text), 0600, true, ret_why));
    node->has_record = true;
    return ERR_OK;
}

/* ---- audit ---- */

/* The folder of the audit log: pam_ssm writes there and makes none. */
static void make_folder(const struct node *node)
{
    char memory[LIMIT_PATH + 1];
    struct text folder = text_in(memory, sizeof memory);
    const char *slash = strrchr(node->policy.audit.jsonl, '/');
    text_put_bytes(&folder, bytes_of(node->policy.audit.jsonl, (size_t)(slash - node->policy.audit.jsonl)));
    char words[256];
    struct text why = text_in(words, sizeof words);
    if (folder.len > 0 && state_dir_make(memory, node->paths->owner, &why) != ERR_OK) {
        log_notice("%s", words);
    }
}

static void append_line(const struct node *node, const struct audit_event *event)
{
    AUTO_FREE char *memory = malloc(AUDIT_LINE_SIZE);
    if (memory == NULL) {
        return;
    }
    struct text text = text_in(memory, AUDIT_LINE_SIZE);
    audit_line_put(&text, event);
    make_folder(node);
    enum err err = text_finish(&text);
    if (err == ERR_OK) {
        err = audit_log_append(node->policy.audit.jsonl, text_bytes(&text));
    }
    if (err != ERR_OK) {
        log_notice("%s: the event could not be written: %s", node->policy.audit.jsonl, audit_log_failure_text(err));
    }
}

void node_audit_event(const struct node *node, struct audit_event event)
{
    event.user = node->policy.account.name;
    event.level = host_policy_level_text(node->policy.privilege.level);
    event.unix_ms = host_clock_unix_ms();
    event.by = event.by != NULL ? event.by : getenv("SUDO_USER");
    event.pid = getpid();
    event.uid = -1;
    if (node->policy.audit.has_syslog) {
        openlog("ssm-userctl", LOG_PID, LOG_AUTHPRIV);
        syslog(LOG_NOTICE, "%s: user %s: %s%s%s", event.event, event.user, event.grant_id != NULL ? event.grant_id : "",
               event.grant_id != NULL ? ": " : "", event.reason);
        closelog();
    }
    if (node->policy.audit.jsonl[0] != '\0') {
        append_line(node, &event);
    }
}

void node_audit(const struct node *node, const char *event, const char *reason)
{
    node_audit_event(node, (struct audit_event){.event = event, .reason = reason});
}
