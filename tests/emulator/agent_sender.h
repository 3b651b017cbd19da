/* agent_sender: the outgoing half of the agent's reliability layer: numbers stream messages, keeps them until they are
 * acknowledged, and repeats the oldest. The rules are the agent's (docs/protocol.md, 6.4): round trip 100 ms at first,
 * timeout RTT + max(10 ms, 4 RTTVAR) up to 1 s, no back-off, no window; samples count resends as they come. */
#ifndef SSM_LAB_AGENT_SENDER_H
#define SSM_LAB_AGENT_SENDER_H

#include "proxy/core/agent_message.h"
#include "tests/emulator/agent_core.h"
#include "tests/emulator/byte_queue.h"
#include "tests/emulator/sequence_store.h"

struct agent_sender {
    void (*send)(void *owner, struct bytes message);
    void *owner;
    struct chance *chance;
    struct sha256 *hash;
    struct sequence_store unacknowledged;
    struct byte_queue scratch;
    int64_t next;
    double rtt_us, rtt_variation_us, timeout_us;
    bool is_open; /* the link stands and is not paused: only then is anything sent */
    struct agent_counters *counters;
};

enum err agent_sender_init(struct agent_sender *sender) SSM_MUST_USE;
void agent_sender_free(struct agent_sender *sender);

/* Numbers, keeps and (if open) sends one output_stream_data. An empty payload is silently skipped, as the agent does.
 */
void agent_sender_stream(struct agent_sender *sender, enum payload_type type, struct bytes payload,
                         struct agent_time now);

/* An acknowledge for that number has come. */
void agent_sender_acknowledged(struct agent_sender *sender, int64_t sequence_number, uint64_t now_us);

/* Acknowledges a received input_stream_data. Acks are sent even while paused: receiving has just cleared the pause. */
void agent_sender_acknowledge(struct agent_sender *sender, const struct uuid *message_id, int64_t sequence_number,
                              struct agent_time now);

/* agent_session_state, for the service only. */
void agent_sender_state(struct agent_sender *sender, const char *state, const char *session_id, struct agent_time now);

/* To be called every 100 ms: repeats the oldest message when its timeout has passed. */
void agent_sender_tick(struct agent_sender *sender, uint64_t now_us);

#endif
