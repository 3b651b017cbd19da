/* pam_setup: pam_ssm in the node's PAM: our lines in /etc/pam.d/sshd, and the services ssm-sudo and ssm-sudo-limited.
 *
 * Before the admin's file is changed: all of it is understood (core/pam_stack), PAM can load the module, and with the
 * new text PAM says of root what it says with the old. The text without our lines is kept in the state directory. */
#ifndef SSM_HOST_USERCTL_PAM_SETUP_H
#define SSM_HOST_USERCTL_PAM_SETUP_H

#include "pam_ssm/userctl/node.h"

/* As the functions of struct component. */
enum err pam_setup_check(struct node *node, struct text *differences, struct text *ret_why) SSM_MUST_USE;
enum err pam_setup_apply(struct node *node, struct text *ret_why) SSM_MUST_USE;
enum err pam_setup_undo(struct node *node, bool restores, struct text *ret_why) SSM_MUST_USE;

#endif
