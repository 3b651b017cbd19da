/* control_message: the JSON and integer payloads that travel in agent messages, and the opening text frame.
 *
 * Texts are written by hand into the caller's memory, because acknowledgements are half of all messages. They are read
 * by jansson (which allocates and frees within the call), except that an acknowledge in the exact form that the agent
 * writes is recognised without it.
 *
 * Source: amazon-ssm-agent agent/session/contracts, session-manager-plugin src/message. */
#ifndef SSM_PROXY_CORE_CONTROL_MESSAGE_H
#define SSM_PROXY_CORE_CONTROL_MESSAGE_H

#include "common/base64.h"
#include "common/limits.h"
#include "common/secret.h"
#include "common/text.h"
#include "proxy/core/agent_message.h"

/* The version that we announce. The agent compares it: from 1.1.70 on it may multiplex port forwarding, above 1.2.331.0
 * it sends no keep-alive of its own there. Four components, like a release of the plugin. */
#define CONTROL_MESSAGE_CLIENT_VERSION "1.2.650.0"

/* The first, text, frame on a data channel; it carries the token of the session and is wiped by its owner after use.
 *     {"MessageSchemaVersion":"1.0","RequestId":...,"TokenValue":...,"ClientId":...,"ClientVersion":...} */
enum err control_message_open_data_channel(const struct uuid *request_id, const struct secret *token,
                                           const struct uuid *client_id, struct text *ret_text) SSM_MUST_USE;

/* {"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":...,"AcknowledgedMessageSequenceNumber":...,
 *  "IsSequentialMessage":true} */
enum err control_message_acknowledge(const struct uuid *message_id, int64_t sequence,
                                     struct text *ret_text) SSM_MUST_USE;
/* Receivers look at the sequence number alone, and so do we. */
enum err control_message_parse_acknowledge(struct bytes payload, int64_t *ret_sequence) SSM_MUST_USE;

enum session_type {
    SESSION_TYPE_OTHER, /* one that we do not know, or none named */
    SESSION_TYPE_PORT,
    SESSION_TYPE_SHELL,  /* Standard_Stream, InteractiveCommands: a program in a terminal of the node's */
    SESSION_TYPE_COMMAND /* NonInteractiveCommands: a program without one */
};

#define HANDSHAKE_ACTIONS_MAX 8
#define HANDSHAKE_NAME_SIZE 64
#define HANDSHAKE_CHALLENGE_SIZE 256 /* of KMS's encryption context; the agent's has 24 characters */

struct handshake_request {
    char agent_version[HANDSHAKE_NAME_SIZE];
    enum session_type session_type;
    bool is_local_port_forwarding;            /* the properties of a Port session have type LocalPortForwarding */
    char kms_key_id[LIMIT_ARN + 1];           /* of the action KMSEncryption; "" without one */
    char challenge[HANDSHAKE_CHALLENGE_SIZE]; /* of it; "" when it has none */
    size_t action_count;
    char actions[HANDSHAKE_ACTIONS_MAX][HANDSHAKE_NAME_SIZE]; /* ActionType, in the order of the request */
};

/* ERR_MALFORMED: not JSON, no RequestedClientActions, more than HANDSHAKE_ACTIONS_MAX, a name too long or not plain,
 * KMSEncryption without a key or twice, a key or challenge too long. */
enum err control_message_parse_handshake_request(struct bytes payload,
                                                 struct handshake_request *ret_request) SSM_MUST_USE;

/* Any answer and its terminator fit: 94 characters and a name for each action, the key of one of them, 80 around them.
 */
#define HANDSHAKE_RESPONSE_SIZE                                                                                        \
    (256 + BASE64_LEN(LIMIT_KMS_CIPHERTEXT) + HANDSHAKE_ACTIONS_MAX * (96 + HANDSHAKE_NAME_SIZE))

/* What we do for the agent. Everything else is answered with Unsupported; the agent then says why it ends the session.
 */
struct handshake_answer {
    bool has_session_type;      /* the request's is what we are for */
    const char *key_ciphertext; /* CiphertextBlob in base64; NULL: no encryption */
};

enum err control_message_handshake_response(const struct handshake_request *request,
                                            const struct handshake_answer *answer, struct text *ret_text) SSM_MUST_USE;

/* PAYLOAD_SIZE: the terminal's size. */
enum err control_message_size(uint16_t columns, uint16_t rows, struct text *ret_text) SSM_MUST_USE;

/* PAYLOAD_EXIT_CODE: "EXIT_CODE: 7". ERR_MALFORMED. */
enum err control_message_parse_exit_code(struct bytes payload, int64_t *ret_exit_code) SSM_MUST_USE;

/* HandshakeComplete: a text for the person, often empty, cut at the size of the memory. */
enum err control_message_parse_handshake_complete(struct bytes payload, struct text *ret_customer_message) SSM_MUST_USE;

/* channel_closed: why, for the person; empty when the session ended normally. Cut at the size of the memory. */
enum err control_message_parse_channel_closed(struct bytes payload, struct text *ret_output) SSM_MUST_USE;

/* Payload of PAYLOAD_FLAG: four bytes, big-endian. */
enum channel_flag {
    CHANNEL_FLAG_DISCONNECT_TO_PORT = 1,   /* client to agent; ends an SSH session as failed: not for us */
    CHANNEL_FLAG_TERMINATE_SESSION = 2,    /* client to agent */
    CHANNEL_FLAG_CONNECT_TO_PORT_ERROR = 3 /* agent to client */
};
#define CHANNEL_FLAG_LEN 4

#endif
