/* process_search: looks through all processes for one that runs a program. Its cost grows with their number: not for a
 * PAM module. */
#ifndef SSM_HOST_EDGE_PROCESS_SEARCH_H
#define SSM_HOST_EDGE_PROCESS_SEARCH_H

#include "pam_ssm/edge/process.h"

/* The one with the lowest pid of those that `uid` runs. ERR_NO_TARGET: there is none. ERR_SYSTEM. */
enum err process_search(const struct host_paths *paths, const struct word_list *executables, uid_t uid,
                        int64_t *ret_pid) SSM_MUST_USE;

/* The same for the name of the executable's file. */
enum err process_search_name(const struct host_paths *paths, const char *name, uid_t uid,
                             int64_t *ret_pid) SSM_MUST_USE;

#endif
