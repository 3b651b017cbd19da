/* governed: the account that this node's policy is about: what it is now, what it should be, and the way there. */
#ifndef SSM_HOST_USERCTL_GOVERNED_H
#define SSM_HOST_USERCTL_GOVERNED_H

#include "pam_ssm/core/account_state.h"
#include "pam_ssm/edge/account_use.h"
#include "pam_ssm/userctl/node.h"

struct governed {
    struct account_facts facts;
    struct account_use use;
    size_t live_logins;
    enum account_want want;
    struct account_plan plan;
    bool keeps_home; /* one that would be removed is put away, see account_home_archive */
};

/* As things are now. Without a record, the uid that it would get is chosen as for a new one, and nothing is planned but
 * the refusal of a foreign one. *ret_governed is owned by the caller: free() it. */
enum err governed_read(const struct node *node, struct governed **ret_governed, struct text *ret_why) SSM_MUST_USE;

/* Again, with another aim than the policy's. */
void governed_plan(const struct node *node, enum account_want want, struct governed *governed);

/* The record that it gets, in memory: created with the policy's uid or a free one, or adopted as it is. ERR_DENIED with
 * words when it may not be. */
enum err governed_begin(struct node *node, bool adopts, struct text *ret_why) SSM_MUST_USE;

/* What we write into sudoers, PAM and sshd's configuration shuts an account out. A name that was changed or mistaken in
 * host.conf must not have that done to a person's: ERR_DENIED with words for an account that is there and neither
 * governed nor the agent's ssm-user, and for another one than what is governed. */
enum err governed_want_own(const struct node *node, struct text *ret_why) SSM_MUST_USE;

/* Is anything of it in use? Then it says what, and how to end it. */
bool governed_is_busy(const struct node *node, const struct governed *governed, struct text *ret_what);

/* Appends a line for each step, "chage -E 1 ...: reason", and one for a refusal. */
void governed_put_plan(const struct node *node, const struct governed *governed, struct text *text);

/* Runs the steps and says them, looks again, and is content only when nothing is left to do. ERR_DENIED: a refusal is
 * left. */
enum err governed_run(struct node *node, struct governed *governed, struct text *ret_why) SSM_MUST_USE;

#endif
