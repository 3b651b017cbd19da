/* find_session: the Session Manager session that somebody is in, found out and verified. Composes the edges: the
 * kernel's word on a socket, /proc, the agent's state files, our own login records. What the caller sends plays no part
 * but SSH_CONNECTION, which sshd sets itself.
 *
 * Files opened and bytes read depend on the number of sessions and on the depth of the process tree, never on how many
 * processes there are. */
#ifndef SSM_HOST_FIND_SESSION_H
#define SSM_HOST_FIND_SESSION_H

#include "pam_ssm/core/decision.h"
#include "pam_ssm/core/login_record.h"
#include "pam_ssm/edge/host_paths.h"

struct found_session {
    enum decision_finding finding;
    struct agent_session session; /* when VERIFIED, or ENDED */
    bool is_recorded;             /* a login record said so */
    struct login_record record;   /* then */
};

/* The session whose worker holds the client end of sshd's connection. `deadline_us` is on host_clock_mono_us. */
void find_session_of_connection(const struct host_paths *paths, const struct host_policy *policy,
                                const char *ssh_connection, int64_t deadline_us, struct found_session *ret_found);

/* The session above a process: the nearest ancestor that sshd recorded, or that is a session worker. */
void find_session_of_process(const struct host_paths *paths, const struct host_policy *policy, const char *boot_id,
                             int64_t pid, int64_t deadline_us, struct found_session *ret_found);

/* Is the worker process that the agent started for this session alive? Then it is root's, runs one of the policy's
 * files, and began when the agent says. */
bool find_session_has_worker(const struct host_paths *paths, const struct host_policy *policy,
                             const struct agent_session *session);

/* The same, and when it began: that and its pid name the process, however the clock is set. */
bool find_session_worker_start(const struct host_paths *paths, const struct host_policy *policy,
                               const struct agent_session *session, int64_t *ret_start_ticks);

#endif
