#include "tests/emulator/node_mux.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/emulator/lab_limits.h"
#include "tests/emulator/node_target.h"

/* What stands in the socket between data channel and multiplexer, either way. */
#define SOCKET_BUFFER LAB_TARGET_BUFFER

struct stream {
    struct node_mux *mux;
    uint32_t id;
    bool is_over;
    struct node_target target;
    struct stream *next;
};

struct node_mux {
    struct node_mux_config config;
    char host[256];
    struct smux_config smux;
    struct smux_session *session; /* NULL: closed */
    bool is_open;
    struct byte_queue inflow;
    uint64_t given;
    struct stream *streams;
    const struct stream *dialing;
    struct loop_timer begin, soon, tick;
};

static void pump(struct node_mux *mux);

/* ---- one stream ---- */

static void stream_dialed(void *owner, bool is_connected)
{
    struct stream *stream = owner;
    struct node_mux *mux = stream->mux;
    mux->dialing = NULL;
    if (!is_connected) {
        mux->config.dial_failed(mux->config.owner);
        stream->is_over = true;
    }
    pump(mux);
}

static bool has_room(const struct node_mux *mux)
{
    return smux_session_frames(mux->session).len < SOCKET_BUFFER;
}

static void stream_ready(void *owner, bool can_read)
{
    static uint8_t buffer[SMUX_MAX_FRAME]; /* one thread */
    struct stream *stream = owner;
    ssize_t len = 0;
    if (can_read && !stream->target.has_ended && has_room(stream->mux) &&
        node_target_read(&stream->target, buffer, sizeof buffer, &len) == ERR_OK) {
        stream->is_over = len <= 0;
        smux_session_write(stream->mux->session, stream->id, bytes_of(buffer, len <= 0 ? 0 : (size_t)len));
    }
    pump(stream->mux);
}

/* True when there was one to dial. */
static bool dial_next(struct node_mux *mux)
{
    uint32_t id = mux->dialing != NULL ? 0 : smux_session_accept(mux->session);
    if (id == 0) {
        return false;
    }
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        mux->config.dial_failed(mux->config.owner);
        smux_session_close(mux->session, id);
        return true;
    }
    stream->mux = mux;
    stream->id = id;
    stream->target =
        (struct node_target){.loop = mux->config.loop, .dialed = stream_dialed, .ready = stream_ready, .owner = stream};
    node_target_init(&stream->target);
    stream->next = mux->streams;
    mux->streams = stream;
    mux->dialing = stream;
    node_target_dial(&stream->target, mux->host, mux->config.port);
    return true;
}

/* From the client to the target. True when bytes have moved, and more may. */
static bool feed(struct stream *stream)
{
    struct smux_session *session = stream->mux->session;
    struct bytes received = smux_session_received(session, stream->id);
    size_t queued = byte_queue_len(&stream->target.to_write);
    size_t room = queued < LAB_TARGET_BUFFER ? LAB_TARGET_BUFFER - queued : 0;
    size_t len = received.len < room ? received.len : room;
    if (len > 0) {
        node_target_write(&stream->target, bytes_of(received.data, len));
        smux_session_consume(session, stream->id, len);
    }
    bool is_broken = node_target_flush(&stream->target) != ERR_OK;
    bool is_done = smux_session_is_finished(session, stream->id) && received.len == len &&
                   byte_queue_len(&stream->target.to_write) == 0;
    stream->is_over = stream->is_over || is_broken || is_done;
    return len > 0 || byte_queue_len(&stream->target.to_write) < queued;
}

static void free_stream(struct stream *stream)
{
    node_target_close(&stream->target);
    free(stream);
}

static bool sweep(struct node_mux *mux)
{
    bool has_swept = false;
    for (struct stream **link = &mux->streams; *link != NULL;) {
        struct stream *stream = *link;
        if (stream->is_over) {
            *link = stream->next;
            smux_session_close(mux->session, stream->id);
            free_stream(stream);
            has_swept = true;
        } else {
            link = &stream->next;
        }
    }
    return has_swept;
}

/* ---- all of them ---- */

/* True when anything has moved, which may let more move. */
static bool turn(struct node_mux *mux)
{
    size_t taken = smux_session_receive(mux->session, byte_queue_bytes(&mux->inflow));
    byte_queue_drop(&mux->inflow, taken);
    bool has_moved = dial_next(mux) || taken > 0;
    for (struct stream *stream = mux->streams; stream != NULL; stream = stream->next) {
        has_moved = (node_target_is_open(&stream->target) && !stream->is_over && feed(stream)) || has_moved;
    }
    return sweep(mux) || has_moved;
}

static void arm_tick(struct node_mux *mux)
{
    uint64_t due_us = smux_session_deadline(mux->session);
    if (due_us == UINT64_MAX) {
        event_loop_disarm(mux->config.loop, &mux->tick);
    } else if (!mux->tick.is_armed || mux->tick.due_us != due_us) {
        event_loop_arm(mux->config.loop, &mux->tick, due_us);
    }
}

static bool is_readable(const struct node_mux *mux)
{
    return smux_session_frames(mux->session).len > 0 || smux_session_is_failed(mux->session);
}

static void wait_for_streams(struct node_mux *mux)
{
    for (struct stream *stream = mux->streams; stream != NULL; stream = stream->next) {
        node_target_wait(&stream->target, has_room(mux));
    }
    arm_tick(mux);
}

static void pump(struct node_mux *mux)
{
    while (turn(mux)) {
    }
    wait_for_streams(mux);
    mux->config.ready(mux->config.owner, is_readable(mux));
}

static void tick_expired(void *owner, uint64_t now_us)
{
    struct node_mux *mux = owner;
    smux_session_tick(mux->session, now_us);
    pump(mux);
}

static void soon_expired(void *owner, uint64_t now_us)
{
    struct node_mux *mux = owner;
    (void)now_us;
    mux->config.ready(mux->config.owner, true);
}

/* ---- as a side of a session ---- */

static void begin_expired(void *owner, uint64_t now_us)
{
    struct node_mux *mux = owner;
    mux->is_open = smux_session_new(&mux->smux, now_us, &mux->session) == ERR_OK;
    if (mux->is_open) {
        arm_tick(mux);
    }
    mux->config.opened(mux->config.owner, mux->is_open);
}

static void side_close(void *self)
{
    struct node_mux *mux = self;
    event_loop_disarm(mux->config.loop, &mux->begin);
    event_loop_disarm(mux->config.loop, &mux->soon);
    event_loop_disarm(mux->config.loop, &mux->tick);
    while (mux->streams != NULL) {
        struct stream *next = mux->streams->next;
        free_stream(mux->streams);
        mux->streams = next;
    }
    mux->dialing = NULL;
    mux->is_open = false;
    byte_queue_free(&mux->inflow);
    smux_session_free(mux->session);
    mux->session = NULL;
}

static void side_open(void *self)
{
    struct node_mux *mux = self;
    side_close(mux);
    mux->given = 0;
    event_loop_arm(mux->config.loop, &mux->begin, event_loop_now_us());
}

static bool side_is_open(const void *self)
{
    const struct node_mux *mux = self;
    return mux->is_open;
}

/* What cannot be queued is lost to the multiplexer, which cannot go on then. */
static void side_write(void *self, struct bytes bytes)
{
    struct node_mux *mux = self;
    mux->given += bytes.len;
    if (byte_queue_append(&mux->inflow, bytes) != ERR_OK) {
        static const uint8_t no_frame[SMUX_HEADER_LEN] = {0};
        smux_session_receive(mux->session, bytes_of(no_frame, sizeof no_frame));
    }
}

static size_t side_queued(const void *self)
{
    const struct node_mux *mux = self;
    size_t len = byte_queue_len(&mux->inflow);
    return len > SOCKET_BUFFER ? len - SOCKET_BUFFER : 0;
}

static uint64_t side_written(const void *self)
{
    const struct node_mux *mux = self;
    return mux->given - side_queued(mux);
}

static enum err side_flush(void *self)
{
    struct node_mux *mux = self;
    if (byte_queue_len(&mux->inflow) > 0) {
        while (turn(mux)) {
        }
        wait_for_streams(mux);
    }
    return ERR_OK;
}

static enum err side_read(void *self, uint8_t *buffer, size_t size, struct node_piece *ret_piece)
{
    struct node_mux *mux = self;
    struct bytes frames = smux_session_frames(mux->session);
    if (frames.len == 0 && !smux_session_is_failed(mux->session)) {
        return ERR_AGAIN;
    }
    size_t len = frames.len < size ? frames.len : size;
    if (len > 0) {
        memcpy(buffer, frames.data, len);
        smux_session_sent(mux->session, len);
        wait_for_streams(mux);
    }
    *ret_piece = (struct node_piece){len == 0 ? -1 : (ssize_t)len, PAYLOAD_OUTPUT};
    return ERR_OK;
}

static void side_wait(void *self, bool wants_read)
{
    struct node_mux *mux = self;
    if (mux->is_open && wants_read && is_readable(mux)) {
        event_loop_arm(mux->config.loop, &mux->soon, event_loop_now_us());
    } else {
        event_loop_disarm(mux->config.loop, &mux->soon);
    }
}

const struct node_side node_mux_side = {side_open,    side_close, side_is_open, side_write, side_queued,
                                        side_written, side_flush, side_read,    side_wait};

enum err node_mux_new(const struct node_mux_config *config, struct node_mux **ret_mux)
{
    struct node_mux *mux = calloc(1, sizeof *mux);
    if (mux == NULL) {
        return ERR_MEMORY;
    }
    mux->config = *config;
    snprintf(mux->host, sizeof mux->host, "%s", config->host);
    mux->begin = (struct loop_timer){.expired = begin_expired, .owner = mux};
    mux->soon = (struct loop_timer){.expired = soon_expired, .owner = mux};
    mux->tick = (struct loop_timer){.expired = tick_expired, .owner = mux};
    *ret_mux = mux;
    return ERR_OK;
}

void node_mux_free(struct node_mux *mux)
{
    if (mux != NULL) {
        side_close(mux);
        free(mux);
    }
}

void node_mux_set_smux(struct node_mux *mux, const struct smux_config *smux)
{
    mux->smux = *smux;
}

size_t node_mux_held(const struct node_mux *mux)
{
    size_t held = byte_queue_len(&mux->inflow) + (mux->session == NULL ? 0 : smux_session_standing(mux->session));
    for (const struct stream *stream = mux->streams; stream != NULL; stream = stream->next) {
        held += byte_queue_len(&stream->target.to_write);
    }
    return held;
}
