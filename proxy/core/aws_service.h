/* aws_service: the services that are called, and where they answer for a profile.
 *
 * The first of these that is there counts:
 *
 *   --endpoint-url                      the SSM API alone
 *   AWS_ENDPOINT_URL_<SERVICE>
 *   AWS_ENDPOINT_URL
 *   endpoint_url of the service         in [services NAME], when the profile says services = NAME
 *   endpoint_url of the profile
 *   the region's host                   with AWS_USE_FIPS_ENDPOINT, use_fips_endpoint, AWS_USE_DUALSTACK_ENDPOINT,
 *                                       use_dualstack_endpoint
 *
 * All but the first and the last are passed over when AWS_IGNORE_CONFIGURED_ENDPOINT_URLS or
 * ignore_configured_endpoint_urls is true. FIPS and dual stack are about the region's hosts alone: a URL counts as it
 * stands, as in the AWS CLI. STS answers in its region always, as the AWS CLI 2 has it, which does not read
 * sts_regional_endpoints. Source: the AWS SDKs and tools reference guide, the SDKs' endpoint rule sets. */
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

/* Where `service` answers in `region`, for the chosen profile: https, or http to this machine. ERR_CONFIG with words in
 * `ret_why`: an unusable URL, http to another machine (the session token would travel in the clear), a [services]
 * section that is not there, a switch that is neither true nor false. */
enum err aws_service_endpoint(const struct aws_config *config, enum aws_service service, const char *region,
                              struct endpoint_url *ret_url, struct text *ret_why) SSM_MUST_USE;

/* What is known of the message gateway before StreamUrl is. */
struct aws_service_gateway {
    bool is_known;           /* `url` is where to connect meanwhile; otherwise wait for StreamUrl */
    bool replaces_address;   /* host and port of `url` take the place of those of StreamUrl */
    struct endpoint_url url; /* wss; its path means nothing */
};

/* Configured for the gateway alone (AWS_ENDPOINT_URL_SSMMESSAGES, ssmmessages in the services section): it replaces the
 * address. An endpoint URL for every service, and that of --endpoint-url: likely the gateway's, too, so it is known.
 * Nothing configured: the region's gateway. Otherwise (an endpoint of SSM alone, a VPC endpoint, FIPS, dual stack)
 * nothing is known: no guess goes anywhere that nobody named. ERR_CONFIG as above. */
enum err aws_service_gateway(const struct aws_config *config, const char *region,
                             struct aws_service_gateway *ret_gateway, struct text *ret_why) SSM_MUST_USE;

#endif
