/* ws_codec: frames of a websocket (RFC 6455), the client's side, without I/O: bytes in, messages and control frames
 * out, and the reverse. wslay reads and writes the single frames; what they mean together is decided here, because
 * wslay's own event layer answers every ping from an unbounded queue, counts no fragments, and swallows all the input
 * that it is given, where our caller takes one message at a time.
 *
 * Text is handed over like binary and its UTF-8 is not looked at: agent messages, which are binary, may come in text
 * frames, and the service's own receivers treat both alike.
 *
 * Refused: reserved bits (no extension was agreed), unknown opcodes, masked frames, control frames that are fragmented
 * or over 125 bytes, lengths not in their shortest form, a continuation of nothing, a new message inside another, a
 * close body of one byte or with a code that must not travel. */
#ifndef SSM_PROXY_CORE_WS_CODEC_H
#define SSM_PROXY_CORE_WS_CODEC_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/text.h"

#include <stdbool.h>

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

#define WS_CONTROL_MAX 125 /* payload of a control frame; RFC 6455, 5.5 */
#define WS_FRAME_OVERHEAD_MAX 14
#define WS_MASK_LEN 4

#define WS_CLOSE_NORMAL 1000
#define WS_CLOSE_GOING_AWAY 1001
#define WS_CLOSE_PROTOCOL_ERROR 1002
#define WS_CLOSE_NONE 1005     /* a close frame without a code */
#define WS_CLOSE_ABNORMAL 1006 /* no close frame at all */
#define WS_CLOSE_TOO_BIG 1009

struct ws_codec; /* owned by its creator; holds one message, of LIMIT_WEBSOCKET_MESSAGE at most */

enum err ws_codec_new(struct ws_codec **ret_codec) SSM_MUST_USE;
void ws_codec_free(struct ws_codec **codec); /* NULL inside is fine; usable with AUTO() */

struct ws_event {
    enum ws_opcode opcode; /* TEXT or BINARY: a whole message; CLOSE, PING, PONG */
    struct bytes payload;  /* valid until the next call; of CLOSE: the reason only */
    unsigned close_code;   /* of CLOSE; WS_CLOSE_NONE without one */
};

/* More bytes from the peer; borrowed until ws_codec_next has said ERR_AGAIN. Only when the last ones are used up. */
void ws_codec_feed(struct ws_codec *codec, struct bytes input);

/* The next event. ERR_AGAIN: all input is used up. ERR_PROTOCOL, ERR_TOO_LONG (over LIMIT_WEBSOCKET_MESSAGE or
 * LIMIT_WEBSOCKET_FRAGMENTS), ERR_MEMORY: with words; the codec is then useless. */
enum err ws_codec_next(struct ws_codec *codec, struct ws_event *ret_event, struct text *ret_why) SSM_MUST_USE;

/* True while fed bytes wait for ws_codec_next. */
bool ws_codec_has_input(const struct ws_codec *codec);

struct ws_frame {
    enum ws_opcode opcode;
    struct bytes payload;      /* borrowed */
    uint8_t mask[WS_MASK_LEN]; /* fresh for each frame and not to be foreseen (RFC 6455, 5.3) */
};

/* Writes one whole frame. ERR_TOO_LONG when `size` is under payload.len + WS_FRAME_OVERHEAD_MAX, or a control payload
 * over WS_CONTROL_MAX. */
enum err ws_codec_encode(struct ws_codec *codec, const struct ws_frame *frame, uint8_t *buffer, size_t size,
                         size_t *ret_len) SSM_MUST_USE;

#endif
