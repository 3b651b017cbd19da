/* verbs: what main dispatches to; one file each. */
#ifndef SSM_HOST_USERCTL_VERBS_H
#define SSM_HOST_USERCTL_VERBS_H

#include "pam_ssm/userctl/userctl_exit.h"
#include "pam_ssm/userctl/userctl_options.h"

extern const struct verb version_verb;

#endif
