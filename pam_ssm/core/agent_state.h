/* agent_state: what the SSM agent writes down about a session,
 * /var/lib/amazon/ssm/NODE/document/state/current/SESSION-ID. This is how root on the node learns the IAM principal
 * and the document of a session.
 *
 * Source: amazon-ssm-agent, agent/contracts (DocumentState, OSProcInfo), stable since 2.x and undocumented: members
 * that we do not know are ignored, and what we need must be there. */
#ifndef SSM_HOST_CORE_AGENT_STATE_H
#define SSM_HOST_CORE_AGENT_STATE_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/limits.h"

struct agent_session {
    char session_id[LIMIT_SESSION_ID + 1];
    char owner[LIMIT_ARN + 1];         /* ARN of the IAM principal that signed StartSession; "" when it is not told */
    char document[LIMIT_DOCUMENT + 1]; /* session document, e.g. AWS-StartSSHSession */
    char plugin[LIMIT_DOCUMENT + 1];   /* Port, Standard_Stream, InteractiveCommands...; "" when it is not told */
    int64_t worker_pid;
    int64_t worker_start_unix_ms; /* within a second of what /proc says */
};

/* May this be a session id: 1 to 96 of A-Z a-z 0-9 + = , . @ _ -, and not "." or ".."? Only then it enters a path or a
 * log. */
bool agent_state_is_session_id(const char *session_id);

/* `file` is the whole state file. ERR_MALFORMED: no JSON object, a member that is missing or of another type, no
 * StartSession, an impossible session id, a text that is too long or has control characters. ERR_MEMORY. */
enum err agent_state_parse(struct bytes file, struct agent_session *ret_session) SSM_MUST_USE;

#endif
