/* tunnel: carries bytes between a local side and a channel, over the websocket of a stream, until the channel is
 * finished. A companion of the client: it goes on in every turn, whatever its owner waits for meanwhile. */
#ifndef SSM_PROXY_COMMAND_TUNNEL_H
#define SSM_PROXY_COMMAND_TUNNEL_H

#include "proxy/command/resume.h"
#include "proxy/command/tunnel_local.h"
#include "proxy/core/liveness.h"

/* All of ending, from the first reason to the last byte, takes no longer (the API has the rest of the 5 s in which we
 * leave); a session that the peer has ended takes as long as the reader of its last output. */
#define TUNNEL_LEAVE_US (4 * 1000 * 1000)

/* What a tunnel works for; all borrowed. */
struct tunnel_session {
    const char *name; /* for lines of the log */
    struct channel *channel;
    struct stream *stream;
    const char *session_id;
    struct tunnel_local local;
    int64_t ping_interval_us; /* twice this in silence, and the connection is lost */
    int64_t resume_budget_us; /* for bringing back a connection that was lost */
};

/* Zero-initialised means "not open". */
struct tunnel {
    struct companion companion;
    struct client *client;
    struct tunnel_session session;
    struct channel *channel; /* session.channel */
    struct resume resume;
    struct liveness liveness;
    bool is_reading;       /* from the websocket, since the last turn */
    int64_t leave_us;      /* INSTANT_NEVER until the end has begun */
    bool was_lost_unbegun; /* the connection, before the agent had said a word */
    bool was_open;         /* data has flowed or could have */
    bool is_over;
    int64_t resumed_us;  /* when the connection was last brought back */
    uint64_t resumed_at; /* channel_progress then */
    char why_memory[1024];
    struct text why; /* of the connection's loss */
};

/* The websocket is open and OpenDataChannel has been sent on it. `client` and what `session` points to are borrowed.
 * From here on turns of the client carry the bytes, until is_over: the channel is finished and its output delivered,
 * or the time to leave is over. channel_result then tells how it ended; before that, local.judge. A signal ends it; so
 * does a companion that has failed, with its words; and so does client->deadline_us, until the channel is open. */
void tunnel_open(struct tunnel *tunnel, struct client *client, const struct tunnel_session *session);
void tunnel_close(struct tunnel *tunnel); /* safe on a zeroed tunnel; usable with AUTO() */

#endif
