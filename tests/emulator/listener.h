/* listener: a listening socket that is ours and not libwebsockets': the gateway's, because a restart closes it for a
 * while (connections are then refused, and no other process can take the port), and the proxy's. */
#ifndef SSM_LAB_LISTENER_H
#define SSM_LAB_LISTENER_H

#include "tests/emulator/event_loop.h"

struct listener;

/* Who gets the connections: non-blocking descriptors, his from then on. */
struct listener_owner {
    void (*accepted)(void *owner, int fd);
    void *owner;
};

/* Listens. `port` 0 takes a free one. Freed before `loop`. */
enum err listener_new(struct event_loop *loop, const struct listener_owner *owner, const char *address, int port,
                      struct listener **ret_listener) SSM_MUST_USE;
void listener_free(struct listener *listener);

int listener_port(const struct listener *listener);

/* True for a connection that came to this listener's address and port. */
bool listener_has_accepted(const struct listener *listener, int fd);

/* From now on connections are refused; or accepted again. Both are safe to repeat. ERR_SYSTEM: try again. */
enum err listener_close(struct listener *listener) SSM_MUST_USE;
enum err listener_open(struct listener *listener) SSM_MUST_USE;

#endif
