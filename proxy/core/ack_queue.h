/* ack_queue: the acknowledgements that we owe, and the last ones that we have sent.
 *
 * The agent holds every message whose acknowledgement was lost with a connection, and repeats them one at a time, ten a
 * second. Sending the last few hundred again after a resume clears that queue at once. */
#ifndef SSM_PROXY_CORE_ACK_QUEUE_H
#define SSM_PROXY_CORE_ACK_QUEUE_H

#include "proxy/core/uuid.h"

/* What may be owed. A gateway that cannot send to us may well stop reading from us; we read on all the same, or both
 * would wait for ever. What it holds for us by then is a few megabytes in socket buffers: thousands of messages. */
#define ACK_QUEUE_LEN 8192u

/* What is sent again after a resume. */
#define ACK_QUEUE_AGAIN 512u

struct ack {
    int64_t sequence;
    struct uuid message_id;
};

struct ack_queue {
    uint64_t made; /* acks[n % ACK_QUEUE_LEN] for made - ACK_QUEUE_LEN <= n < made are remembered */
    uint64_t sent; /* those from here on are owed */
    struct ack acks[ACK_QUEUE_LEN];
};

static inline bool ack_queue_is_owing(const struct ack_queue *queue)
{
    return queue->sent < queue->made;
}

static inline bool ack_queue_has_room(const struct ack_queue *queue)
{
    return queue->made - queue->sent < ACK_QUEUE_LEN;
}

/* Needs room. */
void ack_queue_put(struct ack_queue *queue, int64_t sequence, const struct uuid *message_id);

/* Needs one that is owed. */
struct ack ack_queue_take(struct ack_queue *queue);

/* The last ACK_QUEUE_AGAIN are owed again, and what was owed anyway. */
void ack_queue_rewind(struct ack_queue *queue);

static inline bool ack_queue_check(const struct ack_queue *queue)
{
    return queue->sent <= queue->made && queue->made - queue->sent <= ACK_QUEUE_LEN;
}

#endif
