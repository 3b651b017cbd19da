/* path_trust: opens what root alone can have written. The path is walked from "/" one descriptor at a time, without
 * following a symbolic link, and each step is judged by its open descriptor: owned by `owner` (or by root), and
 * writable by nobody else. */
#ifndef SSM_HOST_EDGE_PATH_TRUST_H
#define SSM_HOST_EDGE_PATH_TRUST_H

#include "common/err.h"
#include "common/text.h"

#include <dirent.h>
#include <sys/types.h>

/* The caller closes *ret_fd (O_CLOEXEC). ERR_NO_TARGET: it is not there. ERR_DENIED: it, or a directory above it, is a
 * symbolic link, belongs to somebody else, or others may write there. ERR_SYSTEM: errno tells. ret_why gets words. */
enum err path_trust_open_dir(const char *path, uid_t owner, int *ret_fd, struct text *ret_why) SSM_MUST_USE;

/* A regular file in an open directory; O_NOFOLLOW | O_NONBLOCK. The same errors; ERR_DENIED for any other kind of file.
 */
enum err path_trust_open_file_at(int dir, const char *name, uid_t owner, int *ret_fd,
                                 struct text *ret_why) SSM_MUST_USE;

/* The whole content of a trusted file by its absolute path. *ret_memory is owned by the caller and terminated.
 * ERR_TOO_LONG over `max` bytes; ERR_MEMORY; and as above. */
enum err path_trust_read(const char *path, uid_t owner, size_t max, char **ret_memory, size_t *ret_len,
                         struct text *ret_why) SSM_MUST_USE;
enum err path_trust_read_at(int dir, const char *name, uid_t owner, size_t max, char **ret_memory, size_t *ret_len,
                            struct text *ret_why) SSM_MUST_USE;

/* Closes and forgets; -1, and NULL, are fine. For AUTO(). */
void path_trust_close(int *fd);
void path_trust_close_dir(DIR **stream);

#endif
