/* Copying and checking a core as a whole: for tests that explore what may happen next. */
#include "tests/emulator/agent_core_state.h"

static enum err copy_sender(const struct agent_sender *from, struct agent_sender *to)
{
    to->next = from->next;
    to->rtt_us = from->rtt_us;
    to->rtt_variation_us = from->rtt_variation_us;
    to->timeout_us = from->timeout_us;
    to->is_open = from->is_open;
    return sequence_store_copy(&from->unacknowledged, &to->unacknowledged);
}

enum err agent_core_copy(const struct agent_core *from, struct agent_core *to)
{
    to->state = from->state;
    to->receive_loop = from->receive_loop;
    to->sequel = from->sequel;
    to->is_link_up = from->is_link_up;
    to->is_paused = from->is_paused;
    to->has_response = from->has_response;
    to->customer_message = from->customer_message;
    to->crypt = from->crypt; /* what leads to a key is not copied: sessions are explored unencrypted */
    to->rest_len = from->rest_len;
    memcpy(to->rest, from->rest, sizeof to->rest);
    to->reconnects = from->reconnects;
    to->is_multiplexed = from->is_multiplexed;
    to->keeps_alive = from->keeps_alive;
    to->expected = from->expected;
    to->target_total = from->target_total;
    to->started_us = from->started_us;
    to->state_due_us = from->state_due_us;
    to->next_resend_us = from->next_resend_us;
    to->final_status = from->final_status;
    memcpy(to->output, from->output, strlen(from->output) + 1);
    to->counters = from->counters;
    TRY(copy_sender(&from->sender, &to->sender));
    TRY(sequence_store_copy(&from->ahead, &to->ahead));
    TRY(byte_queue_copy(&from->pending_acks, &to->pending_acks));
    return byte_queue_copy(&from->held, &to->held);
}

static bool numbers_are_below(const struct sequence_store *store, int64_t end)
{
    for (const struct stored_message *message = store->oldest; message != NULL; message = message->newer) {
        if (message->sequence_number < 0 || message->sequence_number >= end) {
            return false;
        }
    }
    return true;
}

static bool numbers_are_from(const struct sequence_store *store, int64_t first)
{
    for (const struct stored_message *message = store->oldest; message != NULL; message = message->newer) {
        if (message->sequence_number < first) {
            return false;
        }
    }
    return true;
}

/* In order, of messages that were counted, of bytes that were given to the target. */
static bool check_pending_acks(const struct agent_core *core)
{
    struct bytes queue = byte_queue_bytes(&core->pending_acks);
    int64_t before = -1;
    uint64_t end_before = 0;
    for (; queue.len > 0; queue = bytes_from(queue, sizeof(struct pending_ack))) {
        struct pending_ack pending;
        memcpy(&pending, queue.data, sizeof pending);
        if (pending.sequence_number <= before || pending.sequence_number >= core->expected ||
            pending.end <= end_before || pending.end > core->target_total) {
            return false;
        }
        before = pending.sequence_number;
        end_before = pending.end;
    }
    return true;
}

bool agent_core_check(const struct agent_core *core)
{
    const struct agent_sender *sender = &core->sender;
    return (unsigned)core->state <= STATE_OVER && sequence_store_check(&core->ahead) &&
           sequence_store_check(&sender->unacknowledged) && numbers_are_below(&sender->unacknowledged, sender->next) &&
           numbers_are_from(&core->ahead, core->expected) && check_pending_acks(core) &&
           (!sender->is_open || core->is_link_up);
}
