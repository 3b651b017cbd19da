#include "tests/emulator/byte_queue.h"

#include <stdlib.h>

/* An empty queue of more than this gives its memory back. */
#define KEEP (256 * 1024)

uint8_t *byte_queue_reserve(struct byte_queue *queue, size_t len)
{
    if (queue->data != NULL && queue->size - queue->end >= len) {
        return queue->data + queue->end;
    }
    size_t used = byte_queue_len(queue);
    /* Moving down is worth it only when at least half of the memory is free: otherwise each append would move all. */
    if (queue->data != NULL && queue->size - used >= len && used <= queue->size / 2) {
        memmove(queue->data, queue->data + queue->start, used);
    } else {
        size_t size = queue->size == 0 ? 4096 : queue->size;
        while (size - used < len) {
            size *= 2;
        }
        uint8_t *data = malloc(size);
        if (data == NULL) {
            return NULL;
        }
        if (used > 0) {
            memcpy(data, queue->data + queue->start, used);
        }
        free(queue->data);
        queue->data = data;
        queue->size = size;
    }
    queue->start = 0;
    queue->end = used;
    return queue->data + used;
}

void byte_queue_commit(struct byte_queue *queue, size_t len)
{
    queue->end += len;
}

enum err byte_queue_append(struct byte_queue *queue, struct bytes bytes)
{
    if (bytes.len == 0) {
        return ERR_OK;
    }
    uint8_t *room = byte_queue_reserve(queue, bytes.len);
    if (room == NULL) {
        return ERR_MEMORY;
    }
    memcpy(room, bytes.data, bytes.len);
    byte_queue_commit(queue, bytes.len);
    return ERR_OK;
}

void byte_queue_drop(struct byte_queue *queue, size_t len)
{
    queue->start += len;
    if (queue->start != queue->end) {
        return;
    }
    queue->start = 0;
    queue->end = 0;
    if (queue->size > KEEP) {
        byte_queue_free(queue);
    }
}

enum err byte_queue_copy(const struct byte_queue *from, struct byte_queue *to)
{
    byte_queue_drop(to, byte_queue_len(to));
    return byte_queue_append(to, byte_queue_bytes(from));
}

void byte_queue_free(struct byte_queue *queue)
{
    free(queue->data);
    *queue = (struct byte_queue){0};
}
