/* agent_message: the binary envelope of everything on a data channel and a control channel of Session Manager.
 *
 * All integers are big-endian. One websocket message carries one agent message.
 *
 *     offset  size
 *          0     4  header length: 116, the number of bytes before the payload length
 *          4    32  message type, text, padded on the right by spaces
 *         36     4  schema version: 1
 *         40     8  created date, ms since 1970
 *         48     8  sequence number
 *         56     8  flags: bit 0 SYN, bit 1 FIN
 *         64    16  message id, a UUID with its two halves swapped
 *         80    32  SHA-256 of the payload
 *        112     4  payload type
 *        116     4  payload length
 *        120        payload
 *
 * Messages that the service itself originates have a header length of 112: no payload type, payload length at 112,
 * payload at 116, and the type padded by NUL bytes.
 *
 * Source: amazon-ssm-agent (agent/session/contracts), session-manager-plugin (src/message); the short header from
 * third-party clients. An unknown message type or payload type is data of a newer peer, not an error. */
#ifndef SSM_PROXY_CORE_AGENT_MESSAGE_H
#define SSM_PROXY_CORE_AGENT_MESSAGE_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/sha256.h"
#include "proxy/core/uuid.h"

#define AGENT_MESSAGE_HEADER_LEN 120 /* of what we send: everything before the payload */
#define AGENT_MESSAGE_TYPE_LEN 32

enum agent_message_type {
    AGENT_MESSAGE_UNKNOWN = 0,
    AGENT_MESSAGE_INPUT_STREAM_DATA,  /* client to agent, sequenced */
    AGENT_MESSAGE_OUTPUT_STREAM_DATA, /* agent to client, sequenced */
    AGENT_MESSAGE_ACKNOWLEDGE,
    AGENT_MESSAGE_CHANNEL_CLOSED,
    AGENT_MESSAGE_PAUSE_PUBLICATION,
    AGENT_MESSAGE_START_PUBLICATION,
    AGENT_MESSAGE_AGENT_SESSION_STATE, /* agent to service */
    AGENT_MESSAGE_INTERACTIVE_SHELL,   /* control channel: start a session */
    AGENT_MESSAGE_AGENT_TASK_COMPLETE, /* control channel: a session is over */
    AGENT_MESSAGE_AGENT_TASK_ACKNOWLEDGE,
    AGENT_MESSAGE_AGENT_JOB, /* control channel: Run Command */
    AGENT_MESSAGE_AGENT_JOB_ACK,
    AGENT_MESSAGE_AGENT_JOB_REPLY,
    AGENT_MESSAGE_AGENT_JOB_REPLY_ACK,
    AGENT_MESSAGE_TYPE_COUNT
};

enum payload_type {
    PAYLOAD_NONE = 0,
    PAYLOAD_OUTPUT = 1, /* the data stream, in both directions */
    PAYLOAD_ERROR = 2,
    PAYLOAD_SIZE = 3,
    PAYLOAD_PARAMETER = 4,
    PAYLOAD_HANDSHAKE_REQUEST = 5,
    PAYLOAD_HANDSHAKE_RESPONSE = 6,
    PAYLOAD_HANDSHAKE_COMPLETE = 7,
    PAYLOAD_ENC_CHALLENGE_REQUEST = 8,
    PAYLOAD_ENC_CHALLENGE_RESPONSE = 9,
    PAYLOAD_FLAG = 10,
    PAYLOAD_STDERR = 11,
    PAYLOAD_EXIT_CODE = 12
};

#define AGENT_MESSAGE_FLAG_SYN 1u
#define AGENT_MESSAGE_FLAG_FIN 2u

struct agent_message {
    enum agent_message_type type;
    char type_name[AGENT_MESSAGE_TYPE_LEN + 1]; /* as received, trimmed; for AGENT_MESSAGE_UNKNOWN too */
    uint32_t header_len;                        /* 112 or more; ignored by encode, which writes 116 */
    uint32_t schema_version;
    uint64_t created_unix_ms;
    int64_t sequence_number;
    uint64_t flags;
    struct uuid message_id;
    uint8_t digest[SHA256_LEN]; /* as received; ignored by encode */
    uint32_t payload_type;      /* enum payload_type, or a newer peer's; PAYLOAD_NONE with the short header */
    struct bytes payload;       /* borrowed from the wire bytes */
};

/* The name on the wire; "" for AGENT_MESSAGE_UNKNOWN. */
const char *agent_message_type_name(enum agent_message_type type);

/* `wire` is one whole message and stays the owner of the payload. ERR_MALFORMED: a length that lies, an empty type, a
 * created date of zero (except in pause_ and start_publication, which no peer checks). The digest is not looked at. */
enum err agent_message_parse(struct bytes wire, struct agent_message *ret_message) SSM_MUST_USE;

/* ERR_DIGEST when payload and digest disagree. An all-zero digest and pause_/start_publication pass: the plugin asks
 * no more, and the service may send no digest there. ERR_MEMORY when OpenSSL fails; the same for encode. */
enum err agent_message_verify(const struct agent_message *message, struct sha256 *hash) SSM_MUST_USE;

/* Writes AGENT_MESSAGE_HEADER_LEN + payload.len bytes, with the 116-byte header, schema version 1 and the right digest.
 * `type` must be known. The payload may already stand in its place in `wire`. ERR_TOO_LONG when `size` is too small. */
enum err agent_message_encode(const struct agent_message *message, struct sha256 *hash, uint8_t *wire, size_t size,
                              size_t *ret_len) SSM_MUST_USE;

#endif
