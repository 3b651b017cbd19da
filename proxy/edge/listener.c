#include "proxy/edge/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    struct sockaddr_un local;
};

/* Closes the descriptor; errno stays. */
static enum err fail(int fd, struct text *ret_why, const char *what)
{
    int saved = errno;
    text_format(ret_why, "%s: %s", what, strerror(saved));
    if (fd >= 0) {
        (void)close(fd);
    }
    errno = saved;
    return ERR_SYSTEM;
}

static bool read_address(const char *text, uint16_t port, union address *ret_address, socklen_t *ret_len)
{
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, text, &ret_address->ipv4.sin_addr) == 1) {
        ret_address->ipv4.sin_family = AF_INET;
        ret_address->ipv4.sin_port = htons(port);
        *ret_len = sizeof ret_address->ipv4;
        return true;
    }
    ret_address->ipv6.sin6_family = AF_INET6;
    ret_address->ipv6.sin6_port = htons(port);
    *ret_len = sizeof ret_address->ipv6;
    return inet_pton(AF_INET6, text, &ret_address->ipv6.sin6_addr) == 1;
}

/* sin_port and sin6_port stand at the same place. */
static uint16_t port_of(const union address *address)
{
    return ntohs(address->ipv4.sin_port);
}

enum err listener_open_tcp(const char *address_text, uint16_t port, struct listener *ret_listener, uint16_t *ret_port,
                           struct text *ret_why)
{
    union address address;
    socklen_t len;
    if (!read_address(address_text, port, &address, &len)) {
        errno = EINVAL;
        text_put(ret_why, "it is no address");
        return ERR_SYSTEM;
    }
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail(fd, ret_why, "no socket");
    }
    static const int on = 1; /* old connections in TIME_WAIT do not count; another listener does */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool is_alone = address.any.sa_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
    if (!is_alone || bind(fd, &address.any, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &address.any, &len) != 0) {
        return fail(fd, ret_why, "cannot listen");
    }
    *ret_listener = (struct listener){.source = {.fd = fd}, .is_open = true};
    *ret_port = port_of(&address);
    return ERR_OK;
}

/* Does nobody listen there? A socket file outlives its process. */
static bool is_stale(const union address *address, socklen_t len)
{
    struct stat status;
    if (lstat(address->local.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_refused = fd >= 0 && connect(fd, &address->any, len) != 0 && errno == ECONNREFUSED;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_refused;
}

static int bind_unix(int fd, const union address *address, socklen_t len)
{
    int bound = bind(fd, &address->any, len);
    if (bound != 0 && errno == EADDRINUSE && is_stale(address, len) && unlink(address->local.sun_path) == 0) {
        bound = bind(fd, &address->any, len);
    }
    return bound;
}

enum err listener_open_unix(const char *path, struct listener *ret_listener, struct text *ret_why)
{
    union address address = {.local = {.sun_family = AF_UNIX}};
    size_t path_len = strlen(path);
    if (path_len == 0 || path_len >= sizeof address.local.sun_path) {
        errno = ENAMETOOLONG;
        return fail(-1, ret_why, "cannot listen");
    }
    memcpy(address.local.sun_path, path, path_len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail(fd, ret_why, "no socket");
    }
    if (bind_unix(fd, &address, sizeof address.local) != 0) {
        errno = errno == EADDRINUSE ? EEXIST : errno;
        return fail(fd, ret_why, "cannot listen");
    }
    if (listen(fd, BACKLOG) != 0) {
        (void)unlink(path);
        return fail(fd, ret_why, "cannot listen");
    }
    *ret_listener = (struct listener){.source = {.fd = fd}, .is_open = true};
    memcpy(ret_listener->path, path, path_len + 1);
    return ERR_OK;
}

enum err listener_join(struct listener *listener, struct loop *loop)
{
    TRY(loop_add(loop, &listener->source));
    listener->loop = loop;
    return ERR_OK;
}

enum err listener_accept(struct listener *listener, int *ret_fd)
{
    int fd = accept4(listener->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        static const int on = 1; /* a unix socket, which never waits, refuses it */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        *ret_fd = fd;
        return ERR_OK;
    }
    bool is_out = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    return is_out ? ERR_SYSTEM : ERR_AGAIN;
}

void listener_close(struct listener *listener)
{
    if (!listener->is_open) {
        return;
    }
    if (listener->loop != NULL) {
        loop_remove(listener->loop, &listener->source);
    }
    (void)close(listener->source.fd);
    if (listener->path[0] != '\0') {
        (void)unlink(listener->path);
    }
    *listener = (struct listener){.is_open = false};
}
