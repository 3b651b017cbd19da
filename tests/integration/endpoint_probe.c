/* Says where our services are, and through which proxy, for a case: one JSON object a line on stdin, one answer a line
 * on stdout. For endpoint_differential_test.py, which asks botocore and the AWS SDK for JavaScript the same.
 *
 *     {"environment": {..}, "config": "text", "endpoint_url": "of the flag"}
 *         -> {"region": "..", "endpoints": {"ssm": "https://..", "sts": {"refused": ".."}, ..}} or {"refused": ".."}
 *     {"environment": {..}, "url": "https://host:port"}
 *         -> {"proxy": null} or {"proxy": "http://host:port", "user": "..", "password": ".."} or {"refused": ".."} */
#include "proxy/core/aws_settings.h"
#include "proxy/core/http_proxy.h"
#include "tests/integration/json_lines.h"

static const char *const service_names[AWS_SERVICE_COUNT] = {
    [AWS_SERVICE_SSM] = "ssm", [AWS_SERVICE_SSMMESSAGES] = "ssmmessages",
    [AWS_SERVICE_EC2] = "ec2", [AWS_SERVICE_STS] = "sts",
    [AWS_SERVICE_SSO] = "sso", [AWS_SERVICE_SSO_OIDC] = "sso_oidc",
    [AWS_SERVICE_KMS] = "kms", [AWS_SERVICE_EC2_INSTANCE_CONNECT] = "ec2_instance_connect",
};

/* ---- endpoints ---- */

static json_t *describe_endpoint(const struct aws_config *config, enum aws_service service, const char *region)
{
    char memory[1024];
    struct text text = text_in(memory, sizeof memory);
    struct endpoint_url url;
    if (aws_service_endpoint(config, service, region, &url, &text) != ERR_OK) {
        return json_lines_refused(&text);
    }
    endpoint_put_url(&url, &text);
    return json_string(memory);
}

/* The region as the settings choose it; every service is asked, whether the settings as a whole are good or not. */
static json_t *answer_endpoints(const json_t *given, const struct aws_config_environment *environment)
{
    struct aws_config_input input = {
        .environment = *environment,
        .flags = {.endpoint_url = json_string_value(json_object_get(given, "endpoint_url"))},
        .config = {"config", json_lines_text(json_object_get(given, "config"))},
        .credentials = {"credentials", bytes_of(NULL, 0)},
    };
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aws_config_free) struct aws_config *config = NULL;
    struct aws_settings settings = {.region = ""};
    if (aws_config_open(&input, &config, &why) != ERR_OK ||
        aws_settings_region(config, settings.region, &why) != ERR_OK) {
        return json_lines_refused(&why);
    }
    json_t *endpoints = json_object();
    for (enum aws_service service = 0; service < AWS_SERVICE_COUNT; service++) {
        json_object_set_new(endpoints, service_names[service], describe_endpoint(config, service, settings.region));
    }
    return json_pack("{s:s, s:o}", "region", settings.region, "endpoints", endpoints);
}

/* ---- proxies ---- */

static json_t *answer_proxy(const json_t *given, const struct aws_config_environment *environment)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = NULL};
    struct endpoint_url url;
    if (endpoint_parse(json_lines_text(json_object_get(given, "url")), &url) != ERR_OK) {
        return NULL;
    }
    if (http_proxy_find(environment, &proxy, &why) != ERR_OK) {
        return json_lines_refused(&why);
    }
    if (!http_proxy_applies(&proxy, &url)) {
        return json_pack("{s:n}", "proxy");
    }
    return json_pack("{s:s, s:s*, s:s*}", "proxy", proxy.url, "user",
                     secret_is_set(&proxy.user) ? proxy.user.reveal : NULL, "password",
                     secret_is_set(&proxy.password) ? proxy.password.reveal : NULL);
}

static json_t *answer(json_t *given)
{
    struct aws_config_environment environment = {json_lines_look_up, json_object_get(given, "environment")};
    return json_object_get(given, "url") != NULL ? answer_proxy(given, &environment)
                                                 : answer_endpoints(given, &environment);
}

int main(void)
{
    return json_lines_answer(answer);
}
