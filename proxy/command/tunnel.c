#include "proxy/command/tunnel.h"

#include "common/log.h"
#include "proxy/edge/clock.h"

#define LEAVE_US (5 * 1000 * 1000)   /* all of ending, the API's part included */
#define USEFUL_US (30 * 1000 * 1000) /* twice the longest pause between two tries */
/* A gateway that sends faster than we read must not keep signals and our own sending waiting. The acknowledgements of
 * a full send window go into one turn: after a pause of the process they come before the clock's verdict. */
#define MESSAGES_PER_TURN 2048

/* False while the connection is being brought back, and after that has failed. */
static bool is_connected(const struct tunnel *tunnel)
{
    return !tunnel->resume.is_active && tunnel->session.stream->websocket != NULL;
}

/* ---- one direction each ---- */

static void receive_messages(struct tunnel *tunnel, struct instant now)
{
    struct bytes message;
    if (!is_connected(tunnel)) {
        return;
    }
    for (unsigned left = MESSAGES_PER_TURN; left > 0 && channel_wants_message(tunnel->channel); left--) {
        if (websocket_receive(tunnel->session.stream->websocket, &message) != ERR_OK) {
            return;
        }
        channel_receive(tunnel->channel, message, now);
    }
}

static bool next_frame_fits(const struct tunnel *tunnel)
{
    size_t len = channel_next_frame_len(tunnel->channel);
    return len > 0 && len <= websocket_send_room(tunnel->session.stream->websocket);
}

static void send_frames(struct tunnel *tunnel, struct instant now)
{
    struct websocket *websocket = tunnel->session.stream->websocket;
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
    const char *why = tunnel->why.data;
    channel_transport_down(tunnel->channel, now);
    enum channel_state state = channel_state(tunnel->channel);
    if (err == ERR_PROTOCOL || err == ERR_TOO_LONG) {
        channel_abort(tunnel->channel, err, why);
    } else if (state > CHANNEL_WAITING && state <= CHANNEL_OPEN) {
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
    struct websocket *websocket = tunnel->session.stream->websocket;
    struct liveness *liveness = &tunnel->liveness;
    liveness_update(liveness, websocket_received_us(websocket), tunnel->is_reading, now.mono_us, clock_boot_ms());
    if (liveness_is_dead(liveness)) {
        struct text *why = &tunnel->why;
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
        if (websocket_state(tunnel->session.stream->websocket) == WEBSOCKET_CLOSED) {
            text_clear(&tunnel->why);
            lose_transport(tunnel, websocket_error(tunnel->session.stream->websocket, &tunnel->why), now);
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
        channel_abort(tunnel->channel, err, tunnel->resume.why.data);
    }
}

/* Nobody is there any more, or somebody wants us to go. */
static void notice_end(struct tunnel *tunnel, struct instant now)
{
    const struct tunnel_local *local = &tunnel->session.local;
    bool is_left = local->is_over(local->context);
    if (is_left) {
        channel_discard_output(tunnel->channel);
    }
    bool is_wanted = tunnel->client->signal != 0 || is_left;
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
    const struct tunnel_local *local = &tunnel->session.local;
    local->watch(local->context, tunnel->channel, companion_holds_output(tunnel->client));
    tunnel->is_reading = channel_wants_message(tunnel->channel);
    if (is_connected(tunnel)) {
        websocket_want_receive(tunnel->session.stream->websocket, tunnel->is_reading);
    }
}

/* What goes on beside us, and has to succeed. */
static void heed_companions(struct tunnel *tunnel)
{
    const struct companion *failed = companion_failed(tunnel->client);
    if (failed != NULL) {
        channel_discard_output(tunnel->channel);
        channel_abort(tunnel->channel, failed->err, failed->why);
    }
}

/* Before any output: it speaks of the whole session. */
static void tell_customer_message(struct tunnel *tunnel)
{
    const char *message = channel_take_customer_message(tunnel->channel);
    if (message != NULL) {
        log_notice("%s", message);
    }
}

static void move_bytes(struct tunnel *tunnel, struct instant now)
{
    const struct tunnel_local *local = &tunnel->session.local;
    heed_companions(tunnel);
    local->take_input(local->context, tunnel->channel, now);
    if (!companion_holds_output(tunnel->client)) {
        local->take_output(local->context, tunnel->channel, now);
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

static int64_t deadline_us(const void *context, int64_t now_us)
{
    const struct tunnel *tunnel = context;
    const struct tunnel_local *local = &tunnel->session.local;
    (void)now_us;
    if (tunnel->is_over) {
        return INSTANT_NEVER;
    }
    int64_t deadline_us = instant_earlier(transport_deadline_us(tunnel), channel_deadline_us(tunnel->channel));
    deadline_us = instant_earlier(deadline_us, tunnel->leave_us);
    if (local->deadline_us != NULL) {
        deadline_us = instant_earlier(deadline_us, local->deadline_us(local->context));
    }
    return tunnel->was_open ? deadline_us : instant_earlier(deadline_us, tunnel->client->deadline_us);
}

/* Is the time over, for beginning or for ending? */
static void keep_time(struct tunnel *tunnel, struct instant now)
{
    if (!tunnel->was_open && now.mono_us >= tunnel->client->deadline_us) {
        channel_abort(tunnel->channel, ERR_TIMEOUT, "the connection was not ready in time");
    }
    bool is_late = now.mono_us >= tunnel->leave_us || tunnel->client->is_urgent;
    if (channel_is_finished(tunnel->channel) || is_late) {
        channel_abort(tunnel->channel, ERR_OK, ""); /* when it is late; nothing otherwise */
        send_frames(tunnel, now);
        tunnel->is_over = true;
    }
}

static void pump(void *context, struct client *client)
{
    struct tunnel *tunnel = context;
    struct instant now = clock_now();
    (void)client;
    if (tunnel->is_over) {
        return;
    }
    receive_messages(tunnel, now);
    channel_tick(tunnel->channel, now);
    keep_transport(tunnel, now);
    tell_customer_message(tunnel);
    move_bytes(tunnel, now);
    notice_end(tunnel, now); /* after all that can bring one: nothing wakes us for it */
    send_frames(tunnel, now);
    watch(tunnel);
    keep_time(tunnel, now);
}

void tunnel_open(struct tunnel *tunnel, struct client *client, const struct tunnel_session *session)
{
    *tunnel = (struct tunnel){
        .companion = {.context = tunnel, .pump = pump, .deadline_us = deadline_us},
        .client = client,
        .session = *session,
        .channel = session->channel,
        .leave_us = INSTANT_NEVER,
    };
    tunnel->why = text_in(tunnel->why_memory, sizeof tunnel->why_memory);
    tunnel->liveness = liveness_begin(session->ping_interval_us, clock_mono_us(), clock_boot_ms());
    if (session->local.begin != NULL) {
        session->local.begin(session->local.context);
    }
    channel_transport_up(tunnel->channel, clock_now());
    companion_join(client, &tunnel->companion);
    pump(tunnel, client);
}

void tunnel_close(struct tunnel *tunnel)
{
    if (tunnel->client == NULL) {
        return;
    }
    companion_leave(tunnel->client, &tunnel->companion);
    resume_free(&tunnel->resume);
    *tunnel = (struct tunnel){0};
}
