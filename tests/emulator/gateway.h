/* gateway: the message gateway (ssmmessages): CreateControlChannel and CreateDataChannel, and both kinds of websocket.
 * Source: docs/protocol.md, 4 and 13. */
#ifndef SSM_LAB_GATEWAY_H
#define SSM_LAB_GATEWAY_H

#include "proxy/core/agent_message.h"
#include "tests/emulator/http_exchange.h"
#include "tests/emulator/peer.h"
#include "tests/emulator/session.h"

/* A REST call to the gateway whose body has been read. */
void gateway_rest(struct http_exchange *exchange);

/* An upgrade request: 0 lets it pass, and *ret_peer waits for the websocket; otherwise the HTTP status to refuse with.
 */
int gateway_upgrade(struct lab *lab, struct lws *wsi, struct peer **ret_peer);

/* From peer: its first message, every later one, its end, and a change of its room. */
void gateway_first_message(struct peer *peer, struct bytes message, bool is_binary);
void gateway_message(struct peer *peer, struct bytes message);
void gateway_peer_lost(struct peer *peer);
void gateway_peer_flow(struct peer *peer);

/* Sends a control message with a JSON payload; false when the node has no control channel. */
bool gateway_tell_node(struct node *node, enum agent_message_type type, const char *payload);

/* Starts the session's agent side: a worker on a built-in node, interactive_shell to a real agent. `scalars` are the
 * checked parameters. */
enum err gateway_start_session(struct session *session, const struct document *document,
                               const json_t *scalars) SSM_MUST_USE;

#endif
