/* relay: what the gateway does between the two ends of a session. Agent messages pass unchanged, both ways; the gateway
 * adds start_publication, pause_publication and channel_closed, keeps agent_session_state for itself, and answers the
 * agent's repetitions of what the client has acknowledged already (the real plugin does not, and the agent would hang).
 *
 * While one end is away, messages for it are dropped, except before the client's first connection: the handshake
 * request then waits for it. When one end does not read, the other end is no longer read. */
#ifndef SSM_LAB_RELAY_H
#define SSM_LAB_RELAY_H

#include "tests/emulator/session.h"

/* An end has come (token checked) or gone. A second connection of the same end takes the place of the first. */
void relay_attach_client(struct session *session, struct peer *peer);
void relay_attach_agent(struct session *session, struct peer *peer);
void relay_attach_worker(struct session *session, bool is_attached);
void relay_lose_peer(struct session *session, struct peer *peer);

void relay_from_client(struct session *session, struct bytes message);
void relay_from_agent(struct session *session, struct bytes message);

/* start_publication or pause_publication to one side; nothing when the session is over. */
void relay_publish(struct session *session, bool is_to_agent, bool is_start);

/* Re-reads who has room and who may be read. */
void relay_update_flow(struct session *session);

/* The agent has reported the end of the session: the client hears why, and the session is over. Safe to repeat. */
void relay_task_complete(struct session *session, const char *final_status, const char *output);

/* The service ends the session: both sides are told. It is over when the agent has reported so, or after 10 s. */
void relay_terminate(struct session *session, const char *output);

/* (Re)starts the idle timer with the timeout in force. */
void relay_watch_idle(struct session *session);

/* Frees what the relay keeps for a session. */
void relay_release(struct session *session);

#endif
