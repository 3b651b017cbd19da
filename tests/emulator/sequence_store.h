/* sequence_store: messages by sequence number, for the agent's outgoing (unacknowledged) and incoming (reorder)
 * buffers. Owns the messages. A hash table with chains, because a hostile peer chooses the numbers. */
#ifndef SSM_LAB_SEQUENCE_STORE_H
#define SSM_LAB_SEQUENCE_STORE_H

#include <stdbool.h>

#include "common/bytes.h"
#include "common/err.h"

struct stored_message {
    int64_t sequence_number;
    uint64_t last_sent_us;
    size_t len;
    struct stored_message *chain; /* of the hash table */
    struct stored_message *older, *newer;
    uint8_t wire[]; /* the whole agent message */
};

struct sequence_store {
    struct stored_message **buckets;
    struct stored_message *oldest, *newest; /* in order of insertion */
    size_t count, bytes;
};

/* False when the store is full (LAB_AGENT_BUFFER_MESSAGES, LAB_AGENT_BUFFER_BYTES) or memory is short, or when it holds
 * that number already. ret_message may be NULL. */
bool sequence_store_add(struct sequence_store *store, int64_t sequence_number, struct bytes wire,
                        struct stored_message **ret_message);
/* NULL when absent; otherwise valid until removed. */
struct stored_message *sequence_store_find(const struct sequence_store *store, int64_t sequence_number);
void sequence_store_remove(struct sequence_store *store, struct stored_message *message);
/* Makes `to` hold what `from` holds, in the same order. */
enum err sequence_store_copy(const struct sequence_store *from, struct sequence_store *to) SSM_MUST_USE;
/* Invariants, for tests. */
bool sequence_store_check(const struct sequence_store *store);
void sequence_store_free(struct sequence_store *store);

#endif
