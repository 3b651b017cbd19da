#include "proxy/core/byte_ring.h"

void byte_ring_init(struct byte_ring *ring, size_t memory_at, size_t size)
{
    *ring = (struct byte_ring){.memory_at = memory_at, .size = size};
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void byte_ring_put(struct byte_ring *ring, struct bytes bytes)
{
    if (bytes.len == 0) {
        return;
    }
    uint8_t *memory = (uint8_t *)ring + ring->memory_at;
    size_t at = (ring->head + ring->len) % ring->size;
    size_t until_end = smaller(bytes.len, ring->size - at);
    memcpy(memory + at, bytes.data, until_end);
    memcpy(memory, bytes.data + until_end, bytes.len - until_end);
    ring->len += bytes.len;
}

struct bytes byte_ring_front(const struct byte_ring *ring)
{
    const uint8_t *memory = (const uint8_t *)ring + ring->memory_at;
    return bytes_of(memory + ring->head, smaller(ring->len, ring->size - ring->head));
}

void byte_ring_consume(struct byte_ring *ring, size_t len)
{
    ring->len -= len;
    /* An empty ring begins at 0 again: memory that was never needed stays untouched. */
    ring->head = ring->len == 0 ? 0 : (ring->head + len) % ring->size;
}

bool byte_ring_check(const struct byte_ring *ring)
{
    return ring->len <= ring->size && ring->head < ring->size;
}
