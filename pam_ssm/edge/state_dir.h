/* state_dir: small files that root writes whole and others never see: grants, login records, what is owned. A file is
 * made beside its name (".tmp-..."), synced and renamed, so that a reader finds the old or the new content, and nothing
 * between. */
#ifndef SSM_HOST_EDGE_STATE_DIR_H
#define SSM_HOST_EDGE_STATE_DIR_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/text.h"

#include <sys/types.h>

/* Files of one directory that are looked at; each is a live session or a grant. */
#define STATE_DIR_NAMES 1024

/* Makes the last part of an absolute path when it is missing, mode 0700; what is above it must be there. Errors of
 * path_trust_open_dir. */
enum err state_dir_make(const char *path, uid_t owner, struct text *ret_why) SSM_MUST_USE;

/* Writes or replaces a file. With `is_durable`, it is on the disk when this returns (not needed below /run).
 * ERR_SYSTEM; the old content stands then, and nothing is left behind. */
enum err state_dir_write(const char *path, const char *name, struct bytes content, mode_t mode, bool is_durable,
                         struct text *ret_why) SSM_MUST_USE;

/* Replaces a file that is there; its owner, group, mode and SELinux label stay. ERR_NO_TARGET, ERR_SYSTEM; the old
 * content stands then. */
enum err state_dir_replace(const char *path, const char *name, struct bytes content, struct text *ret_why) SSM_MUST_USE;

/* Removes a file; one that is gone already is fine. */
enum err state_dir_remove(const char *path, const char *name, struct text *ret_why) SSM_MUST_USE;

/* Removes what writers that were killed have left in a directory; nobody else may write there now. A directory that is
 * not there is fine. */
enum err state_dir_sweep(const char *path, struct text *ret_why) SSM_MUST_USE;

/* The names in a directory that do not begin with a dot, sorted by strcmp. */
struct state_dir_names {
    size_t count;
    char **names; /* owned */
};
/* A directory that is not there is empty. ERR_TOO_LONG over STATE_DIR_NAMES, ERR_MEMORY, ERR_SYSTEM, ERR_DENIED. */
enum err state_dir_list(const char *path, uid_t owner, struct state_dir_names *ret_names,
                        struct text *ret_why) SSM_MUST_USE;
void state_dir_names_free(struct state_dir_names *names); /* usable with AUTO() */

#endif
