/* logins: who is in by sshd, by the records of pam_ssm: a record counts as long as its very process lives. */
#ifndef SSM_HOST_USERCTL_LOGINS_H
#define SSM_HOST_USERCTL_LOGINS_H

#include "pam_ssm/core/login_record.h"
#include "pam_ssm/edge/host_paths.h"

/* How many are alive. Files that make no sense are no logins. ERR_MEMORY, ERR_SYSTEM, ERR_DENIED, ERR_TOO_LONG. */
enum err logins_count(const struct host_paths *paths, const char *boot_id, size_t *ret_count,
                      struct text *ret_why) SSM_MUST_USE;

/* Removes the records of processes that are gone. */
enum err logins_sweep(const struct host_paths *paths, const char *boot_id, size_t *ret_swept,
                      struct text *ret_why) SSM_MUST_USE;

#endif
