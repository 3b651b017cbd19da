#include "tests/sim/model_state.h"

#include "tests/emulator/ack_text.h"

#include <stdlib.h>

#define KEY_SIZE 2048
#define AGENT_TIMEOUT_US 200000

/* ---- the key: a list of numbers, hashed ---- */

struct numbers {
    size_t len;
    uint8_t bytes[KEY_SIZE];
};

static void put(struct numbers *numbers, int64_t number)
{
    if (numbers->len + 4 > KEY_SIZE || number != (int32_t)number) {
        abort();
    }
    bytes_put_be32(numbers->bytes + numbers->len, (uint32_t)(int32_t)number);
    numbers->len += 4;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* How far away it is: 0 when it has passed, -1 when it never comes. */
static void put_deadline(struct numbers *numbers, int64_t deadline_us, int64_t now_us)
{
    put(numbers, deadline_us == INSTANT_NEVER ? -1 : clamp(deadline_us - now_us, 0, INT32_MAX));
}

/* How long ago it was; more than `most_us` makes no difference any more. */
static void put_age(struct numbers *numbers, int64_t moment_us, int64_t now_us, int64_t most_us)
{
    put(numbers, clamp(now_us - moment_us, 0, most_us));
}

static int32_t sum_of(struct bytes bytes)
{
    uint32_t sum = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < bytes.len; i++) {
        sum = (sum ^ bytes.data[i]) * 16777619u;
    }
    return (int32_t)sum;
}

static void put_send_window(struct numbers *numbers, const struct channel *channel, int64_t now_us)
{
    const struct send_window *window = &channel->send;
    const struct send_entry *entries = (const void *)((const uint8_t *)window + window->memory_at);
    put(numbers, window->first);
    put(numbers, window->unsent);
    put(numbers, window->next);
    put(numbers, window->store_head);
    put(numbers, clamp(window->due_from - window->first, 0, INT32_MAX));
    put_deadline(numbers, window->expiry_us, now_us);
    put_age(numbers, window->acknowledged_us, now_us, channel->rtt.timeout_us + 1);
    for (int64_t sequence = window->first; sequence < window->next; sequence++) {
        const struct send_entry *entry = &entries[sequence % window->max_messages];
        put(numbers, entry->at);
        put(numbers, entry->len);
        put(numbers,
            (entry->sends > 3 ? 3 : entry->sends) | (entry->is_acknowledged ? 4 : 0) | (entry->is_due ? 8 : 0));
        put_age(numbers, entry->sent_us, now_us, channel->rtt.timeout_us);
    }
}

static const struct recv_slot *slot_of(const struct recv_window *window, int64_t sequence)
{
    const struct recv_slot *slots = (const void *)((const uint8_t *)window + window->memory_at);
    return &slots[sequence % window->max_messages];
}

static struct bytes slot_payload(const struct recv_window *window, int64_t sequence)
{
    const uint8_t *memory = (const uint8_t *)window + window->memory_at;
    const struct recv_slot *slot = slot_of(window, sequence);
    size_t places_at = window->max_messages * (sizeof(struct recv_slot) + sizeof(uint32_t));
    return bytes_of(memory + places_at + (size_t)slot->place * window->place_size, slot->len);
}

static void put_recv_window(struct numbers *numbers, const struct recv_window *window)
{
    const uint8_t *memory = (const uint8_t *)window + window->memory_at;
    const uint32_t *given_back = (const void *)(memory + window->max_messages * sizeof(struct recv_slot));
    put(numbers, window->expected);
    for (int64_t i = 0; i < window->max_messages; i++) {
        const struct recv_slot *slot = slot_of(window, window->expected + i);
        put(numbers, slot->is_stored ? (int64_t)slot->payload_type << 8 | slot->place : -1);
        put(numbers, slot->is_stored ? sum_of(slot_payload(window, window->expected + i)) : 0);
    }
    put(numbers, window->used);
    for (uint32_t i = 0; i < window->used - window->stored; i++) {
        put(numbers, given_back[i]);
    }
}

static void put_acks(struct numbers *numbers, const struct ack_queue *queue)
{
    const struct ack *acks = (const void *)((const uint8_t *)queue + queue->memory_at);
    uint64_t remembered = queue->made < queue->max_acks ? queue->made : queue->max_acks;
    put(numbers, (int64_t)(queue->made - queue->sent));
    put(numbers, (int64_t)remembered);
    for (uint64_t number = queue->made - remembered; number < queue->made; number++) {
        put(numbers, acks[number % queue->max_acks].sequence);
    }
}

static void put_channel(struct numbers *numbers, const struct channel *channel, int64_t now_us)
{
    bool is_asking = !channel->has_answer && channel->first_data_us != INSTANT_NEVER;
    put(numbers, (int64_t)channel->state);
    put(numbers, (int64_t)channel->err);
    put(numbers, (channel->is_up ? 1 : 0) | (channel->was_up ? 2 : 0) | (channel->has_eof ? 4 : 0) |
                     (channel->has_answer ? 8 : 0) | (channel->is_session_over ? 16 : 0) |
                     (channel->first_data_us != INSTANT_NEVER ? 32 : 0) | (channel->is_discarding ? 64 : 0));
    put_deadline(numbers, channel->state_deadline_us, now_us);
    put(numbers, is_asking ? clamp(now_us - channel->first_data_us, 0, INT32_MAX) : -1);
    put(numbers, channel->has_eof ? clamp(now_us - channel->quiet_since_us, 0, MODEL_SILENCE_US) : -1);
    put(numbers, (int64_t)channel->probe << 8 | channel->large_losses << 1 | channel->has_sent_large);
    put(numbers, channel->probe_sequence);
    put(numbers, channel->highest_seen);
    put(numbers, channel->terminate_sequence);
    put(numbers, (int64_t)channel->output.head);
    put(numbers, (int64_t)channel->output.len);
    put_acks(numbers, &channel->acks);
    put_send_window(numbers, channel, now_us);
    put_recv_window(numbers, &channel->recv);
}

static int compare_numbers(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

/* What arrived ahead is found by its number: the order of arrival makes no difference. */
static void put_ahead(struct numbers *numbers, const struct sequence_store *store)
{
    int64_t ahead[64];
    size_t count = 0;
    for (const struct stored_message *message = store->oldest; message != NULL; message = message->newer) {
        if (count == sizeof ahead / sizeof *ahead) {
            abort();
        }
        ahead[count++] = message->sequence_number;
    }
    qsort(ahead, count, sizeof *ahead, compare_numbers);
    put(numbers, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        put(numbers, ahead[i]);
    }
}

static void put_agent_queues(struct numbers *numbers, const struct agent_core *agent, int64_t now_us)
{
    const struct sequence_store *store = &agent->sender.unacknowledged;
    put(numbers, (int64_t)store->count);
    for (const struct stored_message *message = store->oldest; message != NULL; message = message->newer) {
        put(numbers, message->sequence_number);
        put_age(numbers, (int64_t)message->last_sent_us, now_us, AGENT_TIMEOUT_US + 1);
    }
    put_ahead(numbers, &agent->ahead);
    struct bytes queue = byte_queue_bytes(&agent->pending_acks);
    put(numbers, (int64_t)queue.len);
    for (; queue.len > 0; queue = bytes_from(queue, sizeof(struct pending_ack))) {
        struct pending_ack pending;
        memcpy(&pending, queue.data, sizeof pending);
        put(numbers, pending.sequence_number);
        put(numbers, (int64_t)pending.end);
    }
    struct bytes held = byte_queue_bytes(&agent->held);
    put(numbers, held.len == 0 ? -1 : (int64_t)bytes_get_be64(held.data + 48)); /* its number */
}

static void put_agent(struct numbers *numbers, const struct agent_core *agent, int64_t now_us)
{
    bool has_due = agent->state == STATE_HANDSHAKE || agent->state == STATE_COMPLETING ||
                   agent->state == STATE_DRAINING || agent->state == STATE_CRASHED || agent->state == STATE_REPORTING;
    put(numbers, (int64_t)agent->state);
    put(numbers, (int64_t)agent->receive_loop);
    put(numbers, (int64_t)agent->sequel);
    put(numbers, (agent->is_link_up ? 1 : 0) | (agent->is_paused ? 2 : 0) | (agent->has_response ? 4 : 0) |
                     (agent->sender.is_open ? 8 : 0) | (agent->output[0] != '\0' ? 16 : 0));
    put(numbers, agent->expected);
    put(numbers, (int64_t)agent->target_total);
    put_deadline(numbers, has_due ? (int64_t)agent->state_due_us : INSTANT_NEVER, now_us);
    put_deadline(numbers, (int64_t)agent->next_resend_us, now_us);
    put(numbers, (now_us - (int64_t)agent->started_us) % 100000); /* it repeats on a grid of 100 ms */
    put(numbers, agent->sender.next);
    put_agent_queues(numbers, agent, now_us);
}

static void put_message(struct numbers *numbers, const struct model_message *wire)
{
    struct agent_message message;
    int64_t acknowledged = -1;
    if (agent_message_parse(bytes_of(wire->wire, wire->len), &message) != ERR_OK) {
        abort();
    }
    bool is_ack = message.type == AGENT_MESSAGE_ACKNOWLEDGE;
    put(numbers, (int64_t)message.type << 8 | message.payload_type);
    put(numbers, is_ack && ack_text_parse(message.payload, &acknowledged) ? acknowledged : message.sequence_number);
    put(numbers, message.payload_type == PAYLOAD_OUTPUT ? sum_of(message.payload) : 0);
}

static void put_queue(struct numbers *numbers, const struct model_queue *queue)
{
    put(numbers, queue->count);
    for (uint32_t i = 0; i < queue->count; i++) {
        put_message(numbers, &queue->messages[i]);
    }
}

static void put_facts(struct numbers *numbers, const struct model_facts *facts)
{
    const struct model_budget *left = &facts->left;
    put(numbers, left->losses << 16 | left->repeats << 8 | left->overtakes);
    put(numbers, left->delays << 16 | left->silences << 8);
    put(numbers, left->client_disconnects << 8 | left->agent_disconnects);
    put(numbers, facts->written);
    put(numbers, facts->uploaded);
    put(numbers, facts->read);
    put(numbers, facts->served);
    put(numbers, facts->downloaded);
    put(numbers, facts->seen);
    put(numbers, (int64_t)facts->client_link << 8 | facts->agent_link);
    put(numbers, (facts->is_dialing ? 1 : 0) | (facts->is_target_open ? 2 : 0) | (facts->is_over ? 4 : 0) |
                     (facts->is_told ? 8 : 0) | (facts->has_output ? 16 : 0) | (facts->has_ended ? 32 : 0));
}

struct model_key model_state_key(const struct model_world *world)
{
    struct numbers numbers;
    uint8_t digest[SHA256_LEN];
    struct model_key key;
    numbers.len = 0;
    put_facts(&numbers, &world->facts);
    put_age(&numbers, world->channel->has_eof ? world->facts.sign_us : 0, world->facts.now_us, MODEL_SILENCE_US);
    put_channel(&numbers, world->channel, world->facts.now_us);
    put_agent(&numbers, world->agent, world->facts.now_us);
    put_queue(&numbers, &world->to_client);
    put_queue(&numbers, &world->to_agent);
    if (sha256_digest(world->hash, bytes_of(numbers.bytes, numbers.len), digest) != ERR_OK) {
        abort();
    }
    memcpy(&key, digest, sizeof key);
    return key;
}
