/* send_window: the sequenced messages that we have made and that the peer has not acknowledged yet.
 *
 * Bounded in messages and in bytes: when there is no room, local input waits; nothing is ever evicted. A message stands
 * here in its wire form and is sent again byte for byte (same message id, same created date), as the peers do.
 * Acknowledgements name one message each, in any order (protocol: no cumulative acknowledgement exists).
 *
 * Its memory stands at a fixed distance behind it, so that the block that holds both may be copied as a whole.
 *
 * Sending again. A message whose timeout passed is *expired*. While acknowledgements arrive, every expired message goes
 * out again, oldest first. When none has come for a whole timeout, one message, the oldest, is the probe: a peer that
 * stands still is not flooded, and one answer is enough to know that it is back. */
#ifndef SSM_PROXY_CORE_SEND_WINDOW_H
#define SSM_PROXY_CORE_SEND_WINDOW_H

#include "common/bytes.h"
#include "common/err.h"
#include "proxy/core/rtt.h"

struct send_entry {
    uint32_t at;     /* offset of the wire form in the store */
    uint32_t len;    /* of the wire form */
    int64_t sent_us; /* last transmission; 0 before the first */
    uint32_t sends;
    bool is_acknowledged;
    bool is_due; /* to be sent again */
};

struct send_window {
    size_t memory_at; /* bytes from this struct to its memory: the entries, then the store */
    uint32_t max_messages;
    uint32_t store_size; /* bytes */
    int64_t first;       /* sequence number of the oldest message here; equals `next` when empty */
    int64_t unsent;      /* first one never sent */
    int64_t next;        /* sequence number of the next message made */
    uint32_t store_head; /* where the next wire form goes */
    uint32_t held_bytes; /* of the wire forms from `first` on */
    uint32_t due_count;
    int64_t due_from;        /* no message before this one is due */
    int64_t expiry_us;       /* look for expired messages then; INSTANT_NEVER when nothing is in flight */
    int64_t acknowledged_us; /* when the last useful acknowledgement came */
    uint64_t resends;        /* in the life of the window */
};

/* Bytes of memory that a window needs; begins on a multiple of 8. */
size_t send_window_memory(uint32_t max_messages, uint32_t store_size);
void send_window_init(struct send_window *window, size_t memory_at, uint32_t max_messages, uint32_t store_size);

/* Is there room for a message whose wire form has `len` bytes? */
bool send_window_has_room(const struct send_window *window, size_t len);

/* Where to build the next message: `len` contiguous bytes, or NULL when messages or bytes are used up. */
uint8_t *send_window_reserve(struct send_window *window, size_t len);
/* The message built there becomes number `window->next`, which grows by one. `len` is at most what was reserved. */
void send_window_commit(struct send_window *window, size_t len);

/* Message `sequence`, which is not acknowledged, gets another wire form of `len` bytes, which is no longer than the one
 * that it has: to be built where this points. For a message whose content does not matter to the peer. */
uint8_t *send_window_rebuild(struct send_window *window, int64_t sequence, size_t len);

/* How often message `sequence`, which is in the window, has been sent. */
uint32_t send_window_sends(const struct send_window *window, int64_t sequence);

/* The length of what send_window_take would give; 0 when there is nothing. */
size_t send_window_next_len(struct send_window *window);

/* The next message to transmit now, an expired one before a new one; empty when there is none. Borrowed until the next
 * call that changes the window; counted as sent at now_us. */
struct bytes send_window_take(struct send_window *window, const struct rtt *rtt, int64_t now_us);

/* The peer has number `sequence`. Unknown and repeated numbers change nothing and give false. *ret_sample_us is the
 * round trip, or -1 when the message went out more than once: nobody knows which one was answered (Karn's rule). */
bool send_window_acknowledge(struct send_window *window, int64_t sequence, int64_t now_us, int64_t *ret_sample_us);

/* Finds what has expired at now_us. To be called when now_us has reached `expiry_us`. */
void send_window_expire(struct send_window *window, struct rtt *rtt, int64_t now_us);

/* The connection is new: everything that was in flight on the old one is to be sent again. */
void send_window_resend_all(struct send_window *window);

/* Would send_window_take give a message? */
static inline bool send_window_has_work(const struct send_window *window)
{
    return window->due_count > 0 || window->unsent < window->next;
}

static inline bool send_window_is_empty(const struct send_window *window)
{
    return window->first == window->next;
}

/* Invariants; true when they hold. For tests, fuzzers and debug builds. */
bool send_window_check(const struct send_window *window);

#endif
