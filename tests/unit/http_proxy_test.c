#include "tests/support/unit.h"
#include "tests/unit/given_config.h"

#include "proxy/core/http_proxy.h"

static char why_memory[512];

static enum err find(struct given_variables *variables, struct http_proxy *ret_proxy)
{
    struct aws_config_environment environment = {given_variable, variables->pairs};
    struct text why = text_in(why_memory, sizeof why_memory);
    return http_proxy_find(&environment, ret_proxy, &why);
}

static struct endpoint_url url_of(const char *text)
{
    struct endpoint_url url;
    assert_ok(endpoint_parse(bytes_of_text(text), &url));
    return url;
}

static void refuses_what_cannot_be_used(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "ftp://proxy:21",
        "http://",
        "http://user:hunter2@",
        "http://user:hunter2@pro xy:1",
        "http://user:hunter2@proxy:port",
        "http://user:hunter2@proxy:0",
        "http://user:hunter2@proxy:65536",
        "http://user:hun/ter2@proxy:80",
        "http://user:hun#ter2@proxy:80",
        "http://user:hun?ter2@proxy:80",
        "http://proxy/path",
        "http://user:hunter2%0A@proxy:80",
        "http://user:hunter2\n@proxy:80",
        "http://user:hunter2%00@proxy:80",
        "http://[::1:80",
        "http://a..b:80",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = "before"};
        struct given_variables variables = {{{"HTTPS_PROXY", refused[i]}}};
        if (find(&variables, &proxy) != ERR_CONFIG) {
            fail_msg("accepted: %s", refused[i]);
        }
        assert_non_null(strstr(why_memory, "the proxy in HTTPS_PROXY cannot be used"));
        assert_null(strstr(why_memory, "hun"));
        assert_string_equal(proxy.variable, "before");
    }
}

static void takes_urls_apart(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *url;
        const char *user; /* NULL: none */
        const char *password;
    } cases[] = {
        {"http://proxy.corp:3128", "http://proxy.corp:3128", NULL, NULL},
        {"http://proxy.corp/", "http://proxy.corp:80", NULL, NULL},
        {"proxy.corp:8080", "http://proxy.corp:8080", NULL, NULL},
        {"proxy.corp", "http://proxy.corp:80", NULL, NULL},
        {"//proxy.corp", "http://proxy.corp:80", NULL, NULL},
        {"HTTPS://Proxy.Corp", "https://proxy.corp:443", NULL, NULL},
        {"socks5h://[::1]", "socks5h://[::1]:1080", NULL, NULL},
        {"http://user@proxy", "http://proxy:80", "user", NULL},
        {"http://us%20er:s%25c%3Aret%@proxy:1", "http://proxy:1", "us er", "s%c:ret%"},
        {"user:a@b@proxy:1", "http://proxy:1", "user", "a@b"},
        {"http://:secret@proxy", "http://proxy:80", NULL, "secret"},
        {"http://@proxy", "http://proxy:80", NULL, NULL},
        {"http://u:%zz%4@proxy", "http://proxy:80", "u", "%zz%4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = NULL};
        struct given_variables variables = {{{"https_proxy", cases[i].given}}};
        assert_ok(find(&variables, &proxy));
        assert_string_equal(proxy.url, cases[i].url);
        assert_int_equal(secret_is_set(&proxy.user), cases[i].user != NULL);
        assert_int_equal(secret_is_set(&proxy.password), cases[i].password != NULL);
        if (cases[i].user != NULL) {
            assert_string_equal(proxy.user.reveal, cases[i].user);
        }
        if (cases[i].password != NULL) {
            assert_string_equal(proxy.password.reveal, cases[i].password);
        }
    }
}

static void chooses_the_variable(void **state)
{
    (void)state;
    static const struct {
        struct given_variables variables;
        const char *variable; /* NULL: no proxy */
    } cases[] = {
        {{{{NULL, NULL}}}, NULL},
        {{{{"HTTP_PROXY", "h"}, {"http_proxy", "h"}}}, NULL}, /* it is not for https */
        {{{{"HTTPS_PROXY", "H"}, {"https_proxy", "h"}, {"ALL_PROXY", "a"}}}, "https_proxy"},
        {{{{"HTTPS_PROXY", "H"}, {"https_proxy", ""}, {"all_proxy", "a"}}}, "HTTPS_PROXY"},
        {{{{"ALL_PROXY", "A"}, {"all_proxy", "a"}}}, "all_proxy"},
        {{{{"ALL_PROXY", "A"}}}, "ALL_PROXY"},
        {{{{"ALL_PROXY", ""}}}, NULL},
    };
    struct endpoint_url url = url_of("https://host");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = NULL};
        struct given_variables variables = cases[i].variables;
        assert_ok(find(&variables, &proxy));
        assert_int_equal(http_proxy_applies(&proxy, &url), cases[i].variable != NULL);
        if (cases[i].variable != NULL) {
            assert_string_equal(proxy.variable, cases[i].variable);
        }
    }
}

static void exempts_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *url;
        bool is_exempt;
    } cases[] = {
        {"", "https://host", false},
        {",, ,", "https://host", false},
        {".", "https://host", false},
        {"*", "https://host", true},
        {"a,*", "https://host", false},
        {"host", "https://host", true},
        {"HOST", "https://host", true},
        {"host", "wss://host/x", true},
        {"host", "https://ahost", false},
        {"amazonaws.com", "https://ssm.eu-west-1.amazonaws.com", true},
        {"...amazonaws.com", "https://ssm.eu-west-1.amazonaws.com", true},
        {".amazonaws.com", "https://amazonaws.com", true},
        {"mazonaws.com", "https://ssm.eu-west-1.amazonaws.com", false},
        {"ssm.eu-west-1.amazonaws.com.", "https://ssm.eu-west-1.amazonaws.com", false},
        {"a, host\tb", "https://host", true},
        {"a b", "https://b", true},
        {"host:443", "https://host", true},
        {"host:8443", "https://host", false},
        {"host:8443", "https://host:8443", true},
        {"corp:8443", "https://host.corp:8443", true},
        {"127.0.0.1", "https://127.0.0.1:9", true},
        {"127.0.0.0/8", "https://127.1.2.3", true},
        {"127.0.0.0/8", "https://128.0.0.1", false},
        {"10.0.0.0/0", "https://128.0.0.1", true},
        {"10.0.0.0/33", "https://10.0.0.0", false},
        {"10.0.0.0/x", "https://10.0.0.0", false},
        {"10.0.0.1/32", "https://10.0.0.1", true},
        {"10.0.0.1/32", "https://10.0.0.0", false},
        {"::/0", "https://10.0.0.0", false},
        {"0.0.0.0/0", "https://[::1]", false},
        {"fd00::/8", "https://[fd12::1]", true},
        {"fd00::/8", "https://[fe80::1]", false},
        {"::1", "https://[::1]", true},
        {"[::1]", "https://[::1]", true},
        {"[::1]:443", "https://[::1]", true},
        {"[::1]:444", "https://[::1]", false},
        {"0:0:0:0:0:0:0:1", "https://[::1]", true},
        {"[", "https://host", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = NULL};
        struct given_variables variables = {{{"https_proxy", "proxy"}, {"NO_PROXY", cases[i].list}}};
        assert_ok(find(&variables, &proxy));
        struct endpoint_url url = url_of(cases[i].url);
        if (http_proxy_applies(&proxy, &url) == cases[i].is_exempt) {
            fail_msg("%s: %s", cases[i].list, cases[i].url);
        }
    }
    char list[LIMIT_HOST + 64];
    memset(list, 'x', sizeof list - 1);
    list[sizeof list - 1] = '\0';
    memcpy(list + sizeof list - 7, ",host,", 6);
    AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = NULL};
    struct given_variables variables = {{{"https_proxy", "proxy"}, {"NO_PROXY", "other"}, {"no_proxy", list}}};
    assert_ok(find(&variables, &proxy));
    struct endpoint_url url = url_of("https://host");
    assert_false(http_proxy_applies(&proxy, &url));
    variables = (struct given_variables){{{"https_proxy", "proxy"}, {"NO_PROXY", "*"}, {"no_proxy", ""}}};
    http_proxy_wipe(&proxy);
    assert_ok(find(&variables, &proxy));
    assert_true(http_proxy_applies(&proxy, &url));
    url = url_of("http://127.0.0.1:4566"); /* a secret would leave the machine in the clear */
    assert_false(http_proxy_applies(&proxy, &url));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_cannot_be_used),
        cmocka_unit_test(takes_urls_apart),
        cmocka_unit_test(chooses_the_variable),
        cmocka_unit_test(exempts_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
