#include "proxy/core/agent_version.h"
#include "proxy/core/channel_state.h"
#include "proxy/core/control_message.h"

#include <inttypes.h>

#define KEY_US (15 * 1000 * 1000) /* as long as the agent waits for the answer */
#define SETTLE_US (200 * 1000)    /* the agent may lose input for this long after HandshakeComplete */

#define UNREADABLE "cannot read a message" /* for want of memory */

enum input {
    INPUT_HANDSHAKE_REQUEST,
    INPUT_HANDSHAKE_COMPLETE,
    INPUT_CHALLENGE,
    INPUT_OUTPUT,
    INPUT_STDERR, /* of a shell, as the next one */
    INPUT_EXIT_CODE,
    INPUT_FLAG,
    INPUT_COUNT
};

typedef void handler(struct channel *channel, struct bytes payload, struct instant now);

/* What cannot be read ends the channel: by the peer's fault, or for want of memory. */
static void refuse_message(struct channel *channel, enum err err, enum err blame, const char *why)
{
    bool is_ours = err == ERR_MEMORY;
    channel_state_finish(channel, is_ours ? err : blame, is_ours ? UNREADABLE : why, false);
}

/* Why the session cannot serve its purpose; NULL when it can. A document of the wrong type the agent would carry out
 * all the same: ssh would talk to a multiplexer, or many connections run into one. */
static const char *unfit(const struct channel *channel, const struct handshake_request *request)
{
    bool is_port = request->session_type == SESSION_TYPE_PORT;
    bool is_for_streams = channel->config.purpose == CHANNEL_FOR_STREAMS;
    if (channel_shell_is(channel)) {
        return is_port ? "the session document connects to a port (type Port); a shell needs one of type "
                         "Standard_Stream, InteractiveCommands or NonInteractiveCommands"
                       : NULL;
    }
    if (!is_port || (!is_for_streams && !request->is_local_port_forwarding)) {
        return NULL; /* another type is declined in the answer, and the agent ends the session */
    }
    if (!is_for_streams) {
        return "the session document carries many connections (type LocalPortForwarding); ssh needs one that carries "
               "its own alone, like AWS-StartSSHSession";
    }
    if (!request->is_local_port_forwarding) {
        return "the session document carries one connection alone; forwarding needs one of type LocalPortForwarding, "
               "like AWS-StartPortForwardingSession";
    }
    if (!agent_version_is_above(request->agent_version, AGENT_VERSION_WITHOUT_STREAMS)) {
        return "the agent on the node is too old: it has to be above " AGENT_VERSION_WITHOUT_STREAMS;
    }
    return NULL;
}

static bool is_for_session_type(const struct channel *channel, enum session_type type)
{
    bool is_program = type == SESSION_TYPE_SHELL || type == SESSION_TYPE_COMMAND;
    return channel_shell_is(channel) ? is_program : type == SESSION_TYPE_PORT;
}

/* A session for a port is never encrypted; asked for that, we decline. */
static bool begins_encryption(struct channel *channel, const struct handshake_request *request, struct instant now)
{
    bool is_program = channel_shell_is(channel) && is_for_session_type(channel, request->session_type);
    if (!is_program || request->kms_key_id[0] == '\0') {
        return false;
    }
    channel_state_enter(channel, CHANNEL_KEYING, now.mono_us + KEY_US);
    return true;
}

static void answer_handshake(struct channel *channel, struct bytes payload, struct instant now)
{
    struct handshake_request request;
    char memory[HANDSHAKE_RESPONSE_SIZE];
    struct text response = text_in(memory, sizeof memory);
    enum err err = control_message_parse_handshake_request(payload, &request);
    struct handshake_answer answer = {.has_session_type =
                                          err == ERR_OK && is_for_session_type(channel, request.session_type)};
    err = err == ERR_OK ? control_message_handshake_response(&request, &answer, &response) : err;
    if (err != ERR_OK) {
        refuse_message(channel, err, ERR_PROTOCOL, "malformed HandshakeRequest");
        return;
    }
    const char *why = unfit(channel, &request);
    if (why != NULL) {
        channel_state_finish(channel, ERR_UNSUPPORTED, why, false);
        return;
    }
    channel->shell.request = request;
    channel->shell.is_size_due = true; /* what was sent before the handshake's end is thrown away */
    if (begins_encryption(channel, &request, now)) {
        return;
    }
    if (channel_state_send(channel, PAYLOAD_HANDSHAKE_RESPONSE, text_bytes(&response), now)) {
        channel_state_enter(channel, CHANNEL_HANDSHAKE, now.mono_us + channel->config.handshake_timeout_us);
    }
}

static void complete_handshake(struct channel *channel, struct bytes payload, struct instant now)
{
    struct text words = text_in(channel->customer_message, sizeof channel->customer_message);
    enum err err = control_message_parse_handshake_complete(payload, &words);
    if (err != ERR_OK) {
        refuse_message(channel, err, ERR_PROTOCOL, "malformed HandshakeComplete");
        return;
    }
    channel->has_customer_message = words.len > 0;
    channel_state_enter(channel, CHANNEL_SETTLING, now.mono_us + SETTLE_US);
}

static void put_output(struct channel *channel, struct bytes payload, bool is_stderr, struct instant now)
{
    channel->has_answer = true;
    channel->quiet_since_us = now.mono_us;
    if (!channel->is_discarding && payload.len > 0) {
        channel->shell.is_output_stderr = is_stderr;
        byte_ring_put(&channel->output, payload);
    }
}

static void take_output(struct channel *channel, struct bytes payload, struct instant now)
{
    put_output(channel, payload, false, now);
}

static void take_stderr(struct channel *channel, struct bytes payload, struct instant now)
{
    put_output(channel, payload, true, now);
}

static void take_first_stderr(struct channel *channel, struct bytes payload, struct instant now)
{
    channel_state_open(channel, now);
    take_stderr(channel, payload, now);
}

static void take_exit_code(struct channel *channel, struct bytes payload, struct instant now)
{
    (void)now;
    channel_shell_take_exit_code(channel, payload);
}

static void take_first_output(struct channel *channel, struct bytes payload, struct instant now)
{
    channel_state_open(channel, now);
    take_output(channel, payload, now);
}

static void refuse_output(struct channel *channel, struct bytes payload, struct instant now)
{
    (void)payload;
    (void)now;
    channel_state_finish(channel, ERR_PROTOCOL,
                         channel_shell_is(channel)
                             ? "output before the end of the handshake"
                             : "output before the handshake: the session document is not of type Port",
                         false);
}

/* A shell that is not encrypted begins without a handshake: what the agent says first decides. */
static void take_output_unasked(struct channel *channel, struct bytes payload, struct instant now)
{
    if (!channel_shell_is(channel)) {
        refuse_output(channel, payload, now);
        return;
    }
    channel->shell.is_size_due = true; /* one that came before the agent had a terminal may have been thrown away */
    take_first_output(channel, payload, now);
}

static void take_flag(struct channel *channel, struct bytes payload, struct instant now)
{
    (void)now;
    if (payload.len != CHANNEL_FLAG_LEN || bytes_get_be32(payload.data) != CHANNEL_FLAG_CONNECT_TO_PORT_ERROR) {
        return;
    }
    if (channel->config.purpose == CHANNEL_FOR_STREAMS) {
        channel->port_failures++;
    } else {
        channel_state_finish(channel, ERR_NO_SERVER, "the agent cannot connect to the port", false);
    }
}

/* What a sequenced message means in each state; an empty place is a protocol error. */
static handler *const handlers[CHANNEL_STATE_COUNT][INPUT_COUNT] = {
    [CHANNEL_WAITING] = {[INPUT_HANDSHAKE_REQUEST] = answer_handshake, [INPUT_OUTPUT] = take_output_unasked},
    [CHANNEL_ASKING] = {[INPUT_HANDSHAKE_REQUEST] = answer_handshake, [INPUT_OUTPUT] = take_output_unasked},
    [CHANNEL_KEYING] = {NULL},
    [CHANNEL_CHALLENGE] = {[INPUT_CHALLENGE] = channel_shell_answer_challenge},
    [CHANNEL_HANDSHAKE] = {[INPUT_HANDSHAKE_COMPLETE] = complete_handshake, [INPUT_OUTPUT] = refuse_output},
    [CHANNEL_SETTLING] = {[INPUT_OUTPUT] = take_first_output,
                          [INPUT_STDERR] = take_first_stderr,
                          [INPUT_EXIT_CODE] = take_exit_code,
                          [INPUT_FLAG] = take_flag},
    [CHANNEL_OPEN] = {[INPUT_OUTPUT] = take_output,
                      [INPUT_STDERR] = take_stderr,
                      [INPUT_EXIT_CODE] = take_exit_code,
                      [INPUT_FLAG] = take_flag},
    [CHANNEL_DRAINING] = {[INPUT_OUTPUT] = take_output, [INPUT_FLAG] = take_flag},
    [CHANNEL_TERMINATING] = {[INPUT_OUTPUT] = take_output, [INPUT_FLAG] = take_flag},
    /* what had arrived before the end */
    [CHANNEL_CLOSED] = {[INPUT_OUTPUT] = take_output, [INPUT_STDERR] = take_stderr, [INPUT_EXIT_CODE] = take_exit_code},
};

static const char *const state_names[CHANNEL_STATE_COUNT] = {
    [CHANNEL_WAITING] = "waiting for the HandshakeRequest",
    [CHANNEL_ASKING] = "waiting for the HandshakeRequest",
    [CHANNEL_KEYING] = "waiting for a data key",
    [CHANNEL_CHALLENGE] = "waiting for the agent's challenge",
    [CHANNEL_HANDSHAKE] = "waiting for HandshakeComplete",
    [CHANNEL_SETTLING] = "settling",
    [CHANNEL_OPEN] = "open",
    [CHANNEL_DRAINING] = "draining",
    [CHANNEL_TERMINATING] = "terminating",
    [CHANNEL_CLOSED] = "closed",
};

static bool input_of(const struct channel *channel, uint32_t payload_type, enum input *ret_input)
{
    static const struct {
        uint32_t payload_type;
        enum input input;
        bool is_of_shell; /* alone */
    } inputs[] = {
        {PAYLOAD_OUTPUT, INPUT_OUTPUT, false},
        {PAYLOAD_HANDSHAKE_REQUEST, INPUT_HANDSHAKE_REQUEST, false},
        {PAYLOAD_HANDSHAKE_COMPLETE, INPUT_HANDSHAKE_COMPLETE, false},
        {PAYLOAD_ENC_CHALLENGE_REQUEST, INPUT_CHALLENGE, false},
        {PAYLOAD_STDERR, INPUT_STDERR, true},
        {PAYLOAD_EXIT_CODE, INPUT_EXIT_CODE, true},
        {PAYLOAD_FLAG, INPUT_FLAG, false},
    };
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        if (inputs[i].payload_type == payload_type && (!inputs[i].is_of_shell || channel_shell_is(channel))) {
            *ret_input = inputs[i].input;
            return true;
        }
    }
    return false;
}

/* One sequenced message, in order. A payload type that we do not know is data of a newer agent: nothing happens. */
static void handle(struct channel *channel, uint32_t payload_type, struct bytes payload, struct instant now)
{
    enum input input;
    if (!input_of(channel, payload_type, &input)) {
        return;
    }
    handler *handle_input = handlers[channel->state][input];
    if (handle_input != NULL) {
        if (channel_shell_open_payload(channel, payload_type, &payload)) {
            handle_input(channel, payload, now);
        }
        return;
    }
    char memory[96];
    struct text reason = text_in(memory, sizeof memory);
    text_format(&reason, "unexpected message of payload type %" PRIu32 " while %s", payload_type,
                state_names[channel->state]);
    channel_state_finish(channel, ERR_PROTOCOL, memory, false);
}

void channel_state_deliver(struct channel *channel, struct instant now)
{
    uint32_t payload_type;
    struct bytes payload;
    while (recv_window_peek(&channel->recv, &payload_type, &payload) &&
           channel_shell_may_deliver(channel, payload_type, payload.len)) {
        handle(channel, payload_type, payload, now);
        recv_window_advance(&channel->recv);
    }
}

/* Dropped ones, too: when the session ends before they are sent again, output is missing. */
static void note_number(struct channel *channel, const struct agent_message *message)
{
    if (message->type == AGENT_MESSAGE_OUTPUT_STREAM_DATA && message->sequence_number > channel->highest_seen) {
        channel->highest_seen = message->sequence_number;
    }
}

static void receive_output(struct channel *channel, const struct agent_message *message, struct instant now)
{
    note_number(channel, message);
    if (!ack_queue_has_room(&channel->acks)) {
        channel->counters.dropped++; /* what cannot be acknowledged has not been received */
        return;
    }
    struct recv_window *window = &channel->recv;
    switch (recv_window_accept(window, message->sequence_number, message->payload_type, message->payload,
                               channel_shell_may_deliver(channel, message->payload_type, message->payload.len))) {
    case RECV_DELIVERABLE:
        ack_queue_put(&channel->acks, message->sequence_number, &message->message_id);
        handle(channel, message->payload_type, message->payload, now);
        recv_window_advance(window);
        channel_state_deliver(channel, now);
        break;
    case RECV_STORED:
        ack_queue_put(&channel->acks, message->sequence_number, &message->message_id);
        break;
    case RECV_DUPLICATE: /* a peer that missed the acknowledgement repeats the message until it has one */
        ack_queue_put(&channel->acks, message->sequence_number, &message->message_id);
        channel->counters.duplicates++;
        break;
    case RECV_NO_ROOM:
        channel->counters.dropped++;
        break;
    }
}

static void receive_acknowledge(struct channel *channel, struct bytes payload, struct instant now)
{
    int64_t sequence;
    enum err err = control_message_parse_acknowledge(payload, &sequence);
    if (err != ERR_OK) {
        refuse_message(channel, err, ERR_MALFORMED, "malformed acknowledge");
        return;
    }
    int64_t sample_us;
    if (!send_window_acknowledge(&channel->send, sequence, now.mono_us, &sample_us)) {
        return;
    }
    channel_probe_acknowledged(channel, sequence);
    channel_shell_acknowledged(channel, sequence, now);
    channel->quiet_since_us = now.mono_us; /* the server can only answer what it has */
    if (sample_us >= 0) {
        rtt_sample(&channel->rtt, sample_us);
        send_pace_sample(&channel->pace, sequence, sample_us, channel->send.next, now.mono_us);
    }
    if (sequence > 0) {
        channel->has_answer = true; /* number 0 is the HandshakeResponse */
    }
    if (channel->state == CHANNEL_TERMINATING && sequence == channel->terminate_sequence) {
        channel_state_finish(channel, ERR_OK, "", true);
    } else if (channel->state == CHANNEL_DRAINING && send_window_is_empty(&channel->send)) {
        channel_state_terminate(channel, now);
    }
}

/* Why a session that was closed without a word did not end as it should; NULL when it did. */
static const char *untimely(const struct channel *channel)
{
    /* What is stored without a gap is only waiting for the reader. */
    if (channel->highest_seen - channel->recv.expected >= channel->recv.stored) {
        return "the session ended before all output had arrived";
    }
    if (channel_shell_is(channel) && channel->state <= CHANNEL_ASKING) {
        return NULL; /* a program that said nothing; one that could not begin is explained in channel_closed */
    }
    return channel->state < CHANNEL_SETTLING ? "the session ended before the connection was ready" : NULL;
}

static void receive_channel_closed(struct channel *channel, struct bytes payload)
{
    char memory[sizeof channel->reason];
    struct text output = text_in(memory, sizeof memory);
    enum err err = control_message_parse_channel_closed(payload, &output);
    if (err == ERR_MEMORY) {
        channel_state_finish(channel, err, UNREADABLE, true);
        return;
    }
    bool is_ours = channel->state == CHANNEL_DRAINING || channel->state == CHANNEL_TERMINATING;
    const char *words = err == ERR_OK ? memory : "malformed channel_closed";
    const char *why = untimely(channel);
    if (is_ours || (why == NULL && words[0] == '\0')) {
        channel_state_finish(channel, ERR_OK, "", true);
    } else {
        channel_state_finish(channel, ERR_SESSION_ENDED, words[0] != '\0' ? words : why, true);
    }
}

void channel_receive(struct channel *channel, struct bytes wire, struct instant now)
{
    if (channel->state == CHANNEL_CLOSED) {
        return;
    }
    struct agent_message message;
    if (agent_message_parse(wire, &message) != ERR_OK || message.sequence_number < 0) {
        channel_state_finish(channel, ERR_MALFORMED, "malformed agent message", false);
        return;
    }
    channel->counters.messages_received++;
    enum err err = agent_message_verify(&message, channel->hash);
    if (err == ERR_MEMORY) { /* not dropped: channel_closed would never come again */
        refuse_message(channel, err, err, "");
        return;
    }
    if (err != ERR_OK) {
        channel->counters.digest_failures++;
        channel->counters.dropped++;
        note_number(channel, &message);
        return;
    }
    if (message.type == AGENT_MESSAGE_OUTPUT_STREAM_DATA) {
        receive_output(channel, &message, now);
    } else if (message.type == AGENT_MESSAGE_ACKNOWLEDGE) {
        receive_acknowledge(channel, message.payload, now);
    } else if (message.type == AGENT_MESSAGE_CHANNEL_CLOSED) {
        receive_channel_closed(channel, message.payload);
    }
    /* pause_ and start_publication change nothing for us: to go on sending again is also what wakes a paused agent.
     * Everything else is not for a client. */
}

bool channel_wants_message(const struct channel *channel)
{
    if (channel->state == CHANNEL_CLOSED) {
        return false;
    }
    /* In order and the reader stalls: let the peer feel it. With a gap open, what fills it must be let in. */
    uint32_t payload_type;
    struct bytes payload;
    bool is_held = recv_window_peek(&channel->recv, &payload_type, &payload);
    return (channel_state_has_room(channel, channel->config.output_bytes / 2) && !is_held) ||
           recv_window_has_gap(&channel->recv);
}
