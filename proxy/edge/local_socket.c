#include "proxy/edge/local_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum err local_socket_open(struct loop *loop, int fd, struct local_socket *ret_socket)
{
    *ret_socket = (struct local_socket){.source = {.fd = fd}};
    enum err err = loop_add(loop, &ret_socket->source);
    if (err != ERR_OK) {
        (void)close(fd);
        return err;
    }
    ret_socket->loop = loop;
    return ERR_OK;
}

static enum err failed(void)
{
    return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_SYSTEM;
}

enum err local_socket_read(struct local_socket *socket, void *buffer, size_t size, size_t *ret_len)
{
    ssize_t got = recv(socket->source.fd, buffer, size, MSG_DONTWAIT);
    if (got < 0) {
        return failed();
    }
    *ret_len = (size_t)got;
    return ERR_OK;
}

enum err local_socket_write(struct local_socket *socket, struct bytes bytes, size_t *ret_len)
{
    ssize_t put = send(socket->source.fd, bytes.data, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0) {
        return failed();
    }
    *ret_len = (size_t)put;
    return ERR_OK;
}

void local_socket_close(struct local_socket *socket)
{
    if (socket->loop == NULL) {
        return;
    }
    loop_remove(socket->loop, &socket->source);
    (void)close(socket->source.fd);
    socket->loop = NULL;
}
