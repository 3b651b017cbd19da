#include "proxy/command/tunnel.h"

#include "common/log.h"
#include "proxy/edge/clock.h"

#include <errno.h>
#include <unistd.h>

#define LEAVE_US (5 * 1000 * 1000)   /* all of ending, the API's part included */
#define USEFUL_US (30 * 1000 * 1000) /* twice the longest pause between two tries */
/* A gateway that sends faster than we read must not keep signals and our own sending waiting. The acknowledgements of
 * a full send window go into one turn: after a pause of the process they come before the clock's verdict. */
#define MESSAGES_PER_TURN 2048
#define PENDING_SIZE (32 * 1024) /* half of what a pipe holds: two reads empty it */

enum err tunnel_open(struct tunnel *tunnel, struct client *client, const struct tunnel_session *session,
                     struct reaper *reaper)
{
    *tunnel = (struct tunnel){
        .client = client,
        .session = *session,
        .channel = session->channel,
        .reaper = reaper,
        .leave_us = INSTANT_NEVER,
    };
    tunnel->liveness = liveness_begin(session->ping_interval_us, clock_mono_us(), clock_boot_ms());
    tunnel->pending_size = session->payload_bytes > PENDING_SIZE ? session->payload_bytes : PENDING_SIZE;
    tunnel->pending = malloc(tunnel->pending_size);
    if (tunnel->pending == NULL) {
        return ERR_MEMORY;
    }
    TRY(stdio_open(client->loop, STDIN_FILENO, STDIO_READ, &tunnel->in));
    return stdio_open(client->loop, STDOUT_FILENO, STDIO_WRITE, &tunnel->out);
}

void tunnel_close(struct tunnel *tunnel)
{
    if (tunnel->client == NULL) {
        return;
    }
    resume_free(&tunnel->resume);
    stdio_close(&tunnel->in);
    stdio_close(&tunnel->out);
    free(tunnel->pending);
    *tunnel = (struct tunnel){0};
}

/* False while the connection is being brought back, and after that has failed. */
static bool is_connected(const struct tunnel *tunnel)
{
    return !tunnel->resume.is_active && tunnel->client->websocket != NULL;
}

/* ---- one direction each ---- */

static void receive_messages(struct tunnel *tunnel, struct instant now)
{
    struct bytes message;
    if (!is_connected(tunnel)) {
        return;
    }
    for (unsigned left = MESSAGES_PER_TURN; left > 0 && channel_wants_message(tunnel->channel); left--) {
        if (websocket_receive(tunnel->client->websocket, &message) != ERR_OK) {
            return;
        }
        channel_receive(tunnel->channel, message, now);
    }
}

/* An end of input is an end like others, and so is none from the start; a disk that cannot be read is a failure. */
static void give_up_input(struct tunnel *tunnel)
{
    tunnel->has_lost_input = tunnel->in.end == STDIO_FAILED && tunnel->in.end_errno != EBADF;
}

/* False: nothing more can be read now. */
static bool read_input(struct tunnel *tunnel, struct instant now)
{
    if (tunnel->in.end != STDIO_OPEN || (tunnel->is_input_dry && !tunnel->in.source.can_read)) {
        return false;
    }
    size_t len;
    enum err err = stdio_read(&tunnel->in, tunnel->pending, tunnel->pending_size, &len);
    tunnel->is_input_dry = err == ERR_AGAIN;
    if (err == ERR_OK) {
        tunnel->pending_at = 0;
        tunnel->pending_len = len;
        return true;
    }
    if (err != ERR_AGAIN) {
        give_up_input(tunnel);
        channel_write_eof(tunnel->channel, now);
    }
    return false;
}

static void take_input(struct tunnel *tunnel, struct instant now)
{
    while (channel_wants_input(tunnel->channel) && (tunnel->pending_len > 0 || read_input(tunnel, now))) {
        struct bytes pending = bytes_of(tunnel->pending + tunnel->pending_at, tunnel->pending_len);
        size_t taken = channel_write(tunnel->channel, pending, now);
        tunnel->pending_at += taken;
        tunnel->pending_len -= taken;
    }
}

static bool next_frame_fits(const struct tunnel *tunnel)
{
    size_t len = channel_next_frame_len(tunnel->channel);
    return len > 0 && len <= websocket_send_room(tunnel->client->websocket);
}

static void send_frames(struct tunnel *tunnel, struct instant now)
{
    struct websocket *websocket = tunnel->client->websocket;
    if (!is_connected(tunnel)) {
        return;
    }
    do {
        while (next_frame_fits(tunnel)) {
            struct bytes frame = channel_take_frame(tunnel->channel, now);
            if (frame.len == 0 || websocket_send(websocket, WEBSOCKET_BINARY, frame) != ERR_OK) {
                break;
            }
        }
        websocket_flush(websocket);
    } while (next_frame_fits(tunnel));
}

/* A reader that left is an end like others; a disk that is full is a failure. */
static void give_up_output(struct tunnel *tunnel)
{
    tunnel->has_lost_output = tunnel->out.end == STDIO_FAILED;
    channel_discard_output(tunnel->channel);
}

static void write_output(struct tunnel *tunnel)
{
    for (;;) {
        struct bytes piece = channel_output(tunnel->channel);
        if (piece.len == 0) {
            break;
        }
        size_t len;
        enum err err = stdio_write(&tunnel->out, piece, &len);
        if (err == ERR_OK) {
            channel_output_consume(tunnel->channel, len);
        } else if (err == ERR_AGAIN) {
            break;
        } else {
            give_up_output(tunnel);
        }
    }
}

/* ---- all of it ---- */

/* Has the connection that was lost brought the session any further, or held for a time at least? */
static bool was_useful(const struct tunnel *tunnel, int64_t now_us)
{
    return channel_progress(tunnel->channel) != tunnel->resumed_at || now_us - tunnel->resumed_us >= USEFUL_US;
}

/* The connection is gone. A session that the agent has answered outlives it; one that it has not, or that is ending,
 * does not. */
static void lose_transport(struct tunnel *tunnel, enum err err, struct instant now)
{
    const char *why = tunnel->client->why.data;
    channel_transport_down(tunnel->channel, now);
    enum channel_state state = channel_state(tunnel->channel);
    if (err == ERR_PROTOCOL || err == ERR_TOO_LONG) {
        channel_abort(tunnel->channel, err, why);
    } else if (state >= CHANNEL_HANDSHAKE && state <= CHANNEL_OPEN) {
        const struct tunnel_session *session = &tunnel->session;
        log_event("%s: connection lost: %s; resuming the session", session->name,
                  why[0] != '\0' ? why : "the gateway closed it");
        resume_begin(&tunnel->resume, session->name, session->stream, session->resume_budget_us,
                     was_useful(tunnel, now.mono_us), now.mono_us);
    } else {
        tunnel->was_lost_unbegun = state == CHANNEL_WAITING;
        channel_abort(tunnel->channel, ERR_SESSION_LOST, why);
    }
}

/* Pings, and notices that nobody answers. */
static void keep_alive(struct tunnel *tunnel, struct instant now)
{
    struct websocket *websocket = tunnel->client->websocket;
    struct liveness *liveness = &tunnel->liveness;
    liveness_update(liveness, websocket_received_us(websocket), tunnel->is_reading, now.mono_us, clock_boot_ms());
    if (liveness_is_dead(liveness)) {
        struct text *why = &tunnel->client->why;
        text_clear(why);
        text_put(why, "nothing comes from the gateway any more");
        lose_transport(tunnel, ERR_UNREACHABLE, now);
        return;
    }
    if (liveness_wants_ping(liveness)) {
        enum err err = websocket_ping(websocket, bytes_of_text("keepalive"));
        if (err != ERR_OK) {
            log_debug("no keep-alive: %s", err_text(err)); /* no room: then the peer has more to answer than a ping */
        }
        liveness_pinged(liveness);
    }
}

static void keep_transport(struct tunnel *tunnel, struct instant now)
{
    if (channel_state(tunnel->channel) == CHANNEL_CLOSED) {
        return;
    }
    if (!tunnel->resume.is_active) {
        if (websocket_state(tunnel->client->websocket) == WEBSOCKET_CLOSED) {
            text_clear(&tunnel->client->why);
            lose_transport(tunnel, websocket_error(tunnel->client->websocket, &tunnel->client->why), now);
        } else {
            keep_alive(tunnel, now);
        }
        return;
    }
    const struct tunnel_session *session = &tunnel->session;
    enum err err = resume_pump(&tunnel->resume, tunnel->client, session->stream, session->session_id, now.mono_us);
    if (err == ERR_OK) {
        int64_t away_ms = (now.mono_us - tunnel->resume.began_us) / 1000;
        log_event("%s: resumed after %lld.%lld s, the session goes on", session->name, (long long)(away_ms / 1000),
                  (long long)(away_ms % 1000 / 100));
        tunnel->liveness = liveness_begin(session->ping_interval_us, now.mono_us, clock_boot_ms());
        tunnel->resumed_us = now.mono_us;
        tunnel->resumed_at = channel_progress(tunnel->channel);
        channel_transport_up(tunnel->channel, now);
    } else if (err != ERR_AGAIN) {
        channel_abort(tunnel->channel, err, tunnel->client->why.data);
    }
}

/* Nobody reads us any more, or somebody wants us to go. */
static void notice_end(struct tunnel *tunnel, struct instant now)
{
    bool is_unread = stdio_reader_is_gone(&tunnel->out);
    if (is_unread) {
        channel_discard_output(tunnel->channel);
    }
    bool is_wanted = tunnel->client->signal != 0 || is_unread;
    if (is_wanted) {
        channel_end(tunnel->channel, now);
    }
    enum channel_state state = channel_state(tunnel->channel);
    bool is_over = state == CHANNEL_CLOSED && channel_result(tunnel->channel).is_session_over;
    bool has_begun = is_wanted || state > CHANNEL_OPEN;
    if (is_over && !is_wanted) {
        /* what has been acknowledged waits for its reader, however slow */
        tunnel->leave_us = tunnel->client->leave_by_us = INSTANT_NEVER;
    } else if (has_begun && tunnel->leave_us == INSTANT_NEVER) {
        tunnel->leave_us = now.mono_us + TUNNEL_LEAVE_US;
        tunnel->client->leave_by_us = now.mono_us + LEAVE_US;
    }
    tunnel->was_open = tunnel->was_open || state >= CHANNEL_OPEN;
}

/* What the next wait is to wake up for. Last of all, because every step before may open or close a window. */
static void watch(struct tunnel *tunnel)
{
    const struct channel *channel = tunnel->channel;
    bool has_input_room = tunnel->pending_len == 0 && channel_wants_input(channel);
    tunnel->in.source.want_read = tunnel->in.end == STDIO_OPEN && has_input_room;
    tunnel->out.source.want_write = channel_output(channel).len > 0;
    tunnel->is_reading = channel_wants_message(channel);
    if (is_connected(tunnel)) {
        websocket_want_receive(tunnel->client->websocket, tunnel->is_reading);
    }
}

static void pump(struct tunnel *tunnel, struct instant now)
{
    receive_messages(tunnel, now);
    channel_tick(tunnel->channel, now);
    keep_transport(tunnel, now);
    take_input(tunnel, now);
    write_output(tunnel);
    notice_end(tunnel, now); /* after all that can bring one: nothing wakes us for it */
    send_frames(tunnel, now);
    watch(tunnel);
    const char *message = channel_take_customer_message(tunnel->channel);
    if (message != NULL) {
        log_notice("%s", message);
    }
}

/* Nobody is pinged once the channel is closed, however long its output still waits for a reader. */
static int64_t transport_deadline_us(const struct tunnel *tunnel)
{
    if (channel_state(tunnel->channel) == CHANNEL_CLOSED) {
        return INSTANT_NEVER;
    }
    return tunnel->resume.is_active ? resume_deadline_us(&tunnel->resume) : liveness_deadline_us(&tunnel->liveness);
}

static int64_t next_deadline_us(const struct tunnel *tunnel, int64_t now_us)
{
    int64_t deadline_us = instant_earlier(transport_deadline_us(tunnel), channel_deadline_us(tunnel->channel));
    deadline_us = instant_earlier(deadline_us, tunnel->leave_us);
    if (tunnel->was_open && reaper_is_waiting(tunnel->reaper)) {
        deadline_us = instant_earlier(deadline_us, now_us + REAPER_LATER_US);
    }
    return tunnel->was_open ? deadline_us : instant_earlier(deadline_us, tunnel->client->deadline_us);
}

/* Standard input or output that failed is the reason of the end, whatever became of the connection afterwards. A
 * terminal that hangs up fails, too, and says so by its signal. */
static enum err judge_stdio(const struct tunnel *tunnel)
{
    struct text *why = &tunnel->client->why;
    if (tunnel->has_lost_output) {
        text_clear(why);
        text_format(why, "cannot write to standard output: %s", strerror(tunnel->out.end_errno));
        return ERR_SYSTEM;
    }
    if (tunnel->has_lost_input && tunnel->client->signal == 0) {
        text_clear(why);
        text_format(why, "cannot read from standard input: %s", strerror(tunnel->in.end_errno));
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

enum err tunnel_run(struct tunnel *tunnel)
{
    channel_transport_up(tunnel->channel, clock_now());
    for (;;) {
        struct instant now = clock_now();
        pump(tunnel, now);
        if (!tunnel->was_open && now.mono_us >= tunnel->client->deadline_us) {
            channel_abort(tunnel->channel, ERR_TIMEOUT, "the connection was not ready in time");
        }
        bool is_over = now.mono_us >= tunnel->leave_us || tunnel->client->is_urgent;
        if (channel_is_finished(tunnel->channel) || is_over) {
            channel_abort(tunnel->channel, ERR_OK, ""); /* when the time is over; nothing otherwise */
            send_frames(tunnel, now);
            return judge_stdio(tunnel);
        }
        TRY(client_turn(tunnel->client, next_deadline_us(tunnel, now.mono_us)));
        if (tunnel->was_open) {
            reaper_pump(tunnel->reaper, tunnel->client);
        }
    }
}
