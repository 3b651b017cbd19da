#include "tests/support/unit.h"

#include "proxy/core/document_parameters.h"

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "neither NAME=VALUE nor a JSON object"},
        {"command", "neither NAME=VALUE nor a JSON object"},
        {"=ls", "neither NAME=VALUE nor a JSON object"},
        {"[\"command\"]", "neither NAME=VALUE nor a JSON object"},
        {"command=\xff", "not UTF-8"},
        {"{", "not a JSON object"},
        {"{\"a\":\"b\"} ,", "not a JSON object"},
        {"{\"a\":\"b\",\"a\":\"c\"}", "not a JSON object"},
        {"{\"a\":1}", "the value of \"a\" is neither a text nor a list of texts"},
        {"{\"a\":[]}", "the value of \"a\" is neither a text nor a list of texts"},
        {"{\"a\":[\"b\",null]}", "the value of \"a\" is neither a text nor a list of texts"},
        {"{\"\":\"b\"}", "the value of \"\" is neither a text nor a list of texts"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_JSON json_t *parameters = NULL;
        char memory[128];
        struct text why = text_in(memory, sizeof memory);
        if (document_parameters_parse(cases[i].text, &parameters, &why) != ERR_USAGE) {
            fail_msg("taken: %s", cases[i].text);
        }
        assert_string_equal(memory, cases[i].why);
    }
}

static void takes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *parameters;
    } cases[] = {
        {"command=ls", "{\"command\":[\"ls\"]}"},
        {"command=a=b, c \"d\"", "{\"command\":[\"a=b, c \\\"d\\\"\"]}"},
        {"command=", "{\"command\":[\"\"]}"},
        {"{}", "{}"},
        {"{\"a\":\"b\",\"c\":[\"d\",\"e\"]}", "{\"a\":[\"b\"],\"c\":[\"d\",\"e\"]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_JSON json_t *parameters = NULL;
        char memory[128];
        struct text why = text_in(memory, sizeof memory);
        assert_ok(document_parameters_parse(cases[i].text, &parameters, &why));
        char *text = json_dumps(parameters, JSON_COMPACT);
        assert_string_equal(text, cases[i].parameters);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(refuses), cmocka_unit_test(takes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
