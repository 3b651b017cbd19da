/* proxy_options: the options that the verbs of ssm-proxy take. */
#ifndef SSM_PROXY_COMMAND_PROXY_OPTIONS_H
#define SSM_PROXY_COMMAND_PROXY_OPTIONS_H

#include "common/options.h"
#include "proxy/core/aws_config.h"

enum proxy_option {
    OPTION_PROFILE,
    OPTION_REGION,
    OPTION_ENDPOINT_URL,
    OPTION_CA_BUNDLE,
    OPTION_DOCUMENT_NAME,
    OPTION_PARAMETERS,
    OPTION_REASON,
    OPTION_CONNECT_TIMEOUT,
    OPTION_WAIT,
    OPTION_TIMEOUT,
    OPTION_START,
    OPTION_SEARCH_REGIONS,
    OPTION_RESUME_TIMEOUT,
    OPTION_PING_INTERVAL,
    OPTION_PAYLOAD_SIZE,
    OPTION_SSO_SESSION,
    OPTION_NO_BROWSER,
    OPTION_TAG,
    OPTION_PING,
    OPTION_TAGS,
    OPTION_OUTPUT,
    OPTION_JSON,
    OPTION_LAST,
    OPTION_CONCURRENCY,
    OPTION_MAX_ERRORS,
    OPTION_SCRIPT,
    OPTION_S3_BUCKET,
    OPTION_S3_PREFIX,
    OPTION_CLOUDWATCH_LOG_GROUP,
    OPTION_STREAM,
    OPTION_NO_WAIT,
    OPTION_SHOW,
    OPTION_VERSION,
    OPTION_ASSOCIATION,
    OPTION_SCHEDULE,
    OPTION_ALL,
    OPTION_ALL_MINE,
    OPTION_INSTALL,
    OPTION_UNINSTALL,
    OPTION_DRY_RUN,
    OPTION_HOST,
    OPTION_KEY,
    OPTION_HOST_KEYS,
    OPTION_LIFETIME,
    OPTION_AGENT,
    OPTION_DEBUG,
    OPTION_HELP,
    OPTION_COUNT
};

/* What every verb that talks to AWS takes. */
#define OPTIONS_AWS                                                                                                    \
    (OPTION_BIT(OPTION_PROFILE) | OPTION_BIT(OPTION_REGION) | OPTION_BIT(OPTION_ENDPOINT_URL) |                        \
     OPTION_BIT(OPTION_CA_BUNDLE) | OPTION_BIT(OPTION_DEBUG))

extern const struct option_row proxy_options[OPTION_COUNT];

/* For a node to come up, unless the person says otherwise: an instance that starts takes one to three minutes. */
#define PROXY_OPTIONS_WAIT_S 300

struct proxy_options_range {
    const char *unit;
    uint32_t min;
    uint32_t max;
    uint32_t otherwise; /* when the option was not given */
};

/* The value of a number's option. ERR_USAGE after one line on standard error. */
enum err proxy_options_number(const struct options *options, enum proxy_option id,
                              const struct proxy_options_range *range, uint32_t *ret_number) SSM_MUST_USE;

/* Likewise: 1 second to one day. */
enum err proxy_options_seconds(const struct options *options, enum proxy_option id, uint32_t otherwise,
                               int64_t *ret_us) SSM_MUST_USE;

/* What the options say about profile, region and so on; borrowed from them. */
struct aws_config_flags proxy_options_flags(const struct options *options);

#endif
