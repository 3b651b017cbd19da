/* account_home: the home directory of an account, made, put away, or removed. No step follows a symbolic link, leaves
 * the file system, or trusts a directory that others than root could have changed on the way there. */
#ifndef SSM_HOST_EDGE_ACCOUNT_HOME_H
#define SSM_HOST_EDGE_ACCOUNT_HOME_H

#include "common/err.h"
#include "common/text.h"

#include <sys/types.h>

/* Makes it, or takes over an empty one of root's, mode 0700. ERR_DENIED: it is something else, or the path to it is
 * not root's; ERR_SYSTEM. */
enum err account_home_make(const char *path, uid_t uid, gid_t gid, struct text *ret_why) SSM_MUST_USE;

/* Renames it to PATH.removed-UNIX_S, root's and mode 0700, so that nobody who gets the uid later reaches what is in it.
 * *ret_archive gets the new path. One that is not there, or belongs to neither root nor `uid`, is left alone, and the
 * archive is "". */
enum err account_home_archive(const char *path, uid_t uid, int64_t unix_s, struct text *ret_archive,
                              struct text *ret_why) SSM_MUST_USE;

/* Removes it with all that is in it; what is mounted below is an error. One that is not there is fine; ERR_DENIED:
 * it belongs to neither root nor `uid`. */
enum err account_home_remove(const char *path, uid_t uid, struct text *ret_why) SSM_MUST_USE;

#endif
