/* One whole session of the engine with the lab's agent core, in memory and in virtual time: handshake, both streams, a
 * connection that is lost and resumed, the end. Only the engine's calls fail, never the agent's. */
#include "tests/torture/scenario.h"

#include "common/auto.h"
#include "proxy/core/agent_message.h"
#include "proxy/core/channel.h"
#include "tests/emulator/agent_core.h"
#include "tests/torture/torture.h"

#include <stdint.h>
#include <string.h>

#define STREAM_LEN 6000 /* each way: six messages */
#define MESSAGES_MAX 256
#define MESSAGE_SIZE 2048
#define LIMIT_US (600ll * 1000 * 1000)

struct queue {
    uint8_t wires[MESSAGES_MAX][MESSAGE_SIZE];
    size_t lengths[MESSAGES_MAX];
    size_t begin;
    size_t end;
};

static struct {
    int64_t now_us;
    struct queue to_client;
    struct queue to_agent;
    struct channel *channel;
    struct agent_core *agent;
    bool is_connected;
    bool is_dialing;
    bool is_over;
    bool is_told;
    size_t written;
    size_t uploaded;
    size_t served;
    size_t downloaded;
} world;

static uint8_t stream_byte(size_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

static struct instant client_now(void)
{
    return (struct instant){.mono_us = world.now_us, .unix_ms = 1700000000000u + (uint64_t)world.now_us / 1000};
}

static struct agent_time agent_now(void)
{
    return (struct agent_time){.mono_us = (uint64_t)world.now_us,
                               .unix_ms = 1700000000000u + (uint64_t)world.now_us / 1000};
}

static void put(struct queue *queue, struct bytes wire)
{
    if (!world.is_connected) {
        return;
    }
    scenario_demand(queue->end < MESSAGES_MAX && wire.len <= MESSAGE_SIZE, "more messages than planned for");
    memcpy(queue->wires[queue->end], wire.data, wire.len);
    queue->lengths[queue->end++] = wire.len;
}

static struct bytes take(struct queue *queue)
{
    size_t at = queue->begin++;
    return bytes_of(queue->wires[at], queue->lengths[at]);
}

static bool is_empty(const struct queue *queue)
{
    return queue->begin == queue->end;
}

/* ---- the agent ---- */

static void agent_sends(void *owner, struct bytes message)
{
    (void)owner;
    put(&world.to_client, message);
}

static void agent_dials(void *owner)
{
    (void)owner;
    world.is_dialing = true;
}

static void agent_writes(void *owner, struct bytes payload)
{
    (void)owner;
    for (size_t i = 0; i < payload.len; i++) {
        scenario_demand(payload.data[i] == stream_byte(world.uploaded++), "a wrong byte reached the target");
    }
}

static void agent_does_nothing(void *owner)
{
    (void)owner;
}

static void agent_completes(void *owner, const char *final_status, const char *output)
{
    (void)owner;
    (void)final_status;
    (void)output;
    world.is_over = true;
}

static const struct agent_ports agent_ports = {
    .send = agent_sends,
    .dial = agent_dials,
    .target_write = agent_writes,
    .target_close = agent_does_nothing,
    .link_drop = agent_does_nothing,
    .task_complete = agent_completes,
};

static void serve_target(void)
{
    uint8_t piece[AGENT_CORE_PAYLOAD];
    size_t len = STREAM_LEN - world.served < sizeof piece ? STREAM_LEN - world.served : sizeof piece;
    for (size_t i = 0; i < len; i++) {
        piece[i] = stream_byte(world.served + i);
    }
    world.served += len;
    if (len > 0) {
        agent_core_output(world.agent, bytes_of(piece, len), agent_now());
    } else if (world.uploaded == STREAM_LEN && world.downloaded == STREAM_LEN) {
        agent_core_target_ended(world.agent, true, agent_now());
    }
}

static void move_agent(void)
{
    while (!is_empty(&world.to_agent) && !world.is_over) {
        agent_core_receive(world.agent, take(&world.to_agent), agent_now());
    }
    if (world.is_over) {
        return;
    }
    if (world.is_dialing) {
        world.is_dialing = false;
        agent_core_dialed(world.agent, true, agent_now());
    }
    agent_core_written(world.agent, world.uploaded, agent_now());
    if (agent_core_deadline(world.agent) <= (uint64_t)world.now_us) {
        agent_core_tick(world.agent, agent_now());
    }
    if (!world.is_over && agent_core_wants_output(world.agent)) {
        serve_target();
    }
}

/* The service says that the session is over. */
static void tell_client(void)
{
    uint8_t wire[512];
    size_t len = 0;
    struct sha256 *hash = NULL;
    struct agent_message message = {
        .type = AGENT_MESSAGE_CHANNEL_CLOSED, .created_unix_ms = 1, .payload = bytes_of_text("{\"Output\":\"\"}")};
    scenario_demand(sha256_new(&hash) == ERR_OK &&
                        agent_message_encode(&message, hash, wire, sizeof wire, &len) == ERR_OK,
                    "channel_closed cannot be made");
    sha256_free(&hash);
    put(&world.to_client, bytes_of(wire, len));
    world.is_told = true;
}

/* ---- the client ---- */

static void write_input(void)
{
    uint8_t piece[1000];
    while (world.written < STREAM_LEN && channel_wants_input(world.channel)) {
        for (size_t i = 0; i < sizeof piece; i++) {
            piece[i] = stream_byte(world.written + i);
        }
        size_t taken = channel_write(world.channel, bytes_of(piece, sizeof piece), client_now());
        world.written += taken;
        if (taken == 0) {
            break;
        }
    }
}

static void read_output(void)
{
    struct bytes output = channel_output(world.channel);
    for (size_t i = 0; i < output.len; i++) {
        scenario_demand(output.data[i] == stream_byte(world.downloaded++), "a wrong byte reached the client");
    }
    channel_output_consume(world.channel, output.len);
}

static void move_client(void)
{
    while (!is_empty(&world.to_client) && channel_wants_message(world.channel)) {
        channel_receive(world.channel, take(&world.to_client), client_now());
    }
    channel_tick(world.channel, client_now());
    write_input();
    for (struct bytes frame = channel_take_frame(world.channel, client_now()); frame.len > 0;
         frame = channel_take_frame(world.channel, client_now())) {
        put(&world.to_agent, frame);
    }
    read_output();
    scenario_demand(channel_check(world.channel), "the channel's invariants are broken");
}

/* ---- the session ---- */

static void lose_connection(void)
{
    channel_transport_down(world.channel, client_now());
    world.to_agent.begin = world.to_agent.end = 0;
    world.to_client.begin = world.to_client.end = 0;
    world.now_us += 1000 * 1000;
    channel_transport_up(world.channel, client_now());
}

static void step(bool *was_lost)
{
    torture_pause();
    move_agent();
    if (world.is_over && !world.is_told) {
        tell_client();
    }
    torture_go_on();
    move_client();
    if (!*was_lost && world.downloaded > STREAM_LEN / 2) {
        *was_lost = true;
        lose_connection();
    }
    world.now_us += 1000;
}

static enum err play(void)
{
    bool was_lost = false;
    channel_transport_up(world.channel, client_now());
    while (!channel_is_finished(world.channel) && world.now_us < LIMIT_US) {
        step(&was_lost);
    }
    scenario_demand(channel_is_finished(world.channel), "it hangs");
    struct channel_result result = channel_result(world.channel);
    scenario_demand(result.err != ERR_OK || (was_lost && world.downloaded == STREAM_LEN), "bytes are missing");
    return result.err;
}

static enum err open_and_play(struct chance *agent_chance)
{
    AUTO(sha256_free) struct sha256 *hash = NULL;
    AUTO(channel_free) struct channel *channel = NULL;
    struct channel_config config = channel_config_default();
    TRY(sha256_new(&hash));
    TRY(channel_new(&config, chance_from_number(1), hash, &channel));
    world.channel = channel;
    struct agent_config agent_config = {.session_id = "torture-0123456789abcdef0",
                                        .properties = "{\"portNumber\":\"22\"}",
                                        .timing = agent_core_real_timing()};
    torture_pause();
    enum err err = agent_core_new(&agent_config, &agent_ports, &world, agent_chance, &world.agent);
    scenario_demand(err == ERR_OK, "the agent cannot be made");
    agent_core_start(world.agent, agent_now());
    torture_go_on();
    err = play();
    torture_pause();
    agent_core_free(world.agent);
    torture_go_on();
    return err;
}

static enum err run_session(void)
{
    memset(&world, 0, sizeof world);
    world.now_us = 1000 * 1000;
    world.is_connected = true;
    struct chance agent_chance = chance_from_number(2);
    return open_and_play(&agent_chance);
}

const struct scenario engine_scenarios[] = {{"session", NULL, run_session}};
const size_t engine_scenario_count = 1;
