#include "pam_ssm/core/agent_state.h"

#include "common/json_view.h"
#include "pam_ssm/core/rfc3339.h"

static bool is_session_id_character(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || strchr("+=,.@_-", character) != NULL;
}

bool agent_state_is_session_id(const char *session_id)
{
    size_t len = strnlen(session_id, LIMIT_SESSION_ID + 1);
    if (len == 0 || len > LIMIT_SESSION_ID || strcmp(session_id, ".") == 0 || strcmp(session_id, "..") == 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_session_id_character(session_id[i])) {
            return false;
        }
    }
    return true;
}

/* An absent member is "". */
static enum err copy_text(const json_t *object, const char *member, char *ret_text, size_t size)
{
    const char *value = json_view_text(object, member);
    struct text text = text_in(ret_text, size);
    for (; value != NULL && *value != '\0'; value++) {
        if (text_is_control(*value)) {
            return ERR_MALFORMED;
        }
        text_put_char(&text, *value);
    }
    return text_finish(&text) == ERR_OK ? ERR_OK : ERR_MALFORMED;
}

static enum err parse_worker(const json_t *information, struct agent_session *session)
{
    const json_t *process = json_object_get(information, "ProcInfo");
    const json_t *pid = json_object_get(process, "Pid");
    const char *start = json_view_text(process, "StartTime");
    if (!json_is_integer(pid) || json_integer_value(pid) <= 0 || json_integer_value(pid) > INT32_MAX || start == NULL) {
        return ERR_MALFORMED;
    }
    session->worker_pid = json_integer_value(pid);
    return rfc3339_parse(start, &session->worker_start_unix_ms);
}

static enum err parse_plugin(const json_t *root, struct agent_session *session)
{
    const json_t *plugins = json_object_get(root, "InstancePluginsInformation");
    const json_t *configuration = json_object_get(json_array_get(plugins, 0), "Configuration");
    return copy_text(configuration, "PluginName", session->plugin, sizeof session->plugin);
}

enum err agent_state_parse(struct bytes file, struct agent_session *ret_session)
{
    AUTO_JSON json_t *root = NULL;
    TRY(json_view_parse_object(file, &root));
    const json_t *information = json_object_get(root, "DocumentInformation");
    const char *type = json_view_text(root, "DocumentType");
    if (type == NULL || strcmp(type, "StartSession") != 0) {
        return ERR_MALFORMED;
    }
    struct agent_session session = {0};
    TRY(copy_text(information, "DocumentID", session.session_id, sizeof session.session_id));
    TRY(copy_text(information, "DocumentName", session.document, sizeof session.document));
    TRY(copy_text(information, "SessionOwner", session.owner, sizeof session.owner));
    TRY(parse_plugin(root, &session));
    TRY(parse_worker(information, &session));
    if (!agent_state_is_session_id(session.session_id) || session.document[0] == '\0') {
        return ERR_MALFORMED;
    }
    *ret_session = session;
    return ERR_OK;
}
