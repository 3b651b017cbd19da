/* forward_spec: what a person may write, and above all what not. */
#include "tests/support/unit.h"

#include "proxy/core/forward_spec.h"

static void refuses_what_cannot_be_meant(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"", "the far port is 1 to 65535"},
        {"0", "the far port is 1 to 65535"},
        {"65536", "the far port is 1 to 65535"},
        {"http", "the far port is 1 to 65535"},
        {"8080:", "the far port is 1 to 65535"},
        {"8080:0", "the far port is 1 to 65535"},
        {"8080:+80", "the far port is 1 to 65535"},
        {"-1:80", "it is not [[ADDRESS:]PORT:][HOST:]PORT"},
        {"localhost:80", "it is not [[ADDRESS:]PORT:][HOST:]PORT"},
        {"65536:80:80", "the port here is 0 to 65535"},
        {"1:2:3:4:5", "it has too many parts: IPv6 addresses stand in brackets"},
        {"8080:fd00::5:80", "it has too many parts: IPv6 addresses stand in brackets"},
        {"8080:[fd00::5:80", "brackets are for a whole part"},
        {"8080:[fd00::5]x:80", "brackets are for a whole part"},
        {"8080:db:80", "the far host has 3 to 253 characters"},
        {"8080:a b c:80", "the far host is no name and no address"},
        {"8080:-db.internal:80", "the far host is no name and no address"},
        {"8080:$(id):80", "the far host is no name and no address"},
        {"8080:d\xc3\xb6r.de:80", "the far host is no name and no address"},
        {"8080:/run/docker.sock",
         "Session Manager forwards to no unix socket of a node: ssh -L does, through ssm-proxy connect"},
        {"8080:/run/docker.sock:80",
         "Session Manager forwards to no unix socket of a node: ssh -L does, through ssm-proxy connect"},
        {"./a:b:c:80", "it is not [[ADDRESS:]PORT:][HOST:]PORT"},
        {"/tmp/web.sock", "it is not [[ADDRESS:]PORT:][HOST:]PORT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char memory[256];
        struct text why = text_in(memory, sizeof memory);
        struct forward_spec spec = {.path = "untouched"};
        print_message("%s\n", cases[i].text);
        assert_err(forward_spec_parse(cases[i].text, &spec, &why), ERR_USAGE);
        assert_string_equal(memory, cases[i].words);
        assert_string_equal(spec.path, "untouched");
    }
    char path[FORWARD_SPEC_PATH_SIZE + 4];
    memset(path, '/', FORWARD_SPEC_PATH_SIZE);
    memcpy(path + FORWARD_SPEC_PATH_SIZE, ":80", 4);
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    struct forward_spec spec;
    assert_err(forward_spec_parse(path, &spec, &why), ERR_USAGE);
    assert_ok(forward_spec_parse(path + 1, &spec, &why));
}

static void reads_the_forms_of_ssh(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct forward_spec spec;
        const char *remote;
    } cases[] = {
        {"80", {"", "", 80, "", 80}, "localhost:80"},
        {"8080:80", {"", "", 8080, "", 80}, "localhost:80"},
        {"0:80", {"", "", 0, "", 80}, "localhost:80"},
        {"8080:localhost:80", {"", "", 8080, "", 80}, "localhost:80"},
        {"8080:127.0.0.1:80", {"", "", 8080, "127.0.0.1", 80}, "127.0.0.1:80"},
        {"5432:db.internal:5432", {"", "", 5432, "db.internal", 5432}, "db.internal:5432"},
        {"localhost:8080:80", {"", "", 8080, "", 80}, "localhost:80"},
        {"0.0.0.0:8080:80", {"", "0.0.0.0", 8080, "", 80}, "localhost:80"},
        {"*:8080:80", {"", "*", 8080, "", 80}, "localhost:80"},
        {":8080:80", {"", "*", 8080, "", 80}, "localhost:80"},
        {":8080:db.internal:80", {"", "*", 8080, "db.internal", 80}, "db.internal:80"},
        {"[::1]:8080:[fd00::5]:80", {"", "::1", 8080, "fd00::5", 80}, "[fd00::5]:80"},
        {"[::1]:8080:80", {"", "::1", 8080, "", 80}, "localhost:80"},
        {"8080:[fd00::5]:80", {"", "", 8080, "fd00::5", 80}, "[fd00::5]:80"},
        {"./web.sock:80", {"./web.sock", "", 0, "", 80}, "localhost:80"},
        {"/tmp/db.sock:db.internal:5432", {"/tmp/db.sock", "", 0, "db.internal", 5432}, "db.internal:5432"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char memory[256];
        struct text text = text_in(memory, sizeof memory);
        struct forward_spec spec;
        print_message("%s\n", cases[i].text);
        assert_ok(forward_spec_parse(cases[i].text, &spec, &text));
        assert_string_equal(spec.path, cases[i].spec.path);
        assert_string_equal(spec.bind, cases[i].spec.bind);
        assert_int_equal(spec.local_port, cases[i].spec.local_port);
        assert_string_equal(spec.host, cases[i].spec.host);
        assert_int_equal(spec.remote_port, cases[i].spec.remote_port);
        text_clear(&text);
        forward_spec_put_remote(&spec, &text);
        assert_string_equal(memory, cases[i].remote);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_cannot_be_meant),
        cmocka_unit_test(reads_the_forms_of_ssh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
