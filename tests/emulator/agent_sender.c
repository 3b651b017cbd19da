#include "tests/emulator/agent_sender.h"

#include <stdio.h>

#include "tests/emulator/ack_text.h"

enum err agent_sender_init(struct agent_sender *sender)
{
    sender->rtt_us = 100e3;
    sender->rtt_variation_us = 0;
    sender->timeout_us = 200e3;
    return sha256_new(&sender->hash);
}

void agent_sender_free(struct agent_sender *sender)
{
    sequence_store_free(&sender->unacknowledged);
    byte_queue_free(&sender->scratch);
    sha256_free(&sender->hash);
}

/* Encodes into the scratch memory; empty on failure. */
static struct bytes encode(struct agent_sender *sender, struct agent_message *message, struct agent_time now)
{
    size_t size = AGENT_MESSAGE_HEADER_LEN + message->payload.len, len = 0;
    sender->scratch.start = sender->scratch.end = 0;
    uint8_t *wire = byte_queue_reserve(&sender->scratch, size);
    message->created_unix_ms = now.unix_ms;
    message->message_id = uuid_v4(sender->chance);
    if (wire == NULL || agent_message_encode(message, sender->hash, wire, size, &len) != ERR_OK) {
        return bytes_of(NULL, 0);
    }
    return bytes_of(wire, len);
}

void agent_sender_stream(struct agent_sender *sender, enum payload_type type, struct bytes payload,
                         struct agent_time now)
{
    struct agent_message message = {.type = AGENT_MESSAGE_OUTPUT_STREAM_DATA,
                                    .sequence_number = sender->next,
                                    .flags = sender->next == 0 ? AGENT_MESSAGE_FLAG_SYN : 0,
                                    .payload_type = (uint32_t)type,
                                    .payload = payload};
    struct bytes wire = payload.len == 0 ? payload : encode(sender, &message, now);
    if (wire.len == 0) {
        return;
    }
    sender->next++;
    struct stored_message *stored = NULL;
    if (sequence_store_add(&sender->unacknowledged, message.sequence_number, wire, &stored)) {
        stored->last_sent_us = now.mono_us;
    }
    if (sender->is_open) {
        sender->counters->sent++;
        sender->send(sender->owner, wire);
    }
}

void agent_sender_acknowledged(struct agent_sender *sender, int64_t sequence_number, uint64_t now_us)
{
    struct stored_message *message = sequence_store_find(&sender->unacknowledged, sequence_number);
    if (message == NULL) {
        return;
    }
    double sample = (double)(now_us - message->last_sent_us);
    double difference = sender->rtt_us > sample ? sender->rtt_us - sample : sample - sender->rtt_us;
    sender->rtt_variation_us = 0.75 * sender->rtt_variation_us + 0.25 * difference;
    sender->rtt_us = 0.875 * sender->rtt_us + 0.125 * sample;
    double margin = 4 * sender->rtt_variation_us < 10e3 ? 10e3 : 4 * sender->rtt_variation_us;
    sender->timeout_us = sender->rtt_us + margin > 1e6 ? 1e6 : sender->rtt_us + margin;
    sender->counters->acknowledged++;
    sequence_store_remove(&sender->unacknowledged, message);
}

void agent_sender_acknowledge(struct agent_sender *sender, const struct uuid *message_id, int64_t sequence_number,
                              struct agent_time now)
{
    char text[ACK_TEXT_SIZE];
    size_t len = ack_text_compose("input_stream_data", message_id, sequence_number, text);
    struct agent_message message = {.type = AGENT_MESSAGE_ACKNOWLEDGE,
                                    .flags = AGENT_MESSAGE_FLAG_SYN | AGENT_MESSAGE_FLAG_FIN,
                                    .payload = bytes_of(text, len)};
    struct bytes wire = encode(sender, &message, now);
    if (wire.len > 0 && sender->is_open) {
        sender->send(sender->owner, wire);
    }
}

void agent_sender_state(struct agent_sender *sender, const char *state, const char *session_id, struct agent_time now)
{
    char text[256];
    int len = snprintf(text, sizeof text, "{\"SchemaVersion\":1,\"SessionState\":\"%s\",\"SessionId\":\"%s\"}", state,
                       session_id);
    struct agent_message message = {.type = AGENT_MESSAGE_AGENT_SESSION_STATE,
                                    .flags = AGENT_MESSAGE_FLAG_SYN | AGENT_MESSAGE_FLAG_FIN,
                                    .payload = bytes_of(text, (size_t)len)};
    struct bytes wire = len <= 0 || (size_t)len >= sizeof text ? bytes_of(NULL, 0) : encode(sender, &message, now);
    if (wire.len > 0 && sender->is_open) {
        sender->send(sender->owner, wire);
    }
}

void agent_sender_tick(struct agent_sender *sender, uint64_t now_us)
{
    struct stored_message *oldest = sender->unacknowledged.oldest;
    if (!sender->is_open || oldest == NULL || (double)(now_us - oldest->last_sent_us) <= sender->timeout_us) {
        return;
    }
    oldest->last_sent_us = now_us;
    sender->counters->retransmissions++;
    sender->send(sender->owner, bytes_of(oldest->wire, oldest->len));
}
