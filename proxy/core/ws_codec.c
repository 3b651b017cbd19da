#include "proxy/core/ws_codec.h"

#include "common/limits.h"

#include <stdlib.h>
#include <wslay/wslay.h>

struct ws_codec {
    wslay_frame_context_ptr frames;

    struct bytes input; /* borrowed, not yet taken by wslay */
    bool has_input;     /* here or in wslay's own buffer */
    size_t parsed;      /* of the current frame's payload */

    uint8_t *message; /* the message under way */
    size_t message_len;
    size_t message_size;
    unsigned fragments; /* 0: no message is under way */
    enum ws_opcode message_opcode;
    bool is_delivered; /* message was handed out by the last call */

    uint8_t control[WS_CONTROL_MAX]; /* the control frame under way */

    uint8_t *output; /* of the encode under way */
    size_t output_len;
    uint8_t mask[WS_MASK_LEN];
};

static ssize_t on_recv(uint8_t *buffer, size_t len, int flags, void *user_data)
{
    (void)flags;
    struct ws_codec *codec = user_data;
    size_t take = codec->input.len < len ? codec->input.len : len;
    if (take == 0) {
        return -1;
    }
    memcpy(buffer, codec->input.data, take);
    codec->input = bytes_from(codec->input, take);
    return (ssize_t)take;
}

/* The room was checked before. */
static ssize_t on_send(const uint8_t *data, size_t len, int flags, void *user_data)
{
    (void)flags;
    struct ws_codec *codec = user_data;
    memcpy(codec->output + codec->output_len, data, len);
    codec->output_len += len;
    return (ssize_t)len;
}

static int on_mask(uint8_t *buffer, size_t len, void *user_data)
{
    struct ws_codec *codec = user_data;
    memcpy(buffer, codec->mask, len);
    return 0;
}

enum err ws_codec_new(struct ws_codec **ret_codec)
{
    static const struct wslay_frame_callbacks callbacks = {on_send, on_recv, on_mask};
    struct ws_codec *codec = calloc(1, sizeof *codec);
    if (codec == NULL) {
        return ERR_MEMORY;
    }
    if (wslay_frame_context_init(&codec->frames, &callbacks, codec) != 0) {
        free(codec);
        return ERR_MEMORY;
    }
    *ret_codec = codec;
    return ERR_OK;
}

void ws_codec_free(struct ws_codec **codec)
{
    if (*codec != NULL) {
        wslay_frame_context_free((*codec)->frames);
        free((*codec)->message);
        free(*codec);
        *codec = NULL;
    }
}

/* ---- receiving ---- */

void ws_codec_feed(struct ws_codec *codec, struct bytes input)
{
    codec->input = input;
    codec->has_input = true;
}

bool ws_codec_has_input(const struct ws_codec *codec)
{
    return codec->has_input;
}

static enum err refuse(struct text *ret_why, const char *reason)
{
    text_put(ret_why, "the gateway broke the websocket protocol: ");
    text_put(ret_why, reason);
    return ERR_PROTOCOL;
}

/* What a frame may be, by its header alone. */
static enum err check_frame(const struct ws_codec *codec, const struct wslay_frame_iocb *frame, struct text *ret_why)
{
    if (frame->rsv != 0) {
        return refuse(ret_why, "reserved bits are set");
    }
    if (frame->mask) {
        return refuse(ret_why, "a server's frame is masked");
    }
    switch (frame->opcode) {
    case WS_CONTINUATION:
        return codec->fragments > 0 ? ERR_OK : refuse(ret_why, "a continuation of nothing");
    case WS_TEXT:
    case WS_BINARY:
        return codec->fragments == 0 ? ERR_OK : refuse(ret_why, "a message inside another");
    case WS_CLOSE:
    case WS_PING:
    case WS_PONG:
        return ERR_OK;
    default:
        return refuse(ret_why, "unknown opcode");
    }
}

static enum err check_message(const struct ws_codec *codec, uint64_t payload_len, struct text *ret_why)
{
    if (payload_len > LIMIT_WEBSOCKET_MESSAGE - codec->message_len) {
        text_format(ret_why, "the gateway sent a websocket message of more than %d bytes", LIMIT_WEBSOCKET_MESSAGE);
        return ERR_TOO_LONG;
    }
    if (codec->fragments >= LIMIT_WEBSOCKET_FRAGMENTS) {
        text_format(ret_why, "the gateway sent a websocket message in more than %d fragments",
                    LIMIT_WEBSOCKET_FRAGMENTS);
        return ERR_TOO_LONG;
    }
    return ERR_OK;
}

static enum err append(struct ws_codec *codec, const uint8_t *data, size_t len)
{
    size_t needed = codec->message_len + len;
    if (needed > codec->message_size) {
        size_t size = codec->message_size == 0 ? 4096 : codec->message_size;
        while (size < needed) {
            size *= 2;
        }
        uint8_t *grown = realloc(codec->message, size);
        if (grown == NULL) {
            return ERR_MEMORY;
        }
        codec->message = grown;
        codec->message_size = size;
    }
    if (len > 0) {
        memcpy(codec->message + codec->message_len, data, len);
    }
    codec->message_len = needed;
    return ERR_OK;
}

/* Codes that may stand in a close frame: RFC 6455, 7.4, and the registry that it opens (1012 to 1014). */
static bool close_code_is_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static enum err parse_close(struct bytes body, struct ws_event *ret_event, struct text *ret_why)
{
    if (body.len == 0) {
        *ret_event = (struct ws_event){.opcode = WS_CLOSE, .close_code = WS_CLOSE_NONE};
        return ERR_OK;
    }
    if (body.len == 1) {
        return refuse(ret_why, "a close frame with half a code");
    }
    unsigned code = (unsigned)body.data[0] << 8 | body.data[1];
    if (!close_code_is_valid(code)) {
        return refuse(ret_why, "a close code that must not be sent");
    }
    *ret_event = (struct ws_event){.opcode = WS_CLOSE, .close_code = code, .payload = bytes_from(body, 2)};
    return ERR_OK;
}

/* Part of a control frame; the whole of it when `is_last`. wslay has checked length and FIN. */
static enum err take_control(struct ws_codec *codec, const struct wslay_frame_iocb *frame, bool is_last,
                             struct ws_event *ret_event, struct text *ret_why)
{
    if (frame->data_length > 0) {
        memcpy(codec->control + codec->parsed, frame->data, frame->data_length);
    }
    if (!is_last) {
        return ERR_AGAIN;
    }
    struct bytes body = bytes_of(codec->control, (size_t)frame->payload_length);
    if (frame->opcode == WS_CLOSE) {
        return parse_close(body, ret_event, ret_why);
    }
    *ret_event = (struct ws_event){.opcode = (enum ws_opcode)frame->opcode, .payload = body};
    return ERR_OK;
}

static enum err take_data(struct ws_codec *codec, const struct wslay_frame_iocb *frame, bool is_last,
                          struct ws_event *ret_event, struct text *ret_why)
{
    if (codec->parsed == 0) { /* the first part of this frame: the header was new */
        TRY(check_message(codec, frame->payload_length, ret_why));
    }
    if (frame->opcode != WS_CONTINUATION) {
        codec->message_opcode = (enum ws_opcode)frame->opcode;
    }
    bool is_whole = codec->fragments == 0 && codec->parsed == 0 && is_last && frame->fin;
    if (is_whole) { /* usual: no copy, wslay's buffer holds all of it until it reads again */
        *ret_event = (struct ws_event){codec->message_opcode, bytes_of(frame->data, frame->data_length), 0};
        return ERR_OK;
    }
    TRY(append(codec, frame->data, frame->data_length));
    if (!is_last) {
        return ERR_AGAIN;
    }
    codec->fragments++;
    if (!frame->fin) {
        return ERR_AGAIN;
    }
    *ret_event = (struct ws_event){codec->message_opcode, bytes_of(codec->message, codec->message_len), 0};
    codec->fragments = 0;
    codec->is_delivered = true;
    return ERR_OK;
}

/* One step of wslay: part of a frame, or nothing yet. Dry: it wants more than it was fed. */
static enum err step(struct ws_codec *codec, struct ws_event *ret_event, bool *ret_is_dry, struct text *ret_why)
{
    struct wslay_frame_iocb frame = {0};
    ssize_t got = wslay_frame_recv(codec->frames, &frame);
    if (got == WSLAY_ERR_WANT_READ) {
        *ret_is_dry = codec->input.len == 0;
        return ERR_AGAIN;
    }
    if (got < 0) {
        return refuse(ret_why, "a malformed frame header");
    }
    bool is_last = codec->parsed + frame.data_length == frame.payload_length;
    if (codec->parsed == 0) {
        TRY(check_frame(codec, &frame, ret_why));
    }
    enum err err = wslay_is_ctrl_frame(frame.opcode) ? take_control(codec, &frame, is_last, ret_event, ret_why)
                                                     : take_data(codec, &frame, is_last, ret_event, ret_why);
    codec->parsed = is_last ? 0 : codec->parsed + frame.data_length;
    return err;
}

enum err ws_codec_next(struct ws_codec *codec, struct ws_event *ret_event, struct text *ret_why)
{
    if (codec->is_delivered) {
        codec->is_delivered = false;
        codec->message_len = 0;
    }
    bool is_dry = false;
    while (!is_dry) {
        enum err err = step(codec, ret_event, &is_dry, ret_why);
        if (err != ERR_AGAIN) {
            return err;
        }
    }
    codec->has_input = false;
    return ERR_AGAIN;
}

/* ---- sending ---- */

enum err ws_codec_encode(struct ws_codec *codec, const struct ws_frame *frame, uint8_t *buffer, size_t size,
                         size_t *ret_len)
{
    struct bytes payload = frame->payload;
    if (size < WS_FRAME_OVERHEAD_MAX || payload.len > size - WS_FRAME_OVERHEAD_MAX) {
        return ERR_TOO_LONG;
    }
    if (wslay_is_ctrl_frame(frame->opcode) && payload.len > WS_CONTROL_MAX) {
        return ERR_TOO_LONG;
    }
    codec->output = buffer;
    codec->output_len = 0;
    memcpy(codec->mask, frame->mask, WS_MASK_LEN);
    struct wslay_frame_iocb whole = {.fin = 1,
                                     .opcode = (uint8_t)frame->opcode,
                                     .payload_length = payload.len,
                                     .mask = 1,
                                     .data = payload.data,
                                     .data_length = payload.len};
    if (wslay_frame_send(codec->frames, &whole) != (ssize_t)payload.len) {
        return ERR_SYSTEM;
    }
    *ret_len = codec->output_len;
    return ERR_OK;
}
