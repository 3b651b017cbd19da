#include "proxy/core/agent_message.h"

/* Offsets; see the table in the header. */
enum {
    AT_HEADER_LEN = 0,
    AT_TYPE = 4,
    AT_SCHEMA_VERSION = 36,
    AT_CREATED_DATE = 40,
    AT_SEQUENCE_NUMBER = 48,
    AT_FLAGS = 56,
    AT_MESSAGE_ID = 64,
    AT_DIGEST = 80,
    AT_PAYLOAD_TYPE = 112,
    AT_PAYLOAD_LEN = 116,
    SHORT_HEADER_LEN = 112,
    FULL_HEADER_LEN = 116,
    SCHEMA_VERSION = 1,
};

static const char *const type_names[AGENT_MESSAGE_TYPE_COUNT] = {
    [AGENT_MESSAGE_UNKNOWN] = "",
    [AGENT_MESSAGE_INPUT_STREAM_DATA] = "input_stream_data",
    [AGENT_MESSAGE_OUTPUT_STREAM_DATA] = "output_stream_data",
    [AGENT_MESSAGE_ACKNOWLEDGE] = "acknowledge",
    [AGENT_MESSAGE_CHANNEL_CLOSED] = "channel_closed",
    [AGENT_MESSAGE_PAUSE_PUBLICATION] = "pause_publication",
    [AGENT_MESSAGE_START_PUBLICATION] = "start_publication",
    [AGENT_MESSAGE_AGENT_SESSION_STATE] = "agent_session_state",
    [AGENT_MESSAGE_INTERACTIVE_SHELL] = "interactive_shell",
    [AGENT_MESSAGE_AGENT_TASK_COMPLETE] = "agent_task_complete",
    [AGENT_MESSAGE_AGENT_TASK_ACKNOWLEDGE] = "agent_task_acknowledge",
    [AGENT_MESSAGE_AGENT_JOB] = "agent_job",
    [AGENT_MESSAGE_AGENT_JOB_ACK] = "agent_job_ack",
    [AGENT_MESSAGE_AGENT_JOB_REPLY] = "agent_job_reply",
    [AGENT_MESSAGE_AGENT_JOB_REPLY_ACK] = "agent_job_reply_ack",
};

const char *agent_message_type_name(enum agent_message_type type)
{
    return type_names[type];
}

static bool is_padding(uint8_t byte)
{
    return byte == ' ' || byte == '\0';
}

static enum agent_message_type parse_type(const uint8_t *field, char *ret_name)
{
    size_t len = AGENT_MESSAGE_TYPE_LEN;
    while (len > 0 && is_padding(field[len - 1])) {
        len--;
    }
    while (len > 0 && is_padding(*field)) {
        field++;
        len--;
    }
    memcpy(ret_name, field, len);
    ret_name[len] = '\0';
    for (enum agent_message_type type = AGENT_MESSAGE_UNKNOWN + 1; type < AGENT_MESSAGE_TYPE_COUNT; type++) {
        if (bytes_equal_text(bytes_of(field, len), type_names[type])) {
            return type;
        }
    }
    return AGENT_MESSAGE_UNKNOWN;
}

static void put_type(uint8_t *field, const char *name)
{
    struct bytes text = bytes_of_text(name);
    memset(field, ' ', AGENT_MESSAGE_TYPE_LEN);
    memcpy(field, text.data, text.len);
}

/* The two halves of the UUID stand in reverse order on the wire. */
static void swap_halves(const uint8_t from[16], uint8_t to[16])
{
    memcpy(to, from + 8, 8);
    memcpy(to + 8, from, 8);
}

static bool is_publication(enum agent_message_type type)
{
    return type == AGENT_MESSAGE_PAUSE_PUBLICATION || type == AGENT_MESSAGE_START_PUBLICATION;
}

enum err agent_message_parse(struct bytes wire, struct agent_message *ret_message)
{
    if (wire.len < SHORT_HEADER_LEN + 4) {
        return ERR_MALFORMED;
    }
    const uint8_t *at = wire.data;
    struct agent_message message = {.header_len = bytes_get_be32(at + AT_HEADER_LEN)};
    if (message.header_len < SHORT_HEADER_LEN || message.header_len > wire.len - 4) {
        return ERR_MALFORMED;
    }
    uint32_t payload_len = bytes_get_be32(at + message.header_len);
    message.payload = bytes_from(wire, (size_t)message.header_len + 4);
    if (payload_len != message.payload.len) {
        return ERR_MALFORMED;
    }
    message.type = parse_type(at + AT_TYPE, message.type_name);
    message.schema_version = bytes_get_be32(at + AT_SCHEMA_VERSION);
    message.created_unix_ms = bytes_get_be64(at + AT_CREATED_DATE);
    message.sequence_number = (int64_t)bytes_get_be64(at + AT_SEQUENCE_NUMBER);
    message.flags = bytes_get_be64(at + AT_FLAGS);
    swap_halves(at + AT_MESSAGE_ID, message.message_id.octets);
    memcpy(message.digest, at + AT_DIGEST, SHA256_LEN);
    message.payload_type =
        message.header_len >= FULL_HEADER_LEN ? bytes_get_be32(at + AT_PAYLOAD_TYPE) : (uint32_t)PAYLOAD_NONE;
    if (message.type_name[0] == '\0' || (message.created_unix_ms == 0 && !is_publication(message.type))) {
        return ERR_MALFORMED;
    }
    *ret_message = message;
    return ERR_OK;
}

enum err agent_message_verify(const struct agent_message *message, struct sha256 *hash)
{
    static const uint8_t none[SHA256_LEN];
    if (is_publication(message->type) || memcmp(message->digest, none, SHA256_LEN) == 0) {
        return ERR_OK;
    }
    uint8_t digest[SHA256_LEN];
    TRY(sha256_digest(hash, message->payload, digest));
    return memcmp(digest, message->digest, SHA256_LEN) == 0 ? ERR_OK : ERR_DIGEST;
}

enum err agent_message_encode(const struct agent_message *message, struct sha256 *hash, uint8_t *wire, size_t size,
                              size_t *ret_len)
{
    size_t len = AGENT_MESSAGE_HEADER_LEN + message->payload.len;
    if (len > size || message->payload.len > UINT32_MAX) {
        return ERR_TOO_LONG;
    }
    TRY(sha256_digest(hash, message->payload, wire + AT_DIGEST));
    bytes_put_be32(wire + AT_HEADER_LEN, FULL_HEADER_LEN);
    put_type(wire + AT_TYPE, type_names[message->type]);
    bytes_put_be32(wire + AT_SCHEMA_VERSION, SCHEMA_VERSION);
    bytes_put_be64(wire + AT_CREATED_DATE, message->created_unix_ms);
    bytes_put_be64(wire + AT_SEQUENCE_NUMBER, (uint64_t)message->sequence_number);
    bytes_put_be64(wire + AT_FLAGS, message->flags);
    swap_halves(message->message_id.octets, wire + AT_MESSAGE_ID);
    bytes_put_be32(wire + AT_PAYLOAD_TYPE, message->payload_type);
    bytes_put_be32(wire + AT_PAYLOAD_LEN, (uint32_t)message->payload.len);
    uint8_t *payload = wire + AGENT_MESSAGE_HEADER_LEN;
    if (message->payload.len > 0 && message->payload.data != payload) {
        memmove(payload, message->payload.data, message->payload.len);
    }
    *ret_len = len;
    return ERR_OK;
}
