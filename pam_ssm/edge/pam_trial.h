/* pam_trial: what would PAM say? Asks libpam about one account, with a service file that is not installed, beside
 * copies of all others; in a child, so that a module that crashes or hangs is seen, and hurts nobody. For ssm-userctl.
 */
#ifndef SSM_HOST_EDGE_PAM_TRIAL_H
#define SSM_HOST_EDGE_PAM_TRIAL_H

#include "common/text.h"
#include "pam_ssm/edge/host_paths.h"

/* *ret_verdict is what the account phase gives, PAM_SUCCESS... ERR_TIMEOUT, ERR_SYSTEM with words: there is none. */
enum err pam_trial_account(const struct host_paths *paths, const char *service, struct bytes content, const char *user,
                           int *ret_verdict, struct text *ret_why) SSM_MUST_USE;

#endif
