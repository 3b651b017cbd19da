/* reconcile: brings all of a node to what the policy wants, or says what that would be. */
#ifndef SSM_HOST_USERCTL_RECONCILE_H
#define SSM_HOST_USERCTL_RECONCILE_H

#include "pam_ssm/userctl/node.h"

#include <jansson.h>

/* Appends a line "component: what is done about it" for each difference. What cannot be looked at is a line, too. */
void reconcile_put_differences(struct node *node, struct text *text, size_t *ret_count);

/* The same lines as an array; cuts them. */
json_t *reconcile_lines_to_json(char *lines);

/* Prints the differences, for people or as JSON. USERCTL_DRIFT when there are any. */
int reconcile_print_plan(struct node *node, bool as_json);

/* Sweeps what has ended (grants, logins), then applies every component, also after one that failed. Says what it does.
 * Gives the exit code. */
int reconcile_apply(struct node *node);

#endif
