#include "proxy/edge/websocket.h"

#include "common/auto.h"
#include "proxy/core/ws_codec.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/entropy.h"
#include "proxy/edge/ws_link.h"

#include <stdlib.h>
#include <string.h>

/* Kept free for a pong and a close frame. */
#define WEBSOCKET_OUTPUT_RESERVE (2 * (WS_CONTROL_MAX + WS_FRAME_OVERHEAD_MAX))

/* One message of any size, or several small ones in two full records: one goes out while the next is filled. */
#define WEBSOCKET_OUTPUT_SIZE (WEBSOCKET_SEND_MAX + WS_FRAME_OVERHEAD_MAX + WEBSOCKET_OUTPUT_RESERVE)
#define WEBSOCKET_OUTPUT_SMALL (2 * TLS_STREAM_PIECE)

struct websocket {
    int64_t received_us;
    enum websocket_state state;
    bool wants_receive;
    bool cannot_send;    /* sending failed; what the peer sent before may still be read */
    int64_t deadline_us; /* of CLOSING */

    enum err error; /* when CLOSED */
    char why[512];
    unsigned close_code;

    struct ws_link link;
    struct ws_codec *codec;
    struct entropy_pool entropy;

    bool has_pong; /* to be sent when there is room; a later ping replaces it */
    uint8_t pong[WS_CONTROL_MAX];
    size_t pong_len;
    int64_t control_since_us; /* start of the second in which control frames are counted */
    unsigned control_count;

    size_t output_at; /* output[output_at .. output_end) is unsent */
    size_t output_end;
    uint8_t output[WEBSOCKET_OUTPUT_SIZE];
    uint8_t input[TLS_STREAM_PIECE];
};

/* ---- ending ---- */

static struct text websocket_words(struct websocket *websocket)
{
    return text_in(websocket->why, sizeof websocket->why);
}

static void websocket_end(struct websocket *websocket, enum err error)
{
    websocket->state = WEBSOCKET_CLOSED;
    websocket->error = error;
    ws_link_close(&websocket->link);
    websocket->output_at = websocket->output_end = 0;
}

/* ---- the send buffer ---- */

static void websocket_watch(struct websocket *websocket)
{
    struct loop_source *source = &websocket->link.stream.source;
    if (websocket->state == WEBSOCKET_OPEN || websocket->state == WEBSOCKET_CLOSING) {
        source->want_read = websocket->wants_receive || websocket->state == WEBSOCKET_CLOSING;
        source->want_write = websocket->output_end > websocket->output_at && !websocket->cannot_send;
    }
}

static size_t websocket_room(struct websocket *websocket)
{
    if (websocket->output_at > 0) {
        size_t unsent = websocket->output_end - websocket->output_at;
        memmove(websocket->output, websocket->output + websocket->output_at, unsent);
        websocket->output_at = 0;
        websocket->output_end = unsent;
    }
    return sizeof websocket->output - websocket->output_end;
}

static enum err websocket_put_frame(struct websocket *websocket, enum ws_opcode opcode, struct bytes payload)
{
    struct ws_frame frame = {.opcode = opcode, .payload = payload};
    TRY(entropy_take(&websocket->entropy, frame.mask, sizeof frame.mask));
    size_t room = websocket_room(websocket);
    size_t len = 0;
    TRY(ws_codec_encode(websocket->codec, &frame, websocket->output + websocket->output_end, room, &len));
    websocket->output_end += len;
    return ERR_OK;
}

static void websocket_put_pong(struct websocket *websocket)
{
    if (websocket->has_pong &&
        websocket_put_frame(websocket, WS_PONG, bytes_of(websocket->pong, websocket->pong_len)) == ERR_OK) {
        websocket->has_pong = false;
    }
}

/* Sends what the kernel takes. A failure is not the end yet: the peer's last words may still be read. */
static void websocket_send_output(struct websocket *websocket)
{
    while (websocket->output_at < websocket->output_end && !websocket->cannot_send) {
        size_t sent = 0;
        struct text why = websocket_words(websocket);
        enum err err = tls_stream_send(
            &websocket->link.stream,
            bytes_of(websocket->output + websocket->output_at, websocket->output_end - websocket->output_at), &sent,
            &why);
        if (err == ERR_AGAIN) {
            break;
        }
        websocket->cannot_send = err != ERR_OK;
        websocket->output_at += sent;
    }
}

/* More of what the peer sent, into `input`. Nothing more can come where sending has failed. */
static enum err websocket_read(struct websocket *websocket, size_t *ret_len, struct text *ret_why)
{
    enum err err =
        tls_stream_receive(&websocket->link.stream, websocket->input, sizeof websocket->input, ret_len, ret_why);
    if (err == ERR_OK) {
        websocket->received_us = clock_mono_us();
    }
    if (err == ERR_AGAIN && websocket->cannot_send) {
        text_format(ret_why, "the connection to %s was lost", websocket->link.url.host);
        return ERR_UNREACHABLE;
    }
    return err;
}

static enum err websocket_put_close(struct websocket *websocket, unsigned code)
{
    uint8_t body[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    return websocket_put_frame(websocket, WS_CLOSE, bytes_of(body, sizeof body));
}

/* Tells the peer why, as far as that goes at once, and ends. */
static void websocket_break(struct websocket *websocket, enum err error, unsigned code)
{
    char why[sizeof websocket->why];
    (void)stpcpy(why, websocket->why); /* sending may replace it */
    if (websocket_put_close(websocket, code) == ERR_OK) {
        websocket_send_output(websocket);
    }
    (void)stpcpy(websocket->why, why);
    websocket_end(websocket, error);
}

/* ---- connecting and upgrading ---- */

enum err websocket_connect(struct net *net, const struct endpoint_url *gateway, struct websocket **ret_websocket)
{
    AUTO(websocket_free) struct websocket *websocket = calloc(1, sizeof *websocket);
    if (websocket == NULL) {
        return ERR_MEMORY;
    }
    websocket->wants_receive = true;
    websocket->close_code = WS_CLOSE_ABNORMAL;
    websocket->deadline_us = INSTANT_NEVER;
    TRY(ws_codec_new(&websocket->codec));
    TRY(ws_link_open(net, &websocket->entropy, gateway, &websocket->link));
    *ret_websocket = MOVE(websocket);
    return ERR_OK;
}

void websocket_free(struct websocket **websocket)
{
    if (*websocket == NULL) {
        return;
    }
    ws_link_close(&(*websocket)->link);
    ws_codec_free(&(*websocket)->codec);
    free(*websocket);
    *websocket = NULL;
}

static void websocket_pump_link(struct websocket *websocket)
{
    static const enum websocket_state states[] = {[WS_LINK_CONNECTING] = WEBSOCKET_CONNECTING,
                                                  [WS_LINK_CONNECTED] = WEBSOCKET_CONNECTED,
                                                  [WS_LINK_UPGRADING] = WEBSOCKET_UPGRADING,
                                                  [WS_LINK_OPEN] = WEBSOCKET_OPEN,
                                                  [WS_LINK_FAILED] = WEBSOCKET_CLOSED};
    struct text why = websocket_words(websocket);
    struct bytes first = {0};
    enum err err = ws_link_pump(&websocket->link, websocket->input, sizeof websocket->input, &first, &why);
    websocket->state = states[websocket->link.state];
    if (err == ERR_OK) {
        ws_codec_feed(websocket->codec, first);
    } else if (err != ERR_AGAIN) {
        websocket_end(websocket, err);
    }
}

enum err websocket_upgrade(struct websocket *websocket, const struct endpoint_url *url)
{
    TRY(ws_link_upgrade(&websocket->link, url));
    websocket_pump_link(websocket); /* at once, if the connection is up */
    return ERR_OK;
}

/* ---- receiving ---- */

static enum err websocket_count_control(struct websocket *websocket, struct text *ret_why)
{
    int64_t now_us = clock_mono_us();
    if (now_us - websocket->control_since_us >= 1000000) {
        websocket->control_since_us = now_us;
        websocket->control_count = 0;
    }
    websocket->control_count++;
    if (websocket->control_count <= LIMIT_WEBSOCKET_CONTROL_RATE) {
        return ERR_OK;
    }
    text_format(ret_why, "the gateway sent more than %d pings within a second", LIMIT_WEBSOCKET_CONTROL_RATE);
    return ERR_PROTOCOL;
}

static void websocket_take_close(struct websocket *websocket, const struct ws_event *event)
{
    struct text why = websocket_words(websocket);
    bool was_ours = websocket->state == WEBSOCKET_CLOSING;
    websocket->close_code = event->close_code;
    text_format(&why, "the gateway closed the websocket (code %u)", event->close_code);
    if (event->payload.len > 0) {
        text_put(&why, ": ");
        text_put_bytes(&why, event->payload);
    }
    if (was_ours) {
        websocket_end(websocket, ERR_OK);
        return;
    }
    websocket_break(websocket, ERR_UNREACHABLE,
                    event->close_code == WS_CLOSE_NONE ? WS_CLOSE_NORMAL : event->close_code);
}

/* Deals with what is no message. ERR_AGAIN: go on; anything else is the end, which has been carried out. */
static enum err websocket_take_control(struct websocket *websocket, const struct ws_event *event)
{
    if (event->opcode == WS_CLOSE) {
        websocket_take_close(websocket, event);
        return ERR_UNREACHABLE;
    }
    struct text why = websocket_words(websocket);
    enum err err = websocket_count_control(websocket, &why);
    if (err != ERR_OK) {
        websocket_break(websocket, err, WS_CLOSE_PROTOCOL_ERROR);
        return err;
    }
    if (event->opcode == WS_PING && websocket->state == WEBSOCKET_OPEN) {
        websocket->pong_len = event->payload.len;
        websocket->has_pong = true;
        if (event->payload.len > 0) {
            memcpy(websocket->pong, event->payload.data, event->payload.len);
        }
        websocket_put_pong(websocket);
    }
    return ERR_AGAIN;
}

/* More bytes for the codec. */
static enum err websocket_refill(struct websocket *websocket)
{
    size_t len = 0;
    struct text why = websocket_words(websocket);
    enum err err = websocket_read(websocket, &len, &why);
    if (err == ERR_OK && len == 0) {
        text_put(&why, "the gateway closed the connection");
        err = ERR_UNREACHABLE;
    }
    if (err == ERR_OK) {
        ws_codec_feed(websocket->codec, bytes_of(websocket->input, len));
    } else if (err != ERR_AGAIN) {
        websocket_end(websocket, websocket->state == WEBSOCKET_CLOSING ? ERR_OK : err);
    }
    return err;
}

/* The next message; ERR_AGAIN; or the end, carried out. */
static enum err websocket_next(struct websocket *websocket, struct bytes *ret_message)
{
    for (;;) {
        struct ws_event event;
        struct text why = websocket_words(websocket);
        enum err err = ws_codec_next(websocket->codec, &event, &why);
        if (err == ERR_AGAIN) {
            TRY(websocket_refill(websocket));
            continue;
        }
        if (err != ERR_OK) {
            websocket_break(websocket, err, err == ERR_TOO_LONG ? WS_CLOSE_TOO_BIG : WS_CLOSE_PROTOCOL_ERROR);
            return err;
        }
        if (event.opcode == WS_TEXT || event.opcode == WS_BINARY) {
            *ret_message = event.payload;
            return ERR_OK;
        }
        err = websocket_take_control(websocket, &event);
        if (err != ERR_AGAIN) {
            return err;
        }
    }
}

enum err websocket_receive(struct websocket *websocket, struct bytes *ret_message)
{
    if (websocket->state != WEBSOCKET_OPEN) {
        return ERR_AGAIN;
    }
    enum err err = websocket_next(websocket, ret_message);
    return err == ERR_OK ? ERR_OK : ERR_AGAIN;
}

void websocket_want_receive(struct websocket *websocket, bool want_receive)
{
    websocket->wants_receive = want_receive;
    websocket_watch(websocket);
}

/* ---- sending ---- */

void websocket_flush(struct websocket *websocket)
{
    if (websocket->state == WEBSOCKET_OPEN || websocket->state == WEBSOCKET_CLOSING) {
        websocket_send_output(websocket);
        if (websocket->has_pong) {
            websocket_put_pong(websocket);
            websocket_send_output(websocket);
        }
    }
    websocket_watch(websocket);
}

size_t websocket_send_room(const struct websocket *websocket)
{
    size_t unsent = websocket->output_end - websocket->output_at;
    size_t taken = unsent + WEBSOCKET_OUTPUT_RESERVE + WS_FRAME_OVERHEAD_MAX;
    size_t size = unsent > 0 ? WEBSOCKET_OUTPUT_SMALL : WEBSOCKET_OUTPUT_SIZE;
    bool is_open = websocket->state == WEBSOCKET_OPEN && !websocket->cannot_send;
    return is_open && taken < size ? size - taken : 0;
}

static enum err websocket_send_frame(struct websocket *websocket, enum ws_opcode opcode, struct bytes payload)
{
    if (websocket_send_room(websocket) < payload.len) {
        websocket_flush(websocket);
    }
    if (websocket_send_room(websocket) < payload.len || websocket->state != WEBSOCKET_OPEN) {
        return ERR_AGAIN;
    }
    return websocket_put_frame(websocket, opcode, payload);
}

enum err websocket_send(struct websocket *websocket, enum websocket_kind kind, struct bytes message)
{
    if (message.len > WEBSOCKET_SEND_MAX) {
        return ERR_TOO_LONG;
    }
    return websocket_send_frame(websocket, kind == WEBSOCKET_TEXT ? WS_TEXT : WS_BINARY, message);
}

enum err websocket_ping(struct websocket *websocket, struct bytes payload)
{
    return payload.len > WS_CONTROL_MAX ? ERR_TOO_LONG : websocket_send_frame(websocket, WS_PING, payload);
}

/* ---- states ---- */

void websocket_close(struct websocket *websocket, unsigned code)
{
    if (websocket->state == WEBSOCKET_CLOSING || websocket->state == WEBSOCKET_CLOSED) {
        return;
    }
    if (websocket->state != WEBSOCKET_OPEN || websocket_put_close(websocket, code) != ERR_OK) {
        websocket_end(websocket, ERR_OK);
        return;
    }
    websocket->state = WEBSOCKET_CLOSING;
    websocket->deadline_us = clock_mono_us() + WEBSOCKET_CLOSE_TIMEOUT_US;
    websocket_flush(websocket);
}

static void websocket_pump_close(struct websocket *websocket)
{
    struct bytes ignored;
    enum err err = ERR_OK;
    while (err == ERR_OK && clock_mono_us() < websocket->deadline_us) {
        err = websocket_next(websocket, &ignored);
    }
    if (websocket->state == WEBSOCKET_CLOSING && clock_mono_us() >= websocket->deadline_us) {
        websocket_end(websocket, ERR_OK);
    }
}

void websocket_pump(struct websocket *websocket)
{
    if (websocket->state < WEBSOCKET_OPEN) {
        websocket_pump_link(websocket);
    }
    if (websocket->state == WEBSOCKET_CLOSING) {
        websocket_pump_close(websocket);
    }
    websocket_flush(websocket);
}

enum websocket_state websocket_state(const struct websocket *websocket)
{
    return websocket->state;
}

int64_t websocket_received_us(const struct websocket *websocket)
{
    return websocket->received_us;
}

enum err websocket_error(const struct websocket *websocket, struct text *ret_why)
{
    if (websocket->state != WEBSOCKET_CLOSED) {
        return ERR_AGAIN;
    }
    if (websocket->error != ERR_OK) {
        text_put(ret_why, websocket->why);
    }
    return websocket->error;
}

unsigned websocket_close_code(const struct websocket *websocket)
{
    return websocket->close_code;
}

int64_t websocket_deadline_us(const struct websocket *websocket)
{
    bool has_unread = websocket->state == WEBSOCKET_OPEN &&
                      (ws_codec_has_input(websocket->codec) || !websocket->link.stream.is_drained);
    bool has_work = websocket->wants_receive && has_unread;
    return has_work ? 0 : instant_earlier(websocket->deadline_us, websocket->link.deadline_us);
}
