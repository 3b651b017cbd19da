#include "proxy/core/ack_queue.h"

size_t ack_queue_memory(uint32_t max_acks)
{
    return max_acks * sizeof(struct ack);
}

void ack_queue_init(struct ack_queue *queue, size_t memory_at, uint32_t max_acks)
{
    *queue = (struct ack_queue){.memory_at = memory_at, .max_acks = max_acks};
}

static struct ack *ack_of(struct ack_queue *queue, uint64_t number)
{
    struct ack *acks = (void *)((uint8_t *)queue + queue->memory_at);
    return &acks[number % queue->max_acks];
}

void ack_queue_put(struct ack_queue *queue, int64_t sequence, const struct uuid *message_id)
{
    *ack_of(queue, queue->made++) = (struct ack){sequence, *message_id};
}

struct ack ack_queue_take(struct ack_queue *queue)
{
    return *ack_of(queue, queue->sent++);
}

void ack_queue_rewind(struct ack_queue *queue)
{
    uint64_t again = queue->max_acks < ACK_QUEUE_AGAIN ? queue->max_acks : ACK_QUEUE_AGAIN;
    uint64_t from = queue->made > again ? queue->made - again : 0;
    queue->sent = queue->sent < from ? queue->sent : from;
}
