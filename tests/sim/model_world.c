#include "tests/sim/model_world.h"

#include <stdio.h>
#include <stdlib.h>

#define START_US (1000LL * 1000 * 1000)
#define UNIX_MS 1700000000000u
#define ROUNDS_MAX 1000 /* of settling at one moment; more is a loop */

struct instant model_world_client_time(const struct model_world *world)
{
    return (struct instant){.mono_us = world->facts.now_us, .unix_ms = UNIX_MS};
}

struct agent_time model_world_agent_time(const struct model_world *world)
{
    return (struct agent_time){.mono_us = (uint64_t)world->facts.now_us, .unix_ms = UNIX_MS};
}

void model_world_fail(struct model_world *world, const char *what)
{
    if (world->facts.failure == NULL) {
        world->facts.failure = what;
    }
}

void model_world_note_sign(struct model_world *world)
{
    if (channel_state(world->channel) <= CHANNEL_OPEN) {
        world->facts.sign_us = world->facts.now_us;
    }
}

/* ---- the network ---- */

static enum model_link link_towards(const struct model_world *world, const struct model_queue *queue)
{
    return queue == &world->to_client ? world->facts.client_link : world->facts.agent_link;
}

void model_world_carry(struct model_world *world, struct model_queue *queue, struct bytes wire)
{
    enum model_link link = link_towards(world, queue);
    bool is_kept = link == MODEL_LINK_UP || link == MODEL_LINK_KEEPING;
    if (!is_kept || world->facts.is_silent || queue->count == world->config->capacity) {
        return;
    }
    if (wire.len > MODEL_WIRE_MAX) {
        abort();
    }
    struct model_message *message = &queue->messages[queue->count++];
    message->len = wire.len;
    memcpy(message->wire, wire.data, wire.len);
}

struct model_message model_queue_remove(struct model_queue *queue, uint32_t at)
{
    struct model_message message = queue->messages[at];
    queue->count--;
    for (uint32_t i = at; i < queue->count; i++) {
        queue->messages[i] = queue->messages[i + 1];
    }
    return message;
}

static void copy_queue(const struct model_queue *from, struct model_queue *to)
{
    to->count = from->count;
    for (uint32_t i = 0; i < from->count; i++) {
        to->messages[i].len = from->messages[i].len;
        memcpy(to->messages[i].wire, from->messages[i].wire, from->messages[i].len);
    }
}

/* ---- what the agent asks for ---- */

static void agent_sends(void *owner, struct bytes message)
{
    static const char for_the_service[] = "agent_session_state";
    struct model_world *world = owner;
    if (memcmp(message.data + 4, for_the_service, sizeof for_the_service - 1) != 0) {
        model_world_carry(world, &world->to_client, message);
    }
}

static void agent_dials(void *owner)
{
    ((struct model_world *)owner)->facts.is_dialing = true;
}

static void agent_writes(void *owner, struct bytes payload)
{
    struct model_world *world = owner;
    for (size_t i = 0; i < payload.len; i++) {
        if (payload.data[i] != model_upload_byte(world->facts.uploaded + i)) {
            model_world_fail(world, "a wrong byte reached the server");
        }
    }
    world->facts.uploaded += (uint32_t)payload.len;
    if (world->facts.uploaded > world->facts.written) {
        model_world_fail(world, "more reached the server than was written");
    }
}

static void agent_closes_target(void *owner)
{
    ((struct model_world *)owner)->facts.is_target_open = false;
}

static void agent_drops_link(void *owner)
{
    struct model_world *world = owner;
    world->facts.agent_link = MODEL_LINK_GONE;
    world->to_agent.count = 0;
}

static void agent_completes(void *owner, const char *final_status, const char *output)
{
    struct model_world *world = owner;
    (void)final_status;
    world->facts.is_over = true;
    world->facts.has_output = output[0] != '\0';
}

static const struct agent_ports ports = {
    .send = agent_sends,
    .dial = agent_dials,
    .target_write = agent_writes,
    .target_close = agent_closes_target,
    .link_drop = agent_drops_link,
    .task_complete = agent_completes,
};

/* ---- a world ---- */

static struct channel_config channel_config_of(const struct model_config *config)
{
    struct channel_config channel = channel_config_default();
    channel.send_messages = config->send_messages;
    channel.send_bytes = 2048; /* never what limits */
    channel.recv_messages = config->recv_messages;
    channel.recv_payload_bytes = MODEL_DOWNLOAD_PIECE;
    channel.ack_messages = config->ack_messages;
    channel.output_bytes = MODEL_OUTPUT_BYTES;
    channel.safe_payload_bytes = MODEL_UPLOAD_PIECE;
    channel.payload_bytes = config->is_large ? 2 * MODEL_UPLOAD_PIECE : MODEL_UPLOAD_PIECE;
    return channel;
}

static struct model_world *make_world(const struct model_config *config, struct sha256 *hash)
{
    struct model_world *world = calloc(1, sizeof *world);
    struct channel_config channel_config = channel_config_of(config);
    struct agent_config agent_config = {
        .session_id = "model-0123456789abcdef0",
        .properties = "{\"portNumber\":\"22\"}",
        .timing = agent_core_real_timing(),
    };
    if (world == NULL || channel_new(&channel_config, chance_from_number(1), hash, &world->channel) != ERR_OK ||
        agent_core_new(&agent_config, &ports, world, &world->chance, &world->agent) != ERR_OK) {
        abort();
    }
    world->config = config;
    world->hash = hash;
    return world;
}

struct model_world *model_world_new(const struct model_config *config, struct sha256 *hash)
{
    struct model_world *world = make_world(config, hash);
    world->chance = chance_from_number(2);
    world->facts = (struct model_facts){.now_us = START_US, .left = config->budget, .seen = -1};
    agent_core_start(world->agent, model_world_agent_time(world));
    channel_transport_up(world->channel, model_world_client_time(world));
    model_world_settle(world);
    return world;
}

void model_world_free(struct model_world *world)
{
    channel_free(&world->channel);
    agent_core_free(world->agent);
    free(world);
}

void model_world_copy(const struct model_world *from, struct model_world *to)
{
    memcpy(to->channel, from->channel, channel_size(from->channel));
    if (agent_core_copy(from->agent, to->agent) != ERR_OK) {
        abort();
    }
    to->chance = from->chance;
    to->facts = from->facts;
    copy_queue(&from->to_client, &to->to_client);
    copy_queue(&from->to_agent, &to->to_agent);
}

/* ---- time ---- */

static int64_t agent_deadline_us(const struct model_world *world)
{
    uint64_t deadline_us = agent_core_deadline(world->agent);
    return deadline_us < INT64_MAX ? (int64_t)deadline_us : INSTANT_NEVER;
}

int64_t model_world_deadline_us(const struct model_world *world)
{
    return instant_earlier(channel_deadline_us(world->channel), agent_deadline_us(world));
}

/* The state space is finite because neither side learns how long a round trip takes. */
static void forget_estimates(struct model_world *world)
{
    world->channel->rtt = rtt_initial();
    world->agent->sender.rtt_us = 100e3;
    world->agent->sender.rtt_variation_us = 0;
    world->agent->sender.timeout_us = 200e3;
}

static bool send_frame(struct model_world *world)
{
    if (world->to_agent.count == world->config->capacity) {
        return false; /* the websocket is full */
    }
    struct bytes frame = channel_take_frame(world->channel, model_world_client_time(world));
    if (frame.len > 0) {
        model_world_carry(world, &world->to_agent, frame);
    }
    return frame.len > 0;
}

static bool tick(struct model_world *world)
{
    bool is_client_due = channel_deadline_us(world->channel) <= world->facts.now_us;
    bool is_agent_due = agent_deadline_us(world) <= world->facts.now_us;
    if (is_client_due) {
        channel_tick(world->channel, model_world_client_time(world));
    }
    if (is_agent_due) {
        agent_core_tick(world->agent, model_world_agent_time(world));
    }
    return is_client_due || is_agent_due;
}

void model_world_settle(struct model_world *world)
{
    forget_estimates(world);
    for (unsigned round = 0; tick(world) || send_frame(world); round++) {
        forget_estimates(world);
        if (round == ROUNDS_MAX) {
            model_world_fail(world, "a loop without end at one moment");
            return;
        }
    }
}
