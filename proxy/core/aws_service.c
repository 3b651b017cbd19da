#include "proxy/core/aws_service.h"

static const struct {
    const char *signing_name;
    const char *host_prefix;
    const char *variable;
} services[] = {
    [AWS_SERVICE_SSM] = {"ssm", "ssm", "AWS_ENDPOINT_URL_SSM"},
    [AWS_SERVICE_SSMMESSAGES] = {"ssmmessages", "ssmmessages", "AWS_ENDPOINT_URL_SSMMESSAGES"},
    [AWS_SERVICE_EC2] = {"ec2", "ec2", "AWS_ENDPOINT_URL_EC2"},
    [AWS_SERVICE_STS] = {"sts", "sts", "AWS_ENDPOINT_URL_STS"},
    [AWS_SERVICE_SSO] = {"awsssoportal", "portal.sso", "AWS_ENDPOINT_URL_SSO"},
    [AWS_SERVICE_SSO_OIDC] = {"sso-oauth", "oidc", "AWS_ENDPOINT_URL_SSO_OIDC"},
    [AWS_SERVICE_KMS] = {"kms", "kms", "AWS_ENDPOINT_URL_KMS"},
    [AWS_SERVICE_EC2_INSTANCE_CONNECT] = {"ec2-instance-connect", "ec2-instance-connect",
                                          "AWS_ENDPOINT_URL_EC2_INSTANCE_CONNECT"},
};

const char *aws_service_signing_name(enum aws_service service)
{
    return services[service].signing_name;
}

enum err aws_service_endpoint(const struct aws_config *config, enum aws_service service, const char *region,
                              struct endpoint_url *ret_url, struct text *ret_why)
{
    const char *names[] = {services[service].variable, "AWS_ENDPOINT_URL"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = aws_config_variable(config, names[i]);
        if (value == NULL) {
            continue;
        }
        if (endpoint_parse(bytes_of_text(value), ret_url) != ERR_OK) {
            text_format(ret_why, "the URL in %s cannot be used; it looks like https://host or https://host:port",
                        names[i]);
            return ERR_CONFIG;
        }
        return ERR_OK;
    }
    struct endpoint_variant plain = {.fips = false};
    return endpoint_for_service(services[service].host_prefix, region, plain, ret_url);
}
