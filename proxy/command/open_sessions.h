/* open_sessions: sessions that are open in the account and region, as client->account, whose credentials are there. On
 * a failure client->why has the service's words. */
#ifndef SSM_PROXY_COMMAND_OPEN_SESSIONS_H
#define SSM_PROXY_COMMAND_OPEN_SESSIONS_H

#include "proxy/command/client.h"
#include "proxy/core/session_list.h"

/* Gets page after page; an error ends it. */
typedef enum err open_sessions_visitor(void *context, const struct session_list *page);

/* DescribeSessions. `is_everybodys`: of all callers; otherwise those whose Owner is what GetCallerIdentity says of us,
 * which are those of this person from any machine. (The records of this machine would know fewer of them, and for a
 * role's session name the service knows best whose they are.) ERR_TOO_LONG over 400 pages; those of `visit`. */
enum err open_sessions_visit(struct client *client, bool is_everybodys, open_sessions_visitor *visit,
                             void *context) SSM_MUST_USE;

#endif
