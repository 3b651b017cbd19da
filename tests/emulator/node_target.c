#include "tests/emulator/node_target.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"

/* ---- dialing ---- */

static void close_socket(struct node_target *target)
{
    if (target->fd >= 0) {
        event_loop_unwatch(target->loop, &target->watch);
        close(target->fd);
        target->fd = -1;
    }
}

void node_target_close(struct node_target *target)
{
    close_socket(target);
    session_process_end(&target->process);
    event_loop_disarm(target->loop, &target->begin);
    if (target->addresses != NULL) {
        freeaddrinfo(target->addresses);
        target->addresses = NULL;
    }
    target->next_address = NULL;
    target->is_dialing = false;
    byte_queue_free(&target->to_write);
}

static bool start_connect(struct node_target *target, const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* as Go does */
    if ((connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) ||
        event_loop_watch(target->loop, &target->watch, fd, EPOLLOUT) != ERR_OK) {
        close(fd);
        return false;
    }
    target->fd = fd;
    return true;
}

static void connect_next(struct node_target *target)
{
    while (target->next_address != NULL) {
        const struct addrinfo *address = target->next_address;
        target->next_address = address->ai_next;
        if (start_connect(target, address)) {
            return;
        }
    }
    node_target_close(target);
    target->dialed(target->owner, false);
}

static void finish_connect(struct node_target *target)
{
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(target->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        close_socket(target);
        connect_next(target);
        return;
    }
    target->is_dialing = false;
    target->has_ended = false;
    target->is_write_broken = false;
    target->written = 0;
    target->dialed(target->owner, true);
}

/* What the process finds at its port shows as the end of its output. */
static void start_process(struct node_target *target)
{
    int fd = -1;
    if (session_process_start(&target->worker, target->worker_port, &target->process, &fd) == ERR_OK) {
        if (event_loop_watch(target->loop, &target->watch, fd, EPOLLOUT) == ERR_OK) {
            target->fd = fd;
            return;
        }
        close(fd);
    }
    node_target_close(target);
    target->dialed(target->owner, false);
}

static void begin_expired(void *owner, uint64_t now_us)
{
    struct node_target *target = owner;
    (void)now_us;
    if (target->worker_port != 0) {
        start_process(target);
    } else {
        connect_next(target);
    }
}

static void watch_ready(void *owner, uint32_t events)
{
    struct node_target *target = owner;
    if (target->is_dialing) {
        finish_connect(target);
    } else {
        target->ready(target->owner, (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0);
    }
}

void node_target_init(struct node_target *target)
{
    target->fd = -1;
    target->watch = (struct loop_watch){.ready = watch_ready, .owner = target};
    target->begin = (struct loop_timer){.expired = begin_expired, .owner = target};
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *v6 = (const void *)address;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static struct addrinfo *resolve(const char *address, uint16_t port)
{
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    snprintf(service, sizeof service, "%u", (unsigned)port);
    if (getaddrinfo(address, service, &hints, &list) != 0) {
        return NULL;
    }
    if (!is_loopback(list->ai_addr)) {
        freeaddrinfo(list);
        return NULL;
    }
    return list;
}

/* Those of localhost are two lists in one. */
static struct addrinfo *resolve_local(uint16_t port)
{
    struct addrinfo *v6 = resolve("::1", port);
    struct addrinfo *v4 = resolve("127.0.0.1", port);
    if (v6 == NULL) {
        return v4;
    }
    v6->ai_next = v4;
    return v6;
}

/* RFC 6761: all names below localhost are the machine itself. They stand for hosts beside the node. */
static bool is_local_name(const char *host)
{
    static const char suffix[] = ".localhost";
    size_t len = strlen(host), suffix_len = strlen(suffix);
    return strcmp(host, suffix + 1) == 0 || (len > suffix_len && strcmp(host + len - suffix_len, suffix) == 0);
}

void node_target_dial(struct node_target *target, const char *host, uint16_t port)
{
    node_target_close(target);
    bool is_local = is_local_name(host);
    target->worker_port = is_local && target->worker.program != NULL ? port : 0;
    if (target->worker_port == 0) {
        target->addresses = is_local ? resolve_local(port) : resolve(host, port);
    }
    target->next_address = target->addresses;
    target->is_dialing = true;
    event_loop_arm(target->loop, &target->begin, event_loop_now_us());
}

/* ---- bytes ---- */

void node_target_write(struct node_target *target, struct bytes bytes)
{
    if (byte_queue_append(&target->to_write, bytes) != ERR_OK) {
        target->is_write_broken = true;
    }
}

enum err node_target_flush(struct node_target *target)
{
    while (byte_queue_len(&target->to_write) > 0) {
        struct bytes bytes = byte_queue_bytes(&target->to_write);
        ssize_t sent = -1;
        if (!target->is_write_broken) {
            sent = send(target->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
            if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
                return ERR_OK;
            }
        }
        if (sent < 0) {
            target->is_write_broken = true;
            byte_queue_drop(&target->to_write, bytes.len);
            return ERR_UNREACHABLE;
        }
        byte_queue_drop(&target->to_write, (size_t)sent);
        target->written += (uint64_t)sent;
    }
    return ERR_OK;
}

enum err node_target_read(struct node_target *target, uint8_t *buffer, size_t size, ssize_t *ret_len)
{
    ssize_t len = read(target->fd, buffer, size);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return ERR_AGAIN;
    }
    target->has_ended = len <= 0;
    *ret_len = len;
    return ERR_OK;
}

void node_target_wait(struct node_target *target, bool wants_read)
{
    if (!node_target_is_open(target)) {
        return;
    }
    uint32_t events = byte_queue_len(&target->to_write) > 0 ? EPOLLOUT : 0;
    events |= wants_read && !target->has_ended ? EPOLLIN : 0;
    if (events == 0) {
        /* Hang-ups are reported even when no event is asked for, again and again. */
        event_loop_unwatch(target->loop, &target->watch);
    } else if (target->watch.is_armed) {
        event_loop_change(target->loop, &target->watch, events);
    } else if (event_loop_watch(target->loop, &target->watch, target->fd, events) != ERR_OK) {
        log_error("cannot watch the target of a session");
    }
}

/* ---- as a side of a session ---- */

static void side_open(void *self)
{
    struct node_target *target = self;
    node_target_dial(target, target->host, target->port);
}

static void side_close(void *self)
{
    node_target_close(self);
}

static bool side_is_open(const void *self)
{
    return node_target_is_open(self);
}

static void side_write(void *self, struct bytes bytes)
{
    node_target_write(self, bytes);
}

static size_t side_queued(const void *self)
{
    const struct node_target *target = self;
    return byte_queue_len(&target->to_write);
}

static uint64_t side_written(const void *self)
{
    const struct node_target *target = self;
    return target->written;
}

static enum err side_flush(void *self)
{
    return node_target_flush(self);
}

static enum err side_read(void *self, uint8_t *buffer, size_t size, struct node_piece *ret_piece)
{
    ret_piece->type = PAYLOAD_OUTPUT;
    return node_target_read(self, buffer, size, &ret_piece->len);
}

static void side_wait(void *self, bool wants_read)
{
    node_target_wait(self, wants_read);
}

const struct node_side node_target_side = {side_open,    side_close, side_is_open, side_write, side_queued,
                                           side_written, side_flush, side_read,    side_wait};
