/* userctl_exit: the exit codes of ssm-userctl. */
#ifndef SSM_HOST_USERCTL_EXIT_H
#define SSM_HOST_USERCTL_EXIT_H

#include "common/err.h"

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
