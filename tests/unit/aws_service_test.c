#include "tests/support/unit.h"
#include "tests/unit/given_config.h"

#include "proxy/core/aws_settings.h"

/* The sentence of the last failure. */
static char why_memory[1024];

static struct aws_config *open_given(struct given_config *given)
{
    given->flags.region = "eu-west-1";
    struct aws_config *config = NULL;
    struct text why = text_in(why_memory, sizeof why_memory);
    enum err err = given_config_open(given, &config, &why);
    if (err != ERR_OK) {
        fail_msg("%s", why_memory);
    }
    return config;
}

static enum err endpoint_of(struct given_config given, enum aws_service service, const char *region,
                            struct endpoint_url *ret_url)
{
    AUTO(aws_config_free) struct aws_config *config = open_given(&given);
    struct text why = text_in(why_memory, sizeof why_memory);
    return aws_service_endpoint(config, service, region, ret_url, &why);
}

static enum err gateway_of(struct given_config given, struct aws_service_gateway *ret_gateway)
{
    AUTO(aws_config_free) struct aws_config *config = open_given(&given);
    struct text why = text_in(why_memory, sizeof why_memory);
    return aws_service_gateway(config, "eu-west-1", ret_gateway, &why);
}

static void assert_says(const char *words)
{
    if (strstr(why_memory, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", why_memory, words);
    }
    assert_null(strstr(why_memory, "secret"));
}

static void assert_url(const struct endpoint_url *url, const char *wanted)
{
    char memory[512];
    struct text text = text_in(memory, sizeof memory);
    endpoint_put_url(url, &text);
    assert_string_equal(memory, wanted);
}

#define SERVICES(lines) "[default]\nservices = s\nendpoint_url = https://profile\n[services s]\n" lines

/* ---- refused ---- */

static void refuses_endpoints(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        const char *words;
    } cases[] = {
        {{.flags = {.endpoint_url = "nonsense"}}, "--endpoint-url cannot be used"},
        {{.flags = {.endpoint_url = "https://u:secret@h/"}}, "--endpoint-url cannot be used"},
        {{.flags = {.endpoint_url = "https://h/?x=y"}}, "--endpoint-url cannot be used"},
        {{.flags = {.endpoint_url = "wss://h/"}}, "--endpoint-url must begin with https://"},
        {{.flags = {.endpoint_url = "http://ssm.example/"}}, "http:// only for this machine"},
        {{.environment = {{"AWS_ENDPOINT_URL", "http://10.0.0.1"}}}, "AWS_ENDPOINT_URL must"},
        {{.environment = {{"AWS_ENDPOINT_URL_SSM", "h"}}}, "AWS_ENDPOINT_URL_SSM cannot"},
        {{.config = SERVICES("ssm =\n  endpoint_url = ftp://h\n")}, "endpoint_url of the services section cannot"},
        {{.config = "[default]\nendpoint_url = http://h\n"}, "endpoint_url of the profile must begin with https://"},
        {{.config = "[default]\nservices = elsewhere\n[services s]\n"},
         "profile \"default\" says services = elsewhere, but " GIVEN_CONFIG_PATH
         " has no section [services elsewhere]"},
        {{.environment = {{"AWS_USE_FIPS_ENDPOINT", "1"}}}, "AWS_USE_FIPS_ENDPOINT is neither true nor false: \"1\""},
        {{.config = "[default]\nuse_dualstack_endpoint = yes\n"}, "use_dualstack_endpoint is neither"},
        {{.environment = {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "on"}}}, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint_url url = {.host = "before"};
        assert_err(endpoint_of(cases[i].given, AWS_SERVICE_SSM, "eu-west-1", &url), ERR_CONFIG);
        assert_says(cases[i].words);
        assert_string_equal(url.host, "before");
    }
}

static void refuses_gateways(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        const char *words;
    } cases[] = {
        {{.environment = {{"AWS_ENDPOINT_URL_SSMMESSAGES", "http://127.0.0.1"}}},
         "AWS_ENDPOINT_URL_SSMMESSAGES must begin with https:// or wss://"},
        {{.environment = {{"AWS_ENDPOINT_URL_SSMMESSAGES", "gateway"}}}, "AWS_ENDPOINT_URL_SSMMESSAGES cannot"},
        {{.config = SERVICES("ssmmessages =\n  endpoint_url = gateway\n")}, "endpoint_url of the services section"},
        {{.config = "[default]\nservices = elsewhere\n"}, "has no section [services elsewhere]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_service_gateway gateway = {.url = {.host = "before"}};
        assert_err(gateway_of(cases[i].given, &gateway), ERR_CONFIG);
        assert_says(cases[i].words);
        assert_string_equal(gateway.url.host, "before");
    }
}

/* ---- configured ---- */

static void chooses_the_endpoint(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        enum aws_service service;
        const char *url;
    } cases[] = {
        {{.config = NULL}, AWS_SERVICE_SSM, "https://ssm.eu-west-1.amazonaws.com/"},
        {{.flags = {.endpoint_url = "https://127.0.0.1:9843"}, .environment = {{"AWS_ENDPOINT_URL_SSM", "https://s"}}},
         AWS_SERVICE_SSM,
         "https://127.0.0.1:9843/"},
        {{.flags = {.endpoint_url = "https://127.0.0.1:9843"}},
         AWS_SERVICE_STS,
         "https://sts.eu-west-1.amazonaws.com/"},
        {{.environment = {{"AWS_ENDPOINT_URL_SSM", "https://s/path"}, {"AWS_ENDPOINT_URL", "https://e"}}},
         AWS_SERVICE_SSM,
         "https://s/path"},
        {{.environment = {{"AWS_ENDPOINT_URL_SSM", "https://s/path"}, {"AWS_ENDPOINT_URL", "http://localhost:4566"}}},
         AWS_SERVICE_EC2,
         "http://localhost:4566/"},
        {{.environment = {{"AWS_ENDPOINT_URL_SSM", ""}}, .config = SERVICES("ssm =\n  endpoint_url = https://own\n")},
         AWS_SERVICE_SSM,
         "https://own/"},
        {{.environment = {{"AWS_ENDPOINT_URL", "https://e"}},
          .config = SERVICES("ssm =\n  endpoint_url = https://own\n")},
         AWS_SERVICE_SSM,
         "https://e/"},
        {{.config = SERVICES("ssm =\n  endpoint_url = https://own\nsso_oidc =\n  endpoint_url = https://oidc\n")},
         AWS_SERVICE_SSO_OIDC,
         "https://oidc/"},
        {{.config = SERVICES("ssm =\n  endpoint_url = https://own\n")}, AWS_SERVICE_SSO, "https://profile/"},
        {{.config = SERVICES("ssm =\n  endpoint_url =\n")}, AWS_SERVICE_SSM, "https://profile/"},
        {{.environment = {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"},
                          {"AWS_ENDPOINT_URL_SSM", "https://s"},
                          {"AWS_ENDPOINT_URL", "https://e"}},
          .config = SERVICES("ssm =\n  endpoint_url = https://own\n")},
         AWS_SERVICE_SSM,
         "https://ssm.eu-west-1.amazonaws.com/"},
        {{.flags = {.endpoint_url = "https://f"}, .environment = {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}}},
         AWS_SERVICE_SSM,
         "https://f/"},
        {{.environment = {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false"}, {"AWS_ENDPOINT_URL", "https://e"}},
          .config = "[default]\nignore_configured_endpoint_urls = true\n"},
         AWS_SERVICE_SSM,
         "https://e/"},
        {{.environment = {{"AWS_ENDPOINT_URL", "https://e"}},
          .config = "[default]\nignore_configured_endpoint_urls = true\n"},
         AWS_SERVICE_KMS,
         "https://kms.eu-west-1.amazonaws.com/"},
        /* a URL counts as it stands */
        {{.environment = {{"AWS_USE_FIPS_ENDPOINT", "true"}, {"AWS_ENDPOINT_URL_SSM", "https://vpce-1.ssm-fips.x"}}},
         AWS_SERVICE_SSM,
         "https://vpce-1.ssm-fips.x/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint_url url;
        assert_ok(endpoint_of(cases[i].given, cases[i].service, "eu-west-1", &url));
        assert_url(&url, cases[i].url);
    }
}

/* ---- the region's own hosts ---- */

static void names_variants(void **state)
{
    (void)state;
    static const struct {
        const char *region;
        enum aws_service service;
        const char *fips;
        const char *both;
    } cases[] = {
        {"us-east-1", AWS_SERVICE_SSM, "ssm-fips.us-east-1.amazonaws.com", "ssm-fips.us-east-1.api.aws"},
        {"us-gov-west-1", AWS_SERVICE_SSM, "ssm.us-gov-west-1.amazonaws.com", "ssm-fips.us-gov-west-1.api.aws"},
        {"us-gov-west-1", AWS_SERVICE_SSO, "portal.sso.us-gov-west-1.amazonaws.com",
         "portal.sso-fips.us-gov-west-1.api.aws"},
        {"us-gov-west-1", AWS_SERVICE_KMS, "kms-fips.us-gov-west-1.amazonaws.com", "kms-fips.us-gov-west-1.api.aws"},
        {"cn-north-1", AWS_SERVICE_STS, "sts-fips.cn-north-1.amazonaws.com.cn",
         "sts-fips.cn-north-1.api.amazonwebservices.com.cn"},
        {"us-iso-east-1", AWS_SERVICE_EC2, "ec2-fips.us-iso-east-1.c2s.ic.gov",
         "ec2-fips.us-iso-east-1.api.aws.ic.gov"},
        {"eu-west-1", AWS_SERVICE_SSO_OIDC, "oidc-fips.eu-west-1.amazonaws.com", "oidc-fips.eu-west-1.api.aws"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint_url url;
        struct given_config fips = {.environment = {{"AWS_USE_FIPS_ENDPOINT", "true"}}};
        assert_ok(endpoint_of(fips, cases[i].service, cases[i].region, &url));
        assert_string_equal(url.host, cases[i].fips);
        struct given_config both = {.environment = {{"AWS_USE_DUALSTACK_ENDPOINT", "TRUE"}},
                                    .config = "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = false\n"};
        assert_ok(endpoint_of(both, cases[i].service, cases[i].region, &url));
        assert_string_equal(url.host, cases[i].both);
    }
}

static void signs_in_the_services_names(void **state)
{
    (void)state;
    static const char *const names[AWS_SERVICE_COUNT] = {
        [AWS_SERVICE_SSM] = "ssm",          [AWS_SERVICE_SSMMESSAGES] = "ssmmessages",
        [AWS_SERVICE_EC2] = "ec2",          [AWS_SERVICE_STS] = "sts",
        [AWS_SERVICE_SSO] = "awsssoportal", [AWS_SERVICE_SSO_OIDC] = "sso-oauth",
        [AWS_SERVICE_KMS] = "kms",          [AWS_SERVICE_EC2_INSTANCE_CONNECT] = "ec2-instance-connect",
    };
    for (enum aws_service service = 0; service < AWS_SERVICE_COUNT; service++) {
        assert_string_equal(aws_service_signing_name(service), names[service]);
    }
}

/* ---- the gateway ---- */

static void knows_the_gateway(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        const char *url; /* NULL: nothing is known */
        bool replaces;
    } cases[] = {
        {{.config = NULL}, "wss://ssmmessages.eu-west-1.amazonaws.com/", false},
        {{.flags = {.endpoint_url = "https://127.0.0.1:9843"}, .environment = {{"AWS_ENDPOINT_URL", "https://e"}}},
         "wss://127.0.0.1:9843/",
         false},
        {{.environment = {{"AWS_ENDPOINT_URL_SSM", "https://s/path"}, {"AWS_ENDPOINT_URL", "https://e"}}},
         "wss://e/",
         false},
        {{.environment = {{"AWS_ENDPOINT_URL_SSM", "https://s"}}}, NULL, false},
        {{.config = SERVICES("ssm =\n  endpoint_url = https://own\n")}, "wss://profile/", false},
        {{.config = "[default]\nservices = s\n[services s]\nssm =\n  endpoint_url = https://own\n"}, NULL, false},
        {{.config = SERVICES("ssmmessages =\n  endpoint_url = https://own:8\n")}, "wss://own:8/", true},
        {{.environment = {{"AWS_ENDPOINT_URL", "http://localhost:4566"}}}, "wss://localhost:4566/", false},
        {{.environment = {{"AWS_ENDPOINT_URL", "https://e"}, {"AWS_ENDPOINT_URL_SSMMESSAGES", "https://[::1]:9"}}},
         "wss://[::1]:9/",
         true},
        {{.flags = {.endpoint_url = "https://f"}, .environment = {{"AWS_ENDPOINT_URL_SSMMESSAGES", "wss://g"}}},
         "wss://g/",
         true},
        {{.flags = {.endpoint_url = "https://vpce-0a-1b.ssm.eu-west-1.vpce.amazonaws.com"}}, NULL, false},
        {{.environment = {{"AWS_USE_FIPS_ENDPOINT", "true"}}}, NULL, false},
        {{.config = "[default]\nuse_dualstack_endpoint = true\n"}, NULL, false},
        {{.environment = {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"},
                          {"AWS_ENDPOINT_URL_SSM", "https://s"},
                          {"AWS_ENDPOINT_URL", "https://e"},
                          {"AWS_ENDPOINT_URL_SSMMESSAGES", "https://g"}}},
         "wss://ssmmessages.eu-west-1.amazonaws.com/",
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_service_gateway gateway;
        assert_ok(gateway_of(cases[i].given, &gateway));
        assert_int_equal(gateway.is_known, cases[i].url != NULL);
        assert_int_equal(gateway.replaces_address, cases[i].replaces);
        gateway.url.path[1] = '\0'; /* means nothing */
        if (cases[i].url != NULL) {
            assert_url(&gateway.url, cases[i].url);
        }
        struct aws_settings settings = {.gateway = gateway};
        struct endpoint_url stream;
        struct text why = text_in(why_memory, sizeof why_memory);
        assert_ok(endpoint_parse_stream_url(bytes_of_text("wss://given:7/v1/x?y=+/="), &stream, &why));
        aws_settings_apply_gateway(&settings, &stream);
        assert_string_equal(stream.path, "/v1/x?y=+/=");
        assert_int_equal(endpoint_same_address(&stream, &gateway.url), cases[i].replaces);
        assert_int_equal(strcmp(stream.host, "given") == 0, !cases[i].replaces);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_endpoints),           cmocka_unit_test(refuses_gateways),
        cmocka_unit_test(chooses_the_endpoint),        cmocka_unit_test(names_variants),
        cmocka_unit_test(signs_in_the_services_names), cmocka_unit_test(knows_the_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
