#include "tests/support/unit.h"

#include "proxy/core/target.h"

static void refuses_what_is_no_target(void **state)
{
    (void)state;
    struct target target = {.kind = TARGET_NAME, .text = "before"};
    static const char *const refused[] = {"", "a\nb", "a\tb", "\x7f", "a\x1b[31m"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_err(target_parse(refused[i], &target), ERR_USAGE);
    }
    char long_name[LIMIT_TARGET + 2];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[LIMIT_TARGET + 1] = '\0';
    assert_err(target_parse(long_name, &target), ERR_USAGE);
    assert_string_equal(target.text, "before");
    long_name[LIMIT_TARGET] = '\0';
    assert_ok(target_parse(long_name, &target));
    assert_string_equal(target.text, long_name);
}

static void refuses_what_is_no_port(void **state)
{
    (void)state;
    uint16_t port = 7;
    static const char *const refused[] = {"",    "0",   "00",  "022",   "65536", "99999",      "100000",
                                          "-1",  "+22", "22 ", " 22",   "22x",   "0x16",       "2 2",
                                          "ssh", "1e3", "22.", "22\n2", "٢٢",    "4294967318", "18446744073709551638"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_err(target_parse_port(refused[i], &port), ERR_USAGE);
    }
    assert_int_equal(port, 7);
}

static void reads_ports(void **state)
{
    (void)state;
    for (unsigned wanted = 1; wanted <= UINT16_MAX; wanted++) {
        char text[8];
        snprintf(text, sizeof text, "%u", wanted);
        uint16_t port = 0;
        assert_ok(target_parse_port(text, &port));
        assert_int_equal(port, wanted);
    }
}

static void classifies(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum target_kind kind;
    } cases[] = {
        {"i-0123456789abcdef0", TARGET_INSTANCE},
        {"i-01234567", TARGET_INSTANCE},
        {"mi-0123456789abcdef0", TARGET_MANAGED_NODE},
        {"i-0123456", TARGET_NAME},
        {"i-012345678", TARGET_NAME},
        {"i-0123456789abcdef01", TARGET_NAME},
        {"i-0123456789ABCDEF0", TARGET_NAME},
        {"i-0123456789abcdeg0", TARGET_NAME},
        {"I-01234567", TARGET_NAME},
        {"mi-01234567", TARGET_NAME},
        {"mi-0123456789abcdef", TARGET_NAME},
        {" i-01234567", TARGET_NAME},
        {"i-01234567 ", TARGET_NAME},
        {"i-", TARGET_NAME},
        {"mi-", TARGET_NAME},
        {"web server 1", TARGET_NAME},
        {"-oProxyCommand=x", TARGET_NAME},
        {"größe", TARGET_NAME},
        {"ecs:cluster_task_container", TARGET_NAME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct target target;
        assert_ok(target_parse(cases[i].text, &target));
        assert_string_equal(target.text, cases[i].text);
        assert_int_equal(target.kind, cases[i].kind);
        assert_int_equal(target_is_id(&target), cases[i].kind != TARGET_NAME);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_target),
        cmocka_unit_test(refuses_what_is_no_port),
        cmocka_unit_test(reads_ports),
        cmocka_unit_test(classifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
