#include "tests/support/unit.h"

#include "proxy/core/retry.h"

#define S(seconds) ((int64_t)(seconds)*1000 * 1000)

static struct aws_reply reply_of(int status, const char *body)
{
    return (struct aws_reply){.http_status = status, .body = bytes_of_text(body)};
}

static struct retry_outcome outcome_of(const struct aws_reply *reply)
{
    return (struct retry_outcome){
        .err = ERR_OK, .was_sent = true, .reply = reply, .retry_after = "", .x_amz_retry_after = "", .date = ""};
}

static struct retry_outcome failure_of(enum err err, bool was_sent)
{
    return (struct retry_outcome){
        .err = err, .was_sent = was_sent, .retry_after = "", .x_amz_retry_after = "", .date = ""};
}

static bool wants(const struct retry_outcome *outcome, bool is_once)
{
    struct retry retry = retry_begin(chance_from_number(1), RETRY_TRIES, is_once);
    int64_t pause_us;
    return retry_wants(&retry, outcome, &pause_us);
}

static void tells_what_is_worth_another_try(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        bool is_worth;
    } cases[] = {
        {200, "{}", false},
        {400, "{\"__type\":\"AccessDeniedException\"}", false},
        {400, "{\"__type\":\"TargetNotConnected\"}", false},
        {400, "{\"__type\":\"ExpiredTokenException\"}", false},
        {400, "{\"__type\":\"authorization_pending\"}", false},
        {400, "{\"error\":\"slow_down\"}", false}, /* the device flow's own pace */
        {400, "{\"__type\":\"com.amazon#ThrottlingException\",\"message\":\"Rate exceeded\"}", true},
        {400, "{\"__type\":\"RequestTimeout\"}", true},
        {429, "", true},
        {500, "{\"__type\":\"InternalServerError\"}", true},
        {502, "<html>Bad gateway</html>", true},
        {503, "", true},
        {404, "<html>captive portal</html>", false},
        {400, "<ErrorResponse xmlns=\"x\"><Error><Code>Throttling</Code></Error></ErrorResponse>", true},
        {403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", false},
        {400, "<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error></ErrorResponse>", true},
        {503, "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_reply reply = reply_of(cases[i].status, cases[i].body);
        struct retry_outcome outcome = outcome_of(&reply);
        for (int is_once = 0; is_once < 2; is_once++) { /* a refusal is as good as nothing sent */
            if (wants(&outcome, is_once == 1) != cases[i].is_worth) {
                fail_msg("%d %s", cases[i].status, cases[i].body);
            }
        }
    }
}

static void knows_what_must_not_happen_twice(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        bool was_sent;
        bool is_worth;
        bool is_worth_once;
    } cases[] = {
        {ERR_UNREACHABLE, false, true, true}, {ERR_UNREACHABLE, true, true, false},   {ERR_TIMEOUT, false, true, true},
        {ERR_TIMEOUT, true, true, false},     {ERR_CERTIFICATE, false, false, false}, {ERR_CONFIG, false, false, false},
        {ERR_TOO_LONG, true, false, false},   {ERR_MEMORY, false, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct retry_outcome outcome = failure_of(cases[i].err, cases[i].was_sent);
        assert_int_equal(wants(&outcome, false), cases[i].is_worth);
        assert_int_equal(wants(&outcome, true), cases[i].is_worth_once);
    }
}

/* Full jitter: below the bound, which doubles up to 20 s; no two seeds alike, and over many of them all of the range.
 */
static void pauses_a_random_part(void **state)
{
    (void)state;
    static const int64_t bounds[] = {S(1), S(2), S(4), S(8), S(16), S(20), S(20)};
    int64_t shortest[7] = {S(99), S(99), S(99), S(99), S(99), S(99), S(99)};
    int64_t longest[7] = {0};
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct retry retry = retry_begin(chance_from_number(seed), 8, false);
        struct retry_outcome outcome = failure_of(ERR_UNREACHABLE, true);
        int64_t pause_us = -1;
        for (size_t i = 0; i < 7; i++) {
            assert_true(retry_wants(&retry, &outcome, &pause_us));
            assert_in_range(pause_us, 0, bounds[i]);
            shortest[i] = pause_us < shortest[i] ? pause_us : shortest[i];
            longest[i] = pause_us > longest[i] ? pause_us : longest[i];
        }
        assert_false(retry_wants(&retry, &outcome, &pause_us));
    }
    for (size_t i = 0; i < 7; i++) {
        assert_true(shortest[i] < bounds[i] / 10 && longest[i] > bounds[i] / 10 * 9);
    }
}

static void waits_as_long_as_the_service_asks(void **state)
{
    (void)state;
    static const struct {
        const char *retry_after;
        const char *x_amz_retry_after;
        int64_t at_least_us;
        int64_t at_most_us;
    } cases[] = {
        {"3", "", S(3), S(3)},        {"", "1500", 1500 * 1000, 1500 * 1000},
        {"3", "2000", S(2), S(2)},    {"3600", "", S(20), S(20)},
        {"", "99999999999", 0, S(1)}, {"Sat, 21 Nov 2026 15:18:48 GMT", "", 0, S(1)},
        {"-1", "x", 0, S(1)},
    };
    struct aws_reply reply = reply_of(503, "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct retry_outcome outcome = outcome_of(&reply);
        outcome.retry_after = cases[i].retry_after;
        outcome.x_amz_retry_after = cases[i].x_amz_retry_after;
        struct retry retry = retry_begin(chance_from_number(i), RETRY_TRIES, false);
        int64_t pause_us = -1;
        assert_true(retry_wants(&retry, &outcome, &pause_us));
        assert_in_range(pause_us, cases[i].at_least_us, cases[i].at_most_us);
    }
}

static void counts_its_tries(void **state)
{
    (void)state;
    struct retry_outcome outcome = failure_of(ERR_UNREACHABLE, false);
    for (int tries = 1; tries < 6; tries++) {
        struct retry retry = retry_begin(chance_from_number(7), tries, false);
        int64_t pause_us;
        int made = 1;
        while (retry_wants(&retry, &outcome, &pause_us)) {
            made++;
        }
        assert_int_equal(made, tries);
    }
}

#define DATE "Sun, 30 Aug 2015 12:36:00 GMT"
#define DATE_S INT64_C(1440938160)

static void puts_the_clock_right(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        const char *date;
        int64_t ours_s;
        bool is_skew;
    } cases[] = {
        {400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: now\"}", DATE, DATE_S - 7200,
         true},
        {400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature not yet current\"}", DATE,
         DATE_S + 900, true},
        {403, "<ErrorResponse><Error><Code>RequestTimeTooSkewed</Code></Error></ErrorResponse>", DATE, DATE_S + 9,
         true},
        {400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"does not match\"}", DATE, DATE_S + 900, false},
        {400, "{\"__type\":\"RequestTimeTooSkewed\"}", "", DATE_S + 900, false},
        {400, "{\"__type\":\"RequestTimeTooSkewed\"}", "yesterday", DATE_S + 900, false},
        {200, "{}", DATE, DATE_S + 900, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_reply reply = reply_of(cases[i].status, cases[i].body);
        struct retry_outcome outcome = outcome_of(&reply);
        outcome.date = cases[i].date;
        int64_t offset_s = 0;
        assert_int_equal(retry_clock_offset(&outcome, cases[i].ours_s, &offset_s), cases[i].is_skew);
        assert_int_equal(offset_s, cases[i].is_skew ? DATE_S - cases[i].ours_s : 0);
        assert_false(wants(&outcome, false));
    }
    struct retry_outcome outcome = failure_of(ERR_UNREACHABLE, true);
    int64_t offset_s;
    assert_false(retry_clock_offset(&outcome, DATE_S, &offset_s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_worth_another_try),
        cmocka_unit_test(knows_what_must_not_happen_twice),
        cmocka_unit_test(pauses_a_random_part),
        cmocka_unit_test(waits_as_long_as_the_service_asks),
        cmocka_unit_test(counts_its_tries),
        cmocka_unit_test(puts_the_clock_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
