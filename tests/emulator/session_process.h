/* session_process: a session worker as a process of its own, as the real agent has one a session: PROGRAM SESSION-ID,
 * and the state file that the agent keeps meanwhile, DIR/NODE/document/state/current/SESSION-ID. What else the worker
 * must know, SESSION_WORKER_PORT, is in its environment; its standard input and output are the session's data. */
#ifndef SSM_LAB_SESSION_PROCESS_H
#define SSM_LAB_SESSION_PROCESS_H

#include <limits.h>
#include <stdint.h>

#include "common/err.h"

/* Texts are borrowed, and outlive the process. */
struct session_process_config {
    const char *program;   /* NULL: no process, the target is dialed from here */
    const char *state_dir; /* NULL: no state file */
    const char *session_id, *node_id, *document, *owner;
};

struct session_process {
    char state_file[PATH_MAX]; /* "": none */
};

/* *ret_fd is our end of its standard input and output, non-blocking; closing it ends the worker, after what was written
 * to it. ERR_SYSTEM after a line in the log. */
enum err session_process_start(const struct session_process_config *config, uint16_t port,
                               struct session_process *ret_process, int *ret_fd) SSM_MUST_USE;

/* The session is over for the agent: its state file goes. Safe to repeat. */
void session_process_end(struct session_process *process);

#endif
