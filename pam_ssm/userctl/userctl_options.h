/* userctl_options: the options that the verbs of ssm-userctl take. */
#ifndef SSM_HOST_USERCTL_OPTIONS_H
#define SSM_HOST_USERCTL_OPTIONS_H

#include "common/options.h"

enum userctl_option {
    OPTION_ALL,
    OPTION_ALLOW_ROOT,
    OPTION_BY,
    OPTION_DRY_RUN,
    OPTION_FOR,
    OPTION_I_KNOW,
    OPTION_JSON,
    OPTION_KILL,
    OPTION_OWNER,
    OPTION_PURGE,
    OPTION_REASON,
    OPTION_REGION,
    OPTION_REPAIR,
    OPTION_RESTORE,
    OPTION_SESSION,
    OPTION_SINCE,
    OPTION_USER,
    OPTION_YES,
    OPTION_HELP,
    OPTION_COUNT
};

extern const struct option_row userctl_options[OPTION_COUNT];

#endif
