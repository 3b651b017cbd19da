/* proxy_options: the options that the verbs of ssm-proxy take. */
#ifndef SSM_PROXY_COMMAND_PROXY_OPTIONS_H
#define SSM_PROXY_COMMAND_PROXY_OPTIONS_H

#include "common/options.h"

enum proxy_option {
    OPTION_PROFILE,
    OPTION_REGION,
    OPTION_ENDPOINT_URL,
    OPTION_CA_BUNDLE,
    OPTION_DOCUMENT_NAME,
    OPTION_REASON,
    OPTION_CONNECT_TIMEOUT,
    OPTION_WAIT,
    OPTION_START,
    OPTION_SEARCH_REGIONS,
    OPTION_RESUME_TIMEOUT,
    OPTION_PING_INTERVAL,
    OPTION_PAYLOAD_SIZE,
    OPTION_SSO_SESSION,
    OPTION_NO_BROWSER,
    OPTION_DEBUG,
    OPTION_HELP,
    OPTION_COUNT
};

/* What every verb that talks to AWS takes. */
#define OPTIONS_AWS                                                                                                    \
    (OPTION_BIT(OPTION_PROFILE) | OPTION_BIT(OPTION_REGION) | OPTION_BIT(OPTION_ENDPOINT_URL) |                        \
     OPTION_BIT(OPTION_CA_BUNDLE) | OPTION_BIT(OPTION_DEBUG))

extern const struct option_row proxy_options[OPTION_COUNT];

#endif
