/* ack_queue: the acknowledgements that we owe, and the last ones that we have sent.
 *
 * The agent holds every message whose acknowledgement was lost with a connection, and repeats them one at a time, ten a
 * second. Sending the last few hundred again after a resume clears that queue at once.
 *
 * Its memory stands at a fixed distance behind it, so that the block that holds both may be copied as a whole. */
#ifndef SSM_PROXY_CORE_ACK_QUEUE_H
#define SSM_PROXY_CORE_ACK_QUEUE_H

#include "proxy/core/uuid.h"

/* What may be owed. A gateway that cannot send to us may well stop reading from us; we read on all the same, or both
 * would wait for ever. What it holds for us by then is a few megabytes in socket buffers: thousands of messages. */
#define ACK_QUEUE_LEN 8192u /* of a channel by default */

/* What is sent again after a resume. */
#define ACK_QUEUE_AGAIN 512u

struct ack {
    int64_t sequence;
    struct uuid message_id;
};

struct ack_queue {
    size_t memory_at; /* bytes from this struct to its memory: the acks */
    uint32_t max_acks;
    uint64_t made; /* number n stands at n % max_acks; those of made - max_acks <= n < made are remembered */
    uint64_t sent; /* those from here on are owed */
};

/* Bytes of memory that a queue needs; begins on a multiple of 8. */
size_t ack_queue_memory(uint32_t max_acks);
void ack_queue_init(struct ack_queue *queue, size_t memory_at, uint32_t max_acks);

static inline bool ack_queue_is_owing(const struct ack_queue *queue)
{
    return queue->sent < queue->made;
}

static inline bool ack_queue_has_room(const struct ack_queue *queue)
{
    return queue->made - queue->sent < queue->max_acks;
}

/* Needs room. */
void ack_queue_put(struct ack_queue *queue, int64_t sequence, const struct uuid *message_id);

/* Needs one that is owed. */
struct ack ack_queue_take(struct ack_queue *queue);

/* The last ACK_QUEUE_AGAIN (as many of them as the queue remembers) are owed again, and what was owed anyway. */
void ack_queue_rewind(struct ack_queue *queue);

static inline bool ack_queue_check(const struct ack_queue *queue)
{
    return queue->sent <= queue->made && queue->made - queue->sent <= queue->max_acks;
}

#endif
