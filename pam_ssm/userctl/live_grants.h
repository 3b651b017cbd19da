/* live_grants: the grants that hold now. */
#ifndef SSM_HOST_USERCTL_LIVE_GRANTS_H
#define SSM_HOST_USERCTL_LIVE_GRANTS_H

#include "pam_ssm/userctl/node.h"

/* Removes those that are over, says so and writes it to the audit trail; needs the lock. */
enum err live_grants_sweep(const struct node *node, struct text *ret_why) SSM_MUST_USE;

/* When the last one ends; 0: there is none. */
enum err live_grants_end(const struct node *node, int64_t *ret_not_after_unix_s, struct text *ret_why) SSM_MUST_USE;

#endif
