#include "proxy/command/forward_side.h"

#include "common/log.h"

#include <stdlib.h>

#define READ_AHEAD (4 * 1024 * 1024)
#define READ_AHEAD_ALL (64 * 1024 * 1024)
#define STALLED_US (2 * 1000 * 1000)
/* A program that has sent all may still want its answer, and closing would lose it: there is no half-closed stream.
 * Whether it is there at all cannot be told, so no longer than this without a byte. */
#define ANSWER_US (2 * 1000 * 1000)
#define ACCEPT_PAUSE_US (1000 * 1000)
#define SAY_AGAIN_US (10 * 1000 * 1000)
#define READ_SIZE (16 * 1024) /* of one connection before it is the next one's turn */

struct forward_connection {
    struct local_socket socket;
    uint32_t id;    /* of its stream; 0: none */
    bool may_read;  /* the last read has not found the end of what there is */
    bool may_write; /* likewise */
    bool has_sent_all;
    int64_t quiet_since_us; /* when it last took a byte, or sent its last one */
};

/* ---- opening and closing ---- */

static enum err open_all(struct forward_side *side, struct loop *loop)
{
    TRY(smux_new(READ_AHEAD, READ_AHEAD_ALL, &side->smux));
    side->connections = calloc(SMUX_STREAMS_MAX, sizeof *side->connections);
    if (side->connections == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < side->listener_count; i++) {
        if (side->listeners[i].loop == NULL) {
            TRY(listener_join(&side->listeners[i], loop));
        }
    }
    return ERR_OK;
}

static void close_connections(struct forward_side *side)
{
    for (size_t i = 0; i < side->connection_end; i++) {
        local_socket_close(&side->connections[i].socket);
    }
    free(side->connections);
    side->connections = NULL;
    side->connection_count = side->connection_end = 0;
    smux_free(&side->smux);
}

enum err forward_side_open(struct forward_side *side, struct loop *loop)
{
    close_connections(side);
    side->loop = loop;
    side->is_ready = false;
    side->accept_again_us = side->deadline_us = side->keep_alive_us = INSTANT_NEVER;
    return open_all(side, loop);
}

void forward_side_close(struct forward_side *side)
{
    close_connections(side);
    for (size_t i = 0; i < side->listener_count; i++) {
        listener_close(&side->listeners[i]);
    }
    side->listener_count = 0;
}

static void close_connection(struct forward_side *side, struct forward_connection *connection)
{
    smux_close(side->smux, connection->id);
    local_socket_close(&connection->socket);
    *connection = (struct forward_connection){.id = 0};
    side->connection_count--;
    while (side->connection_end > 0 && side->connections[side->connection_end - 1].id == 0) {
        side->connection_end--;
    }
}

/* ---- new connections ---- */

static struct forward_connection *free_place(struct forward_side *side)
{
    size_t i = 0;
    while (i < side->connection_end && side->connections[i].id != 0) {
        i++;
    }
    side->connection_end += i == side->connection_end;
    return &side->connections[i];
}

static bool may_accept(const struct forward_side *side)
{
    return side->is_ready && side->accept_again_us == INSTANT_NEVER && smux_may_open(side->smux);
}

static void add_connection(struct forward_side *side, int fd)
{
    struct forward_connection *connection = free_place(side);
    if (local_socket_open(side->loop, fd, &connection->socket) != ERR_OK) {
        log_notice("%s: a connection could not be taken", side->name);
        return;
    }
    connection->id = smux_open(side->smux);
    connection->may_read = connection->may_write = true;
    side->connection_count++;
    log_debug("%s: connection %u to %s", side->name, connection->id, side->remote);
}

static void accept_connections(struct forward_side *side, struct listener *listener, int64_t now_us)
{
    int fd;
    while (listener->source.can_read && may_accept(side)) {
        enum err err = listener_accept(listener, &fd);
        if (err == ERR_OK) {
            add_connection(side, fd);
            continue;
        }
        if (err != ERR_AGAIN) {
            log_debug("%s: no descriptor is left for another connection", side->name);
            side->accept_again_us = now_us + ACCEPT_PAUSE_US;
        }
        return;
    }
}

/* ---- from the connections to the agent ---- */

/* True when something was read. */
static bool read_connection(struct forward_side *side, struct forward_connection *connection, int64_t now_us)
{
    uint8_t buffer[READ_SIZE];
    size_t room = smux_room(side->smux);
    size_t len;
    connection->may_read = connection->may_read || connection->socket.source.can_read;
    if (connection->id == 0 || connection->has_sent_all || !connection->may_read || room == 0) {
        return false;
    }
    enum err err = local_socket_read(&connection->socket, buffer, room < sizeof buffer ? room : sizeof buffer, &len);
    if (err == ERR_AGAIN) {
        connection->may_read = false;
        connection->socket.source.can_read = false;
        return false;
    }
    if (err != ERR_OK) {
        close_connection(side, connection);
        return false;
    }
    if (len == 0) {
        connection->has_sent_all = true;
        connection->quiet_since_us = now_us;
        return false;
    }
    smux_write(side->smux, connection->id, bytes_of(buffer, len));
    return true;
}

static bool read_connections(struct forward_side *side, int64_t now_us)
{
    bool has_read = false;
    for (size_t i = 0; i < side->connection_end; i++) {
        has_read = read_connection(side, &side->connections[i], now_us) || has_read;
    }
    return has_read;
}

static void send_output(struct forward_side *side, struct channel *channel, struct instant now)
{
    while (smux_output(side->smux).len > 0 && channel_wants_input(channel)) {
        smux_output_consume(side->smux, channel_write(channel, smux_output(side->smux), now));
        side->keep_alive_us = channel_wants_keep_alive(channel) ? now.mono_us + SMUX_NOP_INTERVAL_US : INSTANT_NEVER;
    }
}

static void keep_alive(struct forward_side *side, int64_t now_us)
{
    if (now_us >= side->keep_alive_us) {
        smux_keep_alive(side->smux);
        side->keep_alive_us = now_us + SMUX_NOP_INTERVAL_US;
    }
}

static void begin(struct forward_side *side, struct channel *channel, struct instant now)
{
    side->is_ready = true;
    side->keep_alive_us = channel_wants_keep_alive(channel) ? now.mono_us + SMUX_NOP_INTERVAL_US : INSTANT_NEVER;
}

static void take_input(void *context, struct channel *channel, struct instant now)
{
    struct forward_side *side = context;
    if (!side->is_ready && channel_state(channel) == CHANNEL_OPEN) {
        begin(side, channel, now);
    }
    if (now.mono_us >= side->accept_again_us) {
        side->accept_again_us = INSTANT_NEVER;
    }
    for (size_t i = 0; i < side->listener_count; i++) {
        accept_connections(side, &side->listeners[i], now.mono_us);
    }
    keep_alive(side, now.mono_us);
    do {
        send_output(side, channel, now);
    } while (channel_wants_input(channel) && read_connections(side, now.mono_us));
}

/* ---- from the agent to the connections ---- */

/* True when it has taken something, or is closed. */
static bool write_connection(struct forward_side *side, struct forward_connection *connection, int64_t now_us)
{
    bool has_moved = false;
    connection->may_write = connection->may_write || connection->socket.source.can_write;
    struct bytes input = smux_input(side->smux, connection->id);
    while (input.len > 0 && connection->may_write) {
        size_t len;
        enum err err = local_socket_write(&connection->socket, input, &len);
        if (err == ERR_AGAIN) {
            connection->may_write = false;
            connection->socket.source.can_write = false;
        } else if (err != ERR_OK) {
            close_connection(side, connection);
            return true;
        } else {
            smux_input_consume(side->smux, connection->id, len);
            connection->quiet_since_us = now_us;
            has_moved = true;
        }
        input = smux_input(side->smux, connection->id);
    }
    if (input.len == 0 && smux_has_ended(side->smux, connection->id)) {
        close_connection(side, connection);
        return true;
    }
    return has_moved;
}

static bool write_connections(struct forward_side *side, int64_t now_us)
{
    bool has_moved = false;
    for (size_t i = 0; i < side->connection_end; i++) {
        if (side->connections[i].id != 0) {
            has_moved = write_connection(side, &side->connections[i], now_us) || has_moved;
        }
    }
    return has_moved;
}

/* Does it keep others from going on? */
static bool is_in_the_way(const struct forward_side *side, const struct forward_connection *connection)
{
    bool is_full = connection->id == smux_full_stream(side->smux);
    bool is_waited_for = smux_input(side->smux, connection->id).len > 0;
    return side->connection_count > 1 && is_waited_for && (is_full || smux_is_crowded(side->smux));
}

/* How long it may be quiet from now on; INSTANT_NEVER: for ever. */
static int64_t patience_us(const struct forward_side *side, const struct forward_connection *connection)
{
    if (is_in_the_way(side, connection)) {
        return STALLED_US;
    }
    bool is_answered = smux_input(side->smux, connection->id).len == 0;
    if (connection->has_sent_all && is_answered) {
        return connection->socket.source.is_broken ? 0 : ANSWER_US;
    }
    return INSTANT_NEVER;
}

/* True when it is closed. */
static bool judge_connection(struct forward_side *side, struct forward_connection *connection, int64_t now_us)
{
    int64_t patience = patience_us(side, connection);
    if (patience == INSTANT_NEVER) {
        return false;
    }
    if (now_us < connection->quiet_since_us + patience) {
        side->deadline_us = instant_earlier(side->deadline_us, connection->quiet_since_us + patience);
        return false;
    }
    if (is_in_the_way(side, connection)) {
        log_notice("%s: a connection does not read any more, and %d MiB wait for it: closed, so that the others go on",
                   side->name, READ_AHEAD / (1024 * 1024));
    }
    close_connection(side, connection);
    return true;
}

/* True when one is closed. */
static bool judge_connections(struct forward_side *side, int64_t now_us)
{
    bool has_closed = false;
    side->deadline_us = INSTANT_NEVER;
    for (size_t i = 0; i < side->connection_end; i++) {
        if (side->connections[i].id != 0) {
            has_closed = judge_connection(side, &side->connections[i], now_us) || has_closed;
        }
    }
    return has_closed;
}

/* Once, and then no more than every ten seconds: a browser tries again and again. */
static void tell_port_failures(struct forward_side *side, struct channel *channel, int64_t now_us)
{
    while (channel_take_port_failure(channel)) {
        if (side->port_failed_us == 0 || now_us - side->port_failed_us >= SAY_AGAIN_US) {
            log_notice(
                "%s: the agent cannot connect to %s: is the server running, and does it listen on that port there?",
                side->name, side->remote);
            side->port_failed_us = now_us;
        }
    }
}

/* As far as the connections take it. */
static void hand_on(struct forward_side *side, struct channel *channel, int64_t now_us)
{
    bool has_moved = true;
    while (has_moved) {
        struct bytes piece = channel_output(channel);
        size_t taken = piece.len > 0 ? smux_receive(side->smux, piece) : 0;
        if (taken > 0) {
            channel_output_consume(channel, taken);
        }
        has_moved = write_connections(side, now_us) || taken > 0;
    }
}

static void take_output(void *context, struct channel *channel, struct instant now)
{
    struct forward_side *side = context;
    tell_port_failures(side, channel, now.mono_us);
    hand_on(side, channel, now.mono_us);
    while (judge_connections(side, now.mono_us)) {
        hand_on(side, channel, now.mono_us); /* what had no room before: nothing would wake us for it */
    }
    send_output(side, channel, now); /* the ends of streams */
}

/* ---- the rest of a local side ---- */

static bool is_over(const void *context)
{
    const char *why;
    return smux_failure(((const struct forward_side *)context)->smux, &why) != ERR_OK;
}

static void watch(void *context, const struct channel *channel, bool is_held)
{
    struct forward_side *side = context;
    bool has_room = channel_wants_input(channel) && smux_room(side->smux) > 0;
    for (size_t i = 0; i < side->listener_count; i++) {
        side->listeners[i].source.want_read = may_accept(side);
    }
    for (size_t i = 0; i < side->connection_end; i++) {
        struct forward_connection *connection = &side->connections[i];
        if (connection->id != 0) {
            connection->socket.source.want_read = has_room && !connection->has_sent_all;
            connection->socket.source.want_write = !is_held && smux_input(side->smux, connection->id).len > 0;
        }
    }
}

static int64_t deadline_us(const void *context)
{
    const struct forward_side *side = context;
    return instant_earlier(side->deadline_us, instant_earlier(side->accept_again_us, side->keep_alive_us));
}

static enum err judge(const void *context, struct text *ret_why)
{
    const char *why;
    enum err err = smux_failure(((const struct forward_side *)context)->smux, &why);
    text_put(ret_why, why);
    return err;
}

struct tunnel_local forward_side_local(struct forward_side *side)
{
    return (struct tunnel_local){
        .context = side,
        .take_input = take_input,
        .take_output = take_output,
        .is_over = is_over,
        .watch = watch,
        .deadline_us = deadline_us,
        .judge = judge,
    };
}
