/* channel and large payloads, against an agent of a few lines that does with sequence numbers what the real one does,
 * behind a gateway that may close the connection when a large message comes. Whatever happens, the stream arrives byte
 * for byte, or the channel says what to do. */
#include "tests/support/unit.h"

#include "proxy/core/agent_message.h"
#include "proxy/core/channel.h"

#define STREAM_LEN (300 * 1024)
#define LARGE (AGENT_MESSAGE_HEADER_LEN + 1024u)

enum fate {
    FATE_PASS,          /* the gateway hands every message on */
    FATE_CLOSE,         /* closes instead of handing a large one on */
    FATE_PASS_AND_CLOSE /* hands it on; its acknowledgement, and all others, are lost with the connection */
};

static struct sha256 *hash;
static struct channel *channel;
static struct instant now;
static struct chance chance;
static int64_t peer_sequence;

/* The agent's side. */
static int64_t expected;
static uint8_t arrived[STREAM_LEN];
static size_t arrived_len;

/* The gateway's. */
static enum fate fate;
static size_t longest_frame; /* handed over by the channel */
static unsigned closes;
static bool is_deaf; /* large messages vanish */

static uint8_t stream_byte(size_t at)
{
    return (uint8_t)((at * 2654435761u) >> 11);
}

static void peer_sends(enum agent_message_type type, int64_t sequence, uint32_t payload_type, const char *payload)
{
    uint8_t wire[1024];
    struct agent_message message = {
        .type = type,
        .created_unix_ms = now.unix_ms,
        .sequence_number = sequence,
        .message_id = uuid_v4(&chance),
        .payload_type = payload_type,
        .payload = bytes_of_text(payload),
    };
    size_t len;
    assert_ok(agent_message_encode(&message, hash, wire, sizeof wire, &len));
    channel_receive(channel, bytes_of(wire, len), now);
    assert_true(channel_check(channel));
}

static void peer_outputs(uint32_t payload_type, const char *payload)
{
    peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, peer_sequence++, payload_type, payload);
}

/* In order: taken and acknowledged; an old number: acknowledged again, whatever is in it. */
static void agent_receives(const struct agent_message *message, bool is_heard)
{
    if (message->sequence_number > expected) {
        return;
    }
    if (message->sequence_number == expected) {
        expected++;
        if (message->payload_type == PAYLOAD_OUTPUT) {
            assert_true(arrived_len + message->payload.len <= sizeof arrived);
            memcpy(arrived + arrived_len, message->payload.data, message->payload.len);
            arrived_len += message->payload.len;
        }
    }
    if (is_heard) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"AcknowledgedMessageSequenceNumber\":%lld}",
                 (long long)message->sequence_number);
        peer_sends(AGENT_MESSAGE_ACKNOWLEDGE, 0, PAYLOAD_NONE, payload);
    }
}

static void lose_connection(void)
{
    assert_true(closes++ < 1000);
    channel_transport_down(channel, now);
    if (channel_state(channel) != CHANNEL_CLOSED) {
        channel_transport_up(channel, now);
    }
}

/* One frame of ours through the gateway; false when there is none. */
static bool pass_frame(void)
{
    struct agent_message message;
    uint8_t wire[AGENT_MESSAGE_HEADER_LEN + 65536];
    size_t next_len = channel_next_frame_len(channel);
    struct bytes frame = channel_take_frame(channel, now);
    assert_true(frame.len <= next_len && (frame.len > 0) == (next_len > 0));
    if (frame.len == 0) {
        return false;
    }
    memcpy(wire, frame.data, frame.len);
    assert_ok(agent_message_parse(bytes_of(wire, frame.len), &message));
    assert_ok(agent_message_verify(&message, hash));
    bool is_large = frame.len > LARGE;
    longest_frame = frame.len > longest_frame ? frame.len : longest_frame;
    bool is_handed_on =
        message.type == AGENT_MESSAGE_INPUT_STREAM_DATA && !(is_large && (fate == FATE_CLOSE || is_deaf));
    if (is_handed_on) {
        agent_receives(&message, !(is_large && fate == FATE_PASS_AND_CLOSE));
    }
    if (is_large && fate != FATE_PASS) {
        lose_connection();
    }
    return true;
}

static void pass_frames(void)
{
    while (pass_frame()) {
    }
}

static void open_channel(uint32_t payload_bytes)
{
    struct channel_config config = channel_config_default();
    config.payload_bytes = payload_bytes;
    channel_free(&channel);
    assert_ok(channel_new(&config, chance_from_number(1), hash, &channel));
    now = (struct instant){.mono_us = 1000000, .unix_ms = 1700000000000};
    peer_sequence = expected = 0;
    arrived_len = longest_frame = closes = 0;
    is_deaf = false;
    fate = FATE_PASS;
    channel_transport_up(channel, now);
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST,
                 "{\"AgentVersion\":\"3.3.0.0\",\"RequestedClientActions\":[{\"ActionType\":\"SessionType\","
                 "\"ActionParameters\":{\"SessionType\":\"Port\",\"Properties\":{\"portNumber\":\"22\"}}}]}");
    peer_outputs(PAYLOAD_HANDSHAKE_COMPLETE, "{\"HandshakeTimeToComplete\":1,\"CustomerMessage\":\"\"}");
    pass_frames();
    peer_outputs(PAYLOAD_OUTPUT, "SSH-2.0-x\r\n");
    pass_frames();
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
}

/* Writes what is left of the stream, in pieces of `piece_max`, until `until` bytes of it were taken. */
static size_t write_stream(size_t from, size_t until, size_t piece_max)
{
    static uint8_t piece[65536];
    for (unsigned idle = 0; from < until && channel_state(channel) != CHANNEL_CLOSED && idle < 1000; idle++) {
        size_t len = until - from < piece_max ? until - from : piece_max;
        for (size_t i = 0; i < len; i++) {
            piece[i] = stream_byte(from + i);
        }
        size_t taken = channel_write(channel, bytes_of(piece, len), now);
        from += taken;
        idle = taken > 0 ? 0 : idle;
        pass_frames();
        now.mono_us += taken > 0 ? 1000 : 100 * 1000;
        channel_tick(channel, now);
        assert_true(channel_check(channel));
    }
    return from;
}

static void settle(void)
{
    for (int i = 0; i < 100; i++) {
        now.mono_us += 500 * 1000;
        channel_tick(channel, now);
        pass_frames();
    }
}

static void expect_whole_stream(void)
{
    settle();
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    assert_int_equal(arrived_len, STREAM_LEN);
    for (size_t i = 0; i < STREAM_LEN; i++) {
        assert_int_equal(arrived[i], stream_byte(i));
    }
}

static void a_path_that_takes_them_gets_large_payloads(void **state)
{
    (void)state;
    open_channel(65536);
    assert_int_equal(write_stream(0, STREAM_LEN, 65536), STREAM_LEN);
    expect_whole_stream();
    assert_int_equal(longest_frame, AGENT_MESSAGE_HEADER_LEN + 65536);
    assert_int_equal(channel_counters(channel).payload_bytes, 65536);
    assert_true(channel_counters(channel).messages_sent < 20); /* the response, four small, the probe, and large ones */
}

static void a_few_bytes_never_probe(void **state)
{
    (void)state;
    open_channel(65536);
    assert_int_equal(write_stream(0, 3000, 1500), 3000);
    assert_true(longest_frame <= LARGE);
}

static void by_default_nothing_is_large(void **state)
{
    (void)state;
    open_channel(1024);
    assert_int_equal(write_stream(0, STREAM_LEN, 65536), STREAM_LEN);
    expect_whole_stream();
    assert_int_equal(longest_frame, LARGE);
}

static void expect_small_payloads(void)
{
    expect_whole_stream();
    assert_int_equal(closes, 1);
    assert_int_equal(channel_counters(channel).payload_bytes, 1024);
}

static void a_gateway_that_closes_gets_small_payloads(void **state)
{
    (void)state;
    open_channel(65536);
    fate = FATE_CLOSE;
    assert_int_equal(write_stream(0, STREAM_LEN, 65536), STREAM_LEN);
    expect_small_payloads();
}

/* The trap: the agent has the large message under its number, and acknowledges the small one as the same. */
static void a_large_message_whose_acknowledgement_is_lost(void **state)
{
    (void)state;
    open_channel(65536);
    fate = FATE_PASS_AND_CLOSE;
    assert_int_equal(write_stream(0, STREAM_LEN, 65536), STREAM_LEN);
    expect_small_payloads();
}

static void a_gateway_that_swallows_large_messages(void **state)
{
    (void)state;
    open_channel(16384);
    is_deaf = true;
    assert_int_equal(write_stream(0, STREAM_LEN, 65536), STREAM_LEN);
    expect_whole_stream();
    assert_int_equal(channel_counters(channel).payload_bytes, 1024);
    assert_int_equal(closes, 0);
}

/* Data that stands in large messages cannot be divided any more. */
static void a_path_that_takes_them_no_longer_ends_with_advice(void **state)
{
    (void)state;
    open_channel(65536);
    size_t written = write_stream(0, STREAM_LEN / 2, 65536);
    fate = FATE_CLOSE;
    write_stream(written, STREAM_LEN, 65536);
    assert_int_equal(channel_state(channel), CHANNEL_CLOSED);
    assert_int_equal(channel_result(channel).err, ERR_SESSION_LOST);
    assert_non_null(strstr(channel_result(channel).reason, "--payload-size 1024"));
    assert_int_equal(closes, 8);
    for (size_t i = 0; i < arrived_len; i++) {
        assert_int_equal(arrived[i], stream_byte(i));
    }
}

static void losses_with_progress_between_them_are_no_reason_to_end(void **state)
{
    (void)state;
    open_channel(16384);
    size_t written = write_stream(0, 64 * 1024, 65536);
    while (written < STREAM_LEN) {
        uint8_t piece[8192];
        size_t len = STREAM_LEN - written < sizeof piece ? STREAM_LEN - written : sizeof piece;
        for (size_t i = 0; i < len; i++) {
            piece[i] = stream_byte(written + i);
        }
        written += channel_write(channel, bytes_of(piece, len), now);
        (void)channel_take_frame(channel, now); /* lost with the connection */
        lose_connection();
        pass_frames();
    }
    assert_true(closes > 20);
    expect_whole_stream();
}

/* Every fate at every moment, large messages passed on or not. */
static void the_stream_survives_random_scripts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct chance script = chance_from_number(seed);
        open_channel(1024u + (uint32_t)chance_below(&script, 64512));
        size_t written = 0;
        while (written < STREAM_LEN && channel_state(channel) != CHANNEL_CLOSED) {
            fate = chance_below(&script, 6) == 0 ? 1 + (enum fate)chance_below(&script, 2) : FATE_PASS;
            size_t len = 1 + chance_below(&script, 40 * 1024);
            written = write_stream(written, written + len < STREAM_LEN ? written + len : STREAM_LEN, 65536);
            if (chance_below(&script, 4) == 0) {
                lose_connection();
            }
        }
        fate = FATE_PASS;
        settle();
        bool is_whole = arrived_len == STREAM_LEN;
        for (size_t i = 0; i < arrived_len; i++) {
            if (arrived[i] != stream_byte(i)) {
                fail_msg("seed %llu: byte %zu is wrong", (unsigned long long)seed, i);
            }
        }
        if (!is_whole && channel_result(channel).err == ERR_OK) {
            fail_msg("seed %llu: %zu bytes arrived", (unsigned long long)seed, arrived_len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_that_takes_them_gets_large_payloads),
        cmocka_unit_test(a_few_bytes_never_probe),
        cmocka_unit_test(by_default_nothing_is_large),
        cmocka_unit_test(a_gateway_that_closes_gets_small_payloads),
        cmocka_unit_test(a_large_message_whose_acknowledgement_is_lost),
        cmocka_unit_test(a_gateway_that_swallows_large_messages),
        cmocka_unit_test(a_path_that_takes_them_no_longer_ends_with_advice),
        cmocka_unit_test(losses_with_progress_between_them_are_no_reason_to_end),
        cmocka_unit_test(the_stream_survives_random_scripts),
    };
    chance = chance_from_number(2);
    if (sha256_new(&hash) != ERR_OK) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    channel_free(&channel);
    sha256_free(&hash);
    return failed;
}
