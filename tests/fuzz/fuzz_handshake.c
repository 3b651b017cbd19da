/* handshake: a whole handshake with an agent that says anything. The input is a HandshakeRequest, and behind a NUL byte
 * a HandshakeComplete. What is understood is answered, once, action by action; what is not ends the channel with an
 * error; and after the end of a good handshake data flows. */
#include "tests/fuzz/fuzz_support.h"

#include "common/json_view.h"
#include "proxy/core/agent_message.h"
#include "proxy/core/channel.h"
#include "proxy/core/control_message.h"

#define INPUT_MAX (16 * 1024)

static struct sha256 *hash;
static struct instant now;

static const struct channel_config config = {
    .send_messages = 8,
    .send_bytes = 8 * 1024,
    .recv_messages = 8,
    .recv_payload_bytes = 64,
    .output_bytes = INPUT_MAX, /* at least the largest payload */
    .ack_messages = 8,
    .safe_payload_bytes = 64,
    .payload_bytes = 64,
    .request_timeout_us = 1000 * 1000,
    .handshake_timeout_us = 1000 * 1000,
};

static void agent_sends(struct channel *channel, struct agent_message message)
{
    size_t size = AGENT_MESSAGE_HEADER_LEN + message.payload.len;
    AUTO_FREE uint8_t *wire = malloc(size);
    message.created_unix_ms = now.unix_ms;
    MUST(wire != NULL && agent_message_encode(&message, hash, wire, size, &size) == ERR_OK);
    channel_receive(channel, bytes_of(wire, size), now);
    MUST(channel_check(channel));
}

static void agent_says(struct channel *channel, int64_t sequence, enum payload_type type, struct bytes payload)
{
    agent_sends(channel, (struct agent_message){
                             .type = AGENT_MESSAGE_OUTPUT_STREAM_DATA,
                             .sequence_number = sequence,
                             .payload_type = type,
                             .payload = payload,
                         });
}

static void agent_acknowledges(struct channel *channel, const char *text)
{
    agent_sends(channel, (struct agent_message){.type = AGENT_MESSAGE_ACKNOWLEDGE, .payload = bytes_of_text(text)});
}

/* The only sequenced message among the frames that are to go out now, copied; `ret_len` is 0 when there is none. */
static void take_sequenced(struct channel *channel, uint8_t *wire, size_t size, size_t *ret_len)
{
    *ret_len = 0;
    for (;;) {
        size_t len = channel_next_frame_len(channel);
        struct bytes frame = channel_take_frame(channel, now);
        if (frame.len == 0) {
            return;
        }
        struct agent_message message;
        MUST(frame.len <= len);
        MUST(agent_message_parse(frame, &message) == ERR_OK && agent_message_verify(&message, hash) == ERR_OK);
        if (message.type == AGENT_MESSAGE_INPUT_STREAM_DATA) {
            MUST(*ret_len == 0 && frame.len <= size);
            memcpy(wire, frame.data, frame.len);
            *ret_len = frame.len;
        }
    }
}

/* The response as a JSON reader sees it: the same actions in the same order, and Success only for the type we speak. */
static void check_response(struct bytes payload, const struct handshake_request *request)
{
    AUTO_JSON json_t *response = NULL;
    MUST(json_view_parse_object(payload, &response) == ERR_OK);
    MUST(strcmp(json_view_text(response, "ClientVersion"), CONTROL_MESSAGE_CLIENT_VERSION) == 0);
    const json_t *actions = json_object_get(response, "ProcessedClientActions");
    MUST(json_array_size(actions) == request->action_count);
    for (size_t i = 0; i < request->action_count; i++) {
        const json_t *action = json_array_get(actions, i);
        const char *name = json_view_text(action, "ActionType");
        bool is_ours = strcmp(request->actions[i], "SessionType") == 0 && request->session_type == SESSION_TYPE_PORT;
        MUST(name != NULL && strcmp(name, request->actions[i]) == 0);
        MUST(json_integer_value(json_object_get(action, "ActionStatus")) == (is_ours ? 1 : 3));
    }
}

/* A second request, on a copy of the channel: refused, and not answered. */
static void ask_again(const struct channel *channel, struct bytes request)
{
    uint8_t wire[4096];
    size_t len;
    AUTO_FREE struct channel *copy = malloc(channel_size(channel));
    MUST(copy != NULL);
    memcpy(copy, channel, channel_size(channel));
    agent_says(copy, 1, PAYLOAD_HANDSHAKE_REQUEST, request);
    take_sequenced(copy, wire, sizeof wire, &len);
    MUST(channel_state(copy) == CHANNEL_CLOSED && channel_result(copy).err == ERR_PROTOCOL && len == 0);
}

static bool answer_comes(struct channel *channel, struct bytes payload)
{
    uint8_t wire[4096];
    size_t len;
    struct handshake_request request;
    bool is_good = control_message_parse_handshake_request(payload, &request) == ERR_OK;
    agent_says(channel, 0, PAYLOAD_HANDSHAKE_REQUEST, payload);
    agent_says(channel, 0, PAYLOAD_HANDSHAKE_REQUEST, payload); /* repeated until it is acknowledged */
    take_sequenced(channel, wire, sizeof wire, &len);
    bool is_fit = is_good && !(request.session_type == SESSION_TYPE_PORT && request.is_local_port_forwarding);
    if (!is_fit) {
        MUST(channel_state(channel) == CHANNEL_CLOSED && len == 0);
        MUST(channel_result(channel).err == (is_good ? ERR_UNSUPPORTED : ERR_PROTOCOL));
        return false;
    }
    struct agent_message response;
    MUST(channel_state(channel) == CHANNEL_HANDSHAKE);
    MUST(agent_message_parse(bytes_of(wire, len), &response) == ERR_OK);
    MUST(response.sequence_number == 0 && response.payload_type == PAYLOAD_HANDSHAKE_RESPONSE);
    check_response(response.payload, &request);
    ask_again(channel, payload);
    return true;
}

static bool completes(struct channel *channel, struct bytes payload)
{
    char memory[64];
    struct text words = text_in(memory, sizeof memory);
    bool is_good = control_message_parse_handshake_complete(payload, &words) == ERR_OK;
    MUST(channel_write(channel, bytes_of_text("early"), now) == 0);
    agent_says(channel, 1, PAYLOAD_HANDSHAKE_COMPLETE, payload);
    if (!is_good) {
        MUST(channel_state(channel) == CHANNEL_CLOSED && channel_result(channel).err == ERR_PROTOCOL);
        return false;
    }
    MUST(channel_state(channel) == CHANNEL_SETTLING);
    MUST((channel_take_customer_message(channel) != NULL) == (words.len > 0));
    return true;
}

static void data_flows(struct channel *channel)
{
    uint8_t wire[4096];
    size_t len;
    struct agent_message message;
    agent_acknowledges(channel, "{\"AcknowledgedMessageSequenceNumber\":0}");
    now.mono_us += 200 * 1000;
    channel_tick(channel, now);
    MUST(channel_state(channel) == CHANNEL_OPEN && channel_write(channel, bytes_of_text("data"), now) == 4);
    take_sequenced(channel, wire, sizeof wire, &len);
    MUST(agent_message_parse(bytes_of(wire, len), &message) == ERR_OK);
    MUST(message.sequence_number == 1 && message.payload_type == PAYLOAD_OUTPUT);
    MUST(bytes_equal_text(message.payload, "data"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX) {
        return 0;
    }
    AUTO(channel_free) struct channel *channel = NULL;
    now = (struct instant){.mono_us = 1000000, .unix_ms = 1700000000000};
    MUST(hash != NULL || sha256_new(&hash) == ERR_OK);
    MUST(channel_new(&config, chance_from_number(1), hash, &channel) == ERR_OK);
    channel_transport_up(channel, now);
    struct bytes complete = bytes_of(data, size);
    struct bytes request = fuzz_take_until(&complete, '\0');
    if (answer_comes(channel, request) && completes(channel, complete)) {
        data_flows(channel);
    }
    return 0;
}
