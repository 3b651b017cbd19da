/* delay_relay: a TCP relay that makes the way longer.
 *
 *     delay_relay DESTINATION_PORT ONEWAY_MS
 *
 * Listens on loopback and prints its port. Every byte, and the end of each direction, is handed on ONEWAY_MS after it
 * came. A TCP handshake would have cost the client one round trip before it could send anything, and here costs
 * nothing: so nothing goes upstream earlier than one round trip after the accept, plus its own way. That gives what
 * theory says: six round trips where six are due. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Bytes under way in one direction before the relay stops reading: 64 MB/s at 60 ms, above what anything here sends. */
enum { MAX_UNDER_WAY = 4 * 1024 * 1024, PIECE = 32 * 1024, MAX_CONNECTIONS = 256 };

struct piece {
    struct piece *next;
    double due_ms;
    size_t len, sent; /* len 0: the end of the direction */
    char data[];
};

struct direction {
    int from, to;
    double not_before_ms;
    struct piece *first, **last;
    size_t under_way;
    bool ended;    /* no more to read */
    bool finished; /* its end has been handed on */
};

struct connection {
    struct direction up, down;
};

static double oneway_ms;
static struct connection *connections[MAX_CONNECTIONS];

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void direction_queue(struct direction *direction, const char *data, size_t len)
{
    double came_ms = now_ms();
    struct piece *piece = malloc(sizeof *piece + len);
    if (piece == NULL) {
        err(EXIT_FAILURE, "malloc");
    }
    *piece = (struct piece){.len = len};
    piece->due_ms = (came_ms > direction->not_before_ms ? came_ms : direction->not_before_ms) + oneway_ms;
    if (len > 0) {
        memcpy(piece->data, data, len);
    }
    *direction->last = piece;
    direction->last = &piece->next;
    direction->under_way += len;
}

static void direction_read(struct direction *direction)
{
    char buffer[PIECE];
    ssize_t got = read(direction->from, buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    direction->ended = got <= 0;
    direction_queue(direction, buffer, got > 0 ? (size_t)got : 0);
}

/* Hands on what is due. False when the receiver takes no more for now. */
static bool direction_write(struct direction *direction)
{
    while (direction->first != NULL && direction->first->due_ms <= now_ms()) {
        struct piece *piece = direction->first;
        if (piece->len == 0) {
            (void)shutdown(direction->to, SHUT_WR);
            direction->finished = true;
        } else {
            ssize_t written = write(direction->to, piece->data + piece->sent, piece->len - piece->sent);
            if (written < 0 && (errno == EAGAIN || errno == EINTR)) {
                return false;
            }
            if (written < 0) {
                direction->ended = direction->finished = true;
                return true;
            }
            piece->sent += (size_t)written;
            if (piece->sent < piece->len) {
                return false;
            }
        }
        direction->under_way -= piece->len;
        direction->first = piece->next;
        if (direction->first == NULL) {
            direction->last = &direction->first;
        }
        free(piece);
    }
    return true;
}

static void direction_open(struct direction *direction, int from, int to, double not_before_ms)
{
    *direction = (struct direction){.from = from, .to = to, .not_before_ms = not_before_ms};
    direction->last = &direction->first;
}

static void connection_close(struct connection **slot)
{
    struct connection *connection = *slot;
    struct direction *both[] = {&connection->up, &connection->down};
    for (size_t i = 0; i < 2; i++) {
        while (both[i]->first != NULL) {
            struct piece *piece = both[i]->first;
            both[i]->first = piece->next;
            free(piece);
        }
    }
    close(connection->up.from);
    close(connection->up.to);
    free(connection);
    *slot = NULL;
}

static void prepare_socket(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void connection_accept(int listener, in_port_t port)
{
    struct sockaddr_in destination = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int near = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (near < 0) {
        return;
    }
    struct connection **slot = connections;
    while (slot < connections + MAX_CONNECTIONS && *slot != NULL) {
        slot++;
    }
    int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct connection *connection = calloc(1, sizeof *connection);
    if (slot == connections + MAX_CONNECTIONS || far < 0 || connection == NULL ||
        connect(far, (const struct sockaddr *)&destination, sizeof destination) != 0) {
        close(near);
        close(far);
        free(connection);
        return;
    }
    prepare_socket(near);
    prepare_socket(far);
    direction_open(&connection->up, near, far, now_ms() + 2 * oneway_ms);
    direction_open(&connection->down, far, near, 0);
    *slot = connection;
}

/* What to wait for on behalf of one direction; the next deadline is lowered where a piece is due later. */
static void direction_watch(struct direction *direction, struct pollfd *from, struct pollfd *to, double *deadline_ms)
{
    if (!direction->ended && direction->under_way < MAX_UNDER_WAY) {
        from->events |= POLLIN;
    }
    if (!direction_write(direction)) {
        to->events |= POLLOUT;
    } else if (direction->first != NULL && direction->first->due_ms < *deadline_ms) {
        *deadline_ms = direction->first->due_ms;
    }
}

static void turn(int listener, in_port_t port)
{
    struct pollfd wait[1 + 2 * MAX_CONNECTIONS];
    struct connection *owner[1 + 2 * MAX_CONNECTIONS];
    nfds_t count = 0;
    double deadline_ms = now_ms() + 1000;
    wait[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *connection = connections[i];
        if (connection == NULL) {
            continue;
        }
        struct pollfd *near = &wait[count], *far = &wait[count + 1];
        *near = (struct pollfd){.fd = connection->up.from};
        *far = (struct pollfd){.fd = connection->up.to};
        direction_watch(&connection->up, near, far, &deadline_ms);
        direction_watch(&connection->down, far, near, &deadline_ms);
        if (connection->up.finished && connection->down.finished) {
            connection_close(&connections[i]);
            continue;
        }
        owner[count] = connection;
        // A descriptor that hangs up with nothing asked of it would turn the loop hot.
        near->fd = near->events != 0 ? near->fd : -1;
        far->fd = far->events != 0 ? far->fd : -1;
        count += 2;
    }
    double left_ms = deadline_ms - now_ms();
    struct timespec timeout = {0};
    if (left_ms > 0) {
        timeout.tv_sec = (time_t)(left_ms / 1e3);
        timeout.tv_nsec = (long)((left_ms - (double)timeout.tv_sec * 1e3) * 1e6);
    }
    if (ppoll(wait, count, &timeout, NULL) <= 0) {
        return;
    }
    for (nfds_t i = 1; i < count; i += 2) {
        if ((wait[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && (wait[i].events & POLLIN) != 0) {
            direction_read(&owner[i]->up);
        }
        if ((wait[i + 1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && (wait[i + 1].events & POLLIN) != 0) {
            direction_read(&owner[i]->down);
        }
    }
    if ((wait[0].revents & POLLIN) != 0) {
        connection_accept(listener, port);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (argc != 3) {
        errx(EXIT_FAILURE, "usage: delay_relay DESTINATION_PORT ONEWAY_MS");
    }
    in_port_t port = (in_port_t)strtoul(argv[1], NULL, 10);
    oneway_ms = strtod(argv[2], NULL);
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 64) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
        err(EXIT_FAILURE, "listen");
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        turn(listener, port);
    }
}
