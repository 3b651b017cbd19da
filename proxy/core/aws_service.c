#include "proxy/core/aws_service.h"

/* Names of the SDKs' service models and endpoint rule sets. Those of ssmmessages are not in any: it has no public API;
 * AWS's list of endpoints has it beside ssm. */
static const struct {
    const char *signing_name;
    const char *host_prefix;
    const char *variable;
    const char *key;           /* in a services section */
    bool is_fips_in_gov_cloud; /* its plain host there; no other is offered */
} services[] = {
    [AWS_SERVICE_SSM] = {"ssm", "ssm", "AWS_ENDPOINT_URL_SSM", "ssm", true},
    [AWS_SERVICE_SSMMESSAGES] = {"ssmmessages", "ssmmessages", "AWS_ENDPOINT_URL_SSMMESSAGES", "ssmmessages", true},
    [AWS_SERVICE_EC2] = {"ec2", "ec2", "AWS_ENDPOINT_URL_EC2", "ec2", true},
    [AWS_SERVICE_STS] = {"sts", "sts", "AWS_ENDPOINT_URL_STS", "sts", true},
    [AWS_SERVICE_SSO] = {"awsssoportal", "portal.sso", "AWS_ENDPOINT_URL_SSO", "sso", true},
    [AWS_SERVICE_SSO_OIDC] = {"sso-oauth", "oidc", "AWS_ENDPOINT_URL_SSO_OIDC", "sso_oidc", true},
    [AWS_SERVICE_KMS] = {"kms", "kms", "AWS_ENDPOINT_URL_KMS", "kms", false},
    [AWS_SERVICE_EC2_INSTANCE_CONNECT] = {"ec2-instance-connect", "ec2-instance-connect",
                                          "AWS_ENDPOINT_URL_EC2_INSTANCE_CONNECT", "ec2_instance_connect", false},
};

const char *aws_service_signing_name(enum aws_service service)
{
    return services[service].signing_name;
}

/* ---- an endpoint that a person has configured ---- */

enum scope {
    SCOPE_NONE,    /* nothing is configured */
    SCOPE_FLAG,    /* --endpoint-url */
    SCOPE_SERVICE, /* for this service */
    SCOPE_ALL,     /* for every service */
};

struct custom {
    enum scope scope;
    struct aws_config_setting url;
};

static enum err find_in_services(const struct aws_config *config, enum aws_service service, const char **ret_value,
                                 struct text *ret_why)
{
    const char *name = aws_config_get(config, "services");
    if (!text_is_given(name)) {
        *ret_value = NULL;
        return ERR_OK;
    }
    const struct ini_section *section = aws_profile_find_section(&config->files, "services", name);
    if (section == NULL) {
        text_format(ret_why, "profile \"%s\" says services = %.120s, but %s has no section [services %.120s]",
                    config->profile_name, name, config->input.config.path, name);
        return ERR_CONFIG;
    }
    const char *value = ini_get_nested(&config->files.config, section, services[service].key, "endpoint_url");
    *ret_value = text_is_given(value) ? value : NULL;
    return ERR_OK;
}

static enum err find_custom(const struct aws_config *config, enum aws_service service, struct custom *ret_custom,
                            struct text *ret_why)
{
    const char *flag = service == AWS_SERVICE_SSM ? config->input.flags.endpoint_url : NULL;
    *ret_custom = (struct custom){.scope = SCOPE_NONE};
    if (text_is_given(flag)) {
        *ret_custom = (struct custom){SCOPE_FLAG, {flag, "--endpoint-url"}};
        return ERR_OK;
    }
    bool is_ignored;
    TRY(aws_config_switch(config, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls", &is_ignored,
                          ret_why));
    if (is_ignored) {
        return ERR_OK;
    }
    const char *variable = services[service].variable;
    const char *value = aws_config_variable(config, variable);
    if (value != NULL) {
        *ret_custom = (struct custom){SCOPE_SERVICE, {value, variable}};
        return ERR_OK;
    }
    value = aws_config_variable(config, "AWS_ENDPOINT_URL");
    if (value != NULL) {
        *ret_custom = (struct custom){SCOPE_ALL, {value, "AWS_ENDPOINT_URL"}};
        return ERR_OK;
    }
    TRY(find_in_services(config, service, &value, ret_why));
    if (value != NULL) {
        *ret_custom = (struct custom){SCOPE_SERVICE, {value, "endpoint_url of the services section"}};
        return ERR_OK;
    }
    value = aws_config_get(config, "endpoint_url");
    if (text_is_given(value)) {
        *ret_custom = (struct custom){SCOPE_ALL, {value, "endpoint_url of the profile"}};
    }
    return ERR_OK;
}

static enum err parse_custom(const struct aws_config_setting *custom, struct endpoint_url *ret_url,
                             struct text *ret_why)
{
    if (strchr(custom->value, '?') != NULL || endpoint_parse(bytes_of_text(custom->value), ret_url) != ERR_OK) {
        text_format(ret_why, "the URL in %s cannot be used; it looks like https://host or https://host:port",
                    custom->origin);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

/* ---- the region's own hosts ---- */

struct variant {
    bool is_fips;
    bool is_dual_stack;
};

static enum err choose_variant(const struct aws_config *config, struct variant *ret_variant, struct text *ret_why)
{
    TRY(aws_config_switch(config, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &ret_variant->is_fips, ret_why));
    return aws_config_switch(config, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint",
                             &ret_variant->is_dual_stack, ret_why);
}

static enum err host_in_region(enum aws_service service, const char *region, struct variant variant,
                               struct endpoint_url *ret_url)
{
    bool is_gov_cloud = strcmp(endpoint_partition(region), "aws-us-gov") == 0;
    bool is_plain_fips = is_gov_cloud && services[service].is_fips_in_gov_cloud && !variant.is_dual_stack;
    char memory[64];
    struct text prefix = text_in(memory, sizeof memory);
    text_format(&prefix, "%s%s", services[service].host_prefix, variant.is_fips && !is_plain_fips ? "-fips" : "");
    return endpoint_in_region(memory, region, variant.is_dual_stack, ret_url);
}

/* ---- both ---- */

enum err aws_service_endpoint(const struct aws_config *config, enum aws_service service, const char *region,
                              struct endpoint_url *ret_url, struct text *ret_why)
{
    struct custom custom;
    struct variant variant;
    TRY(find_custom(config, service, &custom, ret_why));
    if (custom.scope == SCOPE_NONE) {
        TRY(choose_variant(config, &variant, ret_why));
        return host_in_region(service, region, variant, ret_url);
    }
    struct endpoint_url url;
    TRY(parse_custom(&custom.url, &url, ret_why));
    bool is_plain_http = url.scheme == ENDPOINT_HTTP && endpoint_is_loopback(&url);
    if (url.scheme != ENDPOINT_HTTPS && !is_plain_http) {
        text_format(ret_why, "the URL in %s must begin with https:// (http:// only for this machine)",
                    custom.url.origin);
        return ERR_CONFIG;
    }
    *ret_url = url;
    return ERR_OK;
}

/* ---- the gateway ---- */

static bool is_vpc_endpoint(const struct endpoint_url *url)
{
    return strncmp(url->host, "vpce-", 5) == 0;
}

enum err aws_service_gateway(const struct aws_config *config, const char *region,
                             struct aws_service_gateway *ret_gateway, struct text *ret_why)
{
    struct custom api;
    struct custom own;
    struct variant variant;
    struct aws_service_gateway gateway = {.is_known = true};
    TRY(find_custom(config, AWS_SERVICE_SSM, &api, ret_why));
    TRY(find_custom(config, AWS_SERVICE_SSMMESSAGES, &own, ret_why));
    if (own.scope == SCOPE_SERVICE) {
        TRY(parse_custom(&own.url, &gateway.url, ret_why));
        gateway.replaces_address = true;
        if (!endpoint_is_tls(&gateway.url)) {
            text_format(ret_why, "the URL in %s must begin with https:// or wss://", own.url.origin);
            return ERR_CONFIG;
        }
    } else if (api.scope == SCOPE_FLAG || own.scope == SCOPE_ALL) {
        TRY(parse_custom(api.scope == SCOPE_FLAG ? &api.url : &own.url, &gateway.url, ret_why));
        gateway.is_known = !is_vpc_endpoint(&gateway.url);
    } else {
        TRY(choose_variant(config, &variant, ret_why));
        gateway.is_known = api.scope == SCOPE_NONE && !variant.is_fips && !variant.is_dual_stack;
        TRY(host_in_region(AWS_SERVICE_SSMMESSAGES, region, variant, &gateway.url));
    }
    gateway.url.scheme = ENDPOINT_WSS;
    *ret_gateway = gateway;
    return ERR_OK;
}
