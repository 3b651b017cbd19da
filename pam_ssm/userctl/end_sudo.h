/* end_sudo: ends what runs by a grant: the sudo processes below the sessions that it binds, and all that they started.
 */
#ifndef SSM_HOST_USERCTL_END_SUDO_H
#define SSM_HOST_USERCTL_END_SUDO_H

#include "pam_ssm/core/grant.h"
#include "pam_ssm/userctl/node.h"

/* A process is ended only when its ancestors show a session that one of the grants binds, and a sudo below it. Gives
 * how many were. */
size_t end_sudo(const struct node *node, const struct grant *grants, size_t count);

#endif
