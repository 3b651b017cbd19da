#include "tests/support/unit.h"

#include "common/text.h"

static void overflow_is_sticky_and_terminated(void **state)
{
    (void)state;
    char memory[8];
    struct text text = text_in(memory, sizeof memory);
    text_put(&text, "1234567");
    assert_ok(text_finish(&text));
    text_put(&text, "");
    assert_ok(text_finish(&text));
    text_put_char(&text, '8');
    assert_err(text_finish(&text), ERR_TOO_LONG);
    assert_string_equal(memory, "1234567");
    text_clear(&text);
    assert_ok(text_finish(&text));
    assert_string_equal(memory, "");

    text_put(&text, "12345");
    text_format(&text, "%s", "678");
    assert_err(text_finish(&text), ERR_TOO_LONG);
    assert_string_equal(memory, "1234567");
    assert_int_equal(text.len, 7);
    text_put(&text, "x");
    assert_err(text_finish(&text), ERR_TOO_LONG);
}

static void room_for_the_terminator_only(void **state)
{
    (void)state;
    char memory[1] = {'x'};
    struct text text = text_in(memory, 1);
    assert_string_equal(memory, "");
    assert_ok(text_finish(&text));
    text_format(&text, "%s", "");
    assert_ok(text_finish(&text));
    text_format(&text, "%d", 1);
    assert_err(text_finish(&text), ERR_TOO_LONG);
    assert_string_equal(memory, "");
}

static void builds(void **state)
{
    (void)state;
    char memory[64];
    struct text text = text_in(memory, sizeof memory);
    text_put(&text, "host:");
    text_format(&text, "%d/%s", 22, "x");
    text_put_char(&text, ' ');
    text_put_bytes(&text, bytes_of(NULL, 0));
    text_put_bytes(&text, bytes_of("yz!", 2));
    assert_ok(text_finish(&text));
    assert_string_equal(memory, "host:22/x yz");
    assert_true(bytes_equal_text(text_bytes(&text), "host:22/x yz"));
}

static void numbers_are_whole_words(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "-", "+1", " 1", "1 ", "1x", "0x1", "99999999999999999999999", "--1", "9223372036854775808", "11", "-11"};
    int64_t number = 99;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (text_parse_decimal(wrong[i], -10, 10, &number) != ERR_MALFORMED) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
    assert_int_equal(number, 99);
    assert_ok(text_parse_decimal("-10", -10, 10, &number));
    assert_int_equal(number, -10);
    assert_ok(text_parse_decimal("9223372036854775807", 0, INT64_MAX, &number));
    assert_int_equal(number, INT64_MAX);
    assert_ok(text_parse_decimal("-9223372036854775808", INT64_MIN, 0, &number));
    assert_int_equal(number, INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow_is_sticky_and_terminated),
        cmocka_unit_test(room_for_the_terminator_only),
        cmocka_unit_test(builds),
        cmocka_unit_test(numbers_are_whole_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
