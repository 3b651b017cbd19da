#include "pam_ssm/userctl/governed.h"

#include "common/auto.h"
#include "pam_ssm/core/account_command.h"
#include "pam_ssm/edge/account.h"
#include "pam_ssm/edge/account_home.h"
#include "pam_ssm/edge/helper_process.h"
#include "pam_ssm/userctl/logins.h"

#include <stdio.h>

/* shadow-utils give up on a lock after 15 s; usermod -u walks through the home. */
#define PROGRAM_TIMEOUT_MS 60000

/* ---- looking ---- */

static enum err choose_uid(const struct node *node, int64_t *ret_uid, struct text *ret_why)
{
    *ret_uid = node->has_record ? node->record.uid : node->policy.account.uid;
    return *ret_uid == HOST_POLICY_UID_ANY ? account_free_uid(ret_uid, ret_why) : ERR_OK;
}

static enum err read_facts(const struct node *node, int64_t uid, struct governed *governed, struct text *ret_why)
{
    const struct account_question question = {
        .name = node->policy.account.name,
        .uid = uid,
        .home = node->policy.account.home,
        .shell = node->policy.account.shell,
        .groups = &node->policy.account.groups,
    };
    TRY(account_read(&question, node->now.unix_s / 86400, &governed->facts, ret_why));
    int64_t used_uid = governed->facts.is_known ? governed->facts.uid : uid;
    TRY(account_use_read(node->paths, question.name, used_uid, &governed->use, ret_why));
    governed->facts.uid_has_processes = !governed->facts.is_known && governed->use.processes > 0;
    return logins_count(node->paths, node->now.boot_id, &governed->live_logins, ret_why);
}

void governed_plan(const struct node *node, enum account_want want, struct governed *governed)
{
    governed->want = want;
    account_state_plan(&node->policy, node->has_record ? &node->record : NULL, &governed->facts, want, &governed->plan);
}

enum err governed_read(const struct node *node, struct governed **ret_governed, struct text *ret_why)
{
    AUTO_FREE struct governed *governed = calloc(1, sizeof *governed);
    if (governed == NULL) {
        return ERR_MEMORY;
    }
    int64_t uid = 0;
    TRY(choose_uid(node, &uid, ret_why));
    TRY(read_facts(node, uid, governed, ret_why));
    char memory[512];
    struct text what = text_in(memory, sizeof memory);
    enum account_want want = ACCOUNT_WANT_ABSENT;
    if (node->has_record) {
        want = account_state_wanted(&node->policy, &node->record, &node->now, governed_is_busy(node, governed, &what));
    }
    governed_plan(node, want, governed);
    *ret_governed = MOVE(governed);
    return ERR_OK;
}

bool governed_is_busy(const struct node *node, const struct governed *governed, struct text *ret_what)
{
    const struct account_use *use = &governed->use;
    const char *name = node->policy.account.name;
    const struct {
        bool is_there;
        const char *what;
    } uses[] = {
        {governed->live_logins > 0, "somebody is logged in (ssm-userctl sessions)"},
        {governed->facts.is_known && use->processes > 0, "processes run (ps -u)"},
        {use->has_crontab, "it has a crontab (crontab -r -u)"},
        {use->has_at_job, "it has an at job (atq)"},
        {use->is_lingering, "it has a user manager (loginctl disable-linger)"},
    };
    bool is_busy = false;
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        if (uses[i].is_there) {
            text_format(ret_what, "%s%s", is_busy ? "; " : "", uses[i].what);
            is_busy = true;
        }
    }
    if (is_busy && use->processes > 0) {
        text_format(ret_what, "; %zu processes of %s, the first is %lld", use->processes, name,
                    (long long)use->first_pid);
    }
    return is_busy;
}

/* ---- becoming ours ---- */

static enum err refuse(const struct node *node, const struct governed *governed, enum account_refusal refusal,
                       struct text *ret_why)
{
    account_state_put_refusal(&node->policy, node->has_record ? &node->record : NULL, &governed->facts, refusal,
                              ret_why);
    return ERR_DENIED;
}

enum err governed_begin(struct node *node, bool adopts, struct text *ret_why)
{
    AUTO_FREE struct governed *governed = calloc(1, sizeof *governed);
    if (governed == NULL) {
        return ERR_MEMORY;
    }
    int64_t uid = 0;
    TRY(choose_uid(node, &uid, ret_why));
    TRY(read_facts(node, uid, governed, ret_why));
    const struct account_facts *facts = &governed->facts;
    if (adopts && !facts->is_known) {
        text_format(ret_why, "there is no account %s: ssm-userctl init creates it", node->policy.account.name);
        return ERR_DENIED;
    }
    enum account_refusal refusal = adopts            ? account_state_judge_adoption(facts)
                                   : facts->is_known ? (facts->is_local ? ACCOUNT_IS_FOREIGN : ACCOUNT_IS_NOT_LOCAL)
                                                     : ACCOUNT_FINE;
    if (refusal != ACCOUNT_FINE) {
        return refuse(node, governed, refusal, ret_why);
    }
    node->record = (struct account_record){
        .uid = adopts ? facts->uid : uid,
        .origin = adopts ? ACCOUNT_ADOPTED : ACCOUNT_CREATED,
        .prior_expire_day = adopts ? facts->expire_day : -1,
        .since_unix_s = node->now.unix_s,
    };
    memcpy(node->record.user, node->policy.account.name, sizeof node->record.user);
    /* Nothing is remembered of what could not be begun. */
    node->has_record = true;
    governed_plan(node, ACCOUNT_WANT_PARKED, governed);
    if (governed->plan.refusal != ACCOUNT_FINE) {
        enum err err = refuse(node, governed, governed->plan.refusal, ret_why);
        node->has_record = false;
        return err;
    }
    return ERR_OK;
}

/* The SSM agent's own name for it: no person's, governed or not. */
static const char agent_account[] = "ssm-user";

enum err governed_want_own(const struct node *node, struct text *ret_why)
{
    const char *name = node->policy.account.name;
    if (node->has_record ? strcmp(node->record.user, name) == 0 : strcmp(agent_account, name) == 0) {
        return ERR_OK;
    }
    AUTO_FREE struct governed *governed = calloc(1, sizeof *governed);
    int64_t uid = 0;
    if (governed == NULL) {
        return ERR_MEMORY;
    }
    TRY(choose_uid(node, &uid, ret_why));
    TRY(read_facts(node, uid, governed, ret_why));
    if (!node->has_record && !governed->facts.is_known) {
        return ERR_OK;
    }
    return refuse(node, governed, node->has_record ? ACCOUNT_NAME_CHANGED : ACCOUNT_IS_FOREIGN, ret_why);
}

/* ---- saying ---- */

static void put_step(const struct node *node, const struct governed *governed, enum account_step step,
                     struct text *text)
{
    AUTO_FREE struct account_command *command = malloc(sizeof *command);
    if (command == NULL) {
        return;
    }
    account_command_build(step, &node->policy, &node->record, &governed->facts, command);
    if (command->argv[0] != NULL) {
        account_command_put(command, text);
    } else {
        const char *verb = step == ACCOUNT_MAKE_HOME ? "make" : governed->keeps_home ? "put away" : "remove";
        text_format(text, "%s %s", verb, node->policy.account.home);
    }
}

void governed_put_plan(const struct node *node, const struct governed *governed, struct text *text)
{
    for (size_t i = 0; i < governed->plan.count; i++) {
        put_step(node, governed, governed->plan.steps[i], text);
        text_format(text, ": %s\n", account_command_reason(governed->plan.steps[i]));
    }
    if (governed->plan.refusal != ACCOUNT_FINE) {
        text_put(text, "cannot be mended: ");
        account_state_put_refusal(&node->policy, node->has_record ? &node->record : NULL, &governed->facts,
                                  governed->plan.refusal, text);
        text_put(text, "\n");
    }
}

/* ---- doing ---- */

static void cut_line_ends(char *words)
{
    for (char *at = words; *at != '\0'; at++) {
        if (*at == '\n') {
            *at = ' ';
        }
    }
}

static enum err run_program(enum account_step step, const struct account_command *command, struct text *ret_why)
{
    char memory[512];
    struct text complaints = text_in(memory, sizeof memory);
    const struct helper_process helper = {
        .argv = command->argv, .timeout_ms = PROGRAM_TIMEOUT_MS, .output = &complaints};
    int status = 0;
    enum err err = helper_process_run(&helper, &status);
    if (err == ERR_OK && account_command_is_done(step, status)) {
        return ERR_OK;
    }
    cut_line_ends(memory);
    account_command_put(command, ret_why);
    if (err == ERR_OK) {
        text_format(ret_why, " ended with %d: %s", status, memory);
        return ERR_SYSTEM;
    }
    text_format(ret_why, ": %s", err == ERR_NO_TARGET ? "there is no such program on this machine" : err_text(err));
    return err;
}

/* The plan holds this step for a home of its own only, by this uid or by the recorded one. */
static enum err put_home_away(const struct node *node, const struct governed *governed, struct text *ret_why)
{
    const char *home = node->policy.account.home;
    uid_t uid = (uid_t)governed->facts.home_owner;
    if (!governed->keeps_home) {
        return account_home_remove(home, uid, ret_why);
    }
    char memory[LIMIT_PATH + 1];
    struct text archive = text_in(memory, sizeof memory);
    TRY(account_home_archive(home, uid, node->now.unix_s, &archive, ret_why));
    if (archive.len > 0) {
        printf("what was in %s lies in %s\n", home, memory);
    }
    return ERR_OK;
}

/* The group is new when the account is. */
static enum err make_home(const struct node *node, struct text *ret_why)
{
    AUTO_FREE struct governed *now = NULL;
    TRY(governed_read(node, &now, ret_why));
    return account_home_make(node->policy.account.home, (uid_t)node->record.uid, (gid_t)now->facts.gid, ret_why);
}

static enum err run_step(const struct node *node, const struct governed *governed, enum account_step step,
                         struct text *ret_why)
{
    if (step == ACCOUNT_MAKE_HOME) {
        return make_home(node, ret_why);
    }
    if (step == ACCOUNT_REMOVE_HOME) {
        return put_home_away(node, governed, ret_why);
    }
    AUTO_FREE struct account_command *command = malloc(sizeof *command);
    if (command == NULL) {
        return ERR_MEMORY;
    }
    account_command_build(step, &node->policy, &node->record, &governed->facts, command);
    return run_program(step, command, ret_why);
}

static bool ends_all(enum account_step step)
{
    return step == ACCOUNT_CREATE_GROUP || step == ACCOUNT_CREATE || step == ACCOUNT_DELETE;
}

/* All that can be done is done; the first failure is what is told. */
static enum err run_steps(const struct node *node, const struct governed *governed, struct text *ret_why)
{
    enum err first = ERR_OK;
    for (size_t i = 0; i < governed->plan.count; i++) {
        enum account_step step = governed->plan.steps[i];
        char words[LIMIT_WORD_LIST + 512];
        char dropped[8];
        struct text text = text_in(words, sizeof words);
        struct text later = text_in(dropped, sizeof dropped);
        put_step(node, governed, step, &text);
        enum err err = run_step(node, governed, step, first == ERR_OK ? ret_why : &later);
        if (err == ERR_OK) {
            printf("account: %s\n", words);
            (void)fflush(stdout);
            node_audit(node, "account", words);
        }
        first = first == ERR_OK ? err : first;
        if (err != ERR_OK && ends_all(step)) {
            break;
        }
    }
    return first;
}

enum err governed_run(struct node *node, struct governed *governed, struct text *ret_why)
{
    TRY(run_steps(node, governed, ret_why));
    AUTO_FREE struct governed *after = NULL;
    TRY(governed_read(node, &after, ret_why));
    governed_plan(node, governed->want, after);
    *governed = *after;
    if (after->plan.refusal != ACCOUNT_FINE) {
        return refuse(node, after, after->plan.refusal, ret_why);
    }
    if (after->plan.count > 0) {
        text_put(ret_why, "it was done, and has had no effect: ");
        put_step(node, after, after->plan.steps[0], ret_why);
        return ERR_SYSTEM;
    }
    return ERR_OK;
}
