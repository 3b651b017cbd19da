/* aws_service: the services that are called, and where they answer for a profile. */
#ifndef SSM_PROXY_CORE_AWS_SERVICE_H
#define SSM_PROXY_CORE_AWS_SERVICE_H

#include "proxy/core/aws_config.h"

enum aws_service {
    AWS_SERVICE_SSM,
    AWS_SERVICE_SSMMESSAGES, /* the message gateway */
    AWS_SERVICE_EC2,
    AWS_SERVICE_STS,
    AWS_SERVICE_SSO, /* the portal of IAM Identity Center, which gives role credentials; never signed */
    AWS_SERVICE_SSO_OIDC,
    AWS_SERVICE_KMS,
    AWS_SERVICE_EC2_INSTANCE_CONNECT,
    AWS_SERVICE_COUNT
};

/* The service's name in a signature's scope: "ec2-instance-connect". */
const char *aws_service_signing_name(enum aws_service service);

/* Where `service` answers in `region`, for the chosen profile: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, else the
 * region's host. --endpoint-url is the SSM API's alone. ERR_CONFIG with words in `ret_why`. */
enum err aws_service_endpoint(const struct aws_config *config, enum aws_service service, const char *region,
                              struct endpoint_url *ret_url, struct text *ret_why) SSM_MUST_USE;

#endif
