#include "tests/sim/sim_session.h"

#include "proxy/core/agent_message.h"
#include "proxy/core/channel.h"
#include "tests/emulator/agent_core.h"
#include "tests/sim/sim_sky.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT_US (4LL * 3600 * 1000 * 1000) /* of virtual time: what is not over by then hangs */

struct network {
    uint64_t loss_percent;
    uint64_t repeat_percent;
    int64_t delay_us;
    int64_t jitter_us; /* reorders */
    uint32_t disconnects;
    size_t largest; /* message to the agent; a larger one closes the client's connection */
};

struct sim_session {
    uint64_t seed;
    struct chance chance;
    struct network network;
    int64_t now_us;
    struct sim_sky sky;
    uint64_t sent[2];   /* flights, by direction */
    uint64_t newest[2]; /* number of the newest that has landed */
    struct sim_tally tally;
    uint32_t connection;
    bool is_connected;
    int64_t reconnect_us;
    int64_t disconnect_us;
    bool is_agent_connected;
    int64_t agent_reconnect_us;

    uint64_t moves;
    struct channel *channel;
    size_t upload_len; /* what the client writes; byte n of a stream is stream_byte(seed, n) */
    size_t written;
    size_t downloaded;

    struct agent_core *agent;
    struct chance agent_chance;
    bool is_dialing;
    bool is_target_open;
    int64_t target_us; /* next read from the target */
    size_t download_len;
    size_t served;
    size_t uploaded;
    bool has_agent_left; /* it has hung up for good */
    bool is_over;        /* the service knows that the task is complete */
    bool is_told;        /* channel_closed is on its way to the client */
    /* The target closes when the client has everything, as sshd does; otherwise right after its last byte. */
    bool is_target_patient;
    char final_output[256];
    const char *failure;
};

static uint8_t stream_byte(uint64_t seed, size_t at)
{
    uint64_t mixed = (seed + at / 7) * 0x9e3779b97f4a7c15u;
    return (uint8_t)(mixed >> (8 * (at % 7)));
}

static struct instant client_time(const struct sim_session *session)
{
    return (struct instant){.mono_us = session->now_us, .unix_ms = 1700000000000u + (uint64_t)session->now_us / 1000};
}

static struct agent_time agent_time(const struct sim_session *session)
{
    return (struct agent_time){.mono_us = (uint64_t)session->now_us,
                               .unix_ms = 1700000000000u + (uint64_t)session->now_us / 1000};
}

static void fail(struct sim_session *session, const char *what)
{
    if (session->failure == NULL) {
        session->failure = what;
    }
}

/* ---- the network ---- */

static void push_flight(struct sim_session *session, struct sim_flight flight)
{
    if (!sim_sky_push(&session->sky, flight)) {
        fail(session, "more messages under way than the windows allow");
        free(flight.wire);
    }
}

static bool happens(struct sim_session *session, uint64_t percent)
{
    return chance_below(&session->chance, 100) < percent;
}

static void fly_once(struct sim_session *session, enum sim_direction direction, struct bytes wire)
{
    struct sim_flight flight = {.direction = direction, .connection = session->connection, .len = wire.len};
    flight.arrives_us = session->now_us + session->network.delay_us +
                        (int64_t)chance_below(&session->chance, (uint64_t)session->network.jitter_us + 1);
    flight.number = session->sent[direction]++;
    flight.wire = malloc(wire.len + 1);
    if (flight.wire == NULL) {
        abort();
    }
    memcpy(flight.wire, wire.data, wire.len);
    push_flight(session, flight);
}

static void disconnect(struct sim_session *session);

static void fly(struct sim_session *session, enum sim_direction direction, struct bytes wire)
{
    if (session->is_connected && direction == TO_AGENT && wire.len > session->network.largest) {
        disconnect(session);
    }
    if (!session->is_connected || happens(session, session->network.loss_percent)) {
        return;
    }
    fly_once(session, direction, wire);
    if (happens(session, session->network.repeat_percent)) {
        fly_once(session, direction, wire);
    }
}

/* ---- the agent's side ---- */

static void agent_sends(void *owner, struct bytes message)
{
    fly(owner, TO_CLIENT, message);
}

static void agent_dials(void *owner)
{
    ((struct sim_session *)owner)->is_dialing = true;
}

static void agent_writes(void *owner, struct bytes payload)
{
    struct sim_session *session = owner;
    for (size_t i = 0; i < payload.len; i++) {
        if (session->uploaded + i >= session->upload_len ||
            payload.data[i] != stream_byte(session->seed, session->uploaded + i)) {
            fail(session, "a wrong byte reached the target");
            return;
        }
    }
    session->uploaded += payload.len;
}

static void agent_closes_target(void *owner)
{
    ((struct sim_session *)owner)->is_target_open = false;
}

static void agent_drops_link(void *owner)
{
    ((struct sim_session *)owner)->has_agent_left = true;
}

static void agent_completes(void *owner, const char *final_status, const char *output)
{
    struct sim_session *session = owner;
    (void)final_status;
    session->is_over = true;
    snprintf(session->final_output, sizeof session->final_output, "%s", output);
}

static const struct agent_ports agent_ports = {
    .send = agent_sends,
    .dial = agent_dials,
    .target_write = agent_writes,
    .target_close = agent_closes_target,
    .link_drop = agent_drops_link,
    .task_complete = agent_completes,
};

static void target_reads(struct sim_session *session)
{
    uint8_t piece[AGENT_CORE_PAYLOAD];
    size_t len = session->download_len - session->served;
    len = len < sizeof piece ? len : sizeof piece;
    if (len == 0) {
        bool is_done = !session->is_target_patient || session->downloaded == session->download_len;
        if (session->uploaded == session->upload_len && is_done) {
            session->is_target_open = false;
            agent_core_target_ended(session->agent, true, agent_time(session));
        }
        return;
    }
    for (size_t i = 0; i < len; i++) {
        piece[i] = stream_byte(~session->seed, session->served + i);
    }
    session->served += len;
    agent_core_output(session->agent, bytes_of(piece, len), agent_time(session));
}

static void move_agent(struct sim_session *session)
{
    if (session->is_over) {
        return;
    }
    if (session->is_dialing) {
        session->is_dialing = false;
        session->is_target_open = true;
        agent_core_dialed(session->agent, true, agent_time(session));
    }
    agent_core_written(session->agent, session->uploaded, agent_time(session));
    if (agent_core_deadline(session->agent) <= (uint64_t)session->now_us) {
        agent_core_tick(session->agent, agent_time(session));
    }
    if (session->is_target_open && session->now_us >= session->target_us && agent_core_wants_output(session->agent)) {
        target_reads(session);
        session->target_us = session->now_us + 1000; /* the agent's pause after each read */
    }
}

/* ---- the client's side ---- */

static void client_writes(struct sim_session *session)
{
    uint8_t piece[16384];
    while (session->written < session->upload_len && channel_wants_input(session->channel)) {
        size_t len = session->upload_len - session->written;
        len = len < sizeof piece ? len : 1 + chance_below(&session->chance, sizeof piece);
        for (size_t i = 0; i < len; i++) {
            piece[i] = stream_byte(session->seed, session->written + i);
        }
        session->written += channel_write(session->channel, bytes_of(piece, len), client_time(session));
    }
}

static void client_reads(struct sim_session *session)
{
    struct bytes output = channel_output(session->channel);
    if (output.len == 0 || (output.len < 2000 && happens(session, 30))) {
        return; /* a reader that is sometimes slow */
    }
    for (size_t i = 0; i < output.len; i++) {
        if (output.data[i] != stream_byte(~session->seed, session->downloaded + i)) {
            fail(session, "a wrong byte reached the client");
            return;
        }
    }
    session->downloaded += output.len;
    channel_output_consume(session->channel, output.len);
}

static void move_client(struct sim_session *session)
{
    if (channel_deadline_us(session->channel) <= session->now_us) {
        channel_tick(session->channel, client_time(session));
    }
    client_writes(session);
    for (;;) {
        struct bytes frame = channel_take_frame(session->channel, client_time(session));
        if (frame.len == 0) {
            break;
        }
        fly(session, TO_AGENT, frame);
    }
    client_reads(session);
    if (session->moves++ % 256 == 0 && !channel_check(session->channel)) {
        fail(session, "the channel's invariants are broken");
    }
}

/* ---- the service: disconnects, resumes, the end ---- */

static void disconnect(struct sim_session *session)
{
    session->is_connected = false;
    session->tally.disconnects++;
    session->connection++;
    session->is_told = false; /* a service says it again to a client that comes back */
    session->reconnect_us = session->now_us + (int64_t)chance_below(&session->chance, 3 * 1000 * 1000);
    channel_transport_down(session->channel, client_time(session));
}

/* channel_closed comes from the service itself, over TLS: neither lost nor repeated. */
static void tell_client(struct sim_session *session)
{
    char payload[512];
    uint8_t wire[1024];
    size_t len;
    struct sha256 *hash;
    snprintf(payload, sizeof payload, "{\"Output\":\"%s\"}", session->final_output);
    struct agent_message message = {
        .type = AGENT_MESSAGE_CHANNEL_CLOSED, .created_unix_ms = 1, .payload = bytes_of_text(payload)};
    if (sha256_new(&hash) != ERR_OK || agent_message_encode(&message, hash, wire, sizeof wire, &len) != ERR_OK) {
        abort();
    }
    sha256_free(&hash);
    fly_once(session, TO_CLIENT, bytes_of(wire, len));
}

/* The agent's connection; the client's stays. */
static void disconnect_agent(struct sim_session *session)
{
    session->is_agent_connected = false;
    session->tally.disconnects++;
    session->agent_reconnect_us = session->now_us + (int64_t)chance_below(&session->chance, 3 * 1000 * 1000);
    agent_core_link_down(session->agent);
}

static void disconnect_one(struct sim_session *session)
{
    session->network.disconnects--;
    session->disconnect_us = session->now_us + (int64_t)chance_below(&session->chance, 5 * 1000 * 1000);
    if (happens(session, 50)) {
        disconnect(session);
    } else if (session->is_agent_connected && !session->has_agent_left) {
        disconnect_agent(session);
    }
}

static void move_service(struct sim_session *session)
{
    if (session->is_connected && session->network.disconnects > 0 && session->now_us >= session->disconnect_us &&
        channel_state(session->channel) != CHANNEL_CLOSED) {
        disconnect_one(session);
    }
    if (!session->is_agent_connected && session->now_us >= session->agent_reconnect_us) {
        session->is_agent_connected = true;
        if (!session->has_agent_left) {
            agent_core_link_up(session->agent, agent_time(session));
        }
    }
    if (!session->is_connected && session->now_us >= session->reconnect_us) {
        session->is_connected = true;
        channel_transport_up(session->channel, client_time(session));
    }
    if (session->is_over && session->is_connected && !session->is_told) {
        session->is_told = true;
        tell_client(session);
    }
}

/* How many that were sent later have come before it, at most. */
static void note_order(struct sim_session *session, const struct sim_flight *flight)
{
    uint64_t *newest = &session->newest[flight->direction];
    if (flight->has_landed) {
        return; /* it waits for a client that does not read */
    }
    if (flight->number > *newest) {
        *newest = flight->number;
    } else if (*newest - flight->number > session->tally.overtaken) {
        session->tally.overtaken = *newest - flight->number;
    }
}

static void land(struct sim_session *session)
{
    struct sim_flight flight = sim_sky_pop(&session->sky);
    note_order(session, &flight);
    bool is_alive = session->is_connected && flight.connection == session->connection;
    if (is_alive && flight.direction == TO_AGENT && session->is_agent_connected && !session->has_agent_left) {
        agent_core_receive(session->agent, bytes_of(flight.wire, flight.len), agent_time(session));
    } else if (is_alive && flight.direction == TO_CLIENT) {
        if (channel_wants_message(session->channel)) {
            channel_receive(session->channel, bytes_of(flight.wire, flight.len), client_time(session));
        } else if (channel_state(session->channel) != CHANNEL_CLOSED) {
            flight.has_landed = true;
            flight.arrives_us = session->now_us + 1000; /* it waits in the socket; nothing overtakes it for long */
            push_flight(session, flight);
            return;
        }
    }
    free(flight.wire);
}

/* ---- one session ---- */

/* Half of the clients want large payloads; half of their gateways close when one comes. */
static void choose_payload(struct sim_session *session, struct channel_config *config)
{
    if (chance_below(&session->chance, 2) == 0) {
        config->payload_bytes = 1025 + (uint32_t)chance_below(&session->chance, 64512);
        if (chance_below(&session->chance, 2) == 0) {
            session->network.largest = AGENT_MESSAGE_HEADER_LEN + 1024;
        }
    }
}

static void make_session(struct sim_session *session, uint64_t seed, struct sha256 *hash)
{
    *session = (struct sim_session){
        .seed = seed, .chance = chance_from_number(seed), .is_connected = true, .is_agent_connected = true};
    struct chance *chance = &session->chance;
    bool is_calm = seed % 10 == 0;
    session->network = (struct network){
        .loss_percent = is_calm ? 0 : chance_below(chance, 31),
        .repeat_percent = is_calm ? 0 : chance_below(chance, 11),
        .delay_us = chance_below(chance, 4) == 0 ? (int64_t)chance_below(chance, 5 * 1000 * 1000)
                                                 : (int64_t)chance_below(chance, 100 * 1000),
        .jitter_us = (int64_t)chance_below(chance, 32 * 1000),
        .disconnects = is_calm ? 0 : (uint32_t)chance_below(chance, 6),
        .largest = SIZE_MAX,
    };
    session->upload_len =
        chance_below(chance, 4) == 0 ? chance_below(chance, 3 * 1024 * 1024) : chance_below(chance, 64 * 1024);
    session->download_len = chance_below(chance, 32 * 1024);
    session->is_target_patient = chance_below(chance, 4) != 0;
    session->now_us = 1000 * 1000;
    session->disconnect_us = session->now_us + (int64_t)chance_below(chance, 10 * 1000 * 1000);
    session->agent_chance = chance_from_number(~seed);
    struct channel_config config = channel_config_default();
    config.request_timeout_us = 60LL * 1000 * 1000; /* round trips go up to 10 s here */
    choose_payload(session, &config);
    struct agent_config agent_config = {
        .session_id = "sim-0123456789abcdef0",
        .properties = "{\"portNumber\":\"22\"}",
        .timing = agent_core_real_timing(),
    };
    if (channel_new(&config, chance_from_number(seed * 3), hash, &session->channel) != ERR_OK ||
        agent_core_new(&agent_config, &agent_ports, session, &session->agent_chance, &session->agent) != ERR_OK) {
        abort();
    }
    agent_core_start(session->agent, agent_time(session));
    channel_transport_up(session->channel, client_time(session));
}

static int64_t next_event_us(const struct sim_session *session)
{
    int64_t next_us = channel_deadline_us(session->channel);
    if (session->sky.count > 0) {
        next_us = instant_earlier(next_us, session->sky.flights[0].arrives_us);
    }
    if (!session->is_over && agent_core_deadline(session->agent) < INT64_MAX) {
        next_us = instant_earlier(next_us, (int64_t)agent_core_deadline(session->agent));
    }
    if (!session->is_over && session->is_target_open && agent_core_wants_output(session->agent)) {
        next_us = instant_earlier(next_us, session->target_us);
    }
    if (session->is_over && !session->is_told) {
        next_us = instant_earlier(next_us, session->now_us + 1);
    }
    if (!session->is_agent_connected) {
        next_us = instant_earlier(next_us, session->agent_reconnect_us);
    }
    if (!session->is_connected) {
        next_us = instant_earlier(next_us, session->reconnect_us);
    } else if (session->network.disconnects > 0) {
        next_us = instant_earlier(next_us, session->disconnect_us);
    }
    if (channel_output(session->channel).len > 0) {
        next_us = instant_earlier(next_us, session->now_us + 1000);
    }
    return next_us > session->now_us ? next_us : session->now_us + 1;
}

/* True when it went as promised. */
static bool judge(const struct sim_session *session, bool is_verbose)
{
    struct channel_result result = channel_result(session->channel);
    bool is_whole = session->uploaded == session->upload_len && session->downloaded == session->download_len;
    /* A target that closes at once: the agent waits 2 s for acknowledgements, gives up what is missing at the very end,
     * and reports success. Nothing in the protocol tells a client. */
    bool gave_up = !session->is_target_patient && session->is_over && session->uploaded == session->upload_len;
    bool is_good = session->failure == NULL && (is_whole || gave_up || result.err != ERR_OK);
    if (is_verbose || !is_good) {
        struct channel_counters counters = channel_counters(session->channel);
        printf("seed %" PRIu64 ": %s; loss %" PRIu64 " %%, repeats %" PRIu64 " %%, delay %" PRId64
               " us; up %zu of %zu, "
               "down %zu of %zu, %" PRId64 " s; %s: %s; sent %" PRIu64 " and %" PRIu64 " again\n",
               session->seed, is_good ? "good" : "BAD", session->network.loss_percent, session->network.repeat_percent,
               session->network.delay_us, session->uploaded, session->upload_len, session->downloaded,
               session->download_len, session->now_us / 1000000, err_text(result.err),
               session->failure != NULL ? session->failure : result.reason, counters.messages_sent, counters.resends);
    }
    return is_good;
}

struct sim_tally sim_session_run(struct sim_session *session, uint64_t seed, struct sha256 *hash, bool is_verbose)
{
    make_session(session, seed, hash);
    while (!channel_is_finished(session->channel) && session->failure == NULL) {
        move_service(session);
        move_agent(session);
        move_client(session);
        session->now_us = next_event_us(session);
        if (session->now_us > LIMIT_US) {
            fail(session, "it hangs");
        }
        while (session->sky.count > 0 && session->sky.flights[0].arrives_us <= session->now_us) {
            land(session);
        }
    }
    bool is_good = judge(session, is_verbose);
    struct sim_tally *tally = &session->tally;
    tally->sessions = 1;
    tally->bad = is_good ? 0 : 1;
    tally->whole = is_good && channel_result(session->channel).err == ERR_OK ? 1 : 0;
    tally->most_disconnects = tally->disconnects;
    tally->delay_us = session->network.delay_us + session->network.jitter_us;
    for (size_t i = 0; i < session->sky.count; i++) {
        free(session->sky.flights[i].wire);
    }
    agent_core_free(session->agent);
    channel_free(&session->channel);
    return *tally;
}

struct sim_session *sim_session_new(void)
{
    return malloc(sizeof(struct sim_session));
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void sim_tally_add(struct sim_tally *sum, const struct sim_tally *more)
{
    sum->sessions += more->sessions;
    sum->whole += more->whole;
    sum->bad += more->bad;
    sum->disconnects += more->disconnects;
    sum->most_disconnects = larger(sum->most_disconnects, more->most_disconnects);
    sum->overtaken = larger(sum->overtaken, more->overtaken);
    sum->delay_us = sum->delay_us > more->delay_us ? sum->delay_us : more->delay_us;
}
