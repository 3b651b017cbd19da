/* file_lock: one process at a time, by flock(2) on an empty file, which stays. The lock falls with the process. */
#ifndef SSM_PROXY_EDGE_FILE_LOCK_H
#define SSM_PROXY_EDGE_FILE_LOCK_H

#include "common/text.h"

/* Does not wait. ERR_AGAIN: somebody else has it; ERR_SYSTEM with words. Directories that are missing are made. */
enum err file_lock_try(const char *directory, const char *name, int *ret_fd, struct text *ret_why) SSM_MUST_USE;

/* Also of key_directory_take. -1 then; safe to repeat, usable with AUTO(). */
void file_lock_release(int *fd);

#endif
