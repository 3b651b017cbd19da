/* byte_queue: bytes in order, appended at the end and taken from the front. Owns its memory; zero-initialised is empty.
 * It grows as needed: the limit is its user's. */
#ifndef SSM_LAB_BYTE_QUEUE_H
#define SSM_LAB_BYTE_QUEUE_H

#include "common/bytes.h"
#include "common/err.h"

struct byte_queue {
    uint8_t *data;
    size_t start, end, size;
};

static inline size_t byte_queue_len(const struct byte_queue *queue)
{
    return queue->end - queue->start;
}

/* What stands in the queue; valid until it changes. */
static inline struct bytes byte_queue_bytes(const struct byte_queue *queue)
{
    return queue->data == NULL ? bytes_of(NULL, 0) : bytes_of(queue->data + queue->start, byte_queue_len(queue));
}

/* Room for `len` bytes at the end, to be written by the caller and then committed; NULL without memory. */
uint8_t *byte_queue_reserve(struct byte_queue *queue, size_t len);
void byte_queue_commit(struct byte_queue *queue, size_t len);

enum err byte_queue_append(struct byte_queue *queue, struct bytes bytes) SSM_MUST_USE;
/* `len` is at most byte_queue_len. Gives the memory back when much of it stands empty. */
void byte_queue_drop(struct byte_queue *queue, size_t len);
/* Makes `to` hold what `from` holds; its memory stays its own. */
enum err byte_queue_copy(const struct byte_queue *from, struct byte_queue *to) SSM_MUST_USE;
void byte_queue_free(struct byte_queue *queue);

#endif
