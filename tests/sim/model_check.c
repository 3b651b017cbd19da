#include "tests/sim/model_state.h"

#define PATIENCE_US (2 * 1000 * 1000) /* of both sides */

/* What one side has let go of, the other has: nothing is acknowledged that could still be lost. */
static bool client_has(const struct channel *channel, int64_t sequence)
{
    const struct recv_window *window = &channel->recv;
    const struct recv_slot *slots = (const void *)((const uint8_t *)window + window->memory_at);
    return sequence < window->expected ||
           (sequence < window->expected + window->max_messages && slots[sequence % window->max_messages].is_stored);
}

static void check_what_the_agent_let_go(struct model_world *world)
{
    struct agent_sender *sender = &world->agent->sender;
    for (int64_t sequence = 0; sequence < sender->next; sequence++) {
        if (sequence_store_find(&sender->unacknowledged, sequence) == NULL && !client_has(world->channel, sequence)) {
            model_world_fail(world, "the client acknowledged a message that it does not have");
        }
    }
}

static bool is_acknowledged(const struct send_window *window, int64_t sequence)
{
    const struct send_entry *entries = (const void *)((const uint8_t *)window + window->memory_at);
    return sequence < window->first || entries[sequence % window->max_messages].is_acknowledged;
}

static void check_what_the_client_let_go(struct model_world *world)
{
    const struct agent_core *agent = world->agent;
    for (int64_t sequence = 0; sequence < world->channel->send.unsent; sequence++) {
        bool agent_has = sequence < agent->expected || sequence_store_find(&agent->ahead, sequence) != NULL;
        if (is_acknowledged(&world->channel->send, sequence) && !agent_has) {
            model_world_fail(world, "the client dropped a message that the agent does not have");
        }
    }
}

/* In order, exactly once: the output that waits for the reader is what follows what it has read. */
static void check_output(struct model_world *world)
{
    const struct byte_ring *ring = &world->channel->output;
    const uint8_t *memory = (const uint8_t *)ring + ring->memory_at;
    if (world->facts.downloaded + ring->len > (size_t)world->facts.served * MODEL_DOWNLOAD_PIECE) {
        model_world_fail(world, "more output arrived than the server wrote");
    }
    for (size_t i = 0; i < ring->len; i++) {
        if (memory[(ring->head + i) % ring->size] != model_download_byte(world->facts.downloaded + i)) {
            model_world_fail(world, "a wrong byte reached the client");
        }
    }
}

/* After the end of local input, the tunnel ends only when nothing has happened for 2 s. */
static void check_patience(struct model_world *world)
{
    enum channel_state state = channel_state(world->channel);
    bool is_ending = state == CHANNEL_DRAINING || state == CHANNEL_TERMINATING;
    if (is_ending && !world->facts.has_ended && world->facts.now_us - world->facts.sign_us < PATIENCE_US) {
        model_world_fail(world, "the tunnel ended itself although there was a sign of life less than 2 s ago");
    }
}

void model_state_check(struct model_world *world)
{
    if (!channel_check(world->channel)) {
        model_world_fail(world, "the channel's invariants are broken");
    }
    if (!agent_core_check(world->agent)) {
        model_world_fail(world, "the agent core's invariants are broken");
    }
    check_output(world);
    check_what_the_agent_let_go(world);
    check_what_the_client_let_go(world);
    check_patience(world);
}

const char *model_end_name(enum model_end end)
{
    static const char *const names[MODEL_END_COUNT] = {
        [MODEL_END_NONE] = "not ended",       [MODEL_END_WHOLE] = "whole",
        [MODEL_END_CLOSED] = "server closed", [MODEL_END_ASKED] = "ended by a signal",
        [MODEL_END_GIVEN_UP] = "given up",    [MODEL_END_ERROR] = "error",
    };
    return names[end];
}

static enum model_end judge_error(struct model_world *world, enum err err)
{
    if (world->config->endures) {
        model_world_fail(world, "an error, although the faults were too few for one");
    }
    if (err != ERR_TIMEOUT && err != ERR_NO_SERVER && err != ERR_SESSION_ENDED) {
        model_world_fail(world, "an error for which no network is to blame");
    }
    return MODEL_END_ERROR;
}

/* Two losses that no client can notice, both at the very end and both only after 2 s in which nothing came through: an
 * agent whose server has closed gives up what is not acknowledged then, and reports success; and when local input has
 * ended, 2 s without output are taken for the end (check_patience). */
static bool is_given_up(const struct model_world *world)
{
    bool agent_gave_up = world->facts.agent_link == MODEL_LINK_GONE && agent_core_unacknowledged(world->agent) > 0;
    bool was_seen = world->facts.seen >= world->channel->recv.expected; /* a later message came: it can be noticed */
    return (agent_gave_up && !was_seen) || world->channel->has_eof;
}

enum model_end model_state_end(struct model_world *world)
{
    const struct model_facts *facts = &world->facts;
    if (!channel_is_finished(world->channel)) {
        return MODEL_END_NONE;
    }
    struct channel_result result = channel_result(world->channel);
    if (result.err != ERR_OK) {
        return judge_error(world, result.err);
    }
    if (facts->has_ended) {
        return MODEL_END_ASKED;
    }
    if (facts->downloaded < facts->served * MODEL_DOWNLOAD_PIECE) {
        if (!is_given_up(world)) {
            model_world_fail(world, "ended well, and output is missing");
        }
        return MODEL_END_GIVEN_UP;
    }
    if (facts->read < facts->written) {
        if (world->config->closes != MODEL_CLOSE_ANY) {
            model_world_fail(world, "ended well, and the server has not read everything");
        }
        return MODEL_END_CLOSED;
    }
    return MODEL_END_WHOLE;
}
