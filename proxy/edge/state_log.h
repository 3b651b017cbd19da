/* state_log: lines at the end of a small file in a directory of state_directory.h, mode 0600, written by any number of
 * processes at once.
 *
 * A line is one write with O_APPEND, so lines never mix (on NFS they may). A file that the line would take over
 * LIMIT_STATE_LOG is renamed first, NAME to NAME.1, in place of an older one: so NAME always has the newest line,
 * nothing is copied, and a process that has opened the file meanwhile writes to NAME.1. Two that want to rename at the
 * same time are kept apart by flock; whoever does not get the lock does not wait, but appends. When the rename cannot
 * be done, the file ends at twice the limit.
 *
 * What stands under NAME must be a regular file of this user, else it is left alone: no symbolic link is followed. */
#ifndef SSM_PROXY_EDGE_STATE_LOG_H
#define SSM_PROXY_EDGE_STATE_LOG_H

#include "common/text.h"

/* `line` ends with a newline and has none before. Makes directory and file. ERR_SYSTEM with words; a part of the line
 * may stand in the file then, when the disk is full. */
enum err state_log_append(const char *directory_path, const char *name, struct bytes line,
                          struct text *ret_why) SSM_MUST_USE;

#endif
