/* plain_file: files that are looked at, and not believed: logs, other programs' configuration. path_trust reads those
 * that decide something. */
#ifndef SSM_HOST_EDGE_PLAIN_FILE_H
#define SSM_HOST_EDGE_PLAIN_FILE_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The last `max` bytes at most of a regular file, or of a file of /proc. *ret_memory is owned by the caller and
 * terminated. ERR_NO_TARGET: it is not there. ERR_DENIED: it is no regular file. ERR_MEMORY, ERR_SYSTEM. */
enum err plain_file_read_end(const char *path, size_t max, char **ret_memory, size_t *ret_len) SSM_MUST_USE;

/* Something of this name is in a directory below `folder`, which is walked without following symbolic links: for
 * what lies in the home of somebody who is not trusted. `path` is relative. An error counts as no. */
bool plain_file_is_below(const char *folder, const char *path);

#endif
