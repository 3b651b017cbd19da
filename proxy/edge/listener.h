/* listener: sockets of this machine that wait for connections, TCP or unix. */
#ifndef SSM_PROXY_EDGE_LISTENER_H
#define SSM_PROXY_EDGE_LISTENER_H

#include "common/text.h"
#include "proxy/edge/loop.h"

#define LISTENER_PATH_SIZE 108 /* of sockaddr_un, with its terminator */

/* Zero-initialised means "not open". */
struct listener {
    struct loop_source source; /* can_read: a connection waits; want_read is the caller's */
    struct loop *loop;         /* NULL: not in one yet */
    bool is_open;
    char path[LISTENER_PATH_SIZE]; /* of a unix socket, which goes with the listener; "" for TCP */
};

/* An IPv4 or IPv6 address and a port of it; port 0: one that is free, which `ret_port` tells. An IPv6 socket takes no
 * IPv4 connections. ERR_SYSTEM with words and errno. */
enum err listener_open_tcp(const char *address, uint16_t port, struct listener *ret_listener, uint16_t *ret_port,
                           struct text *ret_why) SSM_MUST_USE;

/* Only our own user may connect (the umask of the process says so). A socket file that nobody listens at any more is
 * replaced. */
enum err listener_open_unix(const char *path, struct listener *ret_listener, struct text *ret_why) SSM_MUST_USE;

/* The listener stays where it is from here on. */
enum err listener_join(struct listener *listener, struct loop *loop) SSM_MUST_USE;

/* A connection, non-blocking and without delay; owned by the caller. ERR_AGAIN: none waits, or the one that did has
 * gone. ERR_SYSTEM with errno: no descriptor or memory is left for it, and it goes on waiting. */
enum err listener_accept(struct listener *listener, int *ret_fd) SSM_MUST_USE;

void listener_close(struct listener *listener); /* safe on a zeroed one */

#endif
