#include "pam_ssm/core/account_command.h"

static void set_argv(struct account_command *command, const char *const *words)
{
    size_t count = 0;
    for (; words[count] != NULL && count < ACCOUNT_COMMAND_ARGUMENTS - 1; count++) {
        command->argv[count] = words[count];
    }
    command->argv[count] = NULL;
}
#define SET(command, ...) set_argv(command, (const char *const[]){__VA_ARGS__, NULL})

static void put_groups(const struct word_list *groups, struct account_command *command)
{
    struct text text = text_in(command->groups, sizeof command->groups);
    for (const char *name = word_list_first(groups); name != NULL; name = word_list_next(groups, name)) {
        text_format(&text, "%s%s", text.len > 0 ? "," : "", name);
    }
}

/* Locked ('!') because it is given no password, and expired from its first line on: between useradd and chage it can
 * be entered no more than later. */
static void build_creation(const struct host_policy *policy, const struct account_facts *facts,
                           struct account_command *command)
{
    SET(command, "useradd", "-u", command->uid, "-g", policy->account.name, "-G", command->groups, "-s",
        policy->account.shell, "-d", policy->account.home, "-e", "1", "-c", "AWS Session Manager", "-K", "UMASK=077",
        facts->home_kind == ACCOUNT_HOME_ABSENT ? "-m" : "-M", policy->account.name);
}

/* No day of the last change (-d -1), no ageing: linux-pam#489, pam_unix ages accounts that have no password. */
static void build_expiry(const char *day, const char *name, struct account_command *command)
{
    SET(command, "chage", "-E", day, "-d", "-1", "-M", "-1", "-m", "0", "-I", "-1", "-W", "-1", name);
}

void account_command_build(enum account_step step, const struct host_policy *policy,
                           const struct account_record *record, const struct account_facts *facts,
                           struct account_command *ret_command)
{
    struct account_command *command = ret_command;
    const char *name = policy->account.name;
    struct text uid = text_in(command->uid, sizeof command->uid);
    text_format(&uid, "%lld", (long long)record->uid);
    put_groups(&policy->account.groups, command);
    command->argv[0] = NULL;
    switch (step) {
    case ACCOUNT_EXPIRE:
        build_expiry("1", name, command);
        return;
    case ACCOUNT_UNEXPIRE:
        build_expiry("-1", name, command);
        return;
    case ACCOUNT_LOCK:
        SET(command, "usermod", "-L", name);
        return;
    case ACCOUNT_CREATE_GROUP:
        SET(command, "groupadd", name);
        return;
    case ACCOUNT_CREATE:
        build_creation(policy, facts, command);
        return;
    case ACCOUNT_SET_UID:
        SET(command, "usermod", "-u", command->uid, name);
        return;
    case ACCOUNT_SET_PRIMARY_GROUP:
        SET(command, "usermod", "-g", name, name);
        return;
    case ACCOUNT_SET_GROUPS:
        SET(command, "usermod", "-G", command->groups, name);
        return;
    case ACCOUNT_SET_SHELL:
        SET(command, "usermod", "-s", policy->account.shell, name);
        return;
    case ACCOUNT_SET_HOME:
        SET(command, "usermod", "-d", policy->account.home, name);
        return;
    case ACCOUNT_DELETE:
        SET(command, "userdel", name);
        return;
    case ACCOUNT_DELETE_GROUP:
        SET(command, "groupdel", name);
        return;
    case ACCOUNT_MAKE_HOME:
    case ACCOUNT_REMOVE_HOME:
    case ACCOUNT_STEP_COUNT:
        return;
    }
}

bool account_command_is_done(enum account_step step, int status)
{
    /* userdel(8), groupdel(8): 6, there is no such user or group. userdel takes the group along where login.defs says
     * so. */
    bool deletes = step == ACCOUNT_DELETE || step == ACCOUNT_DELETE_GROUP;
    return status == 0 || (deletes && status == 6);
}

const char *account_command_reason(enum account_step step)
{
    static const char *const reasons[ACCOUNT_STEP_COUNT] = {
        [ACCOUNT_EXPIRE] = "expired, without password ageing: only pam_ssm lets anybody in",
        [ACCOUNT_UNEXPIRE] = "not expired, until it is parked again",
        [ACCOUNT_LOCK] = "no password that opens it",
        [ACCOUNT_CREATE_GROUP] = "a group of its own",
        [ACCOUNT_CREATE] = "the account, locked and expired",
        [ACCOUNT_SET_UID] = "the user id that is recorded for it",
        [ACCOUNT_SET_PRIMARY_GROUP] = "its own group",
        [ACCOUNT_SET_GROUPS] = "the groups of host.conf, and no others",
        [ACCOUNT_SET_SHELL] = "the shell of host.conf",
        [ACCOUNT_SET_HOME] = "the home of host.conf",
        [ACCOUNT_MAKE_HOME] = "a home of its own",
        [ACCOUNT_DELETE] = "the account is removed",
        [ACCOUNT_DELETE_GROUP] = "its group is removed",
        [ACCOUNT_REMOVE_HOME] = "its home, which another account with that user id would own",
    };
    return reasons[step];
}

void account_command_put(const struct account_command *command, struct text *text)
{
    for (size_t i = 0; command->argv[i] != NULL; i++) {
        bool is_plain = command->argv[i][0] != '\0' && strchr(command->argv[i], ' ') == NULL;
        text_format(text, is_plain ? "%s%s" : "%s'%s'", i > 0 ? " " : "", command->argv[i]);
    }
}
