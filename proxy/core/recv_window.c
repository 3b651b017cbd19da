#include "proxy/core/recv_window.h"

size_t recv_window_memory(uint32_t max_messages, uint32_t place_size)
{
    return ((size_t)max_messages * (sizeof(struct recv_slot) + sizeof(uint32_t) + place_size) + 7) / 8 * 8;
}

void recv_window_init(struct recv_window *window, size_t memory_at, uint32_t max_messages, uint32_t place_size)
{
    *window = (struct recv_window){.memory_at = memory_at, .max_messages = max_messages, .place_size = place_size};
}

static size_t index_of(const struct recv_window *window, int64_t sequence)
{
    return (uint64_t)sequence % window->max_messages;
}

static const struct recv_slot *slot_read(const struct recv_window *window, int64_t sequence)
{
    const struct recv_slot *slots = (const void *)((const uint8_t *)window + window->memory_at);
    return &slots[index_of(window, sequence)];
}

static struct recv_slot *slot_of(struct recv_window *window, int64_t sequence)
{
    struct recv_slot *slots = (void *)((uint8_t *)window + window->memory_at);
    return &slots[index_of(window, sequence)];
}

/* A stack: the first `used - stored` entries are places. */
static const uint32_t *given_back_read(const struct recv_window *window)
{
    return (const void *)((const uint8_t *)window + window->memory_at +
                          window->max_messages * sizeof(struct recv_slot));
}

static uint32_t *given_back(struct recv_window *window)
{
    return (void *)((uint8_t *)window + window->memory_at + window->max_messages * sizeof(struct recv_slot));
}

static size_t payload_offset(const struct recv_window *window, uint32_t place)
{
    return window->memory_at + window->max_messages * (sizeof(struct recv_slot) + sizeof(uint32_t)) +
           (size_t)place * window->place_size;
}

static void store(struct recv_window *window, int64_t sequence, uint32_t payload_type, struct bytes payload)
{
    uint32_t free_count = window->used - window->stored;
    uint32_t place = free_count > 0 ? given_back(window)[free_count - 1] : window->used++;
    if (payload.len > 0) {
        memcpy((uint8_t *)window + payload_offset(window, place), payload.data, payload.len);
    }
    *slot_of(window, sequence) = (struct recv_slot){payload_type, (uint32_t)payload.len, place, true};
    window->stored++;
}

enum recv_verdict recv_window_accept(struct recv_window *window, int64_t sequence, uint32_t payload_type,
                                     struct bytes payload, bool may_deliver)
{
    if (sequence < window->expected) {
        return RECV_DUPLICATE;
    }
    if (sequence - window->expected >= window->max_messages) {
        return RECV_NO_ROOM;
    }
    if (slot_read(window, sequence)->is_stored) {
        return RECV_DUPLICATE;
    }
    if (sequence == window->expected && may_deliver) {
        return RECV_DELIVERABLE;
    }
    if (payload.len > window->place_size) {
        return RECV_NO_ROOM;
    }
    store(window, sequence, payload_type, payload);
    return RECV_STORED;
}

bool recv_window_peek(const struct recv_window *window, uint32_t *ret_payload_type, struct bytes *ret_payload)
{
    const struct recv_slot *slot = slot_read(window, window->expected);
    if (!slot->is_stored) {
        return false;
    }
    *ret_payload_type = slot->payload_type;
    *ret_payload = bytes_of((const uint8_t *)window + payload_offset(window, slot->place), slot->len);
    return true;
}

void recv_window_advance(struct recv_window *window)
{
    struct recv_slot *slot = slot_of(window, window->expected);
    if (slot->is_stored) {
        slot->is_stored = false;
        window->stored--;
        given_back(window)[window->used - window->stored - 1] = slot->place;
    }
    window->expected++;
}

bool recv_window_has_gap(const struct recv_window *window)
{
    return window->stored > 0 && !slot_read(window, window->expected)->is_stored;
}

bool recv_window_check(const struct recv_window *window)
{
    uint32_t stored = 0;
    uint64_t places = 0; /* their sum: each place is somewhere, once */
    bool ok = window->expected >= 0 && window->stored <= window->used && window->used <= window->max_messages;
    for (uint32_t i = 0; ok && i < window->used - window->stored; i++) {
        places += given_back_read(window)[i];
    }
    for (uint32_t i = 0; ok && i < window->max_messages; i++) {
        const struct recv_slot *slot = slot_read(window, window->expected + i);
        ok = slot->len <= window->place_size;
        stored += slot->is_stored;
        places += slot->is_stored ? slot->place : 0;
    }
    return ok && stored == window->stored && 2 * places == (uint64_t)window->used * (window->used - 1);
}
