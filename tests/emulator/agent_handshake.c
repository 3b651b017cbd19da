#include "tests/emulator/agent_handshake.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static const char *const type_names[] = {[AGENT_SESSION_PORT] = "Port",
                                         [AGENT_SESSION_STANDARD_STREAM] = "Standard_Stream",
                                         [AGENT_SESSION_INTERACTIVE_COMMANDS] = "InteractiveCommands",
                                         [AGENT_SESSION_NON_INTERACTIVE_COMMANDS] = "NonInteractiveCommands"};

enum err agent_handshake_parse_type(const char *name, enum agent_session_type *ret_type)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (strcmp(type_names[i], name) == 0) {
            *ret_type = (enum agent_session_type)i;
            return ERR_OK;
        }
    }
    return ERR_MALFORMED;
}

char *agent_handshake_request(const struct agent_request *request)
{
    json_t *properties = json_loads(request->properties, JSON_DECODE_ANY, NULL);
    json_t *actions = json_pack("[{s:s,s:{s:s,s:o}}]", "ActionType", "SessionType", "ActionParameters", "SessionType",
                                type_names[request->type], "Properties", properties == NULL ? json_null() : properties);
    if (request->kms_key_id != NULL) {
        json_array_append_new(actions, json_pack("{s:s,s:{s:s,s:s}}", "ActionType", "KMSEncryption", "ActionParameters",
                                                 "KMSKeyId", request->kms_key_id, "Challenge", request->kms_challenge));
    }
    json_t *whole = json_pack("{s:s,s:o}", "AgentVersion", request->agent_version, "RequestedClientActions", actions);
    char *text = whole == NULL ? NULL : json_dumps(whole, JSON_COMPACT);
    json_decref(whole);
    return text;
}

/* Of KMSEncryption. ERR_MALFORMED: a member has the wrong type. */
static enum err read_result(const json_t *result, struct agent_response *response)
{
    const json_t *key = json_object_get(result, "KMSCipherTextKey");
    const json_t *acknowledgement = json_object_get(result, "ChallengeAcknowledgement");
    if (!json_is_string(key) || response->ciphertext_key != NULL ||
        (acknowledgement != NULL && !json_is_boolean(acknowledgement))) {
        return ERR_MALFORMED;
    }
    response->ciphertext_key = strdup(json_string_value(key));
    response->has_acknowledged_challenge = json_is_true(acknowledgement);
    return response->ciphertext_key == NULL ? ERR_MEMORY : ERR_OK;
}

/* The agent wants status 1 of every listed action; one that is missing is not noticed. */
static enum err check_action(const json_t *action, struct agent_response *response)
{
    const char *type = json_string_value(json_object_get(action, "ActionType"));
    const char *error = json_string_value(json_object_get(action, "Error"));
    const json_t *status = json_object_get(action, "ActionStatus");
    if (!json_is_object(action) || (status != NULL && !json_is_integer(status))) {
        return ERR_MALFORMED;
    }
    if (json_integer_value(status) == 1) {
        bool is_kms = type != NULL && strcmp(type, "KMSEncryption") == 0;
        return is_kms ? read_result(json_object_get(action, "ActionResult"), response) : ERR_OK;
    }
    snprintf(response->problem, sizeof response->problem,
             "Encountered error while initiating handshake. %s failed on client with status %lld error: %s",
             type == NULL ? "" : type, (long long)json_integer_value(status), error == NULL ? "" : error);
    return ERR_PROTOCOL;
}

enum err agent_handshake_read_response(struct bytes payload, struct agent_response *ret_response)
{
    if (payload.len == 0) {
        return ERR_MALFORMED;
    }
    __attribute__((cleanup(json_drop))) json_t *response = json_loadb((const char *)payload.data, payload.len, 0, NULL);
    const json_t *actions = json_object_get(response, "ProcessedClientActions");
    if (!json_is_object(response) || (actions != NULL && !json_is_null(actions) && !json_is_array(actions))) {
        return ERR_MALFORMED;
    }
    const char *version = json_string_value(json_object_get(response, "ClientVersion"));
    snprintf(ret_response->client_version, sizeof ret_response->client_version, "%s", version == NULL ? "" : version);
    size_t i = 0;
    json_t *action = NULL;
    json_array_foreach(actions, i, action)
    {
        TRY(check_action(action, ret_response));
    }
    return ERR_OK;
}
