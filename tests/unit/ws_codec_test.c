#include "proxy/core/ws_codec.h"

#include <time.h>

#include "common/auto.h"
#include "common/limits.h"
#include "proxy/core/chance.h"
#include "tests/support/unit.h"

/* Frames of a server, written by hand from RFC 6455, 5.2. */
struct wire {
    uint8_t *data;
    size_t len;
};

static void wire_put(struct wire *wire, const void *data, size_t len)
{
    wire->data = realloc(wire->data, wire->len + len + 1);
    assert_non_null(wire->data);
    memcpy(wire->data + wire->len, data, len);
    wire->len += len;
}

static void wire_put_frame(struct wire *wire, unsigned first_byte, struct bytes payload)
{
    uint8_t header[10] = {(uint8_t)first_byte};
    size_t header_len = 2;
    if (payload.len < 126) {
        header[1] = (uint8_t)payload.len;
    } else if (payload.len < 65536) {
        header[1] = 126;
        header[2] = (uint8_t)(payload.len >> 8);
        header[3] = (uint8_t)payload.len;
        header_len = 4;
    } else {
        header[1] = 127;
        bytes_put_be64(header + 2, payload.len);
        header_len = 10;
    }
    wire_put(wire, header, header_len);
    if (payload.len > 0) {
        wire_put(wire, payload.data, payload.len);
    }
}

/* Feeds pieces of `piece` bytes until an event comes. */
static enum err next_event(struct ws_codec *codec, struct bytes *rest, size_t piece, struct ws_event *ret_event,
                           struct text *why)
{
    for (;;) {
        enum err err = ws_codec_next(codec, ret_event, why);
        if (err != ERR_AGAIN) {
            return err;
        }
        assert_false(ws_codec_has_input(codec));
        if (rest->len == 0) {
            return ERR_AGAIN;
        }
        size_t len = rest->len < piece ? rest->len : piece;
        ws_codec_feed(codec, bytes_of(rest->data, len));
        *rest = bytes_from(*rest, len);
    }
}

static void assert_refused(struct bytes wire, enum err expected, const char *word)
{
    static const size_t pieces[] = {1, 5, 1000000};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        AUTO(ws_codec_free) struct ws_codec *codec = NULL;
        assert_ok(ws_codec_new(&codec));
        char why_text[256];
        struct text why = text_in(why_text, sizeof why_text);
        struct bytes rest = wire;
        struct ws_event event;
        enum err err = ERR_OK;
        while (err == ERR_OK) {
            err = next_event(codec, &rest, pieces[i], &event, &why);
        }
        assert_err(err, expected);
        if (strstr(why_text, word) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", word, why_text);
        }
    }
}

#define REFUSED(literal, word) assert_refused(bytes_of(literal, sizeof(literal) - 1), ERR_PROTOCOL, word)

static void test_refuses_broken_frames(void **state)
{
    (void)state;
    REFUSED("\xc2\x01x", "reserved bits");
    REFUSED("\x92\x01x", "reserved bits");
    REFUSED("\x83\x01x", "unknown opcode");
    REFUSED("\x8b\x01x", "unknown opcode");
    REFUSED("\x82\x81\x01\x02\x03\x04x", "masked");
    REFUSED("\x82\x80\x01\x02\x03\x04", "masked");
    REFUSED("\x82\x7e\x00\x05hello", "header");                         /* length not in its shortest form */
    REFUSED("\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x05hello", "header"); /* the same */
    REFUSED("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffx", "header");     /* negative */
    REFUSED("\x09\x01x", "header");                                     /* fragmented ping */
    REFUSED("\x89\x7e\x00\x7ex", "header");                             /* ping of 126 bytes */
    REFUSED("\x80\x01x", "continuation of nothing");
    REFUSED("\x02\x01x\x82\x01y", "inside another");
    REFUSED("\x02\x01x\x80\x01y\x80\x01z", "continuation of nothing");
}

static void test_refuses_broken_close_frames(void **state)
{
    (void)state;
    REFUSED("\x88\x01x", "half a code");
    REFUSED("\x88\x02\x03\xe7", "close code"); /* 999 */
    REFUSED("\x88\x02\x03\xec", "close code"); /* 1004 */
    REFUSED("\x88\x02\x03\xed", "close code"); /* 1005 */
    REFUSED("\x88\x02\x03\xee", "close code"); /* 1006 */
    REFUSED("\x88\x02\x03\xf7", "close code"); /* 1015 */
    REFUSED("\x88\x02\x13\x88", "close code"); /* 5000 */
}

static void test_refuses_large_messages(void **state)
{
    (void)state;
    /* by its header alone: nothing of that size is ever held */
    const char huge[] = "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffx";
    assert_refused(bytes_of(huge, sizeof huge - 1), ERR_TOO_LONG, "more than");
    uint8_t *payload = calloc(1, LIMIT_WEBSOCKET_MESSAGE + 1);
    struct wire one = {0};
    wire_put_frame(&one, 0x82, bytes_of(payload, LIMIT_WEBSOCKET_MESSAGE + 1));
    assert_refused(bytes_of(one.data, one.len), ERR_TOO_LONG, "more than");
    /* the limit counts all fragments */
    struct wire two = {0};
    wire_put_frame(&two, 0x02, bytes_of(payload, LIMIT_WEBSOCKET_MESSAGE));
    wire_put_frame(&two, 0x80, bytes_of(payload, 1));
    assert_refused(bytes_of(two.data, two.len), ERR_TOO_LONG, "more than");
    free(payload);
    free(one.data);
    free(two.data);
}

static void test_refuses_many_fragments(void **state)
{
    (void)state;
    for (size_t size = 0; size < 2; size++) { /* empty fragments cost work too */
        struct wire wire = {0};
        wire_put_frame(&wire, 0x02, bytes_of("x", size));
        for (int i = 0; i < 998; i++) {
            wire_put_frame(&wire, 0x00, bytes_of("x", size));
        }
        wire_put_frame(&wire, 0x80, bytes_of("x", size));
        assert_refused(bytes_of(wire.data, wire.len), ERR_TOO_LONG, "fragments");
        free(wire.data);
    }
}

static void test_takes_the_limits(void **state)
{
    (void)state;
    AUTO(ws_codec_free) struct ws_codec *codec = NULL;
    assert_ok(ws_codec_new(&codec));
    char why_text[256];
    struct text why = text_in(why_text, sizeof why_text);
    uint8_t *payload = malloc(LIMIT_WEBSOCKET_MESSAGE);
    assert_non_null(payload);
    for (size_t i = 0; i < LIMIT_WEBSOCKET_MESSAGE; i++) {
        payload[i] = (uint8_t)(i * 31 >> 3);
    }
    const size_t fragment = LIMIT_WEBSOCKET_MESSAGE / LIMIT_WEBSOCKET_FRAGMENTS;
    struct wire wire = {0};
    for (size_t i = 0; i < LIMIT_WEBSOCKET_FRAGMENTS; i++) {
        unsigned first = (i == 0 ? 0x02u : 0) | (i == LIMIT_WEBSOCKET_FRAGMENTS - 1 ? 0x80u : 0);
        wire_put_frame(&wire, first, bytes_of(payload + i * fragment, fragment));
    }
    for (int twice = 0; twice < 2; twice++) {
        struct bytes rest = bytes_of(wire.data, wire.len);
        struct ws_event event;
        assert_ok(next_event(codec, &rest, 4000, &event, &why));
        assert_int_equal(event.opcode, WS_BINARY);
        assert_true(bytes_equal(event.payload, bytes_of(payload, LIMIT_WEBSOCKET_MESSAGE)));
    }
    free(payload);
    free(wire.data);
}

static void test_control_frames_inside_a_message(void **state)
{
    (void)state;
    static const char wire[] = "\x01\x03"
                               "abc"
                               "\x89\x02"
                               "hi"
                               "\x8a\x00"
                               "\x80\x03"
                               "def"
                               "\x88\x05\x03\xe9"
                               "bye";
    for (size_t piece = 1; piece < sizeof wire; piece++) {
        AUTO(ws_codec_free) struct ws_codec *codec = NULL;
        assert_ok(ws_codec_new(&codec));
        char why_text[256];
        struct text why = text_in(why_text, sizeof why_text);
        struct bytes rest = bytes_of(wire, sizeof wire - 1);
        struct ws_event event;
        assert_ok(next_event(codec, &rest, piece, &event, &why));
        assert_int_equal(event.opcode, WS_PING);
        assert_true(bytes_equal_text(event.payload, "hi"));
        assert_ok(next_event(codec, &rest, piece, &event, &why));
        assert_int_equal(event.opcode, WS_PONG);
        assert_int_equal(event.payload.len, 0);
        assert_ok(next_event(codec, &rest, piece, &event, &why));
        assert_int_equal(event.opcode, WS_TEXT);
        assert_true(bytes_equal_text(event.payload, "abcdef"));
        assert_ok(next_event(codec, &rest, piece, &event, &why));
        assert_int_equal(event.opcode, WS_CLOSE);
        assert_int_equal(event.close_code, 1001);
        assert_true(bytes_equal_text(event.payload, "bye"));
    }
}

static void test_text_may_be_binary(void **state)
{
    (void)state;
    AUTO(ws_codec_free) struct ws_codec *codec = NULL;
    assert_ok(ws_codec_new(&codec));
    char why_text[256];
    struct text why = text_in(why_text, sizeof why_text);
    struct bytes rest = bytes_of("\x81\x03\xff\x00\xfe\x88\x00", 7);
    struct ws_event event;
    assert_ok(next_event(codec, &rest, 100, &event, &why));
    assert_int_equal(event.payload.len, 3);
    assert_ok(next_event(codec, &rest, 100, &event, &why));
    assert_int_equal(event.close_code, WS_CLOSE_NONE);
}

static const uint8_t mask[WS_MASK_LEN] = {0x37, 0xfa, 0x21, 0x3d};

static enum err encode(struct ws_codec *codec, enum ws_opcode opcode, struct bytes payload, uint8_t *buffer,
                       size_t size, size_t *ret_len)
{
    struct ws_frame frame = {.opcode = opcode, .payload = payload};
    memcpy(frame.mask, mask, sizeof mask);
    return ws_codec_encode(codec, &frame, buffer, size, ret_len);
}

/* What we send, taken apart by hand: FIN, opcode, mask bit, shortest length, masked payload. */
static void test_encode(void **state)
{
    (void)state;
    AUTO(ws_codec_free) struct ws_codec *codec = NULL;
    assert_ok(ws_codec_new(&codec));
    uint8_t buffer[80000];
    size_t len = 0;
    /* RFC 6455, 5.7: "A single-frame masked text message", Hello */
    assert_ok(encode(codec, WS_TEXT, bytes_of_text("Hello"), buffer, sizeof buffer, &len));
    assert_memory_equal(buffer, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
    assert_int_equal(len, 11);
    static const size_t sizes[] = {0, 1, 125, 126, 127, 4095, 4096, 4097, 65535, 65536, 70000};
    uint8_t payload[70000];
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        size_t size = sizes[s];
        size_t header = size < 126 ? 2 : size < 65536 ? 4 : 10;
        assert_ok(encode(codec, WS_BINARY, bytes_of(payload, size), buffer, sizeof buffer, &len));
        assert_int_equal(len, header + 4 + size);
        assert_int_equal(buffer[0], 0x82);
        assert_int_equal(buffer[1], 0x80 | (size < 126 ? size : size < 65536 ? 126 : 127));
        assert_memory_equal(buffer + header, mask, 4);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(buffer[header + 4 + i] ^ mask[i % 4], payload[i]);
        }
    }
    assert_err(encode(codec, WS_PING, bytes_of(payload, 126), buffer, sizeof buffer, &len), ERR_TOO_LONG);
    assert_err(encode(codec, WS_BINARY, bytes_of(payload, 100), buffer, 113, &len), ERR_TOO_LONG);
    assert_ok(encode(codec, WS_BINARY, bytes_of(payload, 100), buffer, 114, &len));
}

/* Random messages in random fragments and pieces, with pings between, come out as they went in. */
static void test_random_messages(void **state)
{
    (void)state;
    uint64_t seed = (uint64_t)time(NULL);
    print_message("seed %llu\n", (unsigned long long)seed);
    struct chance chance = chance_from_number(seed);
    AUTO(ws_codec_free) struct ws_codec *codec = NULL;
    assert_ok(ws_codec_new(&codec));
    char why_text[256];
    struct text why = text_in(why_text, sizeof why_text);
    uint8_t *payload = malloc(LIMIT_WEBSOCKET_MESSAGE);
    assert_non_null(payload);
    for (int round = 0; round < 300; round++) {
        size_t len = chance_below(&chance, round % 10 == 0 ? LIMIT_WEBSOCKET_MESSAGE : 3000);
        for (size_t i = 0; i < len; i++) {
            payload[i] = (uint8_t)chance_next(&chance);
        }
        struct wire wire = {0};
        size_t sent = 0;
        unsigned first = 0x02;
        for (unsigned fragments = (unsigned)chance_below(&chance, 5); fragments > 0; fragments--) {
            size_t part = chance_below(&chance, len - sent + 1);
            wire_put_frame(&wire, first, bytes_of(payload + sent, part));
            wire_put_frame(&wire, 0x89, bytes_of("p", chance_below(&chance, 2)));
            sent += part;
            first = 0x00;
        }
        wire_put_frame(&wire, first | 0x80, bytes_of(payload + sent, len - sent));
        struct bytes rest = bytes_of(wire.data, wire.len);
        struct ws_event event = {.opcode = WS_PING};
        size_t piece = 1 + chance_below(&chance, 20000);
        while (event.opcode == WS_PING) {
            assert_ok(next_event(codec, &rest, piece, &event, &why));
        }
        assert_int_equal(event.opcode, WS_BINARY);
        assert_true(bytes_equal(event.payload, bytes_of(payload, len)));
        assert_int_equal(rest.len, 0);
        free(wire.data);
    }
    free(payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_broken_frames),  cmocka_unit_test(test_refuses_broken_close_frames),
        cmocka_unit_test(test_refuses_large_messages), cmocka_unit_test(test_refuses_many_fragments),
        cmocka_unit_test(test_takes_the_limits),       cmocka_unit_test(test_control_frames_inside_a_message),
        cmocka_unit_test(test_text_may_be_binary),     cmocka_unit_test(test_encode),
        cmocka_unit_test(test_random_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
