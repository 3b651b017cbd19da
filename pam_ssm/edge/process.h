/* process: one process, held by a descriptor of its directory in /proc, so that nothing that is asked of it later can
 * be answered by another process that got the same pid. */
#ifndef SSM_HOST_EDGE_PROCESS_H
#define SSM_HOST_EDGE_PROCESS_H

#include "pam_ssm/core/proc_stat.h"
#include "pam_ssm/core/word_list.h"
#include "pam_ssm/edge/host_paths.h"

struct process {
    int dir; /* -1: none */
    struct proc_stat stat;
};
#define PROCESS_NONE ((struct process){.dir = -1})

/* ERR_NO_TARGET: there is no such process (any more); ERR_SYSTEM; ERR_MALFORMED. */
enum err process_open(const struct host_paths *paths, int64_t pid, struct process *ret_process) SSM_MUST_USE;
void process_close(struct process *process); /* safe to repeat; usable with AUTO() */

/* All four user ids are `uid`. An error counts as no. */
bool process_is_of(const struct process *process, uid_t uid);

/* One of its descriptors is this socket. Looks at no more than 4096 of them. */
bool process_holds_socket(const struct process *process, unsigned long inode);

/* Its executable is one of these files, whatever name it was started by; or was, before an upgrade replaced it; or
 * another revision of the same snap. */
bool process_runs(const struct process *process, const struct word_list *executables);

/* The file of its executable is called so, in whatever directory it lies, or lay before an upgrade replaced it. */
bool process_is_named(const struct process *process, const char *name);

#endif
