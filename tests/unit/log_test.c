/* What log keeps beside standard error, and the time that stands before it. */
#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"
#include "proxy/core/calendar.h"
#include "tests/support/unit.h"

static char kept[8][4200];
static size_t kept_count;

static void keep(const char *line)
{
    assert_true(kept_count < 8);
    (void)stpcpy(kept[kept_count++], line);
}

/* What the calls of `work` put on standard error. */
static void shown_by(void (*work)(void), char *ret_text, size_t size)
{
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    int before = dup(STDERR_FILENO);
    assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
    kept_count = 0;
    work();
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    close(before);
    close(pipe_fds[1]);
    ssize_t got = read(pipe_fds[0], ret_text, size - 1);
    assert_true(got >= 0);
    ret_text[got] = '\0';
    close(pipe_fds[0]);
}

static void say_one_of_each(void)
{
    log_error("failure %d", 1);
    log_notice("notice");
    log_debug("detail");
    log_event("event");
}

static void say_in_a_raw_terminal(void)
{
    log_raw_terminal(true);
    log_notice("raw");
    log_raw_terminal(false);
    log_notice("as before");
}

static void test_lines_of_a_raw_terminal_begin_at_the_left(void **state)
{
    (void)state;
    char shown[512];
    log_open("name", false);
    shown_by(say_in_a_raw_terminal, shown, sizeof shown);
    assert_string_equal(shown, "name: raw\r\nname: as before\n");
}

static void test_failures_and_events_are_kept(void **state)
{
    (void)state;
    char shown[512];
    log_open("name", false);
    log_keep(keep);
    shown_by(say_one_of_each, shown, sizeof shown);
    assert_string_equal(shown, "name: failure 1\nname: notice\n");
    assert_int_equal(kept_count, 2);
    assert_string_equal(kept[0], "failure 1");
    assert_string_equal(kept[1], "event");

    log_open("name", true);
    shown_by(say_one_of_each, shown, sizeof shown);
    assert_string_equal(shown, "name: failure 1\nname: notice\nname: debug: detail\nname: debug: event\n");
    assert_int_equal(kept_count, 2);
    assert_string_equal(kept[1], "event");
    log_open("name", false);
}

static void say_what_is_hostile(void)
{
    char longest[3000];
    memset(longest, '\n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    log_event("a\nb\x1b[2J\xc2\x9b%s", longest);
}

static void test_kept_lines_are_lines(void **state)
{
    (void)state;
    char shown[512];
    log_keep(keep);
    shown_by(say_what_is_hostile, shown, sizeof shown);
    assert_int_equal(kept_count, 1);
    assert_int_equal(strncmp(kept[0], "a\\x0ab\\x1b[2J\\u009b\\x0a", 22), 0);
    assert_in_range(strlen(kept[0]), 2048, 4095);
    for (const char *at = kept[0]; *at != '\0'; at++) {
        assert_in_range(*at, 0x20, 0x7e);
    }
}

static void assert_rfc3339(int64_t unix_seconds, const char *expected)
{
    char memory[32];
    struct text text = text_in(memory, sizeof memory);
    calendar_put_rfc3339(unix_seconds, &text);
    assert_string_equal(memory, expected);
}

static void test_times(void **state)
{
    (void)state;
    assert_rfc3339(-1, "-");
    assert_rfc3339(INT64_C(253402300800), "-");
    assert_rfc3339(0, "1970-01-01T00:00:00Z");
    assert_rfc3339(951782399, "2000-02-28T23:59:59Z");
    assert_rfc3339(951782400, "2000-02-29T00:00:00Z");
    assert_rfc3339(1440938160, "2015-08-30T12:36:00Z");
    assert_rfc3339(INT64_C(253402300799), "9999-12-31T23:59:59Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_a_raw_terminal_begin_at_the_left),
        cmocka_unit_test(test_failures_and_events_are_kept),
        cmocka_unit_test(test_kept_lines_are_lines),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
