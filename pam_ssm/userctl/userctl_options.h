/* userctl_options: the options that the verbs of ssm-userctl take, and its exit codes. */
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
    OPTION_REASON,
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

enum userctl_exit {
    USERCTL_OK = 0,
    USERCTL_ERROR = 1,   /* something failed */
    USERCTL_USAGE = 2,   /* the command line */
    USERCTL_DRIFT = 3,   /* the node is not as the policy wants it */
    USERCTL_REFUSED = 4, /* it could be done, and must not */
    USERCTL_WEAK = 5     /* as the policy wants it, on a node where something guarantees less */
};

/* The exit code for a failure: ERR_USAGE and ERR_DENIED have their own. */
int userctl_exit_code(enum err err);

#endif
