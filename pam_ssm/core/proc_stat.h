/* proc_stat: what Linux tells about a process in /proc/PID/stat and /proc/PID/status (proc(5)). */
#ifndef SSM_HOST_CORE_PROC_STAT_H
#define SSM_HOST_CORE_PROC_STAT_H

#include "common/bytes.h"
#include "common/err.h"

struct proc_stat {
    int64_t pid;
    int64_t parent_pid;  /* field 4 */
    int64_t start_ticks; /* field 22: clock ticks since boot; with the pid, it names one process of one boot */
};

/* `file` is the content of /proc/PID/stat. A process's name (field 2) may hold spaces and parentheses. ERR_MALFORMED.
 */
enum err proc_stat_parse(struct bytes file, struct proc_stat *ret_stat) SSM_MUST_USE;

/* The real, effective, saved and file system user ids of /proc/PID/status. ERR_MALFORMED. */
enum err proc_stat_parse_uids(struct bytes status, int64_t ret_uids[4]) SSM_MUST_USE;

#endif
