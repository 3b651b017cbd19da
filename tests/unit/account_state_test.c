/* The account's life: what is refused, what has drifted, which steps lead back, and what is remembered. */
#include "tests/support/unit.h"

#include "pam_ssm/core/account_command.h"
#include "pam_ssm/core/account_state.h"
#include "pam_ssm/core/agent_stub.h"

#define TODAY 20000
#define UID 1001

static struct host_policy policy;
static struct account_record record;
static struct account_facts facts;
static struct account_plan plan;

/* An account as init leaves it. */
static int set_up(void **state)
{
    (void)state;
    host_policy_defaults(&policy);
    record = (struct account_record){.user = "ssm-user", .uid = UID, .prior_expire_day = -1, .since_unix_s = 1};
    facts = (struct account_facts){.is_known = true,
                                   .is_local = true,
                                   .uid = UID,
                                   .gid = UID,
                                   .home = "/home/ssm-user",
                                   .shell = "/bin/bash",
                                   .primary_group = "ssm-user",
                                   .has_shadow = true,
                                   .is_locked = true,
                                   .last_change_day = -1,
                                   .min_days = 0,
                                   .max_days = -1,
                                   .warn_days = -1,
                                   .inactive_days = -1,
                                   .expire_day = 1,
                                   .has_group = true,
                                   .group_gid = UID,
                                   .home_kind = ACCOUNT_HOME_USED,
                                   .home_owner = UID,
                                   .has_shell = true,
                                   .uid_min = 1000,
                                   .uid_max = 60000,
                                   .today_day = TODAY};
    return 0;
}

static void be_absent(void)
{
    facts.is_known = facts.is_local = facts.has_group = facts.has_shadow = false;
    facts.home_kind = ACCOUNT_HOME_ABSENT;
}

static void make_plan(enum account_want want)
{
    account_state_plan(&policy, &record, &facts, want, &plan);
}

static bool has_step(enum account_step step)
{
    for (size_t i = 0; i < plan.count; i++) {
        if (plan.steps[i] == step) {
            return true;
        }
    }
    return false;
}

static void assert_refused(enum account_refusal refusal, const char *words)
{
    char memory[512];
    struct text text = text_in(memory, sizeof memory);
    account_state_put_refusal(&policy, &record, &facts, plan.refusal, &text);
    assert_int_equal(plan.refusal, refusal);
    if (strstr(memory, words) == NULL) {
        fail_msg("no word of %s in: %s", words, memory);
    }
    assert_ok(text_finish(&text));
}

static void a_foreign_account_is_left_alone(void **state)
{
    (void)state;
    account_state_plan(&policy, NULL, &facts, ACCOUNT_WANT_PARKED, &plan);
    assert_int_equal(plan.state, ACCOUNT_FOREIGN);
    assert_int_equal(plan.count, 0);
    assert_refused(ACCOUNT_IS_FOREIGN, "ssm-userctl adopt");
    facts.is_local = false;
    make_plan(ACCOUNT_WANT_PARKED);
    assert_int_equal(plan.state, ACCOUNT_FOREIGN);
    assert_int_equal(plan.count, 0);
    assert_refused(ACCOUNT_IS_NOT_LOCAL, "name service");
}

static void another_name_or_user_id_in_the_policy_is_refused(void **state)
{
    (void)state;
    policy.account.uid = 1005;
    make_plan(ACCOUNT_WANT_PARKED);
    assert_refused(ACCOUNT_UID_CHANGED, "1005");
    (void)snprintf(policy.account.name, sizeof policy.account.name, "other");
    make_plan(ACCOUNT_WANT_PARKED);
    assert_refused(ACCOUNT_NAME_CHANGED, "ssm-user");
    assert_int_equal(plan.count, 0);
}

static void creation_is_refused_where_it_would_be_a_trap(void **state)
{
    (void)state;
    static const struct trap {
        enum account_refusal refusal;
        const char *words;
    } traps[] = {
        {ACCOUNT_IS_OF_SYSTEM, "UID_MIN"},
        {ACCOUNT_UID_TAKEN, "carol"},
        {ACCOUNT_UID_IN_USE, "ps -u"},
        {ACCOUNT_GROUP_IN_THE_WAY, "groupmod"},
        {ACCOUNT_GROUP_MISSING, "groupadd"},
        {ACCOUNT_HOME_OF_OTHER, "ls -ld"},
        {ACCOUNT_HOME_OF_OTHER, "/home/ssm-user"},
        {ACCOUNT_SHELL_MISSING, "Shell="},
    };
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        (void)set_up(NULL);
        be_absent();
        switch (i) {
        case 0:
            record.uid = 999;
            break;
        case 1:
            (void)snprintf(facts.uid_owner, sizeof facts.uid_owner, "carol");
            break;
        case 2:
            facts.uid_has_processes = true;
            break;
        case 3:
            facts.has_group = facts.group_is_used = true;
            break;
        case 4:
            (void)snprintf(facts.missing_group, sizeof facts.missing_group, "video");
            break;
        case 5:
            facts.home_kind = ACCOUNT_HOME_USED;
            facts.home_owner = 1002;
            break;
        case 6:
            facts.home_kind = ACCOUNT_HOME_OTHER;
            facts.home_owner = UID;
            break;
        default:
            facts.has_shell = false;
            break;
        }
        make_plan(ACCOUNT_WANT_PARKED);
        assert_refused(traps[i].refusal, traps[i].words);
        assert_int_equal(plan.count, 0);
        assert_int_equal(plan.state, ACCOUNT_ABSENT);
    }
}

static void adoption_is_refused_for_accounts_of_others(void **state)
{
    (void)state;
    assert_int_equal(account_state_judge_adoption(&facts), ACCOUNT_FINE);
    assert_ok(word_list_set(&facts.groups, "video docker"));
    assert_int_equal(account_state_judge_adoption(&facts), ACCOUNT_GROUP_FORBIDDEN);
    assert_ok(word_list_set(&facts.groups, "video"));
    (void)snprintf(facts.primary_group, sizeof facts.primary_group, "sudo");
    assert_int_equal(account_state_judge_adoption(&facts), ACCOUNT_GROUP_FORBIDDEN);
    (void)snprintf(facts.primary_group, sizeof facts.primary_group, "users");
    facts.uid = 999;
    assert_int_equal(account_state_judge_adoption(&facts), ACCOUNT_IS_OF_SYSTEM);
    facts.uid = 0;
    assert_int_equal(account_state_judge_adoption(&facts), ACCOUNT_IS_ROOT);
    facts.is_local = false;
    assert_int_equal(account_state_judge_adoption(&facts), ACCOUNT_IS_NOT_LOCAL);
}

/* Whatever cannot be mended, it is closed first. */
static void what_is_refused_is_closed_all_the_same(void **state)
{
    (void)state;
    facts.expire_day = -1;
    facts.is_locked = false;
    facts.uid = 0;
    make_plan(ACCOUNT_WANT_PARKED);
    assert_int_equal(plan.state, ACCOUNT_OPEN);
    assert_refused(ACCOUNT_IS_ROOT, "vipw");
    assert_int_equal(plan.count, 2);
    assert_int_equal(plan.steps[0], ACCOUNT_EXPIRE);
    assert_int_equal(plan.steps[1], ACCOUNT_LOCK);
    facts.uid = 1007;
    (void)snprintf(facts.uid_owner, sizeof facts.uid_owner, "carol");
    make_plan(ACCOUNT_WANT_PARKED);
    assert_refused(ACCOUNT_UID_TAKEN, "carol");
    assert_int_equal(plan.steps[0], ACCOUNT_EXPIRE);
    assert_false(has_step(ACCOUNT_SET_UID));
    facts.uid = UID;
    make_plan(ACCOUNT_WANT_PARKED);
    assert_refused(ACCOUNT_UID_TAKEN, "carol");
}

static void nothing_is_done_twice(void **state)
{
    (void)state;
    make_plan(ACCOUNT_WANT_PARKED);
    assert_int_equal(plan.state, ACCOUNT_PARKED);
    assert_int_equal(plan.refusal, ACCOUNT_FINE);
    assert_int_equal(plan.count, 0);
    facts.expire_day = -1;
    make_plan(ACCOUNT_WANT_OPEN);
    assert_int_equal(plan.state, ACCOUNT_OPEN);
    assert_int_equal(plan.count, 0);
    be_absent();
    make_plan(ACCOUNT_WANT_ABSENT);
    assert_int_equal(plan.state, ACCOUNT_ABSENT);
    assert_int_equal(plan.count, 0);
    make_plan(ACCOUNT_WANT_GONE);
    assert_int_equal(plan.count, 0);
}

static void creation_is_in_order(void **state)
{
    (void)state;
    be_absent();
    make_plan(ACCOUNT_WANT_PARKED);
    assert_int_equal(plan.state, ACCOUNT_ABSENT);
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.steps[0], ACCOUNT_CREATE_GROUP);
    assert_int_equal(plan.steps[1], ACCOUNT_CREATE);
    assert_int_equal(plan.steps[2], ACCOUNT_EXPIRE);
    /* A group that somebody has left; a home of its own from before; one that a killed run has begun. */
    facts.has_group = true;
    facts.home_kind = ACCOUNT_HOME_USED;
    make_plan(ACCOUNT_WANT_OPEN);
    assert_int_equal(plan.count, 2);
    assert_int_equal(plan.steps[0], ACCOUNT_CREATE);
    assert_int_equal(plan.steps[1], ACCOUNT_UNEXPIRE);
    facts.home_kind = ACCOUNT_HOME_EMPTY;
    facts.home_owner = 0;
    make_plan(ACCOUNT_WANT_PARKED);
    assert_true(has_step(ACCOUNT_MAKE_HOME));
}

/* Each fact that drifts is one step, and that one alone. */
static void each_drift_is_one_step(void **state)
{
    (void)state;
    static const enum account_step steps[] = {
        ACCOUNT_EXPIRE,     ACCOUNT_EXPIRE,     ACCOUNT_EXPIRE,    ACCOUNT_EXPIRE,
        ACCOUNT_EXPIRE,     ACCOUNT_LOCK,       ACCOUNT_SET_UID,   ACCOUNT_SET_PRIMARY_GROUP,
        ACCOUNT_SET_GROUPS, ACCOUNT_SET_GROUPS, ACCOUNT_SET_SHELL, ACCOUNT_SET_HOME,
        ACCOUNT_MAKE_HOME,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        (void)set_up(NULL);
        switch (i) {
        case 0:
            facts.expire_day = -1;
            break;
        case 1:
            facts.expire_day = TODAY + 1;
            break;
        case 2:
            facts.expire_day = 0;
            break; /* ambiguous, says shadow(5) */
        case 3:
            facts.last_change_day = 0;
            break;
        case 4:
            facts.max_days = 99999;
            break;
        case 5:
            facts.is_locked = false;
            break;
        case 6:
            facts.uid = 1003;
            break;
        case 7:
            facts.gid = 100;
            break;
        case 8:
            assert_ok(word_list_set(&facts.groups, "docker"));
            break;
        case 9:
            assert_ok(word_list_set(&policy.account.groups, "video"));
            break;
        case 10:
            (void)snprintf(facts.shell, sizeof facts.shell, "/bin/sh");
            break;
        case 11:
            (void)snprintf(facts.home, sizeof facts.home, "/");
            break;
        default:
            facts.home_kind = ACCOUNT_HOME_ABSENT;
            break;
        }
        make_plan(ACCOUNT_WANT_PARKED);
        if (plan.count != 1 || plan.steps[0] != steps[i] || plan.refusal != ACCOUNT_FINE) {
            fail_msg("case %zu: %zu steps, the first is %d, refusal %d", i, plan.count, (int)plan.steps[0],
                     (int)plan.refusal);
        }
        assert_int_equal(plan.state, i < 2 ? ACCOUNT_OPEN : ACCOUNT_DRIFTED);
    }
}

static void removal_takes_everything_of_its_own(void **state)
{
    (void)state;
    make_plan(ACCOUNT_WANT_GONE);
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.steps[0], ACCOUNT_DELETE);
    assert_int_equal(plan.steps[1], ACCOUNT_DELETE_GROUP);
    assert_int_equal(plan.steps[2], ACCOUNT_REMOVE_HOME);
    facts.uid = facts.home_owner = 1003; /* the agent has created it again */
    make_plan(ACCOUNT_WANT_GONE);
    assert_int_equal(plan.count, 3);
    facts.group_is_used = true;
    facts.home_owner = 1002;
    make_plan(ACCOUNT_WANT_GONE);
    assert_int_equal(plan.count, 1);
}

static void the_lifecycle_decides_what_is_wanted(void **state)
{
    (void)state;
    struct host_moment now = {.unix_s = 1000, .boot_s = 50, .boot_id = "a"};
    assert_int_equal(account_state_wanted(&policy, &record, &now, false), ACCOUNT_WANT_PARKED);
    record.is_removed = true;
    assert_int_equal(account_state_wanted(&policy, &record, &now, false), ACCOUNT_WANT_ABSENT);
    record.is_removed = false;
    account_record_unpark(&record, &now, 60);
    assert_int_equal(account_state_wanted(&policy, &record, &now, false), ACCOUNT_WANT_PARKED);
    policy.account.park = HOST_PARK_DYNAMIC;
    assert_int_equal(account_state_wanted(&policy, &record, &now, false), ACCOUNT_WANT_OPEN);
    policy.account.park = HOST_PARK_REMOVE;
    assert_int_equal(account_state_wanted(&policy, &record, &now, false), ACCOUNT_WANT_PARKED);
    now.boot_s += 60;
    assert_int_equal(account_state_wanted(&policy, &record, &now, true), ACCOUNT_WANT_ABSENT);
    assert_int_equal(account_state_wanted(&policy, &record, &now, false), ACCOUNT_WANT_GONE);
    record.origin = ACCOUNT_ADOPTED;
    assert_int_equal(account_state_wanted(&policy, &record, &now, false), ACCOUNT_WANT_ABSENT);
}

/* Each clock ends it alone, and so does a reboot. */
static void unpark_ends(void **state)
{
    (void)state;
    const struct host_moment now = {.unix_s = 1000, .boot_s = 50, .boot_id = "a"};
    assert_false(account_record_is_unparked(&record, &now));
    account_record_unpark(&record, &now, 60);
    const struct {
        struct host_moment then;
        bool is_unparked;
    } cases[] = {
        {{1059, 109, "a"}, true},  {{1060, 109, "a"}, false}, {{1059, 110, "a"}, false},
        {{1000, 110, "a"}, false}, {{1001, 51, "b"}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(account_record_is_unparked(&record, &cases[i].then), cases[i].is_unparked);
    }
    account_record_park(&record);
    assert_false(account_record_is_unparked(&record, &now));
}

static enum err parse_record(const char *content, struct account_record *ret_record)
{
    static char memory[1024];
    memset(memory, 0, sizeof memory);
    memcpy(memory, content, strlen(content));
    return account_record_parse(memory, strlen(content), ret_record);
}

static void a_record_refuses_what_cannot_be(void **state)
{
    (void)state;
#define REST "ORIGIN=\"created\"\nPRIOR_EXPIRE_DAY=\"-1\"\nSINCE=\"1\"\nIS_REMOVED=\"0\"\n"
    struct account_record read;
    assert_ok(parse_record("USER=\"ssm-user\"\nUID=\"1001\"\n" REST, &read));
    static const char *const wrong[] = {
        "",
        "USER=\"ssm-user\"\nUID=\"0\"\n" REST,
        "USER=\"ssm-user\"\nUID=\"-1\"\n" REST,
        "USER=\"ssm-user\"\nUID=\"4294967295\"\n" REST,
        "USER=\"a b\"\nUID=\"1001\"\n" REST,
        "USER=\"\"\nUID=\"1001\"\n" REST,
        "UID=\"1001\"\n" REST,
        "USER=\"ssm-user\"\n" REST,
        "USER=\"ssm-user\"\nUID=\"1001\"\nORIGIN=\"found\"\nPRIOR_EXPIRE_DAY=\"-1\"\nSINCE=\"1\"\nIS_REMOVED=\"0\"\n",
        "USER=\"ssm-user\"\nUID=\"1001\"\nOPEN_UNTIL=\"5\"\n" REST,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (parse_record(wrong[i], &read) != ERR_MALFORMED) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
}

static void a_record_reads_what_it_wrote(void **state)
{
    (void)state;
    account_record_unpark(&record, &(struct host_moment){.unix_s = 1000, .boot_s = 50, .boot_id = "a-b"}, 60);
    record.is_removed = true;
    record.origin = ACCOUNT_ADOPTED;
    char memory[1024];
    struct text text = text_in(memory, sizeof memory);
    account_record_render(&record, &text);
    struct account_record read;
    assert_ok(parse_record(memory, &read));
    assert_string_equal(read.user, "ssm-user");
    assert_int_equal(read.uid, UID);
    assert_int_equal(read.origin, ACCOUNT_ADOPTED);
    assert_int_equal(read.prior_expire_day, -1);
    assert_true(read.is_removed);
    assert_int_equal(read.open_until_unix_s, 1060);
    assert_int_equal(read.open_boot_deadline_s, 110);
    assert_string_equal(read.open_boot_id, "a-b");
}

static void commands_are_fixed(void **state)
{
    (void)state;
    static const struct {
        enum account_step step;
        const char *words;
    } commands[] = {
        {ACCOUNT_EXPIRE, "chage -E 1 -d -1 -M -1 -m 0 -I -1 -W -1 ssm-user"},
        {ACCOUNT_UNEXPIRE, "chage -E -1 -d -1 -M -1 -m 0 -I -1 -W -1 ssm-user"},
        {ACCOUNT_LOCK, "usermod -L ssm-user"},
        {ACCOUNT_CREATE_GROUP, "groupadd ssm-user"},
        {ACCOUNT_CREATE, "useradd -u 1001 -g ssm-user -G video,audio -s /bin/bash -d /home/ssm-user -e 1 -c "
                         "'AWS Session Manager' -K UMASK=077 -M ssm-user"},
        {ACCOUNT_SET_UID, "usermod -u 1001 ssm-user"},
        {ACCOUNT_SET_PRIMARY_GROUP, "usermod -g ssm-user ssm-user"},
        {ACCOUNT_SET_GROUPS, "usermod -G video,audio ssm-user"},
        {ACCOUNT_SET_SHELL, "usermod -s /bin/bash ssm-user"},
        {ACCOUNT_SET_HOME, "usermod -d /home/ssm-user ssm-user"},
        {ACCOUNT_DELETE, "userdel ssm-user"},
        {ACCOUNT_DELETE_GROUP, "groupdel ssm-user"},
        {ACCOUNT_MAKE_HOME, ""},
        {ACCOUNT_REMOVE_HOME, ""},
    };
    assert_int_equal(sizeof commands / sizeof commands[0], ACCOUNT_STEP_COUNT);
    assert_ok(word_list_set(&policy.account.groups, "video audio"));
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        static struct account_command command;
        char memory[256];
        struct text text = text_in(memory, sizeof memory);
        account_command_build(commands[i].step, &policy, &record, &facts, &command);
        account_command_put(&command, &text);
        assert_string_equal(memory, commands[i].words);
        assert_non_null(account_command_reason(commands[i].step));
    }
}

static void what_is_gone_already_is_deleted(void **state)
{
    (void)state;
    assert_false(account_command_is_done(ACCOUNT_EXPIRE, 6));
    assert_false(account_command_is_done(ACCOUNT_DELETE, 8)); /* it is in use */
    assert_true(account_command_is_done(ACCOUNT_DELETE, 6));
    assert_true(account_command_is_done(ACCOUNT_DELETE_GROUP, 6));
    assert_true(account_command_is_done(ACCOUNT_EXPIRE, 0));
}

/* In sudoers(5), "#" begins no comment before a number or the word include. */
static void the_stub_is_comments_alone(void **state)
{
    (void)state;
    struct bytes stub = agent_stub_content();
    assert_true(stub.len > 0 && stub.data[stub.len - 1] == '\n');
    for (size_t i = 0; i < stub.len; i++) {
        if (i == 0 || stub.data[i - 1] == '\n') {
            assert_memory_equal(stub.data + i, "# ", 2);
        }
        assert_true(stub.data[i] != '\\' && stub.data[i] < 0x80);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_foreign_account_is_left_alone, set_up),
        cmocka_unit_test_setup(another_name_or_user_id_in_the_policy_is_refused, set_up),
        cmocka_unit_test_setup(creation_is_refused_where_it_would_be_a_trap, set_up),
        cmocka_unit_test_setup(adoption_is_refused_for_accounts_of_others, set_up),
        cmocka_unit_test_setup(what_is_refused_is_closed_all_the_same, set_up),
        cmocka_unit_test_setup(nothing_is_done_twice, set_up),
        cmocka_unit_test_setup(creation_is_in_order, set_up),
        cmocka_unit_test_setup(each_drift_is_one_step, set_up),
        cmocka_unit_test_setup(removal_takes_everything_of_its_own, set_up),
        cmocka_unit_test_setup(the_lifecycle_decides_what_is_wanted, set_up),
        cmocka_unit_test_setup(unpark_ends, set_up),
        cmocka_unit_test_setup(a_record_refuses_what_cannot_be, set_up),
        cmocka_unit_test_setup(a_record_reads_what_it_wrote, set_up),
        cmocka_unit_test_setup(commands_are_fixed, set_up),
        cmocka_unit_test_setup(what_is_gone_already_is_deleted, set_up),
        cmocka_unit_test_setup(the_stub_is_comments_alone, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
