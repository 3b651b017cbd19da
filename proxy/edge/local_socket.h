/* local_socket: one connection of a program of this machine, which a listener has accepted. */
#ifndef SSM_PROXY_EDGE_LOCAL_SOCKET_H
#define SSM_PROXY_EDGE_LOCAL_SOCKET_H

#include "common/bytes.h"
#include "proxy/edge/loop.h"

/* Zero-initialised means "not open". */
struct local_socket {
    struct loop_source source; /* want_read and want_write are the caller's */
    struct loop *loop;         /* NULL: not open */
};

/* Takes the descriptor, which is closed when this fails, too. The socket stays where it is until local_socket_close. */
enum err local_socket_open(struct loop *loop, int fd, struct local_socket *ret_socket) SSM_MUST_USE;

/* ERR_OK: `ret_len` bytes, 0 at the end of what the program sends. ERR_AGAIN. ERR_SYSTEM: it is gone. */
enum err local_socket_read(struct local_socket *socket, void *buffer, size_t size, size_t *ret_len) SSM_MUST_USE;

/* What fits of `bytes`, which are not empty. ERR_OK and at least one byte; ERR_AGAIN; ERR_SYSTEM: it is gone. */
enum err local_socket_write(struct local_socket *socket, struct bytes bytes, size_t *ret_len) SSM_MUST_USE;

void local_socket_close(struct local_socket *socket); /* safe on a zeroed one */

#endif
