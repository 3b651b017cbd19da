/* channel: the input is a script of operations with hostile messages in it. The invariants hold after each step, output
 * that is promised is there, and the end comes.
 *
 * One operation is a byte: its low three bits say what, the rest how much. Messages that the peer sends are built well
 * (a random walk over bytes would never get past the digest), from fields that the script chooses. */
#include "common/text.h"
#include "proxy/core/agent_message.h"
#include "proxy/core/channel.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
    const uint8_t *data;
    size_t left;
};

static uint8_t next(struct script *script)
{
    if (script->left == 0) {
        return 0;
    }
    script->left--;
    return *script->data++;
}

static struct bytes next_bytes(struct script *script, size_t len)
{
    len = len < script->left ? len : script->left;
    struct bytes bytes = bytes_of(script->data, len);
    script->data += len;
    script->left -= len;
    return bytes;
}

#define PORT_REQUEST                                                                                                   \
    "{\"AgentVersion\":\"3.3.0.0\",\"RequestedClientActions\":[{\"ActionType\":\"SessionType\",\"ActionParameters\":"  \
    "{\"SessionType\":\"Port\",\"Properties\":{\"portNumber\":\"22\"}}}]}"

static const char *const texts[] = {
    PORT_REQUEST,
    "{\"HandshakeTimeToComplete\":1,\"CustomerMessage\":\"hello\"}",
    "{\"Output\":\"\"}",
    "SSH-2.0-x\r\n",
};

static void receive(struct script *script, struct sha256 *hash, struct channel *channel, struct instant now)
{
    static uint8_t wire[AGENT_MESSAGE_HEADER_LEN + 4096];
    static const enum agent_message_type types[] = {
        AGENT_MESSAGE_OUTPUT_STREAM_DATA, AGENT_MESSAGE_OUTPUT_STREAM_DATA, AGENT_MESSAGE_ACKNOWLEDGE,
        AGENT_MESSAGE_CHANNEL_CLOSED,     AGENT_MESSAGE_PAUSE_PUBLICATION,  AGENT_MESSAGE_INPUT_STREAM_DATA,
    };
    uint8_t kind = next(script);
    char acknowledge[64];
    struct agent_message message = {
        .type = types[kind % (sizeof types / sizeof *types)],
        .created_unix_ms = now.unix_ms,
        .sequence_number = next(script) % 32,
        .payload_type = next(script) % 14,
    };
    if (message.type == AGENT_MESSAGE_ACKNOWLEDGE) {
        struct text text = text_in(acknowledge, sizeof acknowledge);
        text_format(&text, "{\"AcknowledgedMessageSequenceNumber\":%u}", next(script) % 32u);
        message.payload = text_bytes(&text);
    } else if (kind & 0x80) {
        message.payload = next_bytes(script, next(script));
    } else {
        message.payload = bytes_of_text(texts[next(script) % (sizeof texts / sizeof *texts)]);
    }
    size_t len;
    if (agent_message_encode(&message, hash, wire, sizeof wire, &len) != ERR_OK) {
        abort();
    }
    if (kind & 0x40) {
        wire[next(script) % len] ^= next(script); /* damaged on the way */
    }
    channel_receive(channel, bytes_of(wire, len), now);
}

static void step(struct script *script, struct sha256 *hash, struct channel *channel, struct instant *now)
{
    uint8_t operation = next(script);
    size_t amount = operation >> 3;
    switch (operation & 7) {
    case 0:
        receive(script, hash, channel, *now);
        break;
    case 1:
        channel_write(channel, next_bytes(script, amount * 8), *now);
        break;
    case 2:
        now->mono_us += (int64_t)(amount * amount) * 20 * 1000;
        channel_tick(channel, *now);
        break;
    case 3:
        while (channel_take_frame(channel, *now).len > 0 && amount-- > 0) {
        }
        break;
    case 4: {
        struct bytes output = channel_output(channel);
        channel_output_consume(channel, output.len < amount ? output.len : amount);
        break;
    }
    case 5:
        if (amount % 2 == 0) {
            channel_transport_down(channel, *now);
        } else {
            channel_transport_up(channel, *now);
        }
        break;
    case 6:
        channel_receive(channel, next_bytes(script, amount * 8), *now);
        break;
    default:
        if (amount < 8) {
            channel_write_eof(channel, *now);
        } else if (amount < 16) {
            channel_end(channel, *now);
        } else if (amount < 20) {
            channel_discard_output(channel);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sha256 *hash;
    struct channel *channel;
    struct instant now = {.mono_us = 1000000, .unix_ms = 1700000000000};
    struct channel_config config = {
        .send_messages = 8,
        .send_bytes = 1024,
        .recv_messages = 8,
        .recv_payload_bytes = 64,
        .ack_messages = 8,
        .output_bytes = 512,
        .safe_payload_bytes = 24,
        .payload_bytes = 64,
        .request_timeout_us = 1000 * 1000,
        .handshake_timeout_us = 1000 * 1000,
    };
    if ((hash == NULL && sha256_new(&hash) != ERR_OK) ||
        channel_new(&config, chance_from_number(1), hash, &channel) != ERR_OK) {
        abort();
    }
    struct script script = {data, size};
    while (script.left > 0) {
        step(&script, hash, channel, &now);
        if (!channel_check(channel)) {
            abort();
        }
    }
    /* Whatever was done to it, it ends when it is asked to, in time. */
    int64_t asked_us = now.mono_us;
    channel_end(channel, now);
    channel_discard_output(channel);
    while (channel_state(channel) != CHANNEL_CLOSED) {
        now.mono_us += 100 * 1000;
        channel_tick(channel, now);
        while (channel_take_frame(channel, now).len > 0) {
        }
        if (now.mono_us - asked_us > 6 * 1000 * 1000) {
            abort();
        }
    }
    if (!channel_is_finished(channel)) {
        abort();
    }
    channel_free(&channel);
    return 0;
}
