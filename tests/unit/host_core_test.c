/* The host's pure parts: state files, /proc, times, the agent's state, and who may pass. */
#include "tests/support/unit.h"

#include "pam_ssm/core/audit_line.h"
#include "pam_ssm/core/decision.h"
#include "pam_ssm/core/duration.h"
#include "pam_ssm/core/key_value.h"
#include "pam_ssm/core/login_record.h"
#include "pam_ssm/core/proc_stat.h"
#include "pam_ssm/core/rfc3339.h"

#include <jansson.h>

static enum err parse_key_values(const char *content, struct key_value_file *ret_file)
{
    static char memory[1024];
    memset(memory, 0, sizeof memory);
    memcpy(memory, content, strlen(content));
    return key_value_parse(memory, strlen(content), ret_file);
}

static void key_value_refuses(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "KEY=value\n",  "KEY=\"value\n", "KEY=\"value\" \n",       "KEY=\"va\"lue\"\n", "key=\"value\"\n",
        "=\"value\"\n", "KEY\n",         "KEY=\"a\"\nKEY=\"b\"\n", "KEY=\"a\tb\"\n",    "KEY=\"a\\n\"\n",
        "KEY=\"a\\",    "KEY=\"",        " KEY=\"a\"\n",
    };
    struct key_value_file file;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (parse_key_values(wrong[i], &file) != ERR_MALFORMED) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
    char many[KEY_VALUE_MAX * 16 + 16] = "";
    for (int i = 0; i <= KEY_VALUE_MAX; i++) {
        char line[24];
        (void)snprintf(line, sizeof line, "K%d=\"\"\n", i);
        strncat(many, line, sizeof many - strlen(many) - 1);
    }
    assert_err(parse_key_values(many, &file), ERR_MALFORMED);
    char nul[] = "A=\"\0\"\n";
    assert_err(key_value_parse(nul, sizeof nul - 1, &file), ERR_MALFORMED);
}

static void key_value_reads_what_it_wrote(void **state)
{
    (void)state;
    char memory[256];
    struct text text = text_in(memory, sizeof memory);
    key_value_put(&text, "REASON", "a \"quoted\" $HOME `id` \\ and\nmore");
    key_value_put_number(&text, "NUMBER", -42);
    key_value_put(&text, "EMPTY", "");
    assert_string_equal(memory,
                        "REASON=\"a \\\"quoted\\\" \\$HOME \\`id\\` \\\\ and?more\"\nNUMBER=\"-42\"\nEMPTY=\"\"\n");
    struct key_value_file file;
    assert_ok(parse_key_values(memory, &file));
    assert_string_equal(key_value_get(&file, "REASON"), "a \"quoted\" $HOME `id` \\ and?more");
    int64_t number = 0;
    assert_ok(key_value_get_number(&file, "NUMBER", &number));
    assert_int_equal(number, -42);
    assert_err(key_value_get_number(&file, "EMPTY", &number), ERR_MALFORMED);
    assert_err(key_value_get_number(&file, "ABSENT", &number), ERR_MALFORMED);
    assert_null(key_value_get(&file, "ABSENT"));
    char small[4];
    assert_err(key_value_get_text(&file, "REASON", small, sizeof small), ERR_TOO_LONG);
    assert_ok(key_value_get_text(&file, "ABSENT", small, sizeof small));
    assert_string_equal(small, "");
    assert_ok(parse_key_values("# comment\n\nA=\"last line without an end\"", &file));
    assert_int_equal(file.count, 1);
}

static struct bytes words(const char *text)
{
    return bytes_of_text(text);
}

static void proc_stat_is_not_fooled_by_a_name(void **state)
{
    (void)state;
    struct proc_stat stat;
    const char *tail = " S 7 8 8 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 1000 200\n";
    char line[256];
    (void)snprintf(line, sizeof line, "42 (evil) 1 (x)%s", tail);
    assert_ok(proc_stat_parse(words(line), &stat));
    assert_int_equal(stat.pid, 42);
    assert_int_equal(stat.parent_pid, 7);
    assert_int_equal(stat.start_ticks, 123456);
    static const char *const wrong[] = {"",
                                        "42",
                                        "42 (a",
                                        "x (a) S 1",
                                        "42 (a) S",
                                        "42 a) S 7",
                                        "-1 (a) S 7 8 8 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 5 1",
                                        "42 (a) S -7 8 8 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 5 1",
                                        "42 (a) S 7 8 8 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (proc_stat_parse(words(wrong[i]), &stat) != ERR_MALFORMED) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
}

static void proc_status_user_ids(void **state)
{
    (void)state;
    int64_t uids[4];
    assert_ok(proc_stat_parse_uids(words("Name:\tUid:\nState:\tS\nUid:\t1000\t0\t0\t1001\nGid:\t1\n"), uids));
    assert_int_equal(uids[0], 1000);
    assert_int_equal(uids[3], 1001);
    assert_err(proc_stat_parse_uids(words("Name:\tsh\n"), uids), ERR_MALFORMED);
    assert_err(proc_stat_parse_uids(words("Uid:\t1\t2\t3\n"), uids), ERR_MALFORMED);
    assert_err(proc_stat_parse_uids(words("Uid:\t1\t2\t3\t-4\n"), uids), ERR_MALFORMED);
}

static void times(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "2026-11-21",
                                        "2026-11-21T04:30:00",
                                        "2026-11-21 04:30:00Z",
                                        "2026-13-01T00:00:00Z",
                                        "2026-04-31T00:00:00Z",
                                        "2026-02-30T00:00:00Z",
                                        "2026-11-21T24:00:00Z",
                                        "2026-11-21T04:60:00Z",
                                        "2026-11-21T04:30:00.Z",
                                        "2026-11-21T04:30:00Zx",
                                        "2026-11-21T04:30:00+1:00",
                                        "1969-12-31T00:00:00Z"};
    int64_t unix_ms = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (rfc3339_parse(wrong[i], &unix_ms) != ERR_MALFORMED) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
    assert_ok(rfc3339_parse("2023-11-14T22:13:20.123456789Z", &unix_ms));
    assert_int_equal(unix_ms, 1700000000123);
    assert_ok(rfc3339_parse("2023-11-15T00:13:20.5+02:00", &unix_ms));
    assert_int_equal(unix_ms, 1700000000500);
    char memory[64];
    struct text text = text_in(memory, sizeof memory);
    rfc3339_put(&text, 1700000000007);
    text_put_char(&text, ' ');
    rfc3339_put_generalized(&text, 1700000000);
    assert_string_equal(memory, "2023-11-14T22:13:20.007Z 20231114221320Z");
}

static void durations(void **state)
{
    (void)state;
    int64_t seconds = 0;
    static const char *const wrong[] = {
        "", "m", "0", "0m", "-5m", "1.5h", "5x", "5mm", " 5m", "8d", "99999999999999999999", "1w"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (duration_parse(wrong[i], 7 * 86400, &seconds) != ERR_MALFORMED) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
    assert_ok(duration_parse("90", 7 * 86400, &seconds));
    assert_int_equal(seconds, 90);
    assert_ok(duration_parse("7d", 7 * 86400, &seconds));
    assert_int_equal(seconds, 7 * 86400);
    char memory[64];
    struct text text = text_in(memory, sizeof memory);
    duration_put(&text, 0);
    text_put_char(&text, ',');
    duration_put(&text, 5400);
    text_put_char(&text, ',');
    duration_put(&text, 90061);
    assert_string_equal(memory, "0s,1h 30m,1d 1h");
}

/* ---- the agent's state file ---- */

#define STATE(id, name, owner, process)                                                                                \
    "{\"DocumentInformation\":{\"DocumentID\":\"" id "\",\"DocumentName\":\"" name "\"," owner "\"ProcInfo\":" process \
    "},\"DocumentType\":\"StartSession\",\"Unknown\":[1],\"InstancePluginsInformation\":[{\"Configuration\":"          \
    "{\"PluginName\":\"Port\"}}]}"
#define OWNER "\"SessionOwner\":\"arn:aws:iam::123456789012:user/alice\","
#define PROCESS "{\"Pid\":4711,\"StartTime\":\"2023-11-14T22:13:20.5Z\"}"

static void agent_state_refuses(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"DocumentType\":\"StartSession\"}",
        STATE("../../etc", "AWS-StartSSHSession", OWNER, PROCESS),
        STATE("a/b", "AWS-StartSSHSession", OWNER, PROCESS),
        STATE("..", "AWS-StartSSHSession", OWNER, PROCESS),
        STATE("", "AWS-StartSSHSession", OWNER, PROCESS),
        STATE("alice-1", "", OWNER, PROCESS),
        STATE("alice-1", "AWS\\nStart", OWNER, PROCESS),
        STATE("alice-1", "AWS-StartSSHSession", "\"SessionOwner\":\"a\\u001bb\",", PROCESS),
        STATE("alice-1", "AWS-StartSSHSession", OWNER, "{\"Pid\":0,\"StartTime\":\"2023-11-14T22:13:20Z\"}"),
        STATE("alice-1", "AWS-StartSSHSession", OWNER, "{\"Pid\":\"1\",\"StartTime\":\"2023-11-14T22:13:20Z\"}"),
        STATE("alice-1", "AWS-StartSSHSession", OWNER, "{\"Pid\":1}"),
    };
    struct agent_session session;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (agent_state_parse(words(wrong[i]), &session) != ERR_MALFORMED) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
}

static void agent_state_accepts(void **state)
{
    (void)state;
    struct agent_session session;
    assert_ok(agent_state_parse(words(STATE("alice+x=,.@_-0a1b", "AWS-StartSSHSession", OWNER, PROCESS)), &session));
    assert_string_equal(session.session_id, "alice+x=,.@_-0a1b");
    assert_string_equal(session.document, "AWS-StartSSHSession");
    assert_string_equal(session.owner, "arn:aws:iam::123456789012:user/alice");
    assert_string_equal(session.plugin, "Port");
    assert_int_equal(session.worker_pid, 4711);
    assert_int_equal(session.worker_start_unix_ms, 1700000000500);
    assert_ok(agent_state_parse(words(STATE("alice-1", "AWS-StartSSHSession", "", PROCESS)), &session));
    assert_string_equal(session.owner, "");
}

/* ---- grants and logins ---- */

static struct grant a_grant(void)
{
    return (struct grant){
        .id = "0123456789abcdef",
        .session_id = "alice-1",
        .owner = "arn:aws:iam::123456789012:user/alice",
        .reason = "restart the \"web\" server",
        .granted_by = "root",
        .created_unix_s = 1000,
        .not_after_unix_s = 2800,
        .boot_deadline_s = 1900,
        .boot_id = "b0071d00-0000-4000-8000-000000000001",
    };
}

static struct host_moment a_moment(int64_t unix_s, int64_t boot_s)
{
    return (struct host_moment){unix_s, boot_s, "b0071d00-0000-4000-8000-000000000001"};
}

static void grant_ends_by_either_clock_and_by_a_boot(void **state)
{
    (void)state;
    struct grant grant = a_grant();
    struct host_moment inside = a_moment(2799, 1899);
    struct host_moment wall_over = a_moment(2800, 0);
    struct host_moment boot_over = a_moment(0, 1900); /* the wall clock was put back */
    struct host_moment other_boot = a_moment(1500, 10);
    other_boot.boot_id[0] = 'c';
    assert_true(grant_is_active(&grant, &inside));
    assert_false(grant_is_active(&grant, &wall_over));
    assert_false(grant_is_active(&grant, &boot_over));
    assert_false(grant_is_active(&grant, &other_boot));
}

static void grant_binds_what_it_names(void **state)
{
    (void)state;
    struct agent_session session = {.session_id = "alice-1", .owner = "arn:aws:iam::123456789012:user/alice"};
    struct grant grant = a_grant();
    assert_true(grant_binds(&grant, &session));
    strcpy(session.session_id, "alice-10");
    assert_false(grant_binds(&grant, &session));
    grant.session_id[0] = '\0';
    assert_true(grant_binds(&grant, &session));
    session.owner[0] = '\0';
    assert_false(grant_binds(&grant, &session));
    grant.owner[0] = '\0';
    assert_true(grant_binds(&grant, &session));
}

static void grant_survives_its_file(void **state)
{
    (void)state;
    char memory[LIMIT_STATE_FILE];
    struct text text = text_in(memory, sizeof memory);
    struct grant written = a_grant();
    struct grant read;
    grant_render(&written, &text);
    assert_ok(text_finish(&text));
    assert_ok(grant_parse(memory, text.len, &read));
    assert_memory_equal(&read, &written, sizeof read);
    char other[] = "ID=\"0123456789abcdeX\"\n";
    assert_err(grant_parse(other, strlen(other), &read), ERR_MALFORMED);
}

static void login_record_survives_its_file(void **state)
{
    (void)state;
    struct login_record written = {.pid = 99,
                                   .start_ticks = 12345,
                                   .user = "ssm-user",
                                   .service = "sshd",
                                   .opened_unix_s = 7,
                                   .worker_start_ticks = 12300,
                                   .boot_id = "b0071d00-0000-4000-8000-000000000001",
                                   .peer = "127.0.0.1 40000 127.0.0.1 22"};
    assert_ok(agent_state_parse(words(STATE("alice-1", "AWS-StartSSHSession", OWNER, PROCESS)), &written.session));
    char memory[LIMIT_STATE_FILE];
    struct text text = text_in(memory, sizeof memory);
    login_record_render(&written, &text);
    struct login_record read;
    assert_ok(login_record_parse(memory, text.len, &read));
    assert_memory_equal(&read, &written, sizeof read);
    struct proc_stat process = {.pid = 99, .parent_pid = 1, .start_ticks = 12345};
    assert_true(login_record_is_of(&read, &process, written.boot_id));
    assert_false(login_record_is_of(&read, &process, "another boot"));
    process.start_ticks++;
    assert_false(login_record_is_of(&read, &process, written.boot_id));
    char name[LOGIN_RECORD_NAME_SIZE];
    login_record_name(99, 12345, name);
    assert_string_equal(name, "99-12345");
    int64_t pid = 0;
    int64_t start = 0;
    assert_ok(login_record_parse_name(name, &pid, &start));
    assert_int_equal(pid, 99);
    assert_err(login_record_parse_name("99", &pid, &start), ERR_MALFORMED);
    assert_err(login_record_parse_name("-1-5", &pid, &start), ERR_MALFORMED);
    assert_err(login_record_parse_name("99-5x", &pid, &start), ERR_MALFORMED);
    assert_err(login_record_parse_name("099-5", &pid, &start), ERR_MALFORMED);
}

/* ---- decisions ---- */

static struct host_policy policy_with_level(enum host_level level)
{
    struct host_policy policy;
    host_policy_defaults(&policy);
    policy.privilege.level = level;
    return policy;
}

static void everything_uncertain_is_refused(void **state)
{
    (void)state;
    struct host_policy policy = policy_with_level(HOST_LEVEL_ROOT);
    struct agent_session session = {.session_id = "alice-1", .document = "AWS-StartSSHSession"};
    struct host_moment now = a_moment(1500, 1000);
    struct grant grant = a_grant();
    for (int demand = DECISION_CONNECTION; demand <= DECISION_GRANT; demand++) {
        for (int finding = FINDING_VERIFIED; finding <= FINDING_UNKNOWN; finding++) {
            struct decision_facts facts = {
                (enum decision_demand)demand, (enum decision_finding)finding, NULL, true, &grant, 1, &now};
            assert_false(decision_make(&policy, &facts).is_allowed);
            facts.session = &session;
            assert_int_equal(decision_make(&policy, &facts).is_allowed, finding == FINDING_VERIFIED);
        }
    }
}

static void documents_and_owners_are_asked(void **state)
{
    (void)state;
    struct host_policy policy = policy_with_level(HOST_LEVEL_ROOT);
    struct agent_session session = {
        .session_id = "alice-1", .document = "SSM-SessionManagerRunShell", .owner = "arn:a"};
    struct decision_facts facts = {.demand = DECISION_CONNECTION, .finding = FINDING_VERIFIED, .session = &session};
    assert_false(decision_make(&policy, &facts).is_allowed); /* a shell session is no way to sshd */
    facts.demand = DECISION_SESSION;
    assert_true(decision_make(&policy, &facts).is_allowed);
    assert_ok(word_list_set(&policy.session.allow_owners, "arn:b arn:c"));
    assert_false(decision_make(&policy, &facts).is_allowed);
    assert_ok(word_list_set(&policy.session.allow_owners, "arn:b arn:a"));
    assert_true(decision_make(&policy, &facts).is_allowed);
    strcpy(session.document, "AWS-StartSSHSession");
    assert_false(decision_make(&policy, &facts).is_allowed); /* beside sshd, and without a record of a login */
    facts.is_recorded = true;
    assert_true(decision_make(&policy, &facts).is_allowed);
}

static void root_wants_the_level_or_a_grant(void **state)
{
    (void)state;
    struct agent_session session = {
        .session_id = "alice-1", .document = "AWS-StartSSHSession", .owner = "arn:aws:iam::123456789012:user/alice"};
    struct grant grant = a_grant();
    struct host_moment now = a_moment(1500, 1000);
    struct decision_facts facts = {DECISION_GRANT, FINDING_VERIFIED, &session, true, &grant, 1, &now};
    struct host_policy policy = policy_with_level(HOST_LEVEL_LIMITED);
    struct decision decision = decision_make(&policy, &facts);
    assert_true(decision.is_allowed);
    assert_ptr_equal(decision.grant, &grant);
    now.unix_s = 2800;
    assert_false(decision_make(&policy, &facts).is_allowed);
    policy = policy_with_level(HOST_LEVEL_ROOT);
    assert_true(decision_make(&policy, &facts).is_allowed);
    facts.demand = DECISION_SESSION;
    policy = policy_with_level(HOST_LEVEL_NONE);
    assert_true(decision_make(&policy, &facts).is_allowed);
}

static void a_rollout_logs_and_lets_pass(void **state)
{
    (void)state;
    struct host_policy policy = policy_with_level(HOST_LEVEL_NONE);
    policy.session.require_ssm = HOST_REQUIRE_LOG;
    struct decision_facts facts = {.demand = DECISION_CONNECTION, .finding = FINDING_NOT_ROOT};
    struct decision decision = decision_make(&policy, &facts);
    assert_true(decision.is_allowed);
    assert_true(decision.is_only_logged);
    facts.demand = DECISION_GRANT; /* root is never given by a rollout */
    assert_false(decision_make(&policy, &facts).is_allowed);
}

static void an_event_is_one_line_of_json(void **state)
{
    (void)state;
    struct agent_session session = {.session_id = "alice-1", .document = "AWS-StartSSHSession", .owner = "arn:a"};
    struct audit_event event = {.event = "sudo",
                                .unix_ms = 1700000000007,
                                .user = "ssm-user",
                                .session = &session,
                                .command = "/bin/echo \"a\nb\" \x9b\x1b[31m \\",
                                .reason = "",
                                .pid = 7,
                                .uid = 0};
    char memory[AUDIT_LINE_SIZE];
    struct text text = text_in(memory, sizeof memory);
    audit_line_put(&text, &event);
    assert_ptr_equal(strchr(memory, '\n'), memory + text.len - 1);
    json_t *root = json_loads(memory, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "command")), "/bin/echo \"a\nb\" ?\x1b[31m \\");
    assert_string_equal(json_string_value(json_object_get(root, "time")), "2023-11-14T22:13:20.007Z");
    assert_string_equal(json_string_value(json_object_get(root, "owner_arn")), "arn:a");
    assert_null(json_object_get(root, "reason"));
    assert_int_equal(json_integer_value(json_object_get(root, "uid")), 0);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_value_refuses),
        cmocka_unit_test(key_value_reads_what_it_wrote),
        cmocka_unit_test(proc_stat_is_not_fooled_by_a_name),
        cmocka_unit_test(proc_status_user_ids),
        cmocka_unit_test(times),
        cmocka_unit_test(durations),
        cmocka_unit_test(agent_state_refuses),
        cmocka_unit_test(agent_state_accepts),
        cmocka_unit_test(grant_ends_by_either_clock_and_by_a_boot),
        cmocka_unit_test(grant_binds_what_it_names),
        cmocka_unit_test(grant_survives_its_file),
        cmocka_unit_test(login_record_survives_its_file),
        cmocka_unit_test(everything_uncertain_is_refused),
        cmocka_unit_test(documents_and_owners_are_asked),
        cmocka_unit_test(root_wants_the_level_or_a_grant),
        cmocka_unit_test(a_rollout_logs_and_lets_pass),
        cmocka_unit_test(an_event_is_one_line_of_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
