/* verbs: what main dispatches to; one file each. */
#ifndef SSM_HOST_USERCTL_VERBS_H
#define SSM_HOST_USERCTL_VERBS_H

#include "pam_ssm/userctl/userctl_exit.h"
#include "pam_ssm/userctl/userctl_options.h"

extern const struct verb adopt_verb;
extern const struct verb apply_verb;
extern const struct verb audit_verb;
extern const struct verb diff_verb;
extern const struct verb doctor_verb;
extern const struct verb grant_verb;
extern const struct verb grants_verb;
extern const struct verb init_verb;
extern const struct verb key_verb;
extern const struct verb level_verb;
extern const struct verb lint_verb;
extern const struct verb pam_verb;
extern const struct verb park_verb;
extern const struct verb plan_verb;
extern const struct verb remove_verb;
extern const struct verb revoke_verb;
extern const struct verb sessions_verb;
extern const struct verb sshd_verb;
extern const struct verb status_verb;
extern const struct verb uninstall_verb;
extern const struct verb unpark_verb;
extern const struct verb version_verb;

#endif
