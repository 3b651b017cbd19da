/* err: every error has its own words and the exit code that ssm-proxy(1) promises. */
#include "tests/support/unit.h"

static void an_unknown_value_is_no_success(void **state)
{
    (void)state;
    assert_string_equal(err_text(ERR_COUNT), "unknown error");
    assert_string_equal(err_text((enum err) - 1), "unknown error");
    assert_int_equal(err_exit_code(ERR_COUNT), 70);
    assert_int_equal(err_exit_code((enum err) - 1), 70);
}

static void every_error_has_its_own_words(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        const char *words = err_text((enum err)i);
        assert_non_null(words);
        assert_true(words[0] != '\0');
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(words, err_text((enum err)j));
        }
    }
}

static void exit_codes_are_the_promised_ones(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        int exit_code;
    } promised[] = {
        {ERR_OK, 0},           {ERR_AGAIN, 0},       {ERR_USAGE, 64},       {ERR_NO_TARGET, 66},
        {ERR_OFFLINE, 69},     {ERR_NO_SERVER, 69},  {ERR_CERTIFICATE, 69}, {ERR_UNREACHABLE, 75},
        {ERR_THROTTLED, 75},   {ERR_SERVICE, 75},    {ERR_TIMEOUT, 75},     {ERR_SESSION_LOST, 75},
        {ERR_PROTOCOL, 76},    {ERR_MALFORMED, 76},  {ERR_STREAM_URL, 76},  {ERR_DENIED, 77},
        {ERR_CREDENTIALS, 77}, {ERR_CLOCK_SKEW, 77}, {ERR_CONFIG, 78},      {ERR_NO_CREDENTIALS, 78},
        {ERR_NO_PROMPT, 77},   {ERR_AMBIGUOUS, 66},  {ERR_UNSUPPORTED, 69},
    };
    for (size_t i = 0; i < sizeof promised / sizeof promised[0]; i++) {
        assert_int_equal(err_exit_code(promised[i].err), promised[i].exit_code);
    }
    for (int i = ERR_USAGE; i < ERR_COUNT; i++) {
        bool is_the_signals = i == ERR_INTERRUPTED; /* 128 and its number, which the command knows */
        assert_int_equal(err_exit_code((enum err)i) == 0, is_the_signals);
    }
}

static enum err pass(enum err err, int *reached)
{
    TRY(err);
    *reached = 1;
    return ERR_OK;
}

static void try_returns_at_once(void **state)
{
    (void)state;
    int reached = 0;
    assert_err(pass(ERR_TIMEOUT, &reached), ERR_TIMEOUT);
    assert_int_equal(reached, 0);
    assert_ok(pass(ERR_OK, &reached));
    assert_int_equal(reached, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_value_is_no_success),
        cmocka_unit_test(every_error_has_its_own_words),
        cmocka_unit_test(exit_codes_are_the_promised_ones),
        cmocka_unit_test(try_returns_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
