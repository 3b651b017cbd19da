/* decision: may it pass? What the edges found out goes in, and a verdict with its reason comes out. Anything that is
 * not known for certain is a refusal. */
#ifndef SSM_HOST_CORE_DECISION_H
#define SSM_HOST_CORE_DECISION_H

#include "pam_ssm/core/agent_state.h"
#include "pam_ssm/core/grant.h"
#include "pam_ssm/core/host_policy.h"

/* What the PAM line asks for, by its argument require=... */
enum decision_demand {
    DECISION_CONNECTION, /* sshd: the connection comes from a session worker of the agent */
    DECISION_SESSION,    /* sudo: some session is above this process */
    DECISION_GRANT       /* sudo: and it has root, by the level or by a grant that binds it */
};

/* How a session was looked for, and what came of it. */
enum decision_finding {
    FINDING_VERIFIED,      /* `session` is what the agent says about it */
    FINDING_NO_SESSION,    /* nothing of the agent's is at the other end, or above this process */
    FINDING_NOT_LOOPBACK,  /* the connection comes from another machine */
    FINDING_NOT_OURS,      /* the connection that is named is not the one that this process serves */
    FINDING_NOT_ROOT,      /* the socket or the process belongs to an ordinary user: a forgery, or a hop */
    FINDING_NOT_WORKER,    /* root's, but not the agent's session worker */
    FINDING_STATE_MISSING, /* the worker is real, its state file is missing or cannot be read */
    FINDING_ENDED,         /* the login is there, the worker of its session is not */
    FINDING_AMBIGUOUS,     /* the socket has two owners, or changed hands meanwhile */
    FINDING_TIMEOUT,       /* 250 ms were over */
    FINDING_UNKNOWN        /* the kernel refused to tell */
};

struct decision_facts {
    enum decision_demand demand;
    enum decision_finding finding;
    const struct agent_session *session; /* NULL unless VERIFIED */
    bool is_recorded;                    /* by a login record: sshd's document was judged at the login */
    const struct grant *grants;          /* those on disk, read and well-formed */
    size_t grant_count;
    const struct host_moment *now;
};

struct decision {
    bool is_allowed;
    bool is_only_logged;       /* RequireSsm=log: it would have been refused */
    const char *reason;        /* a phrase for the log and the person; never NULL; constant memory */
    const struct grant *grant; /* the one that gave root; NULL: none was needed */
};

struct decision decision_make(const struct host_policy *policy, const struct decision_facts *facts);

#endif
