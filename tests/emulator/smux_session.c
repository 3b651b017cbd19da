#include "tests/emulator/smux_session.h"

#include <stdlib.h>

enum command { COMMAND_SYN, COMMAND_FIN, COMMAND_PSH, COMMAND_NOP };

#define VERSION 1

struct stream {
    uint32_t id;
    bool is_finished;
    struct byte_queue received;
    struct stream *next;
};

struct smux_session {
    struct smux_config config;
    struct stream *first, **end, *unaccepted; /* in the order of their opening; the unaccepted ones are the last */
    size_t backlog;
    int64_t allowance;
    uint8_t header[SMUX_HEADER_LEN];
    size_t header_len;
    uint32_t body_id; /* the stream of the frame that is being received, of which so much is missing */
    size_t body_left;
    struct byte_queue out;
    bool has_failed, has_heard;
    uint64_t ping_due_us, check_due_us;
};

/* ---- integers are little-endian here, and here alone ---- */

static uint32_t get_le(const uint8_t *at, size_t size)
{
    uint32_t value = 0;
    for (size_t i = size; i > 0; i--) {
        value = value << 8 | at[i - 1];
    }
    return value;
}

static void put_le(uint8_t *at, size_t size, uint32_t value)
{
    for (size_t i = 0; i < size; i++, value >>= 8) {
        at[i] = (uint8_t)value;
    }
}

static void send_frame(struct smux_session *session, enum command command, uint32_t id, struct bytes data)
{
    uint8_t header[SMUX_HEADER_LEN] = {VERSION, (uint8_t)command};
    put_le(header + 2, 2, (uint32_t)data.len);
    put_le(header + 4, 4, id);
    if (byte_queue_append(&session->out, bytes_of(header, sizeof header)) != ERR_OK ||
        byte_queue_append(&session->out, data) != ERR_OK) {
        session->has_failed = true;
    }
}

/* ---- life ---- */

enum err smux_session_new(const struct smux_config *config, uint64_t now_us, struct smux_session **ret_session)
{
    struct smux_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return ERR_MEMORY;
    }
    session->config = *config;
    session->end = &session->first;
    session->allowance = SMUX_RECEIVE_BUFFER;
    session->ping_due_us = now_us + config->keep_alive_us;
    session->check_due_us = now_us + config->idle_limit_us;
    *ret_session = session;
    return ERR_OK;
}

static void free_stream(struct stream *stream)
{
    byte_queue_free(&stream->received);
    free(stream);
}

void smux_session_free(struct smux_session *session)
{
    if (session == NULL) {
        return;
    }
    while (session->first != NULL) {
        struct stream *next = session->first->next;
        free_stream(session->first);
        session->first = next;
    }
    byte_queue_free(&session->out);
    free(session);
}

/* ---- streams ---- */

static struct stream *find(const struct smux_session *session, uint32_t id)
{
    struct stream *stream = session->first;
    while (stream != NULL && stream->id != id) {
        stream = stream->next;
    }
    return stream;
}

static void open_stream(struct smux_session *session, uint32_t id)
{
    if (find(session, id) != NULL) {
        return;
    }
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        session->has_failed = true;
        return;
    }
    stream->id = id;
    *session->end = stream;
    session->end = &stream->next;
    if (session->unaccepted == NULL) {
        session->unaccepted = stream;
    }
    session->backlog++;
}

uint32_t smux_session_accept(struct smux_session *session)
{
    struct stream *stream = session->unaccepted;
    if (stream == NULL || session->has_failed) {
        return 0;
    }
    session->unaccepted = stream->next;
    session->backlog--;
    return stream->id;
}

struct bytes smux_session_received(const struct smux_session *session, uint32_t id)
{
    const struct stream *stream = find(session, id);
    return stream == NULL ? bytes_of(NULL, 0) : byte_queue_bytes(&stream->received);
}

void smux_session_consume(struct smux_session *session, uint32_t id, size_t len)
{
    struct stream *stream = find(session, id);
    if (stream != NULL) {
        byte_queue_drop(&stream->received, len);
        session->allowance += (int64_t)len;
    }
}

bool smux_session_is_finished(const struct smux_session *session, uint32_t id)
{
    const struct stream *stream = find(session, id);
    return stream != NULL && stream->is_finished;
}

void smux_session_write(struct smux_session *session, uint32_t id, struct bytes bytes)
{
    if (find(session, id) == NULL) {
        return;
    }
    while (bytes.len > 0 && !session->has_failed) {
        size_t len = bytes.len < SMUX_MAX_FRAME ? bytes.len : SMUX_MAX_FRAME;
        send_frame(session, COMMAND_PSH, id, bytes_of(bytes.data, len));
        bytes = bytes_from(bytes, len);
    }
}

void smux_session_close(struct smux_session *session, uint32_t id)
{
    struct stream **link = &session->first;
    while (*link != NULL && (*link)->id != id) {
        link = &(*link)->next;
    }
    struct stream *stream = *link;
    if (stream == NULL) {
        return;
    }
    *link = stream->next;
    session->end = session->end == &stream->next ? link : session->end;
    session->allowance += (int64_t)byte_queue_len(&stream->received);
    free_stream(stream);
    send_frame(session, COMMAND_FIN, id, bytes_of(NULL, 0));
}

/* ---- frames ---- */

static void take_header(struct smux_session *session)
{
    uint32_t id = get_le(session->header + 4, 4);
    struct stream *stream = NULL;
    session->header_len = 0;
    session->has_heard = true;
    if (session->header[0] != VERSION) {
        session->has_failed = true;
        return;
    }
    switch (session->header[1]) {
    case COMMAND_SYN:
        open_stream(session, id);
        break;
    case COMMAND_FIN:
        stream = find(session, id);
        if (stream != NULL) {
            stream->is_finished = true;
        }
        break;
    case COMMAND_PSH:
        session->body_id = id;
        session->body_left = get_le(session->header + 2, 2);
        break;
    case COMMAND_NOP:
        break;
    default:
        session->has_failed = true;
        break;
    }
}

static size_t take_body(struct smux_session *session, struct bytes bytes)
{
    size_t len = bytes.len < session->body_left ? bytes.len : session->body_left;
    struct stream *stream = find(session, session->body_id);
    session->body_left -= len;
    if (stream == NULL) {
        return len;
    }
    if (byte_queue_append(&stream->received, bytes_of(bytes.data, len)) != ERR_OK) {
        session->has_failed = true;
        return len;
    }
    session->allowance -= (int64_t)len;
    return len;
}

/* A frame that has begun is received to its end, and the allowance is overdrawn by it. */
static bool may_begin(const struct smux_session *session)
{
    return session->header_len > 0 || (session->allowance > 0 && session->backlog < SMUX_BACKLOG);
}

size_t smux_session_receive(struct smux_session *session, struct bytes bytes)
{
    size_t all = bytes.len;
    while (bytes.len > 0 && !session->has_failed) {
        if (session->body_left > 0) {
            bytes = bytes_from(bytes, take_body(session, bytes));
            continue;
        }
        if (!may_begin(session)) {
            break;
        }
        session->header[session->header_len++] = bytes.data[0];
        bytes = bytes_from(bytes, 1);
        if (session->header_len == SMUX_HEADER_LEN) {
            take_header(session);
        }
    }
    return all - bytes.len;
}

struct bytes smux_session_frames(const struct smux_session *session)
{
    return byte_queue_bytes(&session->out);
}

void smux_session_sent(struct smux_session *session, size_t len)
{
    byte_queue_drop(&session->out, len);
}

/* ---- time ---- */

void smux_session_tick(struct smux_session *session, uint64_t now_us)
{
    if (!session->config.has_keep_alive || session->has_failed) {
        return;
    }
    if (now_us >= session->ping_due_us) {
        send_frame(session, COMMAND_NOP, 0, bytes_of(NULL, 0));
        session->ping_due_us = now_us + session->config.keep_alive_us;
    }
    if (now_us >= session->check_due_us) {
        /* With the allowance used up it is we who do not listen. */
        session->has_failed = session->has_failed || (!session->has_heard && session->allowance > 0);
        session->has_heard = false;
        session->check_due_us = now_us + session->config.idle_limit_us;
    }
}

uint64_t smux_session_deadline(const struct smux_session *session)
{
    if (!session->config.has_keep_alive || session->has_failed) {
        return UINT64_MAX;
    }
    return session->ping_due_us < session->check_due_us ? session->ping_due_us : session->check_due_us;
}

size_t smux_session_standing(const struct smux_session *session)
{
    return (size_t)(SMUX_RECEIVE_BUFFER - session->allowance);
}

bool smux_session_is_failed(const struct smux_session *session)
{
    return session->has_failed;
}

bool smux_session_check(const struct smux_session *session)
{
    int64_t standing = 0;
    size_t backlog = 0;
    bool is_unaccepted = false;
    for (const struct stream *stream = session->first; stream != NULL; stream = stream->next) {
        is_unaccepted = is_unaccepted || stream == session->unaccepted;
        backlog += is_unaccepted ? 1 : 0;
        standing += (int64_t)byte_queue_len(&stream->received);
    }
    return session->allowance + standing == SMUX_RECEIVE_BUFFER && standing < SMUX_RECEIVE_BUFFER + 65536 &&
           backlog == session->backlog && backlog <= SMUX_BACKLOG && session->header_len < SMUX_HEADER_LEN;
}
