/* node_mux: the port of a built-in node that many connections share: a smux_session whose streams are connections to
 * the session's host and port. As in the agent, streams are dialed one after the other in the order of their opening,
 * and what the client sends counts as written once it stands in a socket buffer before the multiplexer. */
#ifndef SSM_LAB_NODE_MUX_H
#define SSM_LAB_NODE_MUX_H

#include "tests/emulator/event_loop.h"
#include "tests/emulator/node_side.h"
#include "tests/emulator/smux_session.h"

struct node_mux;

struct node_mux_config {
    struct event_loop *loop; /* borrowed */
    const char *host;        /* as for node_target_dial; copied */
    uint16_t port;
    void (*opened)(void *owner, bool is_open);
    void (*ready)(void *owner, bool can_read);
    void (*dial_failed)(void *owner); /* of a stream, which is closed then */
    void *owner;
};

extern const struct node_side node_mux_side;

enum err node_mux_new(const struct node_mux_config *config, struct node_mux **ret_mux) SSM_MUST_USE;
void node_mux_free(struct node_mux *mux);

/* How the sessions are that open from now on. */
void node_mux_set_smux(struct node_mux *mux, const struct smux_config *smux);

/* Bytes that it holds, in whatever queue, on their way to the targets. */
size_t node_mux_held(const struct node_mux *mux);

#endif
