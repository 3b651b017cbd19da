#include "tests/support/unit.h"

#include "proxy/core/calendar.h"

static void refuses_what_is_no_timestamp(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2026-11-21",
        "2026-11-21T15:18:47",   /* of which time zone? */
        "2026-11-21T15:18:47.Z", /* a fraction without digits */
        "2026-11-21T15:18:47Zx", /* more behind it */
        "2026-02-29T00:00:00Z",  /* no leap year */
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "1969-12-31T23:59:59Z",
        "02026-01-01T00:00:00Z",
        "2026-1-1T00:00:00Z",
        "2026-01-01T00:00:00+1",
        "2026-01-01T00:00:00+01:6",
        "2026-01-01T00:00:00 UTC",
        "-2026-01-01T00:00:00Z",
        "Sat, 21 Nov 2026 15:18:47 GMT",
        "1795274327",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t seconds = 7;
        if (calendar_parse_timestamp(cases[i], &seconds) != ERR_MALFORMED || seconds != 7) {
            fail_msg("accepted: %s", cases[i]);
        }
    }
}

static void reads_the_spellings_of_services_and_tools(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        int64_t seconds; /* date -u -d "..." +%s */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T15:18:47Z", 1795274327},
        {"2026-11-21T15:18:47UTC", 1795274327},      /* AWS CLI 2, early releases; its ~/.aws/cli/cache */
        {"2026-11-21T15:18:47+00:00", 1795274327},   /* isoformat() of Python */
        {"2026-11-21 15:18:47+00:00", 1795274327},   /* str() of Python */
        {"2026-11-21T15:18:47.123456Z", 1795274327}, /* AWS SDK for JavaScript */
        {"2026-11-21T20:48:47+05:30", 1795274327},
        {"2026-11-21T20:48:47+0530", 1795274327},
        {"2026-11-21T10:18:47-05:00", 1795274327},
        {"2024-02-29T23:59:59Z", 1709251199},
        {"2000-03-01T00:00:00Z", 951868800},
        {"2100-03-01T00:00:00Z", 4107542400},
        {"9999-12-31T23:59:59Z", 253402300799},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t seconds = -1;
        if (calendar_parse_timestamp(cases[i].string, &seconds) != ERR_OK || seconds != cases[i].seconds) {
            fail_msg("%s: %lld", cases[i].string, (long long)seconds);
        }
    }
}

static void reads_back_what_it_writes(void **state)
{
    (void)state;
    for (int64_t seconds = 0; seconds < INT64_C(253402300800); seconds += 86400 * 97 + 3661) {
        char memory[32];
        struct text text = text_in(memory, sizeof memory);
        calendar_put_rfc3339(seconds, &text);
        int64_t again = -1;
        assert_ok(calendar_parse_timestamp(memory, &again));
        assert_int_equal(again, seconds);
    }
}

static void reads_the_date_of_a_reply(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "Sun, 30 Aug 2015 12:36:00",
        "Sun, 30 Aug 2015 12:36:00 GMT ",
        "Sun, 30 Aug 2015 12:36:00 CET",
        "Sun, 31 Feb 2015 12:36:00 GMT",
        "Sun, 30 aug 2015 12:36:00 GMT",
        "Sun, 30 Aug 2015 24:00:00 GMT",
        "Sunday, 30-Aug-15 12:36:00 GMT",
        "Sun Aug 30 12:36:00 2015",
        "30 Aug 2015 12:36:00 GMT",
    };
    int64_t seconds = 7;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_err(calendar_parse_http_date(refused[i], &seconds), ERR_MALFORMED);
        assert_int_equal(seconds, 7);
    }
    assert_ok(calendar_parse_http_date("Sun, 30 Aug 2015 12:36:00 GMT", &seconds));
    assert_int_equal(seconds, 1440938160);
    assert_ok(calendar_parse_http_date("Thu, 29 Feb 2024 23:59:60 GMT", &seconds));
    assert_int_equal(seconds, 1709251200);
    assert_ok(calendar_parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT", &seconds));
    assert_int_equal(seconds, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_date_of_a_reply),
        cmocka_unit_test(refuses_what_is_no_timestamp),
        cmocka_unit_test(reads_the_spellings_of_services_and_tools),
        cmocka_unit_test(reads_back_what_it_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
