#include "proxy/core/send_window.h"

#include "proxy/core/instant.h"

size_t send_window_memory(uint32_t max_messages, uint32_t store_size)
{
    return (size_t)max_messages * sizeof(struct send_entry) + ((size_t)store_size + 7) / 8 * 8;
}

static struct send_entry *entry_of(struct send_window *window, int64_t sequence)
{
    struct send_entry *entries = (void *)((uint8_t *)window + window->memory_at);
    return &entries[(uint64_t)sequence % window->max_messages];
}

static const struct send_entry *entry_read(const struct send_window *window, int64_t sequence)
{
    const struct send_entry *entries = (const void *)((const uint8_t *)window + window->memory_at);
    return &entries[(uint64_t)sequence % window->max_messages];
}

static uint8_t *store_of(struct send_window *window)
{
    return (uint8_t *)window + window->memory_at + window->max_messages * sizeof(struct send_entry);
}

void send_window_init(struct send_window *window, size_t memory_at, uint32_t max_messages, uint32_t store_size)
{
    *window = (struct send_window){.memory_at = memory_at,
                                   .max_messages = max_messages,
                                   .store_size = store_size,
                                   .expiry_us = INSTANT_NEVER,
                                   .acknowledged_us = INT64_MIN / 2};
}

/* Wire forms stand one behind the other in a ring. It begins at 0 again when the end is reached, and also when all that
 * is in flight would fit into the front: a small window then touches little memory. A ring that has wrapped keeps one
 * byte free, so that head == tail never stands for "full". */
static bool find_place(const struct send_window *window, size_t len, uint32_t *ret_at)
{
    uint32_t head = window->store_head;
    if (window->next - window->first >= window->max_messages || len > window->store_size) {
        return false;
    }
    if (send_window_is_empty(window)) {
        *ret_at = 0; /* memory that was never needed stays untouched */
        return true;
    }
    uint32_t tail = entry_read(window, window->first)->at;
    bool front_is_enough = head > tail && tail > head - tail + len;
    if (head > tail && !front_is_enough && len <= window->store_size - head) {
        *ret_at = head;
        return true;
    }
    *ret_at = head > tail ? 0 : head;
    return len < tail - *ret_at;
}

bool send_window_has_room(const struct send_window *window, size_t len)
{
    uint32_t at;
    return find_place(window, len, &at);
}

uint8_t *send_window_reserve(struct send_window *window, size_t len)
{
    uint32_t at;
    if (!find_place(window, len, &at)) {
        return NULL;
    }
    window->store_head = at;
    return store_of(window) + at;
}

void send_window_commit(struct send_window *window, size_t len)
{
    *entry_of(window, window->next) = (struct send_entry){.at = window->store_head, .len = (uint32_t)len};
    window->store_head += (uint32_t)len;
    window->held_bytes += (uint32_t)len;
    window->next++;
}

uint8_t *send_window_rebuild(struct send_window *window, int64_t sequence, size_t len)
{
    struct send_entry *entry = entry_of(window, sequence);
    window->held_bytes -= entry->len - (uint32_t)len;
    entry->len = (uint32_t)len;
    return store_of(window) + entry->at;
}

uint32_t send_window_sends(const struct send_window *window, int64_t sequence)
{
    return entry_read(window, sequence)->sends;
}

static struct bytes transmit(struct send_window *window, int64_t sequence, const struct rtt *rtt, int64_t now_us)
{
    struct send_entry *entry = entry_of(window, sequence);
    entry->sent_us = now_us;
    entry->sends++;
    window->expiry_us = instant_earlier(window->expiry_us, now_us + rtt->timeout_us);
    return bytes_of(store_of(window) + entry->at, entry->len);
}

/* The number of the message to transmit next; `next` when there is none. */
static int64_t next_to_send(struct send_window *window)
{
    if (window->due_from < window->first) {
        window->due_from = window->first;
    }
    if (window->due_count == 0) {
        return window->unsent;
    }
    while (!entry_of(window, window->due_from)->is_due) {
        window->due_from++;
    }
    return window->due_from;
}

size_t send_window_next_len(struct send_window *window)
{
    int64_t sequence = next_to_send(window);
    return sequence < window->next ? entry_read(window, sequence)->len : 0;
}

struct bytes send_window_take(struct send_window *window, const struct rtt *rtt, int64_t now_us)
{
    int64_t sequence = next_to_send(window);
    if (sequence == window->next) {
        return bytes_of(NULL, 0);
    }
    if (sequence == window->unsent) {
        window->unsent++;
    } else {
        entry_of(window, sequence)->is_due = false;
        window->due_count--;
        window->resends++;
    }
    return transmit(window, sequence, rtt, now_us);
}

static void drop_acknowledged_head(struct send_window *window)
{
    while (window->first < window->next && entry_read(window, window->first)->is_acknowledged) {
        window->held_bytes -= entry_read(window, window->first)->len;
        window->first++;
    }
    if (window->first == window->unsent) {
        window->expiry_us = INSTANT_NEVER;
    }
}

bool send_window_acknowledge(struct send_window *window, int64_t sequence, int64_t now_us, int64_t *ret_sample_us)
{
    if (sequence < window->first || sequence >= window->unsent) {
        return false;
    }
    struct send_entry *entry = entry_of(window, sequence);
    if (entry->is_acknowledged) {
        return false;
    }
    entry->is_acknowledged = true;
    if (entry->is_due || entry->sends > 1) {
        window->expiry_us = now_us; /* the probe was answered: look again at once for what else was lost */
    }
    if (entry->is_due) {
        entry->is_due = false;
        window->due_count--;
    }
    *ret_sample_us = entry->sends == 1 ? now_us - entry->sent_us : -1;
    window->acknowledged_us = now_us;
    drop_acknowledged_head(window);
    return true;
}

static bool is_in_flight(const struct send_entry *entry)
{
    return !entry->is_acknowledged && !entry->is_due;
}

void send_window_expire(struct send_window *window, struct rtt *rtt, int64_t now_us)
{
    int64_t timeout_us = rtt->timeout_us;
    bool peer_is_silent = now_us - window->acknowledged_us > timeout_us;
    bool any = false;
    window->expiry_us = INSTANT_NEVER;
    window->due_from = window->first;
    for (int64_t sequence = window->first; sequence < window->unsent; sequence++) {
        struct send_entry *entry = entry_of(window, sequence);
        if (!is_in_flight(entry)) {
            continue;
        }
        if (now_us - entry->sent_us < timeout_us) {
            window->expiry_us = instant_earlier(window->expiry_us, entry->sent_us + timeout_us);
            continue;
        }
        if (any && peer_is_silent) {
            break; /* the probe is enough; its own timeout comes first */
        }
        any = true;
        entry->is_due = true;
        window->due_count++;
    }
    if (any) {
        rtt_back_off(rtt);
    }
}

void send_window_resend_all(struct send_window *window)
{
    window->due_count = 0;
    window->due_from = window->first;
    for (int64_t sequence = window->first; sequence < window->unsent; sequence++) {
        struct send_entry *entry = entry_of(window, sequence);
        entry->is_due = !entry->is_acknowledged;
        window->due_count += entry->is_due;
    }
    window->expiry_us = INSTANT_NEVER;
}

bool send_window_check(const struct send_window *window)
{
    bool ok = window->first >= 0 && window->first <= window->unsent && window->unsent <= window->next;
    ok = ok && window->next - window->first <= window->max_messages && window->store_head <= window->store_size;
    uint32_t due_count = 0;
    uint32_t held_bytes = 0;
    for (int64_t sequence = window->first; ok && sequence < window->next; sequence++) {
        const struct send_entry *entry = entry_read(window, sequence);
        ok = entry->len <= window->store_size && entry->at <= window->store_size - entry->len &&
             (entry->sends > 0) == (sequence < window->unsent) && !(entry->is_due && entry->is_acknowledged);
        ok = ok && !(entry->is_due && sequence < window->due_from);
        due_count += entry->is_due;
        held_bytes += entry->len;
    }
    ok = ok && held_bytes == window->held_bytes;
    bool head_is_open = window->first == window->next || !entry_read(window, window->first)->is_acknowledged;
    bool in_flight = window->first < window->unsent && due_count == 0;
    return ok && due_count == window->due_count && head_is_open && !(in_flight && window->expiry_us == INSTANT_NEVER);
}
