#include "tests/emulator/tls_front.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/emulator/byte_queue.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/listener.h"

#define CHUNK (16 * 1024)       /* one TLS record */
#define SEND_BUFFER (32 * 1024) /* a side that is slow is felt by the other at once, and by tests */

/* Both sides are non-blocking. A side that has no more to say is over for both, once the other has got it all. */
struct tunnel {
    struct tls_front *front;
    SSL *tls;
    struct loop_watch client, proxy;
    struct byte_queue to_client, to_proxy;
    bool wants_to_write; /* TLS does, before anything else */
    bool is_over;
    struct tunnel *next, *previous;
};

struct tls_front {
    struct lab *lab;
    SSL_CTX *context;
    struct listener *listener;
    int port;
    struct tunnel *tunnels;
};

static void tunnel_free(struct tunnel *tunnel)
{
    struct event_loop *loop = tunnel->front->lab->loop;
    event_loop_unwatch(loop, &tunnel->client);
    event_loop_unwatch(loop, &tunnel->proxy);
    if (tunnel->next != NULL) {
        tunnel->next->previous = tunnel->previous;
    }
    if (tunnel->previous != NULL) {
        tunnel->previous->next = tunnel->next;
    } else {
        tunnel->front->tunnels = tunnel->next;
    }
    SSL_free(tunnel->tls);
    if (tunnel->client.fd >= 0) {
        close(tunnel->client.fd);
    }
    if (tunnel->proxy.fd >= 0) {
        close(tunnel->proxy.fd);
    }
    byte_queue_free(&tunnel->to_client);
    byte_queue_free(&tunnel->to_proxy);
    free(tunnel);
}

/* ---- the four ways ---- */

/* After an SSL call that moved nothing: it has to wait, or it is over. */
static void judge(struct tunnel *tunnel, int result)
{
    int why = SSL_get_error(tunnel->tls, result);
    tunnel->wants_to_write = why == SSL_ERROR_WANT_WRITE;
    tunnel->is_over = tunnel->is_over || (why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ);
}

static void read_client(struct tunnel *tunnel)
{
    int len = 1;
    while (len > 0 && byte_queue_len(&tunnel->to_proxy) < LAB_QUEUE_LOW) {
        uint8_t *room = byte_queue_reserve(&tunnel->to_proxy, CHUNK);
        len = room == NULL ? -1 : SSL_read(tunnel->tls, room, CHUNK);
        if (len > 0) {
            byte_queue_commit(&tunnel->to_proxy, (size_t)len);
        } else {
            judge(tunnel, len);
        }
    }
}

static void write_client(struct tunnel *tunnel)
{
    while (byte_queue_len(&tunnel->to_client) > 0) {
        struct bytes bytes = byte_queue_bytes(&tunnel->to_client);
        int len = SSL_write(tunnel->tls, bytes.data, (int)(bytes.len < CHUNK ? bytes.len : CHUNK));
        if (len <= 0) {
            judge(tunnel, len);
            return;
        }
        byte_queue_drop(&tunnel->to_client, (size_t)len);
    }
}

static bool must_wait(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN);
}

static void read_proxy(struct tunnel *tunnel)
{
    ssize_t len = 1;
    while (len > 0 && byte_queue_len(&tunnel->to_client) < LAB_QUEUE_LOW) {
        uint8_t *room = byte_queue_reserve(&tunnel->to_client, CHUNK);
        len = room == NULL ? -1 : recv(tunnel->proxy.fd, room, CHUNK, 0);
        if (len > 0) {
            byte_queue_commit(&tunnel->to_client, (size_t)len);
        } else if (!must_wait(len)) {
            tunnel->is_over = true;
        }
    }
}

static void write_proxy(struct tunnel *tunnel)
{
    while (byte_queue_len(&tunnel->to_proxy) > 0) {
        struct bytes bytes = byte_queue_bytes(&tunnel->to_proxy);
        ssize_t len = send(tunnel->proxy.fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (len < 0) {
            tunnel->is_over = tunnel->is_over || !must_wait(len);
            return;
        }
        byte_queue_drop(&tunnel->to_proxy, (size_t)len);
    }
}

static void pump(void *owner, uint32_t events)
{
    struct tunnel *tunnel = owner;
    struct event_loop *loop = tunnel->front->lab->loop;
    (void)events;
    tunnel->wants_to_write = false;
    ERR_clear_error(); /* what others left there would be taken for ours */
    read_client(tunnel);
    write_proxy(tunnel);
    read_proxy(tunnel);
    ERR_clear_error();
    write_client(tunnel);
    if (tunnel->is_over) {
        (void)SSL_shutdown(tunnel->tls); /* what was queued is out, or will not go out */
        tunnel_free(tunnel);
        return;
    }
    bool client_waits = tunnel->wants_to_write || byte_queue_len(&tunnel->to_client) > 0;
    bool proxy_waits = byte_queue_len(&tunnel->to_proxy) > 0;
    uint32_t client_reads = byte_queue_len(&tunnel->to_proxy) < LAB_QUEUE_LOW ? EPOLLIN : 0;
    uint32_t proxy_reads = byte_queue_len(&tunnel->to_client) < LAB_QUEUE_LOW ? EPOLLIN : 0;
    event_loop_change(loop, &tunnel->client, client_reads | (client_waits ? EPOLLOUT : 0u));
    event_loop_change(loop, &tunnel->proxy, proxy_reads | (proxy_waits ? EPOLLOUT : 0u));
}

/* ---- connections ---- */

/* To the proxy, which listens where the front does. */
static enum err dial(struct tunnel *tunnel)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(tunnel->client.fd, (struct sockaddr *)&address, &len) != 0) {
        return ERR_SYSTEM;
    }
    uint16_t port = htons((uint16_t)tunnel->front->port);
    if (address.ss_family == AF_INET) {
        ((struct sockaddr_in *)(void *)&address)->sin_port = port;
    } else {
        ((struct sockaddr_in6 *)(void *)&address)->sin6_port = port;
    }
    tunnel->proxy.fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (tunnel->proxy.fd < 0) {
        return ERR_SYSTEM;
    }
    (void)setsockopt(tunnel->client.fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
    (void)setsockopt(tunnel->proxy.fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
    int result = connect(tunnel->proxy.fd, (struct sockaddr *)&address, len);
    return result == 0 || errno == EINPROGRESS ? ERR_OK : ERR_SYSTEM;
}

static enum err open_tunnel(struct tunnel *tunnel)
{
    struct event_loop *loop = tunnel->front->lab->loop;
    tunnel->tls = SSL_new(tunnel->front->context);
    if (tunnel->tls == NULL || SSL_set_fd(tunnel->tls, tunnel->client.fd) != 1) {
        return ERR_MEMORY;
    }
    SSL_set_accept_state(tunnel->tls);
    SSL_set_mode(tunnel->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    TRY(dial(tunnel));
    TRY(event_loop_watch(loop, &tunnel->client, tunnel->client.fd, EPOLLIN));
    return event_loop_watch(loop, &tunnel->proxy, tunnel->proxy.fd, EPOLLIN);
}

static void accept_client(void *owner, int fd)
{
    struct tls_front *front = owner;
    struct tunnel *tunnel = calloc(1, sizeof *tunnel);
    if (tunnel == NULL) {
        close(fd);
        return;
    }
    tunnel->front = front;
    tunnel->client = (struct loop_watch){.ready = pump, .owner = tunnel, .fd = fd};
    tunnel->proxy = (struct loop_watch){.ready = pump, .owner = tunnel, .fd = -1};
    tunnel->next = front->tunnels;
    if (tunnel->next != NULL) {
        tunnel->next->previous = tunnel;
    }
    front->tunnels = tunnel;
    if (open_tunnel(tunnel) != ERR_OK) {
        tunnel_free(tunnel);
    }
}

/* ---- life ---- */

static enum err set_up(struct tls_front *front)
{
    const struct lab *lab = front->lab;
    struct listener_owner owner = {accept_client, front};
    front->context = SSL_CTX_new(TLS_server_method());
    if (front->context == NULL || SSL_CTX_use_certificate_chain_file(front->context, lab->certificates.server) != 1 ||
        SSL_CTX_use_PrivateKey_file(front->context, lab->certificates.server_key, SSL_FILETYPE_PEM) != 1) {
        return ERR_SYSTEM;
    }
    return listener_new(lab->loop, &owner, lab->options.listen, 0, &front->listener);
}

enum err tls_front_new(struct lab *lab, int port, struct tls_front **ret_front)
{
    struct tls_front *front = calloc(1, sizeof *front);
    if (front == NULL) {
        return ERR_MEMORY;
    }
    front->lab = lab;
    front->port = port;
    enum err err = set_up(front);
    if (err != ERR_OK) {
        tls_front_free(front);
        return err;
    }
    *ret_front = front;
    return ERR_OK;
}

void tls_front_free(struct tls_front *front)
{
    if (front == NULL) {
        return;
    }
    while (front->tunnels != NULL) {
        tunnel_free(front->tunnels);
    }
    listener_free(front->listener);
    SSL_CTX_free(front->context);
    free(front);
}

int tls_front_port(const struct tls_front *front)
{
    return listener_port(front->listener);
}
