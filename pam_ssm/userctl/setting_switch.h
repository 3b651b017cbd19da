/* setting_switch: what an admin has switched off (`pam disable`, `sshd disable`) stays so, whatever `apply` finds: a
 * file "disabled-NAME" in the state directory says it. */
#ifndef SSM_HOST_USERCTL_SETTING_SWITCH_H
#define SSM_HOST_USERCTL_SETTING_SWITCH_H

#include "common/options.h"
#include "pam_ssm/userctl/node.h"

bool setting_switch_is_on(const struct node *node, const char *name);
enum err setting_switch_set(const struct node *node, const char *name, bool is_on, struct text *ret_why) SSM_MUST_USE;

struct setting_verb {
    const char *name; /* "pam", "sshd" */
    enum err (*check)(struct node *node, struct text *differences, struct text *ret_why);
    enum err (*apply)(struct node *node, struct text *ret_why);
    enum err (*undo)(struct node *node, bool restores, struct text *ret_why);
};

/* The verbs pam and sshd: enable, disable, check. Gives the exit code. */
int setting_switch_run(const struct setting_verb *verb, const struct options *options);

#endif
