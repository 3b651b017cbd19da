/* channel_steps: the engine, a peer that the test plays by hand, message by message, and a clock of its own. */
#ifndef SSM_TESTS_UNIT_CHANNEL_STEPS_H
#define SSM_TESTS_UNIT_CHANNEL_STEPS_H

#include "tests/support/unit.h"

#include "proxy/core/agent_message.h"
#include "proxy/core/channel.h"
#include "proxy/core/control_message.h"

#define SECOND_US (1000 * 1000)

static struct sha256 *hash;
static struct channel *channel;
static struct instant now;
static struct chance peer_chance;
static int64_t peer_sequence; /* of the next output_stream_data */

static inline void make_channel(const struct channel_config *config)
{
    assert_ok(channel_new(config, chance_from_number(1), hash, &channel));
    now = (struct instant){.mono_us = 1000 * SECOND_US, .unix_ms = 1700000000000};
    peer_chance = chance_from_number(2);
    peer_sequence = 0;
}

static inline int set_up(void **state)
{
    (void)state;
    struct channel_config config = channel_config_default();
    assert_ok(sha256_new(&hash));
    make_channel(&config);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    channel_free(&channel);
    sha256_free(&hash);
    return 0;
}

/* ---- the peer's side ---- */

static inline void peer_sends(enum agent_message_type type, int64_t sequence, uint32_t payload_type,
                              struct bytes payload)
{
    static uint8_t wire[70 * 1024];
    struct agent_message message = {
        .type = type,
        .created_unix_ms = now.unix_ms,
        .sequence_number = sequence,
        .message_id = uuid_v4(&peer_chance),
        .payload_type = payload_type,
        .payload = payload,
    };
    size_t len;
    assert_ok(agent_message_encode(&message, hash, wire, sizeof wire, &len));
    channel_receive(channel, bytes_of(wire, len), now);
    assert_true(channel_check(channel));
}

static inline void peer_outputs_number(int64_t sequence, uint32_t payload_type, const char *payload)
{
    peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, sequence, payload_type, bytes_of_text(payload));
}

static inline void peer_outputs(uint32_t payload_type, const char *payload)
{
    peer_outputs_number(peer_sequence++, payload_type, payload);
}

static inline void peer_acknowledges(int64_t sequence)
{
    char payload[256];
    snprintf(payload, sizeof payload, "{\"AcknowledgedMessageSequenceNumber\":%lld}", (long long)sequence);
    peer_sends(AGENT_MESSAGE_ACKNOWLEDGE, 0, PAYLOAD_NONE, bytes_of_text(payload));
}

static inline void peer_closes(const char *output)
{
    char payload[256];
    snprintf(payload, sizeof payload, "{\"SessionId\":\"s\",\"Output\":\"%s\"}", output);
    peer_sends(AGENT_MESSAGE_CHANNEL_CLOSED, 0, PAYLOAD_NONE, bytes_of_text(payload));
}

/* ---- our side ---- */

static inline void wait_us(int64_t us)
{
    now.mono_us += us;
    now.unix_ms += (uint64_t)us / 1000;
    channel_tick(channel, now);
    assert_true(channel_check(channel));
}

/* The next frame; false when there is none. */
static inline bool next_frame(struct agent_message *ret_message)
{
    struct bytes frame = channel_take_frame(channel, now);
    if (frame.len == 0) {
        assert_false(channel_has_frame(channel));
        return false;
    }
    assert_ok(agent_message_parse(frame, ret_message));
    assert_ok(agent_message_verify(ret_message, hash));
    return true;
}

static inline int64_t acknowledged_number(const struct agent_message *message)
{
    int64_t sequence = -1;
    assert_int_equal(message->type, AGENT_MESSAGE_ACKNOWLEDGE);
    assert_int_equal(message->flags, 3);
    assert_ok(control_message_parse_acknowledge(message->payload, &sequence));
    return sequence;
}

static inline void expect_ack(int64_t sequence)
{
    struct agent_message message;
    assert_true(next_frame(&message));
    assert_int_equal(acknowledged_number(&message), sequence);
}

static inline void expect_data(int64_t sequence, uint32_t payload_type, struct agent_message *ret_message)
{
    assert_true(next_frame(ret_message));
    assert_int_equal(ret_message->type, AGENT_MESSAGE_INPUT_STREAM_DATA);
    assert_int_equal(ret_message->sequence_number, sequence);
    assert_int_equal(ret_message->payload_type, payload_type);
}

static inline void expect_silence(void)
{
    struct agent_message message;
    assert_false(next_frame(&message));
}

static inline void expect_output(const char *text)
{
    struct bytes output = channel_output(channel);
    assert_int_equal(output.len, strlen(text));
    assert_memory_equal(output.data, text, output.len);
    channel_output_consume(channel, output.len);
}

static inline void expect_closed(enum err err, const char *reason, bool is_session_over)
{
    assert_int_equal(channel_state(channel), CHANNEL_CLOSED);
    struct channel_result result = channel_result(channel);
    assert_int_equal(result.err, err);
    assert_string_equal(result.reason, reason);
    assert_int_equal(result.is_session_over, is_session_over);
}

static inline void write_text(const char *text)
{
    assert_int_equal(channel_write(channel, bytes_of_text(text), now), strlen(text));
}

#define PORT_REQUEST                                                                                                   \
    "{\"AgentVersion\":\"3.3.0.0\",\"RequestedClientActions\":[{\"ActionType\":\"SessionType\",\"ActionParameters\":"  \
    "{\"SessionType\":\"Port\",\"Properties\":{\"portNumber\":\"22\"}}}]}"

static inline void shake_hands(void)
{
    struct agent_message message;
    channel_transport_up(channel, now);
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, PORT_REQUEST);
    expect_ack(0);
    expect_data(0, PAYLOAD_HANDSHAKE_RESPONSE, &message);
    wait_us(50 * 1000); /* a round trip */
    peer_acknowledges(0);
    peer_outputs(PAYLOAD_HANDSHAKE_COMPLETE, "{\"HandshakeTimeToComplete\":1,\"CustomerMessage\":\"\"}");
    expect_ack(1);
}

static inline void open_with_banner(void)
{
    shake_hands();
    peer_outputs(PAYLOAD_OUTPUT, "SSH-2.0-x\r\n");
    expect_ack(2);
    expect_output("SSH-2.0-x\r\n");
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
}

#endif
