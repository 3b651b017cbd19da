#include "proxy/core/ack_queue.h"

void ack_queue_put(struct ack_queue *queue, int64_t sequence, const struct uuid *message_id)
{
    queue->acks[queue->made++ % ACK_QUEUE_LEN] = (struct ack){sequence, *message_id};
}

struct ack ack_queue_take(struct ack_queue *queue)
{
    return queue->acks[queue->sent++ % ACK_QUEUE_LEN];
}

void ack_queue_rewind(struct ack_queue *queue)
{
    uint64_t from = queue->made > ACK_QUEUE_AGAIN ? queue->made - ACK_QUEUE_AGAIN : 0;
    queue->sent = queue->sent < from ? queue->sent : from;
}
