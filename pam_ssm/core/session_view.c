#include "pam_ssm/core/session_view.h"

#include <string.h>

static const struct agent_session *find_agent(const struct session_of_agent *agents, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(agents[i].session->session_id, id) == 0) {
            return agents[i].session;
        }
    }
    return NULL;
}

static bool has_login(const struct session_login *logins, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (logins[i].is_alive && strcmp(logins[i].record->session.session_id, id) == 0) {
            return true;
        }
    }
    return false;
}

size_t session_view_join(const struct session_login *logins, size_t login_count, const struct session_of_agent *agents,
                         size_t agent_count, struct session_row *ret_rows)
{
    size_t count = 0;
    for (size_t i = 0; i < login_count; i++) {
        const struct login_record *record = logins[i].record;
        const struct agent_session *known = find_agent(agents, agent_count, record->session.session_id);
        ret_rows[count++] = (struct session_row){
            .kind = logins[i].is_alive ? SESSION_LOGIN : SESSION_DEAD_LOGIN,
            .session = known != NULL ? known : &record->session,
            .record = record,
            .is_known_to_agent = known != NULL,
        };
    }
    for (size_t i = 0; i < agent_count; i++) {
        const struct agent_session *session = agents[i].session;
        if (agents[i].has_worker && has_login(logins, login_count, session->session_id)) {
            continue;
        }
        bool is_tunnel = strcmp(session->plugin, "Port") == 0;
        ret_rows[count++] = (struct session_row){
            .kind = !agents[i].has_worker ? SESSION_DEAD_WORKER : (is_tunnel ? SESSION_TUNNEL : SESSION_SHELL),
            .session = session,
            .is_known_to_agent = true,
        };
    }
    return count;
}

const char *session_view_kind_text(enum session_kind kind)
{
    switch (kind) {
    case SESSION_LOGIN:
        return "login";
    case SESSION_SHELL:
        return "shell";
    case SESSION_TUNNEL:
        return "tunnel";
    case SESSION_DEAD_LOGIN:
        return "dead-login";
    case SESSION_DEAD_WORKER:
        return "dead-worker";
    }
    return "unknown";
}
