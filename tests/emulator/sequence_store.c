#include "tests/emulator/sequence_store.h"

#include <stdlib.h>

#include "tests/emulator/lab_limits.h"

#define BUCKETS 4096u

static size_t bucket_of(int64_t sequence_number)
{
    return (size_t)((uint64_t)sequence_number % BUCKETS);
}

struct stored_message *sequence_store_find(const struct sequence_store *store, int64_t sequence_number)
{
    struct stored_message *message = store->buckets == NULL ? NULL : store->buckets[bucket_of(sequence_number)];
    while (message != NULL && message->sequence_number != sequence_number) {
        message = message->chain;
    }
    return message;
}

static bool has_room(struct sequence_store *store, size_t len)
{
    if (store->count >= LAB_AGENT_BUFFER_MESSAGES || store->bytes + len > LAB_AGENT_BUFFER_BYTES) {
        return false;
    }
    if (store->buckets == NULL) {
        store->buckets = calloc(BUCKETS, sizeof(struct stored_message *));
    }
    return store->buckets != NULL;
}

bool sequence_store_add(struct sequence_store *store, int64_t sequence_number, struct bytes wire,
                        struct stored_message **ret_message)
{
    if (!has_room(store, wire.len) || sequence_store_find(store, sequence_number) != NULL) {
        return false;
    }
    struct stored_message *message = malloc(sizeof *message + wire.len);
    if (message == NULL) {
        return false;
    }
    struct stored_message **bucket = &store->buckets[bucket_of(sequence_number)];
    *message = (struct stored_message){
        .sequence_number = sequence_number, .len = wire.len, .chain = *bucket, .older = store->newest};
    memcpy(message->wire, wire.data, wire.len);
    *bucket = message;
    if (store->newest != NULL) {
        store->newest->newer = message;
    } else {
        store->oldest = message;
    }
    store->newest = message;
    store->count++;
    store->bytes += wire.len;
    if (ret_message != NULL) {
        *ret_message = message;
    }
    return true;
}

void sequence_store_remove(struct sequence_store *store, struct stored_message *message)
{
    struct stored_message **link = &store->buckets[bucket_of(message->sequence_number)];
    while (*link != message) {
        link = &(*link)->chain;
    }
    *link = message->chain;
    if (message->older != NULL) {
        message->older->newer = message->newer;
    } else {
        store->oldest = message->newer;
    }
    if (message->newer != NULL) {
        message->newer->older = message->older;
    } else {
        store->newest = message->older;
    }
    store->count--;
    store->bytes -= message->len;
    free(message);
}

static void empty(struct sequence_store *store)
{
    while (store->oldest != NULL) {
        sequence_store_remove(store, store->oldest);
    }
}

enum err sequence_store_copy(const struct sequence_store *from, struct sequence_store *to)
{
    empty(to);
    for (const struct stored_message *message = from->oldest; message != NULL; message = message->newer) {
        struct stored_message *copy;
        if (!sequence_store_add(to, message->sequence_number, bytes_of(message->wire, message->len), &copy)) {
            return ERR_MEMORY;
        }
        copy->last_sent_us = message->last_sent_us;
    }
    return ERR_OK;
}

bool sequence_store_check(const struct sequence_store *store)
{
    size_t count = 0, bytes = 0;
    for (const struct stored_message *message = store->oldest; message != NULL; message = message->newer) {
        if (sequence_store_find(store, message->sequence_number) != message) {
            return false;
        }
        count++;
        bytes += message->len;
    }
    return count == store->count && bytes == store->bytes;
}

void sequence_store_free(struct sequence_store *store)
{
    empty(store);
    free(store->buckets);
    *store = (struct sequence_store){0};
}
