/* status: what is in force, measured: one screen. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/helper_process.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/pam_module.h"
#include "pam_ssm/edge/sudoers_install.h"
#include "pam_ssm/userctl/components.h"
#include "pam_ssm/userctl/governed.h"
#include "pam_ssm/userctl/logins.h"
#include "pam_ssm/userctl/pam_setup.h"
#include "pam_ssm/userctl/reconcile.h"
#include "pam_ssm/userctl/setting_switch.h"
#include "pam_ssm/userctl/sshd_setup.h"
#include "pam_ssm/userctl/userctl_print.h"
#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>
#include <unistd.h>

enum verdict { RIGHT, WEAK, DRIFT };

enum row {
    ROW_ACCOUNT,
    ROW_LEVEL,
    ROW_GRANTS,
    ROW_LOGINS,
    ROW_SUDO,
    ROW_MODULE,
    ROW_PAM,
    ROW_SSHD,
    ROW_GATE,
    ROW_AGENT,
    ROW_COUNT
};

static const char *const row_names[ROW_COUNT] = {
    [ROW_ACCOUNT] = "account", [ROW_LEVEL] = "level",     [ROW_GRANTS] = "grants", [ROW_LOGINS] = "logins",
    [ROW_SUDO] = "sudo",       [ROW_MODULE] = "module",   [ROW_PAM] = "pam",       [ROW_SSHD] = "sshd",
    [ROW_GATE] = "gate",       [ROW_AGENT] = "ssm_agent",
};

struct status {
    struct {
        enum verdict verdict;
        char words[512];
    } rows[ROW_COUNT];
    size_t active_grants;
    char differences[COMPONENT_TEXT];
    size_t difference_count;
};

static void set(struct status *status, enum row row, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void set(struct status *status, enum row row, enum verdict verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(status->rows[row].words, sizeof status->rows[row].words, format, arguments);
    va_end(arguments);
    status->rows[row].verdict = verdict;
}

/* ---- measuring ---- */

static void measure_account(const struct node *node, struct status *status)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    AUTO_FREE struct governed *governed = NULL;
    if (governed_read(node, &governed, &why) != ERR_OK) {
        set(status, ROW_ACCOUNT, DRIFT, "cannot be read: %s", memory);
        return;
    }
    const struct account_plan *plan = &governed->plan;
    const char *state = account_state_text(plan->state);
    if (!node->has_record) {
        set(status, ROW_ACCOUNT, DRIFT, "%s is %s and not governed: ssm-userctl %s", node->policy.account.name, state,
            governed->facts.is_known ? "adopt" : "init");
        return;
    }
    if (!governed->facts.is_known) {
        set(status, ROW_ACCOUNT, plan->count > 0 ? DRIFT : RIGHT, "%s is absent", node->policy.account.name);
        return;
    }
    set(status, ROW_ACCOUNT, plan->count > 0 || plan->refusal != ACCOUNT_FINE ? DRIFT : RIGHT,
        "%s (user id %lld) is %s", node->policy.account.name, (long long)governed->facts.uid, state);
}

static void measure_grants(const struct node *node, struct status *status)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    AUTO(host_files_free_grants) struct host_grants grants = {0};
    if (host_files_read_grants(node->paths, &grants, &why) != ERR_OK) {
        set(status, ROW_GRANTS, DRIFT, "cannot be read: %s", memory);
        return;
    }
    for (size_t i = 0; i < grants.count; i++) {
        status->active_grants += grant_is_active(&grants.grants[i], &node->now) ? 1 : 0;
    }
    if (grants.unreadable > 0) {
        set(status, ROW_GRANTS, WEAK, "%zu active, %zu files that are none", status->active_grants, grants.unreadable);
    } else {
        set(status, ROW_GRANTS, RIGHT, "%zu active", status->active_grants);
    }
}

static void measure_logins(const struct node *node, struct status *status)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    size_t count = 0;
    if (logins_count(node->paths, node->now.boot_id, &count, &why) != ERR_OK) {
        set(status, ROW_LOGINS, DRIFT, "cannot be read: %s", memory);
        return;
    }
    set(status, ROW_LOGINS, RIGHT, "%zu live", count);
}

/* May it run what no list of the level limited may hold, the editor of sudoers? ERR_NO_TARGET: there is no sudo, or no
 * such account. */
static enum err ask_sudo(const char *user, bool *ret_is_root, struct text *ret_why)
{
    char memory[LIMIT_PATH + 1];
    struct text visudo = text_in(memory, sizeof memory);
    TRY(helper_process_find("visudo", &visudo));
    return sudoers_install_allows(user, memory, ret_is_root, ret_why);
}

/* What sudo says itself, whatever its files hold: rules elsewhere count as well. */
static void measure_sudo(const struct node *node, struct status *status)
{
    bool is_root = false;
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    enum err err = ask_sudo(node->policy.account.name, &is_root, &why);
    if (err == ERR_NO_TARGET) {
        set(status, ROW_SUDO, RIGHT, "gives nothing: there is no sudo, or no account");
        return;
    }
    if (err != ERR_OK) {
        set(status, ROW_SUDO, DRIFT, "does not answer: %s", memory[0] != '\0' ? memory : err_text(err));
        return;
    }
    struct sudo_version version;
    bool wants_any = node->policy.privilege.level != HOST_LEVEL_NONE || status->active_grants > 0;
    if (wants_any && sudoers_install_version(&version, &why) == ERR_OK && version.is_rs) {
        set(status, ROW_SUDO, DRIFT, "only the level none is possible: " SUDO_VERSION_RS_LACKS);
        return;
    }
    bool wants_root = node->policy.privilege.level == HOST_LEVEL_ROOT || status->active_grants > 0;
    if (is_root && !wants_root) {
        set(status, ROW_SUDO, DRIFT, "gives root, which the policy does not want: ssm-userctl doctor tells which rule");
    } else if (!is_root && wants_root) {
        set(status, ROW_SUDO, DRIFT, "does not give root, which the policy wants: ssm-userctl apply");
    } else {
        set(status, ROW_SUDO, RIGHT, "%s", is_root ? "gives root, to whom pam_ssm allows it" : "does not give root");
    }
}

static void measure_module(struct status *status)
{
    char path_memory[512];
    char memory[512];
    struct text path = text_in(path_memory, sizeof path_memory);
    struct text why = text_in(memory, sizeof memory);
    enum err err = pam_module_check(&path, &why);
    if (err == ERR_OK) {
        set(status, ROW_MODULE, RIGHT, "%s", path_memory);
    } else {
        set(status, ROW_MODULE, WEAK, "%s: nobody gets in as this account", memory);
    }
}

/* What an admin has switched off is as he wants it, and weaker. */
static void measure_setup(struct node *node, enum row row,
                          enum err (*check)(struct node *node, struct text *differences, struct text *ret_why),
                          struct status *status)
{
    const char *name = row_names[row];
    if (!setting_switch_is_on(node, name)) {
        set(status, row, WEAK, "switched off: ssm-userctl %s enable", name);
        return;
    }
    char memory[512];
    char words[512];
    struct text differences = text_in(memory, sizeof memory);
    struct text why = text_in(words, sizeof words);
    enum err err = check(node, &differences, &why);
    memory[strcspn(memory, "\n")] = '\0';
    if (err != ERR_OK) {
        set(status, row, DRIFT, "cannot be looked at: %s", words[0] != '\0' ? words : err_text(err));
    } else if (memory[0] != '\0') {
        set(status, row, DRIFT, "not as wanted: ssm-userctl %s check", name);
    } else {
        set(status, row, RIGHT, "as wanted (ssm-userctl %s check)", name);
    }
}

static void measure_gate(const struct node *node, struct status *status)
{
    switch (node->policy.session.require_ssm) {
    case HOST_REQUIRE_YES:
        set(status, ROW_GATE, RIGHT, "verified sessions of Session Manager alone");
        return;
    case HOST_REQUIRE_LOG:
        set(status, ROW_GATE, WEAK, "RequireSsm=log: others are logged, and let in");
        return;
    case HOST_REQUIRE_NO:
        set(status, ROW_GATE, WEAK, "RequireSsm=no: any connection");
        return;
    }
}

static void measure_agent(const struct node *node, struct status *status)
{
    const struct word_list *workers = &node->policy.session.worker_paths;
    for (const char *path = word_list_first(workers); path != NULL; path = word_list_next(workers, path)) {
        if (access(path, X_OK) == 0) {
            set(status, ROW_AGENT, RIGHT, "%s", path);
            return;
        }
    }
    set(status, ROW_AGENT, WEAK, "none of the files of WorkerPath is there: no session can be verified");
}

static void measure(struct node *node, struct status *status)
{
    measure_account(node, status);
    set(status, ROW_LEVEL, RIGHT, "%s", host_policy_level_text(node->policy.privilege.level));
    measure_grants(node, status);
    measure_logins(node, status);
    measure_sudo(node, status);
    measure_module(status);
    measure_setup(node, ROW_PAM, pam_setup_check, status);
    measure_setup(node, ROW_SSHD, sshd_setup_check, status);
    measure_gate(node, status);
    measure_agent(node, status);
    struct text differences = text_in(status->differences, sizeof status->differences);
    if (node->has_record) {
        reconcile_put_differences(node, &differences, &status->difference_count);
    }
}

/* ---- saying ---- */

static int judge(const struct status *status)
{
    enum verdict worst = status->difference_count > 0 ? DRIFT : RIGHT;
    for (int i = 0; i < ROW_COUNT; i++) {
        worst = status->rows[i].verdict > worst ? status->rows[i].verdict : worst;
    }
    static const int codes[] = {[RIGHT] = USERCTL_OK, [WEAK] = USERCTL_WEAK, [DRIFT] = USERCTL_DRIFT};
    return codes[worst];
}

static const char *const verdict_words[] = {[RIGHT] = "ok", [WEAK] = "weak", [DRIFT] = "drift"};

static void print_text(const struct status *status)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        printf("%-10s %-6s %s\n", row_names[i], verdict_words[status->rows[i].verdict], status->rows[i].words);
    }
    if (status->difference_count > 0) {
        printf("\nssm-userctl apply would:\n%s", status->differences);
    }
}

static bool print_json(struct status *status)
{
    json_t *document = json_object();
    for (int i = 0; i < ROW_COUNT; i++) {
        (void)json_object_set_new(document, row_names[i],
                                  json_pack("{s:s, s:o}", "verdict", verdict_words[status->rows[i].verdict], "words",
                                            userctl_print_string(status->rows[i].words)));
    }
    (void)json_object_set_new(document, "differences", reconcile_lines_to_json(status->differences));
    return userctl_print_json(document);
}

static int status_run(const struct options *options)
{
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(NODE_READ, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    AUTO_FREE struct status *status = calloc(1, sizeof *status);
    if (status == NULL) {
        log_error("out of memory");
        return USERCTL_ERROR;
    }
    measure(node, status);
    int code = judge(status);
    if (options_has(options, OPTION_JSON)) {
        return print_json(status) ? code : USERCTL_ERROR;
    }
    print_text(status);
    return fflush(stdout) == 0 ? code : USERCTL_ERROR;
}

const struct verb status_verb = {
    .name = "status",
    .arguments = "[OPTIONS]",
    .summary = "Show what is in force. Exit status 3: something differs; 5: something guarantees less.",
    .details =
        "Everything is measured: the account's databases, what sudo itself allows, whether the PAM module can be\n"
        "loaded.\n",
    .options = OPTION_BIT(OPTION_JSON),
    .run = status_run,
};
