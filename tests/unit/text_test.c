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

static void shows_what_a_peer_wrote(void **state)
{
    (void)state;
    char copy[6];
    text_copy_for_display("a\x1b\n\x7fz", copy, sizeof copy);
    assert_string_equal(copy, "a???z");
    text_copy_for_display("abcdef", copy, sizeof copy);
    assert_string_equal(copy, "abcde");
    text_copy_for_display("abc\xf0\x9f\x98\x80", copy, sizeof copy); /* half of a character would be shown */
    assert_string_equal(copy, "abc");
    text_copy_for_display("\xc2\x9b"
                          "1m\xc2",
                          copy, sizeof copy); /* ESC [ of eight bits */
    assert_string_equal(copy, "??1m\xc2");
    text_copy_for_display("\xc2\xa0\xc3\x9b", copy, sizeof copy);
    assert_string_equal(copy, "\xc2\xa0\xc3\x9b");
    text_copy_for_display(NULL, copy, sizeof copy);
    assert_string_equal(copy, "");
}

static void a_word_for_the_shell(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"prod", "prod"},     {"a/b-c_d.e@f:g+h=i,j", "a/b-c_d.e@f:g+h=i,j"},
        {"", "''"},           {"a b", "'a b'"},
        {"$(id)", "'$(id)'"}, {"it's", "'it'\\''s'"},
        {"a;b", "'a;b'"},     {"\\", "'\\'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char memory[64];
        struct text text = text_in(memory, sizeof memory);
        text_put_shell_word(&text, cases[i][0]);
        assert_string_equal(memory, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow_is_sticky_and_terminated),
        cmocka_unit_test(room_for_the_terminator_only),
        cmocka_unit_test(builds),
        cmocka_unit_test(numbers_are_whole_words),
        cmocka_unit_test(shows_what_a_peer_wrote),
        cmocka_unit_test(a_word_for_the_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
