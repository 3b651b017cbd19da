/* agent_handshake: the JSON texts of the agent's side of the handshake. Source: protocol document, section 5. */
#ifndef SSM_LAB_AGENT_HANDSHAKE_H
#define SSM_LAB_AGENT_HANDSHAKE_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/text.h"

/* {"AgentVersion":...,"RequestedClientActions":[SessionType with `properties`]}: to be freed. NULL without memory. */
char *agent_handshake_request(const char *agent_version, const char *properties);

/* ERR_MALFORMED: not the JSON expected (the agent then neither counts nor acknowledges it). ERR_PROTOCOL: an action did
 * not succeed on the client; ret_problem says which, in the agent's words. */
enum err agent_handshake_read_response(struct bytes payload, struct text *ret_problem) SSM_MUST_USE;

#endif
