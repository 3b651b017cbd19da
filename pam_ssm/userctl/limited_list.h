/* limited_list: the commands of the level limited as they lie on this node, and what the linter says of them. */
#ifndef SSM_HOST_USERCTL_LIMITED_LIST_H
#define SSM_HOST_USERCTL_LIMITED_LIST_H

#include "pam_ssm/core/sudoers_limited.h"
#include "pam_ssm/edge/host_paths.h"

/* All files of limited.d whose names have no dot and no '~' at the end, as sudo does it, in the order of strcmp. Errors
 * of sudoers_limited_add, and of a file that others may have written. */
enum err limited_list_read(const struct host_paths *paths, struct sudoers_limited *ret_limited,
                           struct text *ret_why) SSM_MUST_USE;

struct limited_list_verdict {
    size_t errors, warnings;
};

/* Says each finding on standard error. */
struct limited_list_verdict limited_list_lint(const struct sudoers_limited *limited);

/* The same as an array of JSON objects on standard output. ERR_MEMORY, ERR_SYSTEM. */
enum err limited_list_lint_json(const struct sudoers_limited *limited,
                                struct limited_list_verdict *ret_verdict) SSM_MUST_USE;

/* Names what is in the list, all of it: 64 hexadecimal digits. ERR_MEMORY. */
enum err limited_list_hash(const struct sudoers_limited *limited, char ret_hash[65]) SSM_MUST_USE;

#endif
