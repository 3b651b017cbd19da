#include "tests/emulator/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct listener {
    struct event_loop *loop;
    struct listener_owner owner;
    struct sockaddr_storage address; /* with the port, once bound */
    socklen_t address_len;
    struct loop_watch watch;
    int fd; /* bound; listening while the watch is armed */
};

static enum err parse_address(struct listener *listener, const char *address, int port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&listener->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&listener->address;
    if (inet_pton(AF_INET, strcmp(address, "localhost") == 0 ? "127.0.0.1" : address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        listener->address_len = sizeof *v4;
        return ERR_OK;
    }
    if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        listener->address_len = sizeof *v6;
        return ERR_OK;
    }
    return ERR_MALFORMED;
}

/* A socket that is bound and does not listen refuses connections and keeps the port. */
static enum err bind_socket(struct listener *listener)
{
    struct sockaddr *address = (struct sockaddr *)&listener->address;
    int fd = socket(listener->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, address, listener->address_len) != 0 || getsockname(fd, address, &listener->address_len) != 0) {
        close(fd);
        return ERR_SYSTEM;
    }
    listener->fd = fd;
    return ERR_OK;
}

static void accept_all(void *owner, uint32_t events)
{
    struct listener *listener = owner;
    (void)events;
    for (;;) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        listener->owner.accepted(listener->owner.owner, fd);
    }
}

enum err listener_open(struct listener *listener)
{
    if (listener->watch.is_armed) {
        return ERR_OK;
    }
    if (listener->fd < 0) {
        TRY(bind_socket(listener));
    }
    if (listen(listener->fd, SOMAXCONN) != 0) {
        return ERR_SYSTEM;
    }
    return event_loop_watch(listener->loop, &listener->watch, listener->fd, EPOLLIN);
}

enum err listener_close(struct listener *listener)
{
    if (listener->watch.is_armed) {
        event_loop_unwatch(listener->loop, &listener->watch);
        close(listener->fd);
        listener->fd = -1;
    }
    return listener->fd < 0 ? bind_socket(listener) : ERR_OK;
}

enum err listener_new(struct event_loop *loop, const struct listener_owner *owner, const char *address, int port,
                      struct listener **ret_listener)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return ERR_MEMORY;
    }
    listener->loop = loop;
    listener->owner = *owner;
    listener->fd = -1;
    listener->watch = (struct loop_watch){.ready = accept_all, .owner = listener};
    enum err err = parse_address(listener, address, port);
    err = err == ERR_OK ? listener_open(listener) : err;
    if (err != ERR_OK) {
        listener_free(listener);
        return err;
    }
    *ret_listener = listener;
    return ERR_OK;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL) {
        return;
    }
    event_loop_unwatch(listener->loop, &listener->watch);
    if (listener->fd >= 0) {
        close(listener->fd);
    }
    free(listener);
}

int listener_port(const struct listener *listener)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&listener->address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&listener->address;
    return ntohs(listener->address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}

bool listener_has_accepted(const struct listener *listener, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 && len == listener->address_len &&
           memcmp(&address, &listener->address, len) == 0;
}
