/* sshd_setup: our drop-in of sshd_config, judged by sshd itself.
 *
 * AuthorizedKeysFile has one value, the first: ours keeps what sshd would take without our file, and adds the folder of
 * the verb key. sshd reads its configuration when it starts and on SIGHUP: where systemd runs, it is told. */
#ifndef SSM_HOST_USERCTL_SSHD_SETUP_H
#define SSM_HOST_USERCTL_SSHD_SETUP_H

#include "pam_ssm/userctl/node.h"

/* As the functions of struct component. A node without sshd needs nothing. */
enum err sshd_setup_check(struct node *node, struct text *differences, struct text *ret_why) SSM_MUST_USE;
enum err sshd_setup_apply(struct node *node, struct text *ret_why) SSM_MUST_USE;
enum err sshd_setup_undo(struct node *node, bool restores, struct text *ret_why) SSM_MUST_USE;

#endif
