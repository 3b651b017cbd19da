#include "proxy/core/control_message.h"

#include "common/json_view.h"

#include <inttypes.h>

/* ActionType of a requested client action. */
#define HANDSHAKE_SESSION_TYPE "SessionType"
#define HANDSHAKE_KMS_ENCRYPTION "KMSEncryption"

/* ActionStatus of a processed client action. */
enum { ACTION_SUCCESS = 1, ACTION_UNSUPPORTED = 3 };

static void put_uuid(struct text *text, const struct uuid *uuid)
{
    char form[UUID_TEXT_SIZE];
    uuid_to_text(uuid, form);
    text_put(text, form);
}

enum err control_message_open_data_channel(const struct uuid *request_id, const struct secret *token,
                                           const struct uuid *client_id, struct text *ret_text)
{
    text_clear(ret_text);
    text_put(ret_text, "{\"MessageSchemaVersion\":\"1.0\",\"RequestId\":\"");
    put_uuid(ret_text, request_id);
    text_put(ret_text, "\",\"TokenValue\":");
    json_view_quote(secret_bytes(token), ret_text);
    text_put(ret_text, ",\"ClientId\":\"");
    put_uuid(ret_text, client_id);
    text_put(ret_text, "\",\"ClientVersion\":\"" CONTROL_MESSAGE_CLIENT_VERSION "\"}");
    return text_finish(ret_text);
}

/* The acknowledge that the agent sends is, byte for byte, this with the two values in their places. */
#define ACKNOWLEDGE_TYPE "{\"AcknowledgedMessageType\":\""
#define ACKNOWLEDGE_ID "_stream_data\",\"AcknowledgedMessageId\":\""
#define ACKNOWLEDGE_SEQUENCE "\",\"AcknowledgedMessageSequenceNumber\":"
#define ACKNOWLEDGE_END ",\"IsSequentialMessage\":true}"

enum err control_message_acknowledge(const struct uuid *message_id, int64_t sequence, struct text *ret_text)
{
    text_clear(ret_text);
    text_put(ret_text, ACKNOWLEDGE_TYPE "output" ACKNOWLEDGE_ID);
    put_uuid(ret_text, message_id);
    text_put(ret_text, ACKNOWLEDGE_SEQUENCE);
    text_format(ret_text, "%" PRId64, sequence);
    text_put(ret_text, ACKNOWLEDGE_END);
    return text_finish(ret_text);
}

static bool skip(struct bytes *rest, const char *literal)
{
    size_t len = strlen(literal);
    if (rest->len < len || memcmp(rest->data, literal, len) != 0) {
        return false;
    }
    *rest = bytes_from(*rest, len);
    return true;
}

static bool skip_number(struct bytes *rest, int64_t *ret_number)
{
    int64_t number = 0;
    size_t digits = 0;
    while (digits < rest->len && digits < 18 && rest->data[digits] >= '0' && rest->data[digits] <= '9') {
        number = 10 * number + (rest->data[digits++] - '0');
    }
    *rest = bytes_from(*rest, digits);
    *ret_number = number;
    return digits > 0;
}

static bool parse_usual_acknowledge(struct bytes payload, int64_t *ret_sequence)
{
    struct bytes rest = payload;
    int64_t sequence = 0;
    bool usual = skip(&rest, ACKNOWLEDGE_TYPE "input" ACKNOWLEDGE_ID) && rest.len > UUID_TEXT_SIZE - 1;
    if (!usual) {
        return false;
    }
    rest = bytes_from(rest, UUID_TEXT_SIZE - 1);
    if (!skip(&rest, ACKNOWLEDGE_SEQUENCE) || !skip_number(&rest, &sequence) || !skip(&rest, ACKNOWLEDGE_END) ||
        rest.len != 0) {
        return false;
    }
    *ret_sequence = sequence;
    return true;
}

enum err control_message_parse_acknowledge(struct bytes payload, int64_t *ret_sequence)
{
    if (parse_usual_acknowledge(payload, ret_sequence)) {
        return ERR_OK;
    }
    AUTO_JSON json_t *root = NULL;
    TRY(json_view_parse_object(payload, &root));
    const json_t *number = json_object_get(root, "AcknowledgedMessageSequenceNumber");
    if (!json_is_integer(number) || json_integer_value(number) < 0) {
        return ERR_MALFORMED;
    }
    *ret_sequence = json_integer_value(number);
    return ERR_OK;
}

static enum session_type session_type_of(const char *name)
{
    static const struct {
        const char *name;
        enum session_type type;
    } types[] = {
        {"Port", SESSION_TYPE_PORT},
        {"Standard_Stream", SESSION_TYPE_SHELL},
        {"InteractiveCommands", SESSION_TYPE_SHELL},
        {"NonInteractiveCommands", SESSION_TYPE_COMMAND},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(name, types[i].name) == 0) {
            return types[i].type;
        }
    }
    return SESSION_TYPE_OTHER;
}

/* A name of the peer's that we send back inside JSON: letters and digits only, so that nothing needs escaping. */
static enum err copy_name(const char *name, char ret_name[HANDSHAKE_NAME_SIZE])
{
    size_t len = name == NULL ? 0 : strlen(name);
    if (len == 0 || len >= HANDSHAKE_NAME_SIZE) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!plain) {
            return ERR_MALFORMED;
        }
    }
    memcpy(ret_name, name, len + 1);
    return ERR_OK;
}

static enum err parse_encryption(const json_t *parameters, struct handshake_request *request)
{
    const char *key_id = json_view_text(parameters, "KMSKeyId");
    const char *challenge = json_view_text(parameters, "Challenge");
    bool is_known = request->kms_key_id[0] != '\0';
    if (is_known || !text_is_given(key_id) || strlen(key_id) >= sizeof request->kms_key_id ||
        (challenge != NULL && strlen(challenge) >= sizeof request->challenge)) {
        return ERR_MALFORMED;
    }
    memcpy(request->kms_key_id, key_id, strlen(key_id) + 1);
    if (challenge != NULL) {
        memcpy(request->challenge, challenge, strlen(challenge) + 1);
    }
    return ERR_OK;
}

static enum err parse_action(const json_t *action, struct handshake_request *request)
{
    char *name = request->actions[request->action_count];
    TRY(copy_name(json_view_text(action, "ActionType"), name));
    request->action_count++;
    const json_t *parameters = json_object_get(action, "ActionParameters");
    if (strcmp(name, HANDSHAKE_KMS_ENCRYPTION) == 0) {
        TRY(parse_encryption(parameters, request));
    } else if (strcmp(name, HANDSHAKE_SESSION_TYPE) == 0) {
        const char *type = json_view_text(parameters, "SessionType");
        request->session_type = session_type_of(type != NULL ? type : "");
        const char *port_type = json_view_text(json_object_get(parameters, "Properties"), "type");
        request->is_local_port_forwarding = port_type != NULL && strcmp(port_type, "LocalPortForwarding") == 0;
    }
    return ERR_OK;
}

enum err control_message_parse_handshake_request(struct bytes payload, struct handshake_request *ret_request)
{
    AUTO_JSON json_t *root = NULL;
    TRY(json_view_parse_object(payload, &root));
    const json_t *actions = json_object_get(root, "RequestedClientActions");
    if (!json_is_array(actions) || json_array_size(actions) > HANDSHAKE_ACTIONS_MAX) {
        return ERR_MALFORMED;
    }
    struct handshake_request request = {0};
    const char *version = json_view_text(root, "AgentVersion");
    if (version != NULL && strlen(version) < sizeof request.agent_version) {
        memcpy(request.agent_version, version, strlen(version) + 1);
    }
    for (size_t i = 0; i < json_array_size(actions); i++) {
        TRY(parse_action(json_array_get(actions, i), &request));
    }
    *ret_request = request;
    return ERR_OK;
}

/* An agent that may insist on the challenge looks for the acknowledgement; another one knows neither. */
static void put_key(const struct handshake_request *request, const char *key_ciphertext, struct text *text)
{
    text_format(text, "{\"KMSCipherTextKey\":\"%s\",\"KMSCipherTextHash\":null%s}", key_ciphertext,
                request->challenge[0] != '\0' ? ",\"ChallengeAcknowledgement\":true" : "");
}

static void put_processed_action(const struct handshake_request *request, const char *action,
                                 const struct handshake_answer *answer, struct text *text)
{
    bool is_key = strcmp(action, HANDSHAKE_KMS_ENCRYPTION) == 0 && answer->key_ciphertext != NULL;
    bool is_type = strcmp(action, HANDSHAKE_SESSION_TYPE) == 0 && answer->has_session_type;
    bool ok = is_key || is_type;
    text_format(text, "{\"ActionType\":\"%s\",\"ActionStatus\":%d,\"ActionResult\":", action,
                ok ? ACTION_SUCCESS : ACTION_UNSUPPORTED);
    if (is_key) {
        put_key(request, answer->key_ciphertext, text);
    } else {
        text_put(text, "null");
    }
    text_format(text, ",\"Error\":\"%s\"}", ok ? "" : "not supported by this client");
}

enum err control_message_handshake_response(const struct handshake_request *request,
                                            const struct handshake_answer *answer, struct text *ret_text)
{
    text_clear(ret_text);
    text_put(ret_text, "{\"ClientVersion\":\"" CONTROL_MESSAGE_CLIENT_VERSION "\",\"ProcessedClientActions\":[");
    for (size_t i = 0; i < request->action_count; i++) {
        text_put(ret_text, i > 0 ? "," : "");
        put_processed_action(request, request->actions[i], answer, ret_text);
    }
    text_put(ret_text, "],\"Errors\":null}");
    return text_finish(ret_text);
}

/* Copies a member that is for a person to read; an absent or null one is empty. */
static enum err copy_words(struct bytes payload, const char *member, struct text *ret_words)
{
    AUTO_JSON json_t *root = NULL;
    TRY(json_view_parse_object(payload, &root));
    const char *words = json_view_text(root, member);
    text_clear(ret_words);
    text_put(ret_words, words != NULL ? words : "");
    return ERR_OK;
}

enum err control_message_parse_handshake_complete(struct bytes payload, struct text *ret_customer_message)
{
    return copy_words(payload, "CustomerMessage", ret_customer_message);
}

enum err control_message_parse_channel_closed(struct bytes payload, struct text *ret_output)
{
    return copy_words(payload, "Output", ret_output);
}

enum err control_message_size(uint16_t columns, uint16_t rows, struct text *ret_text)
{
    text_clear(ret_text);
    text_format(ret_text, "{\"cols\":%u,\"rows\":%u}", columns, rows);
    return text_finish(ret_text);
}

enum err control_message_parse_exit_code(struct bytes payload, int64_t *ret_exit_code)
{
    static const char label[] = "EXIT_CODE:";
    char memory[32];
    size_t at = sizeof label - 1;
    if (payload.len <= at || memcmp(payload.data, label, at) != 0) {
        return ERR_MALFORMED;
    }
    size_t end = payload.len;
    while (at < end && payload.data[at] == ' ') {
        at++;
    }
    while (end > at && (payload.data[end - 1] == '\n' || payload.data[end - 1] == '\r')) {
        end--;
    }
    struct text number = text_in(memory, sizeof memory);
    text_put_bytes(&number, bytes_of(payload.data + at, end - at));
    if (text_finish(&number) != ERR_OK || strlen(memory) != end - at) {
        return ERR_MALFORMED;
    }
    return text_parse_decimal(memory, INT32_MIN, UINT32_MAX, ret_exit_code);
}
