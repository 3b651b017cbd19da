/* session_view: the sessions of a node from two sides, joined: the logins that pam_ssm recorded, and the sessions that
 * the agent has open. */
#ifndef SSM_HOST_CORE_SESSION_VIEW_H
#define SSM_HOST_CORE_SESSION_VIEW_H

#include "pam_ssm/core/login_record.h"

enum session_kind {
    SESSION_LOGIN,      /* somebody is in by sshd */
    SESSION_SHELL,      /* of the agent's own, without a login: it passes neither sshd nor PAM */
    SESSION_TUNNEL,     /* a connection to a port of the node, and no login by it */
    SESSION_DEAD_LOGIN, /* a record whose process is gone: it counts for nothing, and is swept by apply */
    SESSION_DEAD_WORKER /* a state file of the agent's whose worker is gone */
};

struct session_login {
    const struct login_record *record;
    bool is_alive;
};

struct session_of_agent {
    const struct agent_session *session;
    bool has_worker;
};

struct session_row {
    enum session_kind kind;
    const struct agent_session *session; /* the agent's own word where there is one, else that of the record */
    const struct login_record *record;   /* NULL: no login */
    bool is_known_to_agent;
};

/* Logins first, then the sessions without one. `ret_rows` has room for one row a login and one a session; gives the
 * number of rows. All is borrowed. */
size_t session_view_join(const struct session_login *logins, size_t login_count, const struct session_of_agent *agents,
                         size_t agent_count, struct session_row *ret_rows);

/* "login", "shell", "tunnel", "dead-login", "dead-worker". */
const char *session_view_kind_text(enum session_kind kind);

#endif
