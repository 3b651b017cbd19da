/* recv_window: puts the sequenced messages of the peer in order.
 *
 * Holds messages that arrived early: `max_messages` slots, one a number, each of which has one of as many places of
 * `place_size` payload bytes while it is in use. A place that is given back is the next to be used, so that no more
 * memory is ever touched than was held at one time. A message that is stored or
 * was delivered may be acknowledged; one that does not fit is dropped and must not be acknowledged: the peer sends it
 * again. Duplicates are recognised by their number and must be acknowledged again, or the peer repeats them for ever.
 *
 * Its memory stands at a fixed distance behind it, so that the block that holds both may be copied as a whole. */
#ifndef SSM_PROXY_CORE_RECV_WINDOW_H
#define SSM_PROXY_CORE_RECV_WINDOW_H

#include "common/bytes.h"

struct recv_slot {
    uint32_t payload_type;
    uint32_t len;
    uint32_t place;
    bool is_stored;
};

struct recv_window {
    size_t memory_at; /* bytes from this struct to its memory: the slots, the places given back, the places */
    uint32_t max_messages;
    uint32_t place_size;
    int64_t expected; /* number of the next message in order */
    uint32_t stored;  /* messages in slots */
    uint32_t used;    /* places that were ever used, the first ones; `used - stored` of them are given back */
};

enum recv_verdict {
    RECV_DELIVERABLE, /* it is the expected one, and nothing of it was stored: hand it on, then recv_window_advance */
    RECV_STORED,      /* early: kept; acknowledge it */
    RECV_DUPLICATE,   /* seen before: acknowledge it again */
    RECV_NO_ROOM      /* too far ahead or too large: forget it, unacknowledged */
};

/* Bytes of memory that a window needs; begins on a multiple of 8, zero-filled. */
size_t recv_window_memory(uint32_t max_messages, uint32_t place_size);
void recv_window_init(struct recv_window *window, size_t memory_at, uint32_t max_messages, uint32_t place_size);

/* What to do with message `sequence`. Stores it for RECV_STORED; changes nothing otherwise. With `may_deliver` false
 * the expected message, too, is stored (the reader of the stream has no room now). */
enum recv_verdict recv_window_accept(struct recv_window *window, int64_t sequence, uint32_t payload_type,
                                     struct bytes payload, bool may_deliver);

/* The expected message, if it is stored: its payload (borrowed until the next one is accepted) and type. */
bool recv_window_peek(const struct recv_window *window, uint32_t *ret_payload_type, struct bytes *ret_payload);

/* The expected message has been handed on. */
void recv_window_advance(struct recv_window *window);

/* Something after the expected message is here, but not the expected message. */
bool recv_window_has_gap(const struct recv_window *window);

bool recv_window_check(const struct recv_window *window);

#endif
