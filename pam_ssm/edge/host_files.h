/* host_files: what lies on a node, read and judged: the policy, the grants, who is in. */
#ifndef SSM_HOST_EDGE_HOST_FILES_H
#define SSM_HOST_EDGE_HOST_FILES_H

#include "pam_ssm/core/grant.h"
#include "pam_ssm/core/host_policy.h"
#include "pam_ssm/core/login_record.h"
#include "pam_ssm/edge/host_paths.h"

/* host.conf, and the *.conf of host.conf.d, over the defaults; files that are not there are fine. ERR_CONFIG,
 * ERR_DENIED, ERR_SYSTEM, ERR_TOO_LONG, ERR_MEMORY with words; warnings are lines. */
enum err host_files_read_policy(const struct host_paths *paths, struct host_policy *ret_policy, struct text *warnings,
                                struct text *ret_why) SSM_MUST_USE;

/* The folders of an admin's files, where they are missing: an installation need not bring them. */
enum err host_files_make_config(const struct host_paths *paths, struct text *ret_why) SSM_MUST_USE;

struct host_grants {
    struct grant *grants; /* owned */
    size_t count;
    size_t unreadable; /* files that make no sense, or that others could have written */
};
enum err host_files_read_grants(const struct host_paths *paths, struct host_grants *ret_grants,
                                struct text *ret_why) SSM_MUST_USE;
void host_files_free_grants(struct host_grants *grants); /* usable with AUTO() */

/* The record of this very process; ERR_NO_TARGET when it has none, ERR_MALFORMED, ERR_DENIED, ERR_SYSTEM. */
enum err host_files_read_login(const struct host_paths *paths, const struct proc_stat *process,
                               struct login_record *ret_record) SSM_MUST_USE;

#endif
