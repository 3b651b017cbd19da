/* command_process: a script of Run Command as a process of this machine: `sh` in a process group and a scratch
 * directory of its own, as the user that runs ssm-lab. What it writes goes to files there: a running script costs no
 * descriptor. The agent does the same as root, below /var/lib/amazon/ssm/NODE/document/orchestration.
 *
 * A node may have files of its own: NODE_ROOT/NODE/etc/ssh and NODE_ROOT/NODE/usr/local/sbin then stand over the
 * machine's, in a mount namespace (and a user namespace, but for root) of the script alone. */
#ifndef SSM_LAB_COMMAND_PROCESS_H
#define SSM_LAB_COMMAND_PROCESS_H

#include <sys/types.h>

#include "common/err.h"

/* All borrowed for the call. */
struct command_process_config {
    const char *scratch; /* where the scratch directory is made */
    const char *script;
    const char *directory; /* where it runs; "": in the scratch directory */
    const char *node_id, *region;
    const char *node_root; /* what stands over the machine's own files for it; NULL: nothing */
};

struct command_process {
    pid_t pid;           /* 0: none */
    char directory[512]; /* "": none */
    char problem[160];   /* why it did not start */
};

/* ERR_SYSTEM: it did not start; `problem` says why in the agent's words, and nothing has to be freed. */
enum err command_process_start(const struct command_process_config *config,
                               struct command_process *ret_process) SSM_MUST_USE;

/* Kills the whole group. To be called as well when the script has ended, before it is waited for: nothing that it left
 * in the background outlives it. */
void command_process_kill(const struct command_process *process);

/* What it wrote, cut by the agent's rule (see command_output.h); the caller frees both. `note` comes after standard
 * error; "": nothing. NULL: no memory. */
void command_process_read(const struct command_process *process, const char *note, char **ret_output, char **ret_error);

/* Removes the scratch directory. Safe to repeat. */
void command_process_clear(struct command_process *process);

#endif
