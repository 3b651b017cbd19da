/* agent_dir: the sessions that the SSM agent has open now, from its state files. */
#ifndef SSM_HOST_EDGE_AGENT_DIR_H
#define SSM_HOST_EDGE_AGENT_DIR_H

#include "pam_ssm/core/agent_state.h"
#include "pam_ssm/edge/host_paths.h"

/* Sessions that one node has open at once; each costs a worker process. */
#define AGENT_DIR_SESSIONS 1024

struct agent_sessions {
    struct agent_session *sessions; /* owned */
    size_t count;
    size_t unreadable; /* state files that make no sense, or that others could have written */
};

/* A node without the agent has none. ERR_MEMORY, ERR_SYSTEM, ERR_DENIED, ERR_TOO_LONG. */
enum err agent_dir_read(const struct host_paths *paths, struct agent_sessions *ret_sessions) SSM_MUST_USE;

/* The same; ERR_TIMEOUT when it is later than `deadline_us` (host_clock_mono_us) after any of the files. */
enum err agent_dir_read_until(const struct host_paths *paths, int64_t deadline_us,
                              struct agent_sessions *ret_sessions) SSM_MUST_USE;
void agent_dir_free(struct agent_sessions *sessions); /* usable with AUTO() */

#endif
