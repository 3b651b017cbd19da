#include "tests/sim/model_action.h"

#include <stdlib.h>

struct action {
    const char *name;
    bool (*is_enabled)(const struct model_world *world);
    void (*apply)(struct model_world *world);
};

/* ---- delivery ---- */

static bool client_listens(const struct model_world *world)
{
    return world->facts.client_link == MODEL_LINK_UP && channel_wants_message(world->channel);
}

static bool agent_listens(const struct model_world *world)
{
    return world->facts.agent_link == MODEL_LINK_UP && !agent_core_is_blocked(world->agent);
}

static void note_number(struct model_world *world, const struct model_message *wire)
{
    struct agent_message message;
    if (agent_message_parse(bytes_of(wire->wire, wire->len), &message) == ERR_OK &&
        message.type == AGENT_MESSAGE_OUTPUT_STREAM_DATA && message.sequence_number > world->facts.seen) {
        world->facts.seen = message.sequence_number;
    }
}

static void client_receives(struct model_world *world, const struct model_message *message)
{
    int64_t expected = world->channel->recv.expected;
    note_number(world, message);
    bool was_empty = send_window_is_empty(&world->channel->send);
    channel_receive(world->channel, bytes_of(message->wire, message->len), model_world_client_time(world));
    if (world->channel->recv.expected > expected || (!was_empty && send_window_is_empty(&world->channel->send))) {
        model_world_note_sign(world);
    }
}

static void agent_receives(struct model_world *world, const struct model_message *message)
{
    agent_core_receive(world->agent, bytes_of(message->wire, message->len), model_world_agent_time(world));
}

static bool may_deliver_to_client(const struct model_world *world)
{
    return world->to_client.count > 0 && client_listens(world);
}

static void deliver_to_client(struct model_world *world)
{
    struct model_message message = model_queue_remove(&world->to_client, 0);
    client_receives(world, &message);
}

static bool may_deliver_to_agent(const struct model_world *world)
{
    return world->to_agent.count > 0 && agent_listens(world);
}

static void deliver_to_agent(struct model_world *world)
{
    struct model_message message = model_queue_remove(&world->to_agent, 0);
    agent_receives(world, &message);
}

/* ---- links ---- */

static bool may_resume_client(const struct model_world *world)
{
    return world->facts.client_link != MODEL_LINK_UP && channel_state(world->channel) != CHANNEL_CLOSED;
}

static void resume_client(struct model_world *world)
{
    world->facts.client_link = MODEL_LINK_UP;
    channel_transport_up(world->channel, model_world_client_time(world));
    model_world_note_sign(world);
}

static bool may_resume_agent(const struct model_world *world)
{
    return world->facts.agent_link == MODEL_LINK_LOSING || world->facts.agent_link == MODEL_LINK_KEEPING;
}

static void resume_agent(struct model_world *world)
{
    world->facts.agent_link = MODEL_LINK_UP;
    agent_core_link_up(world->agent, model_world_agent_time(world));
}

static bool may_lose_client(const struct model_world *world)
{
    return world->facts.left.client_disconnects > 0 && world->facts.client_link == MODEL_LINK_UP &&
           channel_state(world->channel) != CHANNEL_CLOSED;
}

static void lose_client(struct model_world *world, enum model_link link)
{
    world->facts.left.client_disconnects--;
    world->facts.client_link = link;
    channel_transport_down(world->channel, model_world_client_time(world));
}

static void lose_client_and_messages(struct model_world *world)
{
    world->to_client.count = 0;
    world->to_agent.count = 0;
    world->facts.is_told = false; /* the service says it again */
    lose_client(world, MODEL_LINK_LOSING);
}

static void lose_client_only(struct model_world *world)
{
    lose_client(world, MODEL_LINK_KEEPING);
}

static bool may_lose_agent(const struct model_world *world)
{
    return world->facts.left.agent_disconnects > 0 && world->facts.agent_link == MODEL_LINK_UP;
}

static void lose_agent(struct model_world *world, enum model_link link)
{
    world->facts.left.agent_disconnects--;
    world->facts.agent_link = link;
    agent_core_link_down(world->agent);
}

static void lose_agent_and_messages(struct model_world *world)
{
    world->to_client.count = 0;
    world->to_agent.count = 0;
    lose_agent(world, MODEL_LINK_LOSING);
}

static void lose_agent_only(struct model_world *world)
{
    lose_agent(world, MODEL_LINK_KEEPING);
}

/* ---- the two programs at the ends ---- */

static bool is_dialing(const struct model_world *world)
{
    return world->facts.is_dialing;
}

static void connect_server(struct model_world *world)
{
    world->facts.is_dialing = false;
    world->facts.is_target_open = true;
    agent_core_dialed(world->agent, true, model_world_agent_time(world));
}

static bool may_refuse_server(const struct model_world *world)
{
    return world->facts.is_dialing && world->config->may_refuse;
}

static void refuse_server(struct model_world *world)
{
    world->facts.is_dialing = false;
    agent_core_dialed(world->agent, false, model_world_agent_time(world));
}

static bool may_server_read(const struct model_world *world)
{
    return world->facts.is_target_open && world->facts.read < world->facts.uploaded;
}

static void server_reads(struct model_world *world)
{
    world->facts.read = world->facts.uploaded;
    agent_core_written(world->agent, world->facts.read, model_world_agent_time(world));
}

static bool may_server_write(const struct model_world *world)
{
    return world->facts.is_target_open && world->facts.served < world->config->download_messages &&
           agent_core_wants_output(world->agent);
}

static void server_writes(struct model_world *world)
{
    uint8_t piece[MODEL_DOWNLOAD_PIECE];
    for (size_t i = 0; i < sizeof piece; i++) {
        piece[i] = model_download_byte((size_t)world->facts.served * sizeof piece + i);
    }
    world->facts.served++;
    agent_core_output(world->agent, bytes_of(piece, sizeof piece), model_world_agent_time(world));
}

static bool may_server_close(const struct model_world *world)
{
    const struct model_facts *facts = &world->facts;
    bool is_served = facts->served == world->config->download_messages &&
                     facts->read == world->config->upload_messages * MODEL_UPLOAD_PIECE;
    return facts->is_target_open && agent_core_wants_output(world->agent) &&
           (world->config->closes == MODEL_CLOSE_ANY || (world->config->closes == MODEL_CLOSE_SERVED && is_served));
}

static void server_closes(struct model_world *world)
{
    world->facts.is_target_open = false;
    agent_core_target_ended(world->agent, true, model_world_agent_time(world));
}

static uint32_t left_to_write(const struct model_world *world)
{
    return world->config->upload_messages * MODEL_UPLOAD_PIECE - world->facts.written;
}

static bool may_write(const struct model_world *world)
{
    return left_to_write(world) > 0 && channel_wants_input(world->channel);
}

/* A piece, or, where large payloads are the point, all that is left. */
static void client_writes(struct model_world *world)
{
    uint8_t bytes[MODEL_UPLOAD_MAX];
    size_t len = world->config->is_large ? left_to_write(world) : MODEL_UPLOAD_PIECE;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = model_upload_byte(world->facts.written + i);
    }
    world->facts.written +=
        (uint32_t)channel_write(world->channel, bytes_of(bytes, len), model_world_client_time(world));
}

static bool may_write_eof(const struct model_world *world)
{
    return world->config->has_eof && left_to_write(world) == 0 && !world->channel->has_eof &&
           channel_state(world->channel) == CHANNEL_OPEN;
}

static void client_writes_eof(struct model_world *world)
{
    channel_write_eof(world->channel, model_world_client_time(world));
    model_world_note_sign(world);
}

static bool may_read(const struct model_world *world)
{
    return channel_output(world->channel).len > 0;
}

static void client_reads(struct model_world *world)
{
    channel_tick(world->channel, model_world_client_time(world)); /* as in each round of the program's loop */
    struct bytes output = channel_output(world->channel);
    world->facts.downloaded += (uint32_t)output.len; /* what it is has been judged before */
    channel_output_consume(world->channel, output.len);
    model_world_note_sign(world);
}

static bool may_end(const struct model_world *world)
{
    return world->config->may_end && !world->facts.has_ended && channel_state(world->channel) != CHANNEL_CLOSED;
}

static void client_ends(struct model_world *world)
{
    world->facts.has_ended = true;
    channel_end(world->channel, model_world_client_time(world));
}

/* ---- the service ---- */

static bool may_tell(const struct model_world *world)
{
    return world->facts.is_over && !world->facts.is_told && world->facts.client_link == MODEL_LINK_UP &&
           channel_state(world->channel) != CHANNEL_CLOSED && world->to_client.count < world->config->capacity;
}

static void tell(struct model_world *world)
{
    uint8_t wire[MODEL_WIRE_MAX];
    size_t len;
    struct agent_message message = {
        .type = AGENT_MESSAGE_CHANNEL_CLOSED,
        .created_unix_ms = 1,
        .payload = bytes_of_text(world->facts.has_output ? "{\"Output\":\"it failed\"}" : "{\"Output\":\"\"}"),
    };
    if (agent_message_encode(&message, world->hash, wire, sizeof wire, &len) != ERR_OK) {
        abort();
    }
    world->facts.is_told = true;
    model_world_carry(world, &world->to_client, bytes_of(wire, len));
}

/* ---- time ---- */

static bool may_pass_time(const struct model_world *world)
{
    return model_world_deadline_us(world) != INSTANT_NEVER;
}

static void pass_time(struct model_world *world)
{
    int64_t deadline_us = model_world_deadline_us(world);
    world->facts.now_us = deadline_us > world->facts.now_us ? deadline_us : world->facts.now_us;
}

static bool is_disturbing(const struct model_world *world);

static bool may_delay(const struct model_world *world)
{
    return world->facts.left.delays > 0 && may_pass_time(world) && is_disturbing(world);
}

static void delay(struct model_world *world)
{
    world->facts.left.delays--;
    pass_time(world);
}

static bool may_be_silent(const struct model_world *world)
{
    return world->facts.left.silences > 0 && may_pass_time(world);
}

static void be_silent(struct model_world *world)
{
    int64_t end_us = world->facts.now_us + MODEL_SILENCE_US;
    world->facts.left.silences--;
    world->facts.is_silent = true;
    while (model_world_deadline_us(world) <= end_us) {
        pass_time(world);
        model_world_settle(world);
    }
    world->facts.now_us = end_us;
    world->facts.is_silent = false;
}

/* ---- the adversary on the network ---- */

/* What the service itself says goes over TLS, and is neither lost nor repeated. */
static bool is_from_service(const struct model_message *message)
{
    struct agent_message parsed;
    return agent_message_parse(bytes_of(message->wire, message->len), &parsed) == ERR_OK &&
           parsed.type == AGENT_MESSAGE_CHANNEL_CLOSED;
}

static bool may_lose_to_client(const struct model_world *world)
{
    return world->facts.left.losses > 0 && world->to_client.count > 0 &&
           !is_from_service(&world->to_client.messages[0]);
}

static void lose_to_client(struct model_world *world)
{
    world->facts.left.losses--;
    model_queue_remove(&world->to_client, 0);
}

static bool may_lose_to_agent(const struct model_world *world)
{
    return world->facts.left.losses > 0 && world->to_agent.count > 0;
}

static void lose_to_agent(struct model_world *world)
{
    world->facts.left.losses--;
    model_queue_remove(&world->to_agent, 0);
}

static bool may_repeat_to_client(const struct model_world *world)
{
    return world->facts.left.repeats > 0 && may_deliver_to_client(world) &&
           !is_from_service(&world->to_client.messages[0]);
}

static void repeat_to_client(struct model_world *world)
{
    world->facts.left.repeats--;
    client_receives(world, &world->to_client.messages[0]);
}

static bool may_repeat_to_agent(const struct model_world *world)
{
    return world->facts.left.repeats > 0 && may_deliver_to_agent(world);
}

static void repeat_to_agent(struct model_world *world)
{
    world->facts.left.repeats--;
    agent_receives(world, &world->to_agent.messages[0]);
}

static bool may_overtake_to_client(const struct model_world *world)
{
    return world->facts.left.overtakes > 0 && world->to_client.count > 1 && client_listens(world);
}

static void overtake_to_client(struct model_world *world, uint32_t at)
{
    struct model_message message = model_queue_remove(&world->to_client, at);
    world->facts.left.overtakes--;
    client_receives(world, &message);
}

static void second_to_client(struct model_world *world)
{
    overtake_to_client(world, 1);
}

static bool may_last_to_client(const struct model_world *world)
{
    return world->to_client.count > 2 && may_overtake_to_client(world);
}

static void last_to_client(struct model_world *world)
{
    overtake_to_client(world, world->to_client.count - 1);
}

static bool may_overtake_to_agent(const struct model_world *world)
{
    return world->facts.left.overtakes > 0 && world->to_agent.count > 1 && agent_listens(world);
}

static void overtake_to_agent(struct model_world *world, uint32_t at)
{
    struct model_message message = model_queue_remove(&world->to_agent, at);
    world->facts.left.overtakes--;
    agent_receives(world, &message);
}

static void second_to_agent(struct model_world *world)
{
    overtake_to_agent(world, 1);
}

static bool may_last_to_agent(const struct model_world *world)
{
    return world->to_agent.count > 2 && may_overtake_to_agent(world);
}

static void last_to_agent(struct model_world *world)
{
    overtake_to_agent(world, world->to_agent.count - 1);
}

#define TIME 12u /* last of the fair ones: see model_action_is_enabled */

static const struct action actions[] = {
    {"client-resumes", may_resume_client, resume_client},
    {"agent-resumes", may_resume_agent, resume_agent},
    {"server-connects", is_dialing, connect_server},
    {"deliver-to-client", may_deliver_to_client, deliver_to_client},
    {"deliver-to-agent", may_deliver_to_agent, deliver_to_agent},
    {"server-reads", may_server_read, server_reads},
    {"client-reads", may_read, client_reads},
    {"tell-client", may_tell, tell},
    {"client-writes", may_write, client_writes},
    {"server-writes", may_server_write, server_writes},
    {"server-closes", may_server_close, server_closes},
    {"client-eof", may_write_eof, client_writes_eof},
    [TIME] = {"time", may_pass_time, pass_time},
    {"delay", may_delay, delay},
    {"silence", may_be_silent, be_silent},
    {"server-refuses", may_refuse_server, refuse_server},
    {"client-ends", may_end, client_ends},
    {"lose-to-client", may_lose_to_client, lose_to_client},
    {"lose-to-agent", may_lose_to_agent, lose_to_agent},
    {"repeat-to-client", may_repeat_to_client, repeat_to_client},
    {"repeat-to-agent", may_repeat_to_agent, repeat_to_agent},
    {"second-to-client", may_overtake_to_client, second_to_client},
    {"last-to-client", may_last_to_client, last_to_client},
    {"second-to-agent", may_overtake_to_agent, second_to_agent},
    {"last-to-agent", may_last_to_agent, last_to_agent},
    {"client-loses-link-and-messages", may_lose_client, lose_client_and_messages},
    {"client-loses-link", may_lose_client, lose_client_only},
    {"agent-loses-link-and-messages", may_lose_agent, lose_agent_and_messages},
    {"agent-loses-link", may_lose_agent, lose_agent_only},
};

const unsigned model_action_count = sizeof actions / sizeof *actions;
const unsigned model_action_fair_count = TIME + 1;

/* Something else than time could happen. */
static bool is_disturbing(const struct model_world *world)
{
    return model_action_fair(world) != TIME;
}

const char *model_action_name(unsigned action)
{
    return actions[action].name;
}

unsigned model_action_by_name(const char *name)
{
    unsigned action = 0;
    while (action < model_action_count && strcmp(actions[action].name, name) != 0) {
        action++;
    }
    return action;
}

/* Time passes by itself only when nothing else can happen; anything else is a delay. */
bool model_action_is_enabled(const struct model_world *world, unsigned action)
{
    return actions[action].is_enabled(world) && (action != TIME || model_action_fair(world) == TIME);
}

void model_action_apply(struct model_world *world, unsigned action)
{
    actions[action].apply(world);
    model_world_settle(world);
}

unsigned model_action_fair(const struct model_world *world)
{
    for (unsigned action = 0; action < model_action_fair_count; action++) {
        if (actions[action].is_enabled(world)) {
            return action;
        }
    }
    return model_action_count;
}
