/* agent_handshake: the JSON texts of the agent's side of the handshake. Source: docs/protocol.md, 7. */
#ifndef SSM_LAB_AGENT_HANDSHAKE_H
#define SSM_LAB_AGENT_HANDSHAKE_H

#include "common/bytes.h"
#include "common/err.h"
#include "tests/emulator/agent_core.h"

struct agent_request {
    const char *agent_version;
    enum agent_session_type type;
    const char *properties;                 /* JSON */
    const char *kms_key_id, *kms_challenge; /* NULL: not encrypted */
};

/* {"AgentVersion":...,"RequestedClientActions":[SessionType, KMSEncryption]}: to be freed. NULL without memory. */
char *agent_handshake_request(const struct agent_request *request);

struct agent_response {
    char client_version[64]; /* as much of it as fits; "": none */
    char *ciphertext_key;    /* base64, of KMSEncryption; to be freed; NULL: none */
    bool has_acknowledged_challenge;
    char problem[1024]; /* which action did not succeed on the client, in the agent's words */
};

/* ERR_MALFORMED: not the JSON expected (the agent then neither counts nor acknowledges it). ERR_PROTOCOL: an action did
 * not succeed. *ret_response, zeroed before, is set as far as it was read. */
enum err agent_handshake_read_response(struct bytes payload, struct agent_response *ret_response) SSM_MUST_USE;

/* "Standard_Stream". ERR_MALFORMED: not the name of a session type. */
enum err agent_handshake_parse_type(const char *name, enum agent_session_type *ret_type) SSM_MUST_USE;

#endif
