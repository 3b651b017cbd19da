/* grant, grants: root for a while, for a session, for an IAM principal, or for everyone. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/core/duration.h"
#include "pam_ssm/core/rfc3339.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/edge/sudoers_install.h"
#include "pam_ssm/userctl/sudoers_apply.h"
#include "pam_ssm/userctl/verbs.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/random.h>

/* ---- making one ---- */

static enum err take_text(const char *what, const char *value, char *ret_text, size_t size, struct text *ret_why)
{
    struct text text = text_in(ret_text, size);
    text_put(&text, value != NULL ? value : "");
    for (const char *at = ret_text; *at != '\0'; at++) {
        if (text_is_control(*at)) {
            text_format(ret_why, "%s: a control character", what);
            return ERR_USAGE;
        }
    }
    if (text_finish(&text) != ERR_OK) {
        text_format(ret_why, "%s: at most %zu characters", what, size - 1);
        return ERR_USAGE;
    }
    return ERR_OK;
}

static enum err take_options(const struct options *options, struct grant *grant, struct text *ret_why)
{
    const char *by = options->values[OPTION_BY] != NULL ? options->values[OPTION_BY] : getenv("SUDO_USER");
    const char *session = options->values[OPTION_SESSION];
    if (!text_is_given(options->values[OPTION_REASON])) {
        text_put(ret_why, "--reason is missing: the audit trail wants to know why");
        return ERR_USAGE;
    }
    if (session != NULL && !agent_state_is_session_id(session)) {
        text_put(ret_why, "--session: that is no session id");
        return ERR_USAGE;
    }
    if (options_has(options, OPTION_OWNER) && strncmp(options->values[OPTION_OWNER], "arn:", 4) != 0) {
        text_put(ret_why, "--owner: that is no ARN");
        return ERR_USAGE;
    }
    TRY(take_text("--session", session, grant->session_id, sizeof grant->session_id, ret_why));
    TRY(take_text("--owner", options->values[OPTION_OWNER], grant->owner, sizeof grant->owner, ret_why));
    TRY(take_text("--reason", options->values[OPTION_REASON], grant->reason, sizeof grant->reason, ret_why));
    return take_text("--by", by, grant->granted_by, sizeof grant->granted_by, ret_why);
}

static enum err take_time(const struct options *options, const struct node *node, struct grant *grant,
                          struct text *ret_why)
{
    int64_t max_s = node->policy.privilege.max_grant_s;
    int64_t duration_s = 0;
    if (!options_has(options, OPTION_FOR) ||
        duration_parse(options->values[OPTION_FOR], INT64_C(366) * 86400, &duration_s) != ERR_OK) {
        text_put(ret_why, "--for wants a time, such as 90s, 30m or 2h");
        return ERR_USAGE;
    }
    if (duration_s > max_s) {
        text_put(ret_why, "MaxGrant of host.conf allows no more than ");
        duration_put(ret_why, max_s);
        return ERR_DENIED;
    }
    struct host_moment now;
    TRY(host_clock_now(node->paths, &now)); /* the lock may have been waited for */
    grant->created_unix_s = now.unix_s;
    grant->not_after_unix_s = now.unix_s + duration_s;
    grant->boot_deadline_s = now.boot_s + duration_s;
    memcpy(grant->boot_id, now.boot_id, sizeof grant->boot_id);
    return ERR_OK;
}

static enum err take_id(struct grant *grant, struct text *ret_why)
{
    uint8_t bytes[GRANT_ID_LEN / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        text_format(ret_why, "random numbers: %s", strerror(errno));
        return ERR_SYSTEM;
    }
    struct text id = text_in(grant->id, sizeof grant->id);
    for (size_t i = 0; i < sizeof bytes; i++) {
        text_format(&id, "%02x", bytes[i]);
    }
    return ERR_OK;
}

static enum err write_grant(const struct host_paths *paths, const struct grant *grant, struct text *ret_why)
{
    AUTO_FREE char *memory = malloc(LIMIT_STATE_FILE);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text text = text_in(memory, LIMIT_STATE_FILE);
    grant_render(grant, &text);
    TRY(text_finish(&text));
    TRY(state_dir_make(paths->state_dir, paths->owner, ret_why));
    TRY(state_dir_make(paths->grants_dir, paths->owner, ret_why));
    return state_dir_write(paths->grants_dir, grant->id, text_bytes(&text), 0600, true, ret_why);
}

/* Would it be refused? As sudoers_apply would when it is written, but for sudo's own answer afterwards. */
static enum err try_out(struct node *node, const struct grant *grant, struct text *ret_why)
{
    const struct sudoers_apply wish = {
        .node = node, .how = SUDOERS_LOOK, .planned_not_after_unix_s = grant->not_after_unix_s};
    struct sudoers_applied applied;
    TRY(sudoers_apply(&wish, &applied, ret_why));
    return applied.has_changed ? sudoers_install_check(node->paths, ret_why) : ERR_OK;
}

static enum err give(const struct options *options, struct node *node, struct grant *grant, struct text *ret_why)
{
    TRY(take_options(options, grant, ret_why));
    TRY(take_time(options, node, grant, ret_why));
    if (options_has(options, OPTION_DRY_RUN)) {
        return try_out(node, grant, ret_why);
    }
    TRY(take_id(grant, ret_why));
    const struct sudoers_apply wish = {.node = node, .how = SUDOERS_LOOSEN};
    struct sudoers_applied applied;
    TRY(write_grant(node->paths, grant, ret_why));
    enum err err = sudoers_apply(&wish, &applied, ret_why);
    if (err != ERR_OK) {
        char memory[256];
        struct text why = text_in(memory, sizeof memory);
        if (state_dir_remove(node->paths->grants_dir, grant->id, &why) != ERR_OK) {
            log_error("grant: %s could not be taken back (ssm-userctl revoke %s): %s", grant->id, grant->id, memory);
        }
    }
    return err;
}

/* ---- showing them ---- */

static json_t *grant_json(const struct grant *grant, const struct host_moment *now)
{
    char until[40];
    struct text text = text_in(until, sizeof until);
    rfc3339_put(&text, grant->not_after_unix_s * 1000);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "id", grant->id, "until", until, "session_id",
                     grant->session_id, "owner", grant->owner, "reason", grant->reason, "by", grant->granted_by,
                     "is_active", grant_is_active(grant, now) ? 1 : 0);
}

static void grant_print(const struct grant *grant, const struct host_moment *now)
{
    char memory[80];
    struct text left = text_in(memory, sizeof memory);
    if (grant_is_active(grant, now)) {
        duration_put(&left, grant->not_after_unix_s - now->unix_s);
        text_put(&left, " left");
    } else {
        text_put(&left, "over");
    }
    const char *whom = grant->session_id[0] != '\0' ? grant->session_id : grant->owner;
    bool is_planned = grant->id[0] == '\0'; /* --dry-run */
    printf("%s%s%s  for %s%s%s: %s\n", is_planned ? "would be granted: " : grant->id, is_planned ? "" : "  ", memory,
           whom[0] != '\0' ? whom : "everyone", grant->granted_by[0] != '\0' ? ", by " : "", grant->granted_by,
           grant->reason);
}

/* A principal's name and a reason may be hostile to a terminal; take_text lets no control character pass. */
static int show(const struct grant *grants, size_t count, const struct host_moment *now, bool is_json)
{
    if (!is_json) {
        for (size_t i = 0; i < count; i++) {
            grant_print(&grants[i], now);
        }
        return fflush(stdout) == 0 ? USERCTL_OK : USERCTL_ERROR;
    }
    json_t *array = json_array();
    bool is_whole = array != NULL;
    for (size_t i = 0; i < count && is_whole; i++) {
        is_whole = json_array_append_new(array, grant_json(&grants[i], now)) == 0;
    }
    is_whole =
        is_whole && json_dumpf(array, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF && fflush(stdout) == 0;
    json_decref(array);
    return is_whole ? USERCTL_OK : USERCTL_ERROR;
}

/* ---- the verbs ---- */

static int grant_run(const struct options *options)
{
    bool is_dry_run = options_has(options, OPTION_DRY_RUN);
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(is_dry_run ? NODE_READ : NODE_CHANGE, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    struct grant grant = {0};
    char words[2048];
    struct text why = text_in(words, sizeof words);
    err = give(options, node, &grant, &why);
    if (err != ERR_OK) {
        log_error("grant: %s", words[0] != '\0' ? words : err_text(err));
        return userctl_exit_code(err);
    }
    if (!is_dry_run) {
        struct agent_session session = {0};
        memcpy(session.session_id, grant.session_id, sizeof session.session_id);
        memcpy(session.owner, grant.owner, sizeof session.owner);
        bool is_bound = grant.session_id[0] != '\0' || grant.owner[0] != '\0';
        node_audit_event(node, (struct audit_event){.event = "grant",
                                                    .session = is_bound ? &session : NULL,
                                                    .grant_id = grant.id,
                                                    .reason = grant.reason,
                                                    .by = grant.granted_by});
    }
    return show(&grant, 1, &node->now, options_has(options, OPTION_JSON));
}

static int grants_run(const struct options *options)
{
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(NODE_READ, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    AUTO(host_files_free_grants) struct host_grants grants = {0};
    char words[512];
    struct text why = text_in(words, sizeof words);
    err = host_files_read_grants(node->paths, &grants, &why);
    if (err != ERR_OK) {
        log_error("grants: %s", words[0] != '\0' ? words : err_text(err));
        return userctl_exit_code(err);
    }
    if (grants.unreadable > 0) {
        log_notice("%s: %zu files are no grants of ours, and give nothing", node->paths->grants_dir, grants.unreadable);
    }
    return show(grants.grants, grants.count, &node->now, options_has(options, OPTION_JSON));
}

const struct verb grant_verb = {
    .name = "grant",
    .arguments = "--for TIME --reason TEXT",
    .summary = "Give root by sudo for a while: to one session, to one IAM principal, or to everyone.",
    .details = "After that time no new command starts; what runs goes on. MaxGrant of host.conf limits it. It ends by\n"
               "sudo's clock and by one that nobody can set, and with the next start of the machine.",
    .options = OPTION_BIT(OPTION_FOR) | OPTION_BIT(OPTION_SESSION) | OPTION_BIT(OPTION_OWNER) |
               OPTION_BIT(OPTION_REASON) | OPTION_BIT(OPTION_BY) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_DRY_RUN),
    .run = grant_run,
};

const struct verb grants_verb = {
    .name = "grants",
    .arguments = "",
    .summary = "Show the grants.",
    .options = OPTION_BIT(OPTION_JSON),
    .run = grants_run,
};
