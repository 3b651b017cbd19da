/* The expected texts are what Python 3.11's json.dumps and hashlib give. */
#include "tests/support/unit.h"

#include "proxy/core/cache_name.h"

static void refuses_what_is_not_utf8(void **state)
{
    (void)state;
    char memory[64];
    struct text text = text_in(memory, sizeof memory);
    assert_err(cache_name_put_string("\xff", &text), ERR_MALFORMED);
    assert_err(cache_name_put_string("\xed\xa0\x80", &text), ERR_MALFORMED); /* half of a surrogate pair */
    assert_string_equal(memory, "");
}

static void writes_strings_as_python(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        const char *json;
    } cases[] = {
        {"", "\"\""},
        {"https://a/start", "\"https://a/start\""},
        {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {"\\u00E9", "\"\\\\u00E9\""},
        {"\xc3\xa9", "\"\\u00e9\""},
        {"\xf0\x9f\x98\x80", "\"\\ud83d\\ude00\""},
        {"a\x7f", "\"a\\u007f\""},
        {"\x01\n\t\x1b\b\f\r", "\"\\u0001\\n\\t\\u001b\\b\\f\\r\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char memory[128];
        struct text text = text_in(memory, sizeof memory);
        assert_ok(cache_name_put_string(cases[i].string, &text));
        assert_string_equal(memory, cases[i].json);
    }
}

static void is_the_sha1(void **state)
{
    (void)state;
    char name[CACHE_NAME_LEN + 1];
    assert_ok(cache_name_make(bytes_of_text("https://d-92671207e4.awsapps.com/start"), name));
    assert_string_equal(name, "13f9d35043871d073ab260e020f0ffde092cb14b"); /* of the AWS CLI's own tests */
    assert_ok(cache_name_make(bytes_of("", 0), name));
    assert_string_equal(name, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_utf8),
        cmocka_unit_test(writes_strings_as_python),
        cmocka_unit_test(is_the_sha1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
