#include "tests/support/unit.h"

#include "proxy/core/endpoint.h"

static enum err parse(const char *text, struct endpoint_url *ret_url)
{
    return endpoint_parse(bytes_of_text(text), ret_url);
}

/* ---- refused ---- */

static void refuses_what_is_no_url(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "https://",
        "https:///path",
        "https://?query",
        "host",
        "host:443",
        "//host/",
        "ftp://host/",
        "https:/host/",
        "https//host",
        "https://user@host/",
        "https://user:password@host/",
        "https://host@evil/",
        "https://host/#fragment",
        "https://host#fragment",
        "https://ho st/",
        "https://host/a b",
        "https://host/a\tb",
        "https://host/\r\nX-Injected: 1",
        "https://host\n/",
        "https://h\xc3\xb6st/",
        "https://host/\xc3\xb6",
        "https://host/\x7f",
        "https://host:/",
        "https://host:0/",
        "https://host:65536/",
        "https://host:123456/",
        "https://host:-1/",
        "https://host:22x/",
        "https://host:443:443/",
        "https://.host/",
        "https://host./",
        "https://a..b/",
        "https://ho*st/",
        "https://ho%73t/",
        "https://host\\evil/",
        "https://[::1/",
        "https://[]/",
        "https://[::1]x/",
        "https://[::1]:/",
        "https://[fe80::1%eth0]/",
        "https://[1.2.3.4]/",
        "https://[::g]/",
        "https://::1/",
        "https://1:2:3/",
        " https://host/",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct endpoint_url url = {.host = "before"};
        enum err err = parse(refused[i], &url);
        if (err != ERR_MALFORMED) {
            fail_msg("\"%s\" gave %d (%s)", refused[i], (int)err, err_text(err));
        }
        assert_string_equal(url.host, "before");
    }
    struct endpoint_url url;
    static const char with_nul[] = "https://host/\0x";
    assert_err(endpoint_parse(bytes_of(with_nul, sizeof with_nul - 1), &url), ERR_MALFORMED);
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    char text[LIMIT_STREAM_URL + 2];
    struct endpoint_url url;
    memset(text, 'a', sizeof text);
    memcpy(text, "wss://host/", 11);
    assert_err(endpoint_parse(bytes_of(text, LIMIT_STREAM_URL + 1), &url), ERR_TOO_LONG);
    assert_ok(endpoint_parse(bytes_of(text, LIMIT_STREAM_URL), &url));
    assert_int_equal(strlen(url.path), LIMIT_STREAM_URL - 10);

    /* 253 characters of host in labels of 63; then one more; then a label of 64. */
    char host[LIMIT_HOST + 2];
    memset(host, 'h', sizeof host);
    host[63] = host[127] = host[191] = '.';
    char long_url[LIMIT_HOST + 32];
    snprintf(long_url, sizeof long_url, "wss://%.*s/", LIMIT_HOST, host);
    assert_ok(parse(long_url, &url));
    snprintf(long_url, sizeof long_url, "wss://%.*s/", LIMIT_HOST + 1, host);
    assert_err(parse(long_url, &url), ERR_TOO_LONG);
    host[63] = 'h';
    snprintf(long_url, sizeof long_url, "wss://%.64s/", host);
    assert_err(parse(long_url, &url), ERR_MALFORMED);
}

static void refuses_a_stream_url_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"", "wss://"},
        {"ws://127.0.0.1/x", "wss://"},
        {"https://host/x", "wss://"},
        {"wss://host/a b", "character"},
        {"wss://host/a\x01", "character"},
        {"wss://host/#x", "character"},
        {"wss://user@host/", "host and port"},
        {"wss:///path", "host and port"},
        {"wss://host:0/", "host and port"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char memory[256];
        struct text why = text_in(memory, sizeof memory);
        struct endpoint_url url;
        assert_err(endpoint_parse_stream_url(bytes_of_text(cases[i].text), &url, &why), ERR_STREAM_URL);
        assert_non_null(strstr(memory, cases[i].words));
    }
    char text[LIMIT_STREAM_URL + 1];
    memset(text, 'a', sizeof text);
    memcpy(text, "wss://host/", 11);
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    struct endpoint_url url;
    assert_err(endpoint_parse_stream_url(bytes_of(text, sizeof text), &url, &why), ERR_STREAM_URL);
    assert_non_null(strstr(memory, "4097"));
}

static void refuses_regions(void **state)
{
    (void)state;
    char long_region[LIMIT_REGION + 2];
    memset(long_region, 'r', LIMIT_REGION + 1);
    long_region[LIMIT_REGION + 1] = '\0';
    assert_false(endpoint_region_is_valid(long_region));
    long_region[LIMIT_REGION] = '\0';
    assert_true(endpoint_region_is_valid(long_region));
    static const char *const refused[] = {"",        "-",          "-a",       "a-",          "eu west", "eu.west",
                                          "eu_west", "eu-west-1/", "\xc3\xb6", "eu-west-1\n", "a@b",     "evil.com#"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_false(endpoint_region_is_valid(refused[i]));
    }
    assert_true(endpoint_region_is_valid("eu-west-1"));
    assert_true(endpoint_region_is_valid("Test-9"));
}

/* ---- accepted ---- */

static void takes_urls_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum endpoint_scheme scheme;
        const char *host;
        bool is_ipv6;
        bool has_port;
        unsigned port;
        const char *path;
        const char *authority;
        bool is_loopback;
    } cases[] = {
        {"https://ssm.eu-west-1.amazonaws.com", ENDPOINT_HTTPS, "ssm.eu-west-1.amazonaws.com", false, false, 443, "/",
         "ssm.eu-west-1.amazonaws.com", false},
        {"HTTPS://Host.Example/Path", ENDPOINT_HTTPS, "host.example", false, false, 443, "/Path", "host.example",
         false},
        {"http://localhost:8080/", ENDPOINT_HTTP, "localhost", false, true, 8080, "/", "localhost:8080", true},
        {"http://127.1.2.3", ENDPOINT_HTTP, "127.1.2.3", false, false, 80, "/", "127.1.2.3", true},
        {"http://128.0.0.1", ENDPOINT_HTTP, "128.0.0.1", false, false, 80, "/", "128.0.0.1", false},
        {"http://127.0.0.1.example.com", ENDPOINT_HTTP, "127.0.0.1.example.com", false, false, 80, "/",
         "127.0.0.1.example.com", false},
        {"https://[::1]:9843/x?y=[1]", ENDPOINT_HTTPS, "::1", true, true, 9843, "/x?y=[1]", "[::1]:9843", true},
        {"https://[2001:DB8::1]", ENDPOINT_HTTPS, "2001:db8::1", true, false, 443, "/", "[2001:db8::1]", false},
        {"wss://h?a=b", ENDPOINT_WSS, "h", false, false, 443, "/?a=b", "h", false},
        {"ws://h:80/", ENDPOINT_WS, "h", false, true, 80, "/", "h", false},
        {"wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/alice-0a1?role=publish_subscribe&cell-number=AA+/"
         "B%2F==",
         ENDPOINT_WSS, "ssmmessages.eu-west-1.amazonaws.com", false, false, 443,
         "/v1/data-channel/alice-0a1?role=publish_subscribe&cell-number=AA+/B%2F==",
         "ssmmessages.eu-west-1.amazonaws.com", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint_url url;
        assert_ok(parse(cases[i].text, &url));
        assert_int_equal(url.scheme, cases[i].scheme);
        assert_string_equal(url.host, cases[i].host);
        assert_int_equal(url.is_ipv6, cases[i].is_ipv6);
        assert_int_equal(url.has_port, cases[i].has_port);
        assert_int_equal(url.port, cases[i].port);
        assert_string_equal(url.path, cases[i].path);
        assert_int_equal(endpoint_is_loopback(&url), cases[i].is_loopback);
        char memory[512];
        struct text text = text_in(memory, sizeof memory);
        endpoint_put_authority(&url, &text);
        assert_string_equal(memory, cases[i].authority);

        /* What is put together again is read as the same. */
        text_clear(&text);
        endpoint_put_url(&url, &text);
        struct endpoint_url again;
        assert_ok(parse(memory, &again));
        assert_string_equal(again.host, url.host);
        assert_string_equal(again.path, url.path);
        assert_int_equal(again.port, url.port);
    }
}

static void replaces_the_address_only(void **state)
{
    (void)state;
    struct endpoint_url stream;
    struct endpoint_url with;
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    assert_ok(endpoint_parse_stream_url(bytes_of_text("wss://gateway.example/v1/x?cell-number=A+/="), &stream, &why));
    assert_ok(parse("https://[::1]:9444/ignored", &with));
    assert_false(endpoint_same_address(&stream, &with));
    endpoint_replace_address(&stream, &with);
    assert_true(endpoint_same_address(&stream, &with));
    char url[256];
    struct text text = text_in(url, sizeof url);
    endpoint_put_url(&stream, &text);
    assert_string_equal(url, "wss://[::1]:9444/v1/x?cell-number=A+/=");
}

static void names_hosts_by_partition(void **state)
{
    (void)state;
    static const struct {
        const char *region;
        const char *partition;
        const char *plain;
        const char *dual_stack;
    } cases[] = {
        {"eu-west-1", "aws", "ssm.eu-west-1.amazonaws.com", "ssm.eu-west-1.api.aws"},
        {"cn-north-1", "aws-cn", "ssm.cn-north-1.amazonaws.com.cn", "ssm.cn-north-1.api.amazonwebservices.com.cn"},
        {"us-gov-west-1", "aws-us-gov", "ssm.us-gov-west-1.amazonaws.com", "ssm.us-gov-west-1.api.aws"},
        {"us-iso-east-1", "aws-iso", "ssm.us-iso-east-1.c2s.ic.gov", "ssm.us-iso-east-1.api.aws.ic.gov"},
        {"us-isob-east-1", "aws-iso-b", "ssm.us-isob-east-1.sc2s.sgov.gov", "ssm.us-isob-east-1.api.aws.scloud"},
        {"us-isof-south-1", "aws-iso-f", "ssm.us-isof-south-1.csp.hci.ic.gov",
         "ssm.us-isof-south-1.api.aws.hci.ic.gov"},
        {"eu-isoe-west-1", "aws-iso-e", "ssm.eu-isoe-west-1.cloud.adc-e.uk",
         "ssm.eu-isoe-west-1.api.cloud-aws.adc-e.uk"},
        {"eusc-de-east-1", "aws-eusc", "ssm.eusc-de-east-1.amazonaws.eu",
         "ssm.eusc-de-east-1.api.amazonwebservices.eu"},
        {"us-isolated-9", "aws", "ssm.us-isolated-9.amazonaws.com", "ssm.us-isolated-9.api.aws"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint_url url;
        assert_string_equal(endpoint_partition(cases[i].region), cases[i].partition);
        assert_ok(endpoint_in_region("ssm", cases[i].region, false, &url));
        assert_string_equal(url.host, cases[i].plain);
        assert_ok(endpoint_in_region("ssm", cases[i].region, true, &url));
        assert_string_equal(url.host, cases[i].dual_stack);
        assert_true(endpoint_is_tls(&url));
        assert_int_equal(url.port, 443);
        assert_string_equal(url.path, "/");
    }
    char prefix[LIMIT_HOST];
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    struct endpoint_url url = {.host = "before"};
    assert_err(endpoint_in_region(prefix, "eu-west-1", false, &url), ERR_TOO_LONG);
    assert_string_equal(url.host, "before");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_url),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(refuses_a_stream_url_by_name),
        cmocka_unit_test(refuses_regions),
        cmocka_unit_test(takes_urls_apart),
        cmocka_unit_test(replaces_the_address_only),
        cmocka_unit_test(names_hosts_by_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
