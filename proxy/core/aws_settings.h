/* aws_settings: what a profile says besides credentials and endpoints of single services: region, where the SSM API and
 * the gateway answer, which certificates are trusted.
 *
 *   region     --region, AWS_REGION, AWS_DEFAULT_REGION, region of the profile
 *   endpoints  see aws_service.h
 *   tries      AWS_MAX_ATTEMPTS, max_attempts of the profile; else 3, or 5 where AWS_RETRY_MODE or retry_mode says
 *              legacy. That, standard and adaptive are otherwise the same here: see retry.h
 *   CA         --ca-bundle, AWS_CA_BUNDLE, ca_bundle of the profile, SSL_CERT_FILE and SSL_CERT_DIR, the system's
 *
 * Source: the AWS CLI 2.9 (its botocore), the AWS SDKs and tools reference guide. */
#ifndef SSM_PROXY_CORE_AWS_SETTINGS_H
#define SSM_PROXY_CORE_AWS_SETTINGS_H

#include "proxy/core/aws_service.h"

struct aws_settings {
    char profile[LIMIT_PROFILE + 1];
    char region[LIMIT_REGION + 1];
    struct endpoint_url api; /* where to post; path "/" unless the endpoint URL has one */
    struct aws_service_gateway gateway;
    int tries;                          /* of one call, the first included */
    char ca_path[LIMIT_PATH + 1];       /* a file, or a directory; "" : see below. Alone: nothing else is trusted */
    char ssl_cert_file[LIMIT_PATH + 1]; /* OpenSSL's own variables; both "" : the system's. Only when ca_path is "" */
    char ssl_cert_dir[LIMIT_PATH + 1];
};

/* Whether a region is configured at all; where none is, an EC2 instance may ask its metadata service. */
bool aws_settings_has_region(const struct aws_config *config);

/* ERR_CONFIG with words: none, or an unusable one. */
enum err aws_settings_region(const struct aws_config *config, char ret_region[LIMIT_REGION + 1],
                             struct text *ret_why) SSM_MUST_USE;

/* Profile, number of tries and trust: what holds before the region is known; the rest is zero. ERR_CONFIG. */
enum err aws_settings_begin(const struct aws_config *config, struct aws_settings *ret_settings,
                            struct text *ret_why) SSM_MUST_USE;

/* ERR_CONFIG: no region, an unusable region, retry mode or number of attempts, and what aws_service refuses. */
enum err aws_settings_choose(const struct aws_config *config, struct aws_settings *ret_settings,
                             struct text *ret_why) SSM_MUST_USE;

/* StreamUrl with the gateway's address in its place where the settings say so. */
void aws_settings_apply_gateway(const struct aws_settings *settings, struct endpoint_url *stream_url);

#endif
