/* byte_ring: bytes in, bytes out, bounded. Its memory stands at a fixed distance behind it, so that the block that
 * holds both may be copied as a whole. */
#ifndef SSM_PROXY_CORE_BYTE_RING_H
#define SSM_PROXY_CORE_BYTE_RING_H

#include "common/bytes.h"

struct byte_ring {
    size_t memory_at; /* bytes from this struct to its memory */
    size_t size;
    size_t head; /* next byte out */
    size_t len;
};

void byte_ring_init(struct byte_ring *ring, size_t memory_at, size_t size);

static inline size_t byte_ring_room(const struct byte_ring *ring)
{
    return ring->size - ring->len;
}

/* `bytes` must fit into the room. */
void byte_ring_put(struct byte_ring *ring, struct bytes bytes);

/* The next contiguous piece; empty only when the ring is. Borrowed until the next change. */
struct bytes byte_ring_front(const struct byte_ring *ring);

/* `len` is at most what the ring holds. */
void byte_ring_consume(struct byte_ring *ring, size_t len);

bool byte_ring_check(const struct byte_ring *ring);

#endif
