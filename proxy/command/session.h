/* session: a session of the service, from its start to its end, by calls of the SSM API. */
#ifndef SSM_PROXY_COMMAND_SESSION_H
#define SSM_PROXY_COMMAND_SESSION_H

#include "proxy/command/client.h"
#include "proxy/core/ssm_api.h"

/* StartSession; leaves a record of the session for the case that we are killed. A signal does not stop it for some
 * seconds: a session whose id never arrived could not be ended. The caller looks at client->signal afterwards, and ends
 * the session whenever session_id is not "", after an error too. */
enum err session_start(struct client *client, const struct ssm_api_start_session *request,
                       struct ssm_api_session *ret_session) SSM_MUST_USE;

/* TerminateSession, until deadline_us; forgets the record when that worked. */
enum err session_end(struct client *client, const char *session_id, int64_t deadline_us) SSM_MUST_USE;

/* The peer knows that the session is over: only the record is left. */
void session_forget(struct client *client, const char *session_id);

#endif
