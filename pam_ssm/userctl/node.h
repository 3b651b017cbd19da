/* node: this node as a verb finds it: what the admin wants, what time it is, and what we remember. */
#ifndef SSM_HOST_USERCTL_NODE_H
#define SSM_HOST_USERCTL_NODE_H

#include "pam_ssm/core/account_record.h"
#include "pam_ssm/core/audit_line.h"
#include "pam_ssm/core/host_policy.h"
#include "pam_ssm/edge/host_paths.h"

struct node {
    const struct host_paths *paths;
    struct host_policy policy;
    struct host_moment now;
    int lock; /* -1: it is only looked at */
    bool has_record;
    struct account_record record;
};

enum node_use { NODE_READ, NODE_CHANGE };

/* Says what is wrong when it fails: not root, a policy that cannot be, somebody else who changes the node. Warnings
 * about the policy are said, too. *ret_node is owned by the caller. */
enum err node_open(enum node_use use, struct node **ret_node) SSM_MUST_USE;
void node_close(struct node **node); /* usable with AUTO() */

/* Writes node->record; has_record is true then. ERR_SYSTEM, ERR_DENIED, ERR_TOO_LONG. */
enum err node_store_record(struct node *node, struct text *ret_why) SSM_MUST_USE;

/* Once more, after a file of host.conf.d has changed. Errors and words of host_files_read_policy. */
enum err node_read_policy(struct node *node, struct text *ret_why) SSM_MUST_USE;

/* To syslog and the audit log, as the policy has it: what was done to the node, such as "account", "chage -E 1 ...". */
void node_audit(const struct node *node, const char *event, const char *reason);
/* The same for an event with more to tell; user, level, time and pid are filled in, and `by` when it is NULL. */
void node_audit_event(const struct node *node, struct audit_event event);

#endif
