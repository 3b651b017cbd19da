#include "pam_ssm/edge/agent_dir.h"

#include "common/auto.h"
#include "common/limits.h"
#include "common/text.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"

#include <stdlib.h>
#include <string.h>

static bool read_session(int dir, const char *name, uid_t owner, struct agent_session *ret_session)
{
    char words[160];
    struct text why = text_in(words, sizeof words);
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    return agent_state_is_session_id(name) &&
           path_trust_read_at(dir, name, owner, LIMIT_AGENT_STATE, &content, &len, &why) == ERR_OK &&
           agent_state_parse(bytes_of(content, len), ret_session) == ERR_OK &&
           strcmp(ret_session->session_id, name) == 0;
}

static enum err add_session(struct agent_sessions *sessions, const struct agent_session *session)
{
    if (sessions->count == AGENT_DIR_SESSIONS) {
        return ERR_TOO_LONG;
    }
    struct agent_session *larger = realloc(sessions->sessions, (sessions->count + 1) * sizeof *larger);
    if (larger == NULL) {
        return ERR_MEMORY;
    }
    larger[sessions->count++] = *session;
    sessions->sessions = larger;
    return ERR_OK;
}

/* The state files of one node id; most directories beside it have none. */
static enum err read_node(const struct host_paths *paths, const char *node, int64_t deadline_us,
                          struct agent_sessions *sessions)
{
    char memory[LIMIT_PATH + 1];
    struct text path = text_in(memory, sizeof memory);
    text_format(&path, "%s/%s/document/state/current", paths->agent_state_dir, node);
    TRY(text_finish(&path));
    char words[160];
    struct text why = text_in(words, sizeof words);
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    TRY(state_dir_list(memory, paths->owner, &names, &why));
    if (names.count == 0) {
        return ERR_OK;
    }
    AUTO(path_trust_close) int dir = -1;
    TRY(path_trust_open_dir(memory, paths->owner, &dir, &why));
    for (size_t i = 0; i < names.count; i++) {
        struct agent_session session;
        if (read_session(dir, names.names[i], paths->owner, &session)) {
            TRY(add_session(sessions, &session));
        } else {
            sessions->unreadable++;
        }
        if (host_clock_mono_us() > deadline_us) {
            return ERR_TIMEOUT;
        }
    }
    return ERR_OK;
}

enum err agent_dir_read(const struct host_paths *paths, struct agent_sessions *ret_sessions)
{
    return agent_dir_read_until(paths, INT64_MAX, ret_sessions);
}

enum err agent_dir_read_until(const struct host_paths *paths, int64_t deadline_us, struct agent_sessions *ret_sessions)
{
    char words[160];
    struct text why = text_in(words, sizeof words);
    AUTO(state_dir_names_free) struct state_dir_names nodes = {0};
    TRY(state_dir_list(paths->agent_state_dir, paths->owner, &nodes, &why));
    AUTO(agent_dir_free) struct agent_sessions sessions = {0};
    for (size_t i = 0; i < nodes.count; i++) {
        enum err err = read_node(paths, nodes.names[i], deadline_us, &sessions);
        if (err == ERR_MEMORY || err == ERR_TOO_LONG || err == ERR_TIMEOUT) {
            return err;
        }
        /* A directory that is not the agent's way of doing things holds no session that could be believed. */
    }
    *ret_sessions = sessions;
    sessions = (struct agent_sessions){0};
    return ERR_OK;
}

void agent_dir_free(struct agent_sessions *sessions)
{
    free(sessions->sessions);
    *sessions = (struct agent_sessions){0};
}
