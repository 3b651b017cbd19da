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

static void decimal_numbers(void **state)
{
    (void)state;
    static const char *const refused[] = {"",    " 5", "5 ",    "+5",         "-5",
                                          "0x5", "5s", "86401", "4294967297", "99999999999999999999999"};
    uint32_t number = 7;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (text_parse_decimal(refused[i], 86400, &number) != ERR_MALFORMED || number != 7) {
            fail_msg("\"%s\" gave %u", refused[i], number);
        }
    }
    assert_ok(text_parse_decimal("86400", 86400, &number));
    assert_int_equal(number, 86400);
    assert_ok(text_parse_decimal("0", 86400, &number));
    assert_int_equal(number, 0);
    assert_ok(text_parse_decimal("4294967295", UINT32_MAX, &number));
    assert_int_equal(number, UINT32_MAX);
    assert_err(text_parse_decimal("4294967296", UINT32_MAX, &number), ERR_MALFORMED);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow_is_sticky_and_terminated),
        cmocka_unit_test(decimal_numbers),
        cmocka_unit_test(room_for_the_terminator_only),
        cmocka_unit_test(builds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
