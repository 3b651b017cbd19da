#include "tests/support/unit.h"

#include "proxy/core/ssh_report.h"

static enum err parse(const char *output, struct ssh_report *ret_report)
{
    return ssh_report_parse(bytes_of(output, strlen(output)), ret_report);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    struct ssh_report report;
    static const char *const wrong[] = {
        "status\n", "status x\n", "status 1", "status -1\n", "banner_us 1 2\n", "what is this\n", "\n", "software\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_err(parse(wrong[i], &report), ERR_MALFORMED);
    }
    assert_err(ssh_report_parse(bytes_of("said \0x\n", 8), &report), ERR_MALFORMED);
    static char line[8192];
    memset(line, 'a', sizeof line - 2);
    memcpy(line, "said ", 5);
    line[sizeof line - 2] = '\n';
    assert_err(parse(line, &report), ERR_MALFORMED);
}

static void reads_a_handshake(void **state)
{
    (void)state;
    struct ssh_report report;
    assert_ok(parse("banner_us 181000\nhandshake_us 21000\nsoftware SSH-2.0-x\nhost_key ssh-ed25519 AAAA\n"
                    "fingerprint SHA256:abc\nmethods_us 9000\nmethods publickey,password\n",
                    &report));
    assert_int_equal(report.status, -1);
    assert_int_equal(report.banner_us, 181000);
    assert_int_equal(report.handshake_us, 21000);
    assert_int_equal(report.methods_us, 9000);
    assert_string_equal(report.software, "SSH-2.0-x");
    assert_string_equal(report.host_key, "ssh-ed25519 AAAA");
    assert_string_equal(report.fingerprint, "SHA256:abc");
    assert_string_equal(report.methods, "publickey,password");
    assert_string_equal(report.why, "");
}

static void reads_an_early_end(void **state)
{
    (void)state;
    struct ssh_report report;
    assert_ok(parse("status 69\nsaid ssm-proxy: a\033[2Jb\n", &report));
    assert_int_equal(report.status, 69);
    assert_string_equal(report.said, "ssm-proxy: a?[2Jb");
    assert_int_equal(report.banner_us, -1);
    assert_ok(parse("", &report));
    assert_string_equal(report.said, "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(reads_a_handshake),
        cmocka_unit_test(reads_an_early_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
