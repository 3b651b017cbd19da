#include "proxy/core/channel.h"

#include "proxy/core/agent_version.h"
#include "proxy/core/channel_state.h"
#include "proxy/core/control_message.h"

#include <stdlib.h>

#define QUIET_US (2 * 1000 * 1000)      /* of output, after the end of input */
#define DRAIN_US (2 * 1000 * 1000)      /* for what was taken, when ending */
#define TERMINATE_US (1500 * 1000)      /* for the acknowledgement of the TerminateSession flag */
#define NO_SERVER_US (20 * 1000 * 1000) /* an agent that cannot reach the port says nothing for 60 s */

struct channel_config channel_config_default(void)
{
    return (struct channel_config){
        .send_messages = 1400,
        .send_bytes = 1400 * (AGENT_MESSAGE_HEADER_LEN + 1024),
        .recv_messages = 4096,
        .recv_payload_bytes = 1536,
        .ack_messages = ACK_QUEUE_LEN,
        .output_bytes = 128 * 1024,
        .safe_payload_bytes = 1024,
        .payload_bytes = 1024,
        .request_timeout_us = 5 * 1000 * 1000,
        .handshake_timeout_us = 30 * 1000 * 1000,
    };
}

static size_t round_up(size_t size)
{
    return (size + 7) / 8 * 8;
}

enum err channel_new(const struct channel_config *config, struct chance chance, struct sha256 *hash,
                     struct channel **ret_channel)
{
    size_t send_at = round_up(sizeof(struct channel));
    size_t recv_at = send_at + send_window_memory(config->send_messages, config->send_bytes);
    size_t acks_at = recv_at + recv_window_memory(config->recv_messages, config->recv_payload_bytes);
    size_t output_at = acks_at + ack_queue_memory(config->ack_messages);
    size_t size = output_at + round_up(config->output_bytes);
    struct channel *channel = calloc(1, size);
    if (channel == NULL) {
        return ERR_MEMORY;
    }
    *channel = (struct channel){
        .config = *config,
        .hash = hash,
        .chance = chance,
        .state_deadline_us = INSTANT_NEVER,
        .first_data_us = INSTANT_NEVER,
        .highest_seen = -1,
        .terminate_sequence = -1,
        .shell = {.columns = 80, .rows = 24},
        .rtt = rtt_initial(),
        .pace = send_pace_initial(config->send_messages),
        .size = size,
    };
    send_window_init(&channel->send, send_at - offsetof(struct channel, send), config->send_messages,
                     config->send_bytes);
    recv_window_init(&channel->recv, recv_at - offsetof(struct channel, recv), config->recv_messages,
                     config->recv_payload_bytes);
    ack_queue_init(&channel->acks, acks_at - offsetof(struct channel, acks), config->ack_messages);
    byte_ring_init(&channel->output, output_at - offsetof(struct channel, output), config->output_bytes);
    *ret_channel = channel;
    return ERR_OK;
}

void channel_free(struct channel **channel)
{
    free(*channel);
    *channel = NULL;
}

size_t channel_size(const struct channel *channel)
{
    return channel->size;
}

/* ---- the end ---- */

void channel_state_enter(struct channel *channel, enum channel_state state, int64_t deadline_us)
{
    channel->state = state;
    channel->state_deadline_us = deadline_us;
}

void channel_state_finish(struct channel *channel, enum err err, const char *reason, bool is_session_over)
{
    if (channel->state == CHANNEL_CLOSED) {
        return;
    }
    channel_state_enter(channel, CHANNEL_CLOSED, INSTANT_NEVER);
    channel->err = err;
    channel->is_session_over = is_session_over;
    struct text text = text_in(channel->reason, sizeof channel->reason);
    text_put(&text, reason);
}

void channel_abort(struct channel *channel, enum err err, const char *reason)
{
    channel_state_finish(channel, err, reason, false);
}

bool channel_state_send(struct channel *channel, enum payload_type type, struct bytes payload, struct instant now)
{
    struct send_window *window = &channel->send;
    size_t overhead = type == PAYLOAD_OUTPUT ? channel_shell_overhead(channel) : 0;
    size_t len = AGENT_MESSAGE_HEADER_LEN + payload.len + overhead;
    uint8_t *wire = send_window_reserve(window, len);
    if (wire == NULL) {
        return false;
    }
    enum err err = ERR_OK;
    if (overhead > 0) {
        err = channel_shell_seal(channel, payload, wire + AGENT_MESSAGE_HEADER_LEN);
        payload = bytes_of(wire + AGENT_MESSAGE_HEADER_LEN, payload.len + overhead);
    }
    struct agent_message message = {
        .type = AGENT_MESSAGE_INPUT_STREAM_DATA,
        .created_unix_ms = now.unix_ms,
        .sequence_number = window->next,
        .message_id = uuid_v4(&channel->chance),
        .payload_type = type,
        .payload = payload,
    };
    err = err == ERR_OK ? agent_message_encode(&message, channel->hash, wire, len, &len) : err;
    if (err != ERR_OK) {
        channel_state_finish(channel, err, "cannot build a message", false);
        return false;
    }
    send_window_commit(window, len);
    return true;
}

void channel_state_terminate(struct channel *channel, struct instant now)
{
    uint8_t flag[CHANNEL_FLAG_LEN];
    bytes_put_be32(flag, CHANNEL_FLAG_TERMINATE_SESSION);
    int64_t sequence = channel->send.next;
    if (channel_state_send(channel, PAYLOAD_FLAG, bytes_of(flag, sizeof flag), now)) {
        channel->terminate_sequence = sequence;
        channel_state_enter(channel, CHANNEL_TERMINATING, now.mono_us + TERMINATE_US);
    } else {
        channel_state_finish(channel, ERR_OK, "", false);
    }
}

void channel_state_open(struct channel *channel, struct instant now)
{
    channel_state_enter(channel, CHANNEL_OPEN, INSTANT_NEVER);
    channel->quiet_since_us = now.mono_us;
}

/* Before the handshake is over and settled the agent would acknowledge the flag and throw it away, and so does that of
 * a shell always; without a transport nobody hears it. Then only the API can end the session. */
void channel_end(struct channel *channel, struct instant now)
{
    if (channel->state > CHANNEL_OPEN) {
        return;
    }
    if (channel->state != CHANNEL_OPEN || !channel->is_up || channel_shell_is(channel)) {
        channel_state_finish(channel, ERR_OK, "", false);
        return;
    }
    channel_state_enter(channel, CHANNEL_DRAINING, now.mono_us + DRAIN_US);
    if (send_window_is_empty(&channel->send)) {
        channel_state_terminate(channel, now);
    }
}

void channel_discard_output(struct channel *channel)
{
    channel->is_discarding = true;
    channel_output_consume(channel, channel->output.len);
}

/* ---- transport ---- */

void channel_transport_up(struct channel *channel, struct instant now)
{
    channel->is_up = true;
    if (!channel->was_up) {
        channel->was_up = true;
        channel->state_deadline_us = now.mono_us + channel->config.request_timeout_us;
    } else {
        channel->quiet_since_us = now.mono_us;
        send_window_resend_all(&channel->send);
        ack_queue_rewind(&channel->acks);
    }
    if (channel_shell_is(channel)) {
        channel_shell_transport_up(channel, now);
    }
}

void channel_transport_down(struct channel *channel, struct instant now)
{
    channel->is_up = false;
    if (channel->state == CHANNEL_DRAINING || channel->state == CHANNEL_TERMINATING) {
        channel_state_finish(channel, ERR_OK, "", false);
    }
    channel_probe_lost_transport(channel, now);
    channel_shell_transport_down(channel);
}

/* ---- local bytes ---- */

/* What the pace counts: a message of safe size. Larger ones count as several. */
static size_t message_unit(const struct channel *channel)
{
    return AGENT_MESSAGE_HEADER_LEN + channel->config.safe_payload_bytes;
}

bool channel_wants_input(const struct channel *channel)
{
    const struct send_window *send = &channel->send;
    size_t len = AGENT_MESSAGE_HEADER_LEN + channel_probe_payload_bytes(channel) + channel_shell_overhead(channel);
    return channel->state == CHANNEL_OPEN && !channel->has_eof && send->next - send->first < channel->pace.limit &&
           send->held_bytes < (uint64_t)channel->pace.limit * message_unit(channel) && send_window_has_room(send, len);
}

size_t channel_write(struct channel *channel, struct bytes input, struct instant now)
{
    size_t taken = 0;
    channel_shell_send_size(channel, now); /* before what is typed into the terminal */
    if (channel_wants_input(channel)) {
        channel_probe_begin(channel, input.len, now);
    }
    while (taken < input.len && channel_wants_input(channel)) {
        size_t len = input.len - taken;
        size_t payload_bytes = channel_probe_payload_bytes(channel);
        len = len < payload_bytes ? len : payload_bytes;
        if (!channel_state_send(channel, PAYLOAD_OUTPUT, bytes_of(input.data + taken, len), now)) {
            break;
        }
        taken += len;
    }
    if (!channel_wants_input(channel)) {
        send_pace_was_limited(&channel->pace); /* even when all was taken: more may be waiting behind it */
    }
    return taken;
}

void channel_write_eof(struct channel *channel, struct instant now)
{
    if (!channel->has_eof) {
        channel->has_eof = true;
        channel->quiet_since_us = now.mono_us;
    }
}

struct bytes channel_output(const struct channel *channel)
{
    return byte_ring_front(&channel->output);
}

void channel_output_consume(struct channel *channel, size_t len)
{
    byte_ring_consume(&channel->output, len);
    /* No clock is needed: what waits in the store is output, and it has not become younger by waiting. */
    channel_state_deliver(channel, (struct instant){.mono_us = channel->quiet_since_us});
}

/* ---- frames and time ---- */

static struct bytes take_ack_frame(struct channel *channel, struct instant now)
{
    struct ack ack = ack_queue_take(&channel->acks);
    char *payload = (char *)channel->ack_frame + AGENT_MESSAGE_HEADER_LEN;
    struct text text = text_in(payload, sizeof channel->ack_frame - AGENT_MESSAGE_HEADER_LEN);
    enum err err = control_message_acknowledge(&ack.message_id, ack.sequence, &text);
    struct agent_message message = {
        .type = AGENT_MESSAGE_ACKNOWLEDGE,
        .created_unix_ms = now.unix_ms,
        .flags = AGENT_MESSAGE_FLAG_SYN | AGENT_MESSAGE_FLAG_FIN,
        .message_id = uuid_v4(&channel->chance),
        .payload_type = PAYLOAD_NONE,
        .payload = text_bytes(&text),
    };
    size_t len = 0;
    if (err == ERR_OK) {
        err = agent_message_encode(&message, channel->hash, channel->ack_frame, sizeof channel->ack_frame, &len);
    }
    if (err != ERR_OK) {
        channel_state_finish(channel, err, "cannot build an acknowledge", false);
        return bytes_of(NULL, 0);
    }
    return bytes_of(channel->ack_frame, len);
}

struct bytes channel_take_frame(struct channel *channel, struct instant now)
{
    if (!channel->is_up) {
        return bytes_of(NULL, 0);
    }
    if (ack_queue_is_owing(&channel->acks)) {
        return take_ack_frame(channel, now);
    }
    if (channel->state == CHANNEL_CLOSED) {
        return bytes_of(NULL, 0);
    }
    struct bytes frame = send_window_take(&channel->send, &channel->rtt, now.mono_us);
    if (frame.len > 0 && channel->state == CHANNEL_OPEN && channel->first_data_us == INSTANT_NEVER) {
        channel->first_data_us = now.mono_us;
    }
    channel_probe_sent(channel, frame.len);
    return frame;
}

size_t channel_next_frame_len(struct channel *channel)
{
    if (!channel_has_frame(channel)) {
        return 0;
    }
    return ack_queue_is_owing(&channel->acks) ? sizeof channel->ack_frame : send_window_next_len(&channel->send);
}

bool channel_has_frame(const struct channel *channel)
{
    bool is_sending = channel->state != CHANNEL_CLOSED && send_window_has_work(&channel->send);
    return channel->is_up && (ack_queue_is_owing(&channel->acks) || is_sending);
}

/* While we do not read, acknowledgements wait in the socket: nothing can be said about what is missing. */
static bool is_timing(const struct channel *channel)
{
    return channel->is_up && channel->state != CHANNEL_CLOSED && channel_wants_message(channel);
}

static int64_t no_server_deadline_us(const struct channel *channel)
{
    bool is_asking = channel->state == CHANNEL_OPEN && !channel_shell_is(channel) && !channel->has_answer &&
                     channel->first_data_us != INSTANT_NEVER;
    return is_asking ? channel->first_data_us + NO_SERVER_US : INSTANT_NEVER;
}

static int64_t quiet_deadline_us(const struct channel *channel)
{
    bool is_waiting = channel->state == CHANNEL_OPEN && channel->has_eof && channel->is_up &&
                      channel->output.len == 0 && send_window_is_empty(&channel->send) &&
                      !recv_window_has_gap(&channel->recv);
    return is_waiting ? channel->quiet_since_us + QUIET_US : INSTANT_NEVER;
}

int64_t channel_deadline_us(const struct channel *channel)
{
    int64_t deadline_us = instant_earlier(channel->state_deadline_us, no_server_deadline_us(channel));
    deadline_us = instant_earlier(deadline_us, quiet_deadline_us(channel));
    return is_timing(channel) ? instant_earlier(deadline_us, channel->send.expiry_us) : deadline_us;
}

static void state_timed_out(struct channel *channel, struct instant now)
{
    switch (channel->state) {
    case CHANNEL_WAITING:
    case CHANNEL_ASKING:
        if (channel_shell_is(channel)) {
            channel_shell_timed_out(channel, now);
            break;
        }
        channel->is_unanswered = true;
        channel_state_finish(channel, ERR_TIMEOUT, "the agent did not begin the handshake", false);
        break;
    case CHANNEL_KEYING:
        channel_state_finish(channel, ERR_TIMEOUT, "no data key came in time", false);
        break;
    case CHANNEL_CHALLENGE:
    case CHANNEL_HANDSHAKE:
        channel_state_finish(channel, ERR_TIMEOUT, "the agent did not complete the handshake", false);
        break;
    case CHANNEL_SETTLING:
        channel_state_open(channel, now);
        break;
    case CHANNEL_DRAINING:
        channel_state_terminate(channel, now);
        break;
    case CHANNEL_TERMINATING:
        channel_state_finish(channel, ERR_OK, "", false);
        break;
    case CHANNEL_OPEN:
    case CHANNEL_CLOSED:
    case CHANNEL_STATE_COUNT:
        break;
    }
}

void channel_tick(struct channel *channel, struct instant now)
{
    /* A reader that stalled, or a lost transport, held up the peer: it has been quiet only from then on. */
    if (channel->output.len > 0 || !channel->is_up) {
        channel->quiet_since_us = now.mono_us;
    }
    if (now.mono_us >= channel->state_deadline_us) {
        state_timed_out(channel, now);
    }
    channel_shell_send_size(channel, now);
    if (now.mono_us >= no_server_deadline_us(channel)) {
        channel_state_finish(channel, ERR_NO_SERVER, "no answer to the first data within 20 s", false);
    }
    if (now.mono_us >= quiet_deadline_us(channel)) {
        channel_end(channel, now);
    }
    if (is_timing(channel) && now.mono_us >= channel->send.expiry_us) {
        uint32_t due_before = channel->send.due_count;
        send_window_expire(&channel->send, &channel->rtt, now.mono_us);
        if (channel->send.due_count > due_before) {
            send_pace_lost(&channel->pace);
        }
        channel_probe_expire(channel, now);
    }
}

/* ---- what happened ---- */

enum channel_state channel_state(const struct channel *channel)
{
    return channel->state;
}

bool channel_is_finished(const struct channel *channel)
{
    return channel->state == CHANNEL_CLOSED && channel->output.len == 0;
}

struct channel_result channel_result(const struct channel *channel)
{
    return (struct channel_result){
        .err = channel->err,
        .reason = channel->reason,
        .is_unanswered = channel->is_unanswered,
        .is_session_over = channel->is_session_over,
        .has_exit_code = channel->shell.has_exit_code,
        .exit_code = channel->shell.exit_code,
    };
}

const char *channel_take_customer_message(struct channel *channel)
{
    bool has = channel->has_customer_message;
    channel->has_customer_message = false;
    return has ? channel->customer_message : NULL;
}

bool channel_wants_keep_alive(const struct channel *channel)
{
    return !agent_version_is_above(channel->shell.request.agent_version, AGENT_VERSION_IMPATIENT);
}

bool channel_take_port_failure(struct channel *channel)
{
    bool has = channel->port_failures > 0;
    channel->port_failures -= has;
    return has;
}

struct channel_counters channel_counters(const struct channel *channel)
{
    struct channel_counters counters = channel->counters;
    counters.messages_sent = (uint64_t)channel->send.unsent;
    counters.resends = channel->send.resends;
    counters.send_limit = channel->pace.limit;
    counters.payload_bytes = channel_probe_payload_bytes(channel);
    counters.smoothed_rtt_us = channel->rtt.smoothed_us;
    return counters;
}

uint64_t channel_progress(const struct channel *channel)
{
    return (uint64_t)channel->send.first + (uint64_t)channel->recv.expected;
}

bool channel_check(const struct channel *channel)
{
    return (unsigned)channel->state < CHANNEL_STATE_COUNT && ack_queue_check(&channel->acks) &&
           byte_ring_check(&channel->output) && send_window_check(&channel->send) && recv_window_check(&channel->recv);
}
