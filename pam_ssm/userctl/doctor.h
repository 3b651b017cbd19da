/* doctor_look: gathers the facts of one side of a node and has core judge them. A fact that cannot be had is a finding,
 * and never ends the others. */
#ifndef SSM_HOST_USERCTL_DOCTOR_H
#define SSM_HOST_USERCTL_DOCTOR_H

#include "pam_ssm/core/doctor_report.h"
#include "pam_ssm/userctl/node.h"

void doctor_look_at_sudo(const struct node *node, struct doctor_report *report);
void doctor_look_at_login(const struct node *node, struct doctor_report *report);
void doctor_look_at_account(const struct node *node, struct doctor_report *report);

/* `region` NULL: as the agent's files, or the instance metadata, tell it. */
void doctor_look_at_agent(const struct node *node, const char *region, struct doctor_report *report);

/* The output of a program; NULL: there is none, it ended with an error, or it took longer than `timeout_ms`. The caller
 * frees it. */
char *doctor_look_run(const char *const *argv, int64_t timeout_ms);

#endif
