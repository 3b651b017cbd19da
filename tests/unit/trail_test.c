/* Three logs, one history. */
#include "tests/support/unit.h"

#include "pam_ssm/core/trail.h"

static struct trail_entry own(const char *line)
{
    struct trail_entry entry = {0};
    assert_ok(trail_parse_own(bytes_of_text(line), &entry));
    return entry;
}

static struct trail_entry sudo(int64_t unix_s)
{
    char memory[256];
    (void)snprintf(
        memory, sizeof memory,
        "{\"timestamp\":{\"seconds\":%lld,\"nanoseconds\":1000000},\"submituser\":\"u\",\"command\":\"/bin/a\","
        "\"runargv\":[\"a\",\"b\"]}",
        (long long)unix_s);
    struct trail_entry entry = {0};
    assert_ok(trail_parse_sudo(bytes_of_text(memory), "00/00/01", &entry));
    return entry;
}

static void drop(struct trail_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_decref(entries[i].event);
    }
}

static void what_is_no_event_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "{}",
                                        "[]",
                                        "{\"time\":\"x\",\"event\":\"e\"}",
                                        "{\"time\":\"2026-01-01T00:00:00Z\"}",
                                        "{\"time\":1,\"event\":\"e\"}"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct trail_entry entry;
        assert_err(trail_parse_own(bytes_of_text(lines[i]), &entry), ERR_MALFORMED);
    }
    static const char *const logs[] = {"{}", "{\"timestamp\":{\"seconds\":-1}}", "{\"timestamp\":{\"seconds\":\"1\"}}",
                                       "{\"timestamp\":{\"seconds\":1,\"nanoseconds\":1000000000}}",
                                       "{\"timestamp\":{\"seconds\":9223372036854775807}}"};
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        struct trail_entry entry;
        assert_err(trail_parse_sudo(bytes_of_text(logs[i]), "x", &entry), ERR_MALFORMED);
    }
    static const char *const agents[] = {"ssm-user already exists.", "2026-13-01 00:00:00 ssm-user already exists.",
                                         "2026-01-01 00:00:00 INFO fine"};
    for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++) {
        struct trail_entry entry;
        assert_err(trail_parse_agent(bytes_of_text(agents[i]), &entry), ERR_NO_TARGET);
    }
}

static void the_check_before_names_the_principal(void **state)
{
    (void)state;
    struct trail_entry entries[] = {
        sudo(1767225610),
        own("{\"time\":\"2026-01-01T00:00:20Z\",\"event\":\"sudo-allowed\",\"user\":\"u\",\"session_id\":\"b-1\"}"),
        own("{\"time\":\"2026-01-01T00:00:09.900Z\",\"event\":\"sudo-allowed\",\"user\":\"u\",\"session_id\":\"a-1\","
            "\"owner_arn\":\"A\"}"),
        own("{\"time\":\"2026-01-01T00:00:09.950Z\",\"event\":\"sudo-allowed\",\"user\":\"v\",\"session_id\":\"v-1\"}"),
        own("{\"time\":\"2026-01-01T00:00:06Z\",\"event\":\"sudo-allowed\",\"user\":\"u\",\"session_id\":\"z-1\"}"),
    };
    trail_sort(entries, 5);
    trail_attribute(entries, 5);
    assert_string_equal(json_view_text(entries[0].event, "session_id"), "z-1");
    const json_t *command = entries[3].event;
    assert_string_equal(json_view_text(command, "event"), "sudo-command");
    assert_string_equal(json_view_text(command, "command"), "/bin/a b");
    assert_string_equal(json_view_text(command, "session_id"), "a-1");
    assert_string_equal(json_view_text(command, "owner_arn"), "A");
    assert_string_equal(json_view_text(entries[4].event, "session_id"), "b-1");
    drop(entries, 5);
}

static void two_sessions_are_ambiguous(void **state)
{
    (void)state;
    struct trail_entry entries[] = {
        own("{\"time\":\"2026-01-01T00:00:08Z\",\"event\":\"sudo-allowed\",\"user\":\"u\",\"session_id\":\"a-1\"}"),
        own("{\"time\":\"2026-01-01T00:00:09Z\",\"event\":\"sudo-allowed\",\"user\":\"u\",\"session_id\":\"b-1\"}"),
        sudo(1767225610),
    };
    trail_attribute(entries, 3);
    assert_null(json_view_text(entries[2].event, "session_id"));
    assert_string_equal(json_view_text(entries[2].event, "attribution"), "ambiguous");
    drop(entries, 3);
}

static void sorting_is_stable(void **state)
{
    (void)state;
    struct trail_entry entries[37];
    for (size_t i = 0; i < 37; i++) {
        entries[i] = (struct trail_entry){(int64_t)(i * 7 % 5), json_integer((json_int_t)i)};
    }
    trail_sort(entries, 37);
    for (size_t i = 1; i < 37; i++) {
        assert_true(entries[i - 1].unix_ms <= entries[i].unix_ms);
        assert_true(entries[i - 1].unix_ms < entries[i].unix_ms ||
                    json_integer_value(entries[i - 1].event) < json_integer_value(entries[i].event));
    }
    drop(entries, 37);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(the_check_before_names_the_principal),
        cmocka_unit_test(two_sessions_are_ambiguous),
        cmocka_unit_test(sorting_is_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
