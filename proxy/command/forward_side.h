/* forward_side: the local side of a tunnel that carries many connections: listeners, the connections that came in
 * there, and smux, in which each is a stream. The connections outlive a loss of the session's connection, as all of the
 * tunnel does.
 *
 * What comes for a connection that does not read waits, up to 4 MiB, and 64 MiB for all; then nothing more is taken
 * from the agent, which is all right while it is alone. Where others are open, it is closed once it has not read a byte
 * for two seconds, with words: one that is only slow slows the others, and one that has stopped does not stop them. */
#ifndef SSM_PROXY_COMMAND_FORWARD_SIDE_H
#define SSM_PROXY_COMMAND_FORWARD_SIDE_H

#include "proxy/command/tunnel_local.h"
#include "proxy/core/smux.h"
#include "proxy/edge/listener.h"
#include "proxy/edge/local_socket.h"

#define FORWARD_SIDE_LISTENERS_MAX 2 /* IPv4 and IPv6 */

struct forward_connection;

/* Zero-initialised means "nothing is open". */
struct forward_side {
    struct listener listeners[FORWARD_SIDE_LISTENERS_MAX]; /* opened by the caller; closed here */
    size_t listener_count;
    const char *name;   /* borrowed; for lines of the log */
    const char *remote; /* borrowed: "localhost:80" */
    bool is_ready;      /* the session is open: connections are taken */

    /* private to forward_side.c */
    struct loop *loop;
    struct smux *smux;
    struct forward_connection *connections; /* SMUX_STREAMS_MAX */
    size_t connection_count;
    size_t connection_end;   /* none stands behind it */
    int64_t accept_again_us; /* no descriptor was left; INSTANT_NEVER: there are some */
    int64_t deadline_us;     /* of something about a connection */
    int64_t keep_alive_us;   /* of the next NOP; INSTANT_NEVER: the agent does not want any */
    int64_t port_failed_us;  /* when it was last said that the port refuses; 0: never */
};

/* Before each session: without connections; the listeners stay. */
enum err forward_side_open(struct forward_side *side, struct loop *loop) SSM_MUST_USE;

/* Closes the listeners, too. Safe on a zeroed one. */
void forward_side_close(struct forward_side *side);

/* Good while the side is open and stays where it is. Its judge gives ERR_PROTOCOL: the agent does not speak smux. */
struct tunnel_local forward_side_local(struct forward_side *side);

#endif
