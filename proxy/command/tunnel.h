/* tunnel: carries bytes between standard input and output and a channel, over the websocket of a run, until the channel
 * is finished. */
#ifndef SSM_PROXY_COMMAND_TUNNEL_H
#define SSM_PROXY_COMMAND_TUNNEL_H

#include "proxy/command/reaper.h"
#include "proxy/command/resume.h"
#include "proxy/core/channel.h"
#include "proxy/core/liveness.h"
#include "proxy/edge/stdio.h"

/* All of ending, from the first reason to the last byte, takes no longer (the API has the rest of the 5 s in which we
 * leave); a session that the peer has ended takes as long as the reader of its last output. */
#define TUNNEL_LEAVE_US (4 * 1000 * 1000)

/* What a tunnel works for; all borrowed. */
struct tunnel_session {
    const char *name; /* for lines of the log */
    struct channel *channel;
    struct stream *stream;
    const char *session_id;
    int64_t ping_interval_us; /* twice this in silence, and the connection is lost */
    int64_t resume_budget_us; /* for bringing back a connection that was lost */
    uint32_t payload_bytes;   /* the largest payload of a message of the channel */
};

struct tunnel {
    struct client *client;
    struct tunnel_session session;
    struct channel *channel; /* session.channel */
    struct resume resume;
    struct stdio_stream in;
    struct stdio_stream out;
    struct reaper *reaper; /* borrowed; works beside an open tunnel */
    uint8_t *pending;      /* read from stdin, not taken by the channel yet */
    size_t pending_size;
    size_t pending_at;
    size_t pending_len;
    bool is_input_dry; /* the last read found nothing; nothing is there until the loop says so */
    struct liveness liveness;
    bool is_reading;       /* from the websocket, since the last turn */
    int64_t leave_us;      /* INSTANT_NEVER until the end has begun */
    bool has_lost_input;   /* standard input could not be read: its end is not the end of what was to be sent */
    bool has_lost_output;  /* standard output could not be written, for another reason than that nobody reads it */
    bool was_lost_unbegun; /* the connection, before the agent had said a word */
    bool was_open;         /* data has flowed or could have */
    int64_t resumed_us;    /* when the connection was last brought back */
    uint64_t resumed_at;   /* channel_progress then */
};

/* `run`, what `session` points to, and `reaper` are borrowed; standard input and output are as they were after
 * tunnel_close. */
enum err tunnel_open(struct tunnel *tunnel, struct client *client, const struct tunnel_session *session,
                     struct reaper *reaper) SSM_MUST_USE;
void tunnel_close(struct tunnel *tunnel); /* safe when tunnel_open failed, or on a zeroed tunnel; usable with AUTO() */

/* The websocket is open and OpenDataChannel has been sent on it. Returns when the channel is finished and its output
 * delivered, or the time to leave is over; channel_result then tells how it ended. ERR_SYSTEM, with words in
 * client->why: standard input could not be read, or standard output not be written. */
enum err tunnel_run(struct tunnel *tunnel) SSM_MUST_USE;

#endif
