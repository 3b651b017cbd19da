#include "proxy/core/channel_state.h"

/* Is the path fit for large payloads? A gateway that is not closes the connection when one comes, and nobody says then
 * whether the message had reached the agent: an agent acknowledges number N whether it took N just now or long ago, so
 * bytes that were sent once under a number can never be divided anew. The first large message is therefore one whose
 * content matters to nobody: a terminal size, which an agent acknowledges and ignores in a Port session
 * (agent/session/plugins/port: neither Output nor Flag, and no error), padded with the blanks that JSON allows. Until
 * it is acknowledged all data goes in payloads that every gateway takes. When the connection is lost first, or the
 * third transmission is not answered either, the same number becomes a short message of the same meaning, and large
 * payloads are given up: whichever of the two the agent took, no byte of the stream was in it. See
 * docs/decisions/0007-payload-size.md. */

#define TERMINAL_SIZE "{\"cols\":80,\"rows\":24}"
#define PROBE_SENDS 3      /* a first message may have to wait for the agent's connection to the server */
#define PROBE_INPUT 4u     /* safe payloads of local bytes at once: only a bulk transfer has so many */
#define LARGE_LOSSES_MAX 8 /* connections in a row */

/* `wire` has room for the header and `payload_len` bytes. */
static void build_probe(struct channel *channel, uint8_t *wire, size_t payload_len, struct instant now)
{
    uint8_t *payload = wire + AGENT_MESSAGE_HEADER_LEN;
    memset(payload, ' ', payload_len);
    memcpy(payload, TERMINAL_SIZE, sizeof TERMINAL_SIZE - 1);
    struct agent_message message = {
        .type = AGENT_MESSAGE_INPUT_STREAM_DATA,
        .created_unix_ms = now.unix_ms,
        .sequence_number = channel->probe_sequence,
        .message_id = uuid_v4(&channel->chance),
        .payload_type = PAYLOAD_SIZE,
        .payload = bytes_of(payload, payload_len),
    };
    size_t len = AGENT_MESSAGE_HEADER_LEN + payload_len;
    enum err err = agent_message_encode(&message, channel->hash, wire, len, &len);
    if (err != ERR_OK) {
        channel_state_finish(channel, err, "cannot build a message", false);
    }
}

uint32_t channel_probe_payload_bytes(const struct channel *channel)
{
    const struct channel_config *config = &channel->config;
    bool is_fit = channel->probe == PROBE_ANSWERED || config->payload_bytes < config->safe_payload_bytes;
    return is_fit ? config->payload_bytes : config->safe_payload_bytes;
}

void channel_probe_begin(struct channel *channel, size_t input_len, struct instant now)
{
    const struct channel_config *config = &channel->config;
    bool is_worth_it =
        config->payload_bytes > config->safe_payload_bytes && input_len >= PROBE_INPUT * config->safe_payload_bytes;
    if (channel->probe != PROBE_NONE || !is_worth_it || !channel->has_answer || channel_shell_is(channel)) {
        return;
    }
    size_t len = AGENT_MESSAGE_HEADER_LEN + config->payload_bytes;
    uint8_t *wire = send_window_reserve(&channel->send, len);
    if (wire != NULL) {
        channel->probe = PROBE_UNDER_WAY;
        channel->probe_sequence = channel->send.next;
        build_probe(channel, wire, config->payload_bytes, now);
        send_window_commit(&channel->send, len);
    }
}

void channel_probe_fail(struct channel *channel, struct instant now)
{
    if (channel->probe != PROBE_UNDER_WAY) {
        return;
    }
    size_t payload_len = sizeof TERMINAL_SIZE - 1;
    uint8_t *wire =
        send_window_rebuild(&channel->send, channel->probe_sequence, AGENT_MESSAGE_HEADER_LEN + payload_len);
    channel->probe = PROBE_FAILED;
    build_probe(channel, wire, payload_len, now);
}

void channel_probe_expire(struct channel *channel, struct instant now)
{
    if (channel->probe == PROBE_UNDER_WAY &&
        send_window_sends(&channel->send, channel->probe_sequence) >= PROBE_SENDS) {
        channel_probe_fail(channel, now);
    }
}

void channel_probe_acknowledged(struct channel *channel, int64_t sequence)
{
    if (channel->probe == PROBE_UNDER_WAY && sequence == channel->probe_sequence) {
        channel->probe = PROBE_ANSWERED;
    }
    channel->has_sent_large = false;
    channel->large_losses = 0;
}

void channel_probe_sent(struct channel *channel, size_t frame_len)
{
    if (frame_len > AGENT_MESSAGE_HEADER_LEN + channel->config.safe_payload_bytes) {
        channel->has_sent_large = true;
    }
}

void channel_probe_lost_transport(struct channel *channel, struct instant now)
{
    channel_probe_fail(channel, now);
    if (channel->probe == PROBE_ANSWERED && channel->has_sent_large && ++channel->large_losses == LARGE_LOSSES_MAX) {
        channel_state_finish(channel, ERR_SESSION_LOST,
                             "the gateway closes the connection after large messages: use --payload-size 1024", false);
    }
    channel->has_sent_large = false;
}
