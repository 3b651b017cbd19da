#include "pam_ssm/core/account_state.h"

/* shadow(5) calls 0 ambiguous; a day in 1970 is past for everybody. */
#define PARKED_DAY 1

enum account_want account_state_wanted(const struct host_policy *policy, const struct account_record *record,
                                       const struct host_moment *now, bool is_busy)
{
    bool is_unparked = account_record_is_unparked(record, now);
    switch (policy->account.park) {
    case HOST_PARK_STATIC:
        return record->is_removed ? ACCOUNT_WANT_ABSENT : ACCOUNT_WANT_PARKED;
    case HOST_PARK_DYNAMIC:
        if (is_unparked) {
            return ACCOUNT_WANT_OPEN;
        }
        return record->is_removed ? ACCOUNT_WANT_ABSENT : ACCOUNT_WANT_PARKED;
    case HOST_PARK_REMOVE:
        break;
    }
    if (is_unparked) {
        return ACCOUNT_WANT_PARKED;
    }
    /* What was adopted is not ours to delete. */
    return is_busy || record->origin == ACCOUNT_ADOPTED ? ACCOUNT_WANT_ABSENT : ACCOUNT_WANT_GONE;
}

/* ---- the plan ---- */

static void add(struct account_plan *plan, enum account_step step)
{
    plan->steps[plan->count++] = step;
}

/* The first one is told. */
static void refuse(struct account_plan *plan, enum account_refusal refusal)
{
    if (plan->refusal == ACCOUNT_FINE) {
        plan->refusal = refusal;
    }
}

static bool is_open(const struct account_facts *facts)
{
    return facts->expire_day < 0 || facts->expire_day > facts->today_day;
}

/* pam_unix(8) demands a new password of an account without one when these say so. */
static bool is_ageing(const struct account_facts *facts)
{
    return facts->last_change_day == 0 || facts->min_days > 0 || facts->max_days >= 0 || facts->inactive_days >= 0 ||
           facts->warn_days >= 0;
}

static bool same_groups(const struct word_list *have, const struct word_list *want)
{
    size_t have_count = 0;
    size_t want_count = 0;
    for (const char *name = word_list_first(have); name != NULL; name = word_list_next(have, name)) {
        have_count++;
    }
    for (const char *name = word_list_first(want); name != NULL; name = word_list_next(want, name)) {
        if (!word_list_contains(have, name)) {
            return false;
        }
        want_count++;
    }
    return have_count == want_count;
}

static void plan_groups(const struct host_policy *policy, const struct account_facts *facts, struct account_plan *plan)
{
    if (facts->missing_group[0] != '\0') {
        refuse(plan, ACCOUNT_GROUP_MISSING);
    } else if (!same_groups(&facts->groups, &policy->account.groups)) {
        add(plan, ACCOUNT_SET_GROUPS);
    }
}

/* A group of its name that nobody else uses is its own, whoever left it. */
static bool group_can_be_own(const struct account_facts *facts)
{
    return !facts->has_group || (facts->group_gid >= facts->uid_min && !facts->group_is_used);
}

static bool home_is_usable(const struct account_record *record, const struct account_facts *facts)
{
    switch (facts->home_kind) {
    case ACCOUNT_HOME_ABSENT:
        return true;
    case ACCOUNT_HOME_EMPTY:
    case ACCOUNT_HOME_USED:
        break;
    case ACCOUNT_HOME_OTHER:
        return false;
    }
    /* usermod -u takes the files of the home along; an empty one of root's is what a killed run has left. */
    return facts->home_owner == record->uid || (facts->is_known && facts->home_owner == facts->uid) ||
           (facts->home_owner == 0 && facts->home_kind == ACCOUNT_HOME_EMPTY);
}

static void plan_home(const struct host_policy *policy, const struct account_record *record,
                      const struct account_facts *facts, struct account_plan *plan)
{
    if (!home_is_usable(record, facts)) {
        refuse(plan, ACCOUNT_HOME_OF_OTHER);
        return;
    }
    if (facts->is_known && strcmp(facts->home, policy->account.home) != 0) {
        add(plan, ACCOUNT_SET_HOME);
    }
    if (facts->home_kind == ACCOUNT_HOME_ABSENT ? facts->is_known
                                                : facts->home_owner == 0 && facts->home_kind == ACCOUNT_HOME_EMPTY) {
        add(plan, ACCOUNT_MAKE_HOME);
    }
}

static enum account_refusal judge_creation(const struct account_record *record, const struct account_facts *facts)
{
    if (record->uid < facts->uid_min || record->uid > facts->uid_max) {
        return ACCOUNT_IS_OF_SYSTEM;
    }
    if (facts->uid_owner[0] != '\0') {
        return ACCOUNT_UID_TAKEN;
    }
    if (facts->uid_has_processes) {
        return ACCOUNT_UID_IN_USE;
    }
    if (!group_can_be_own(facts)) {
        return ACCOUNT_GROUP_IN_THE_WAY;
    }
    if (facts->missing_group[0] != '\0') {
        return ACCOUNT_GROUP_MISSING;
    }
    if (!home_is_usable(record, facts)) {
        return ACCOUNT_HOME_OF_OTHER;
    }
    return facts->has_shell ? ACCOUNT_FINE : ACCOUNT_SHELL_MISSING;
}

/* All or nothing: an account is not left half made because of something that was known before. */
static void plan_creation(const struct host_policy *policy, const struct account_record *record,
                          const struct account_facts *facts, enum account_want want, struct account_plan *plan)
{
    refuse(plan, judge_creation(record, facts));
    if (plan->refusal != ACCOUNT_FINE) {
        return;
    }
    if (!facts->has_group) {
        add(plan, ACCOUNT_CREATE_GROUP);
    }
    add(plan, ACCOUNT_CREATE);
    add(plan, want == ACCOUNT_WANT_OPEN ? ACCOUNT_UNEXPIRE : ACCOUNT_EXPIRE);
    plan_home(policy, record, facts, plan);
}

static void plan_lock(const struct account_facts *facts, enum account_want want, struct account_plan *plan)
{
    bool wants_open = want == ACCOUNT_WANT_OPEN;
    if (!facts->has_shadow || is_open(facts) != wants_open || is_ageing(facts) ||
        (!wants_open && facts->expire_day != PARKED_DAY)) {
        add(plan, wants_open ? ACCOUNT_UNEXPIRE : ACCOUNT_EXPIRE);
    }
    if (!facts->is_locked) {
        add(plan, ACCOUNT_LOCK);
    }
}

static void plan_uid(const struct account_record *record, const struct account_facts *facts, struct account_plan *plan)
{
    if (facts->uid_owner[0] != '\0') {
        refuse(plan, ACCOUNT_UID_TAKEN); /* also when both have it: passwd(5) allows that */
    } else if (facts->uid != record->uid) {
        add(plan, ACCOUNT_SET_UID);
    }
}

static void plan_primary_group(const struct account_facts *facts, struct account_plan *plan)
{
    if (facts->has_group && facts->gid == facts->group_gid) {
        return;
    }
    if (!group_can_be_own(facts)) {
        refuse(plan, ACCOUNT_GROUP_IN_THE_WAY);
        return;
    }
    if (!facts->has_group) {
        add(plan, ACCOUNT_CREATE_GROUP);
    }
    add(plan, ACCOUNT_SET_PRIMARY_GROUP);
}

/* First what closes it. */
static void plan_repair(const struct host_policy *policy, const struct account_record *record,
                        const struct account_facts *facts, enum account_want want, struct account_plan *plan)
{
    plan_lock(facts, want, plan);
    if (facts->uid == 0) {
        /* usermod -u finds processes of "its" uid, and would hand root's files to it. */
        refuse(plan, ACCOUNT_IS_ROOT);
        return;
    }
    plan_uid(record, facts, plan);
    plan_primary_group(facts, plan);
    plan_groups(policy, facts, plan);
    if (strcmp(facts->shell, policy->account.shell) != 0 || !facts->has_shell) {
        if (facts->has_shell) {
            add(plan, ACCOUNT_SET_SHELL);
        } else {
            refuse(plan, ACCOUNT_SHELL_MISSING);
        }
    }
    plan_home(policy, record, facts, plan);
}

static void plan_removal(const struct account_record *record, const struct account_facts *facts,
                         struct account_plan *plan)
{
    if (facts->is_known) {
        add(plan, ACCOUNT_DELETE);
    }
    /* userdel takes the group of its name along when it is told so by login.defs. */
    if (facts->has_group && facts->group_gid >= facts->uid_min && !facts->group_is_used) {
        add(plan, ACCOUNT_DELETE_GROUP);
    }
    bool is_own_home =
        facts->home_owner == record->uid || (facts->is_known && facts->uid != 0 && facts->home_owner == facts->uid);
    if (facts->home_kind != ACCOUNT_HOME_ABSENT && is_own_home) {
        add(plan, ACCOUNT_REMOVE_HOME);
    }
}

static enum account_state judge_state(const struct account_facts *facts, const struct account_plan *plan)
{
    if (!facts->is_known) {
        return ACCOUNT_ABSENT;
    }
    if (plan->refusal == ACCOUNT_IS_FOREIGN || plan->refusal == ACCOUNT_IS_NOT_LOCAL) {
        return ACCOUNT_FOREIGN;
    }
    if (is_open(facts)) {
        return ACCOUNT_OPEN;
    }
    return plan->count > 0 || plan->refusal != ACCOUNT_FINE ? ACCOUNT_DRIFTED : ACCOUNT_PARKED;
}

static void plan_steps(const struct host_policy *policy, const struct account_record *record,
                       const struct account_facts *facts, enum account_want want, struct account_plan *plan)
{
    if (facts->is_known && !facts->is_local) {
        refuse(plan, ACCOUNT_IS_NOT_LOCAL);
        return;
    }
    if (record == NULL) {
        refuse(plan, facts->is_known ? ACCOUNT_IS_FOREIGN : ACCOUNT_FINE);
        return;
    }
    if (strcmp(record->user, policy->account.name) != 0) {
        refuse(plan, ACCOUNT_NAME_CHANGED);
        return;
    }
    if (policy->account.uid != HOST_POLICY_UID_ANY && policy->account.uid != record->uid) {
        refuse(plan, ACCOUNT_UID_CHANGED);
    }
    if (want == ACCOUNT_WANT_GONE) {
        plan_removal(record, facts, plan);
    } else if (facts->is_known) {
        plan_repair(policy, record, facts, want, plan);
    } else if (want != ACCOUNT_WANT_ABSENT) {
        plan_creation(policy, record, facts, want, plan);
    }
}

void account_state_plan(const struct host_policy *policy, const struct account_record *record,
                        const struct account_facts *facts, enum account_want want, struct account_plan *ret_plan)
{
    *ret_plan = (struct account_plan){.refusal = ACCOUNT_FINE};
    plan_steps(policy, record, facts, want, ret_plan);
    ret_plan->state = judge_state(facts, ret_plan);
}

enum account_refusal account_state_judge_adoption(const struct account_facts *facts)
{
    if (!facts->is_local) {
        return ACCOUNT_IS_NOT_LOCAL;
    }
    if (facts->uid == 0) {
        return ACCOUNT_IS_ROOT;
    }
    if (facts->uid < facts->uid_min || facts->uid > facts->uid_max) {
        return ACCOUNT_IS_OF_SYSTEM;
    }
    bool is_forbidden = host_policy_is_forbidden_group(facts->primary_group);
    for (const char *name = word_list_first(&facts->groups); name != NULL;
         name = word_list_next(&facts->groups, name)) {
        is_forbidden = is_forbidden || host_policy_is_forbidden_group(name);
    }
    return is_forbidden ? ACCOUNT_GROUP_FORBIDDEN : ACCOUNT_FINE;
}

/* ---- words ---- */

const char *account_state_text(enum account_state state)
{
    static const char *const words[] = {[ACCOUNT_ABSENT] = "absent",
                                        [ACCOUNT_PARKED] = "parked",
                                        [ACCOUNT_OPEN] = "open",
                                        [ACCOUNT_FOREIGN] = "foreign",
                                        [ACCOUNT_DRIFTED] = "drifted"};
    return words[state];
}

static void put_uid_refusal(const struct host_policy *policy, const struct account_record *record,
                            const struct account_facts *facts, enum account_refusal refusal, struct text *text)
{
    const char *name = policy->account.name;
    long long uid = record != NULL ? record->uid : policy->account.uid;
    if (refusal == ACCOUNT_UID_CHANGED) {
        text_format(text,
                    "host.conf wants user id %lld for %s, which has %lld: take Uid= out, or ssm-userctl remove --yes "
                    "and uninstall first",
                    (long long)policy->account.uid, name, uid);
    } else if (refusal == ACCOUNT_UID_TAKEN) {
        text_format(text,
                    "user id %lld, which is that of %s, belongs to %s: whoever has it owns the files of both. Give %s "
                    "another one (usermod -u)",
                    uid, name, facts->uid_owner, facts->uid_owner);
    } else {
        text_format(text,
                    "processes run with user id %lld, although no account has it: %s would own them. End them first "
                    "(ps -u %lld)",
                    uid, name, uid);
    }
}

void account_state_put_refusal(const struct host_policy *policy, const struct account_record *record,
                               const struct account_facts *facts, enum account_refusal refusal, struct text *text)
{
    const char *name = policy->account.name;
    long long uid = facts->is_known ? facts->uid : record != NULL ? record->uid : policy->account.uid;
    switch (refusal) {
    case ACCOUNT_FINE:
        return;
    case ACCOUNT_IS_FOREIGN:
        text_format(text,
                    "%s exists (user id %lld) and was not made by ssm-userctl: ssm-userctl adopt takes it over, "
                    "ssm-userctl adopt --dry-run shows what that changes. If it is a person's, mend Name= in host.conf",
                    name, uid);
        return;
    case ACCOUNT_IS_NOT_LOCAL:
        text_format(text,
                    "%s does not stand in /etc/passwd but comes from another name service (getent passwd %s): it can "
                    "only be governed there. Choose another Name= in host.conf",
                    name, name);
        return;
    case ACCOUNT_IS_ROOT:
        text_format(text, "%s has user id 0, it is root: mend /etc/passwd with vipw", name);
        return;
    case ACCOUNT_IS_OF_SYSTEM:
        text_format(text,
                    "user id %lld of %s is outside of %lld to %lld (UID_MIN, UID_MAX in /etc/login.defs), where "
                    "people's accounts are: choose another Uid= in host.conf",
                    uid, name, (long long)facts->uid_min, (long long)facts->uid_max);
        return;
    case ACCOUNT_NAME_CHANGED:
        text_format(text,
                    "host.conf names %s, but %s is what ssm-userctl governs here: ssm-userctl uninstall first, with "
                    "the old name",
                    name, record != NULL ? record->user : "another account");
        return;
    case ACCOUNT_UID_CHANGED:
    case ACCOUNT_UID_TAKEN:
    case ACCOUNT_UID_IN_USE:
        put_uid_refusal(policy, record, facts, refusal, text);
        return;
    case ACCOUNT_GROUP_IN_THE_WAY:
        text_format(text,
                    "group %s (group id %lld) has members, is somebody's primary group, or is one of the system's: "
                    "getent group %s, then rename it (groupmod -n) or take them out (gpasswd -d)",
                    name, (long long)facts->group_gid, name);
        return;
    case ACCOUNT_GROUP_MISSING:
        text_format(text, "group %s of host.conf does not exist: groupadd %s, or take it out of Groups=",
                    facts->missing_group, facts->missing_group);
        return;
    case ACCOUNT_GROUP_FORBIDDEN:
        text_format(text,
                    "%s is in a group whose members are as good as root (id %s): it looks like an admin's account. "
                    "Take it out first (gpasswd -d %s GROUP) if you are sure",
                    name, name, name);
        return;
    case ACCOUNT_HOME_OF_OTHER:
        text_format(text,
                    "%s is no directory of user id %lld (ls -ld %s): move it away, whoever it belonged to, then "
                    "ssm-userctl apply",
                    policy->account.home, record != NULL ? (long long)record->uid : uid, policy->account.home);
        return;
    case ACCOUNT_SHELL_MISSING:
        text_format(text,
                    "%s, the shell in host.conf, cannot be executed: choose another Shell=", policy->account.shell);
        return;
    }
}
