/* agent_sudoers: /etc/sudoers.d/ssm-agent-users, the agent's rule, and our comment in its place (core/agent_stub). */
#ifndef SSM_HOST_EDGE_AGENT_SUDOERS_H
#define SSM_HOST_EDGE_AGENT_SUDOERS_H

#include "common/err.h"
#include "common/text.h"
#include "pam_ssm/edge/host_paths.h"

enum agent_sudoers {
    AGENT_SUDOERS_MISSING, /* the agent would write its rule together with the account */
    AGENT_SUDOERS_OURS,    /* a regular file of root's with our comment alone, mode 0440 */
    AGENT_SUDOERS_OTHER,   /* anything else */
    AGENT_SUDOERS_NOWHERE  /* there is no sudoers.d: nobody reads it, and the agent cannot write it */
};

/* ERR_SYSTEM: errno tells. */
enum err agent_sudoers_read(const struct host_paths *paths, enum agent_sudoers *ret_kind,
                            struct text *ret_why) SSM_MUST_USE;

/* Keeps what is there in the state directory, unless something is kept there already, and puts the comment in its
 * place in one rename; without a sudoers.d it does nothing. ERR_TOO_LONG, ERR_MEMORY, ERR_SYSTEM; what was there stands
 * then. */
enum err agent_sudoers_install(const struct host_paths *paths, struct text *ret_why) SSM_MUST_USE;

/* Back to what was there before; removes ours when nothing was. What is there and not ours stays. */
enum err agent_sudoers_restore(const struct host_paths *paths, struct text *ret_why) SSM_MUST_USE;

#endif
