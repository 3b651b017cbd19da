/* tunnel_sim: the client's engine and the lab's agent core, which were written from the same document by different
 * hands, talk in memory over a network that delays, loses, repeats and reorders, under a virtual clock.
 *
 *     tunnel_sim [--seeds N] [--first SEED] [--verbose]
 *
 * Each seed makes its own network, its own streams and its own disconnects. Either both streams arrive whole, or the
 * session ends with an error that was reported; everything else fails, with the seed. */
#include "proxy/core/agent_message.h"
#include "proxy/core/channel.h"
#include "tests/emulator/agent_core.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FLIGHTS_MAX 65536
#define LIMIT_US (4LL * 3600 * 1000 * 1000) /* of virtual time: what is not over by then hangs */

enum direction { TO_AGENT, TO_CLIENT };

/* One message on its way. */
struct flight {
    int64_t arrives_us;
    uint64_t order; /* of sending; breaks ties */
    enum direction direction;
    uint32_t connection; /* it dies with the client's connection that carried it */
    size_t len;
    uint8_t *wire;
};

struct network {
    uint64_t loss_percent;
    uint64_t repeat_percent;
    int64_t delay_us;
    int64_t jitter_us; /* reorders */
    uint32_t disconnects;
    size_t largest; /* message to the agent; a larger one closes the client's connection */
};

struct world {
    uint64_t seed;
    struct chance chance;
    struct network network;
    int64_t now_us;
    struct flight flights[FLIGHTS_MAX]; /* a heap, the earliest first */
    size_t flight_count;
    uint64_t flight_order;
    uint32_t connection;
    bool is_connected;
    int64_t reconnect_us;
    int64_t disconnect_us;

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
    bool is_over; /* the service knows that the task is complete */
    bool is_told; /* channel_closed is on its way to the client */
    bool
        waits; /* the target closes when the client has everything, as sshd does; otherwise right after its last byte */
    char final_output[256];
    const char *failure;
};

static uint8_t stream_byte(uint64_t seed, size_t at)
{
    uint64_t mixed = (seed + at / 7) * 0x9e3779b97f4a7c15u;
    return (uint8_t)(mixed >> (8 * (at % 7)));
}

static struct instant client_time(const struct world *world)
{
    return (struct instant){.mono_us = world->now_us, .unix_ms = 1700000000000u + (uint64_t)world->now_us / 1000};
}

static struct agent_time agent_time(const struct world *world)
{
    return (struct agent_time){.mono_us = (uint64_t)world->now_us,
                               .unix_ms = 1700000000000u + (uint64_t)world->now_us / 1000};
}

static void fail(struct world *world, const char *what)
{
    if (world->failure == NULL) {
        world->failure = what;
    }
}

/* ---- the network: a heap of flights ---- */

static bool is_before(const struct flight *a, const struct flight *b)
{
    return a->arrives_us < b->arrives_us || (a->arrives_us == b->arrives_us && a->order < b->order);
}

static void swap_flights(struct flight *a, struct flight *b)
{
    struct flight swap = *a;
    *a = *b;
    *b = swap;
}

static void push_flight(struct world *world, struct flight flight)
{
    if (world->flight_count == FLIGHTS_MAX) {
        fail(world, "more messages under way than the windows allow");
        free(flight.wire);
        return;
    }
    size_t at = world->flight_count++;
    world->flights[at] = flight;
    while (at > 0 && is_before(&world->flights[at], &world->flights[(at - 1) / 2])) {
        swap_flights(&world->flights[at], &world->flights[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct flight pop_flight(struct world *world)
{
    struct flight first = world->flights[0];
    world->flights[0] = world->flights[--world->flight_count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < world->flight_count && is_before(&world->flights[child], &world->flights[least])) {
                least = child;
            }
        }
        if (least == at) {
            return first;
        }
        swap_flights(&world->flights[at], &world->flights[least]);
        at = least;
    }
}

static bool happens(struct world *world, uint64_t percent)
{
    return chance_below(&world->chance, 100) < percent;
}

static void fly_once(struct world *world, enum direction direction, struct bytes wire)
{
    struct flight flight = {.direction = direction, .connection = world->connection, .len = wire.len};
    flight.arrives_us = world->now_us + world->network.delay_us +
                        (int64_t)chance_below(&world->chance, (uint64_t)world->network.jitter_us + 1);
    flight.order = world->flight_order++;
    flight.wire = malloc(wire.len + 1);
    if (flight.wire == NULL) {
        abort();
    }
    memcpy(flight.wire, wire.data, wire.len);
    push_flight(world, flight);
}

static void disconnect(struct world *world);

static void fly(struct world *world, enum direction direction, struct bytes wire)
{
    if (world->is_connected && direction == TO_AGENT && wire.len > world->network.largest) {
        disconnect(world);
    }
    if (!world->is_connected || happens(world, world->network.loss_percent)) {
        return;
    }
    fly_once(world, direction, wire);
    if (happens(world, world->network.repeat_percent)) {
        fly_once(world, direction, wire);
    }
}

/* ---- the agent's side ---- */

static void agent_sends(void *owner, struct bytes message)
{
    fly(owner, TO_CLIENT, message);
}

static void agent_dials(void *owner)
{
    ((struct world *)owner)->is_dialing = true;
}

static void agent_writes(void *owner, struct bytes payload)
{
    struct world *world = owner;
    for (size_t i = 0; i < payload.len; i++) {
        if (world->uploaded + i >= world->upload_len ||
            payload.data[i] != stream_byte(world->seed, world->uploaded + i)) {
            fail(world, "a wrong byte reached the target");
            return;
        }
    }
    world->uploaded += payload.len;
}

static void agent_closes_target(void *owner)
{
    ((struct world *)owner)->is_target_open = false;
}

static void agent_drops_link(void *owner)
{
    (void)owner;
}

static void agent_completes(void *owner, const char *final_status, const char *output)
{
    struct world *world = owner;
    (void)final_status;
    world->is_over = true;
    snprintf(world->final_output, sizeof world->final_output, "%s", output);
}

static const struct agent_ports agent_ports = {
    .send = agent_sends,
    .dial = agent_dials,
    .target_write = agent_writes,
    .target_close = agent_closes_target,
    .link_drop = agent_drops_link,
    .task_complete = agent_completes,
};

static void target_reads(struct world *world)
{
    uint8_t piece[AGENT_CORE_PAYLOAD];
    size_t len = world->download_len - world->served;
    len = len < sizeof piece ? len : sizeof piece;
    if (len == 0) {
        bool is_done = !world->waits || world->downloaded == world->download_len;
        if (world->uploaded == world->upload_len && is_done) {
            world->is_target_open = false;
            agent_core_target_ended(world->agent, true, agent_time(world));
        }
        return;
    }
    for (size_t i = 0; i < len; i++) {
        piece[i] = stream_byte(~world->seed, world->served + i);
    }
    world->served += len;
    agent_core_output(world->agent, bytes_of(piece, len), agent_time(world));
}

static void move_agent(struct world *world)
{
    if (world->is_over) {
        return;
    }
    if (world->is_dialing) {
        world->is_dialing = false;
        world->is_target_open = true;
        agent_core_dialed(world->agent, true, agent_time(world));
    }
    agent_core_written(world->agent, world->uploaded, agent_time(world));
    if (agent_core_deadline(world->agent) <= (uint64_t)world->now_us) {
        agent_core_tick(world->agent, agent_time(world));
    }
    if (world->is_target_open && world->now_us >= world->target_us && agent_core_wants_output(world->agent)) {
        target_reads(world);
        world->target_us = world->now_us + 1000; /* the agent's pause after each read */
    }
}

/* ---- the client's side ---- */

static void client_writes(struct world *world)
{
    uint8_t piece[16384];
    while (world->written < world->upload_len && channel_wants_input(world->channel)) {
        size_t len = world->upload_len - world->written;
        len = len < sizeof piece ? len : 1 + chance_below(&world->chance, sizeof piece);
        for (size_t i = 0; i < len; i++) {
            piece[i] = stream_byte(world->seed, world->written + i);
        }
        world->written += channel_write(world->channel, bytes_of(piece, len), client_time(world));
    }
}

static void client_reads(struct world *world)
{
    struct bytes output = channel_output(world->channel);
    if (output.len == 0 || (output.len < 2000 && happens(world, 30))) {
        return; /* a reader that is sometimes slow */
    }
    for (size_t i = 0; i < output.len; i++) {
        if (output.data[i] != stream_byte(~world->seed, world->downloaded + i)) {
            fail(world, "a wrong byte reached the client");
            return;
        }
    }
    world->downloaded += output.len;
    channel_output_consume(world->channel, output.len);
}

static void move_client(struct world *world)
{
    if (channel_deadline_us(world->channel) <= world->now_us) {
        channel_tick(world->channel, client_time(world));
    }
    client_writes(world);
    for (;;) {
        struct bytes frame = channel_take_frame(world->channel, client_time(world));
        if (frame.len == 0) {
            break;
        }
        fly(world, TO_AGENT, frame);
    }
    client_reads(world);
    if (world->moves++ % 256 == 0 && !channel_check(world->channel)) {
        fail(world, "the channel's invariants are broken");
    }
}

/* ---- the service: disconnects, resumes, the end ---- */

static void disconnect(struct world *world)
{
    world->is_connected = false;
    world->connection++;
    world->is_told = false; /* a service says it again to a client that comes back */
    world->reconnect_us = world->now_us + (int64_t)chance_below(&world->chance, 3 * 1000 * 1000);
    channel_transport_down(world->channel, client_time(world));
}

/* channel_closed comes from the service itself, over TLS: neither lost nor repeated. */
static void tell_client(struct world *world)
{
    char payload[512];
    uint8_t wire[1024];
    size_t len;
    struct sha256 *hash;
    snprintf(payload, sizeof payload, "{\"Output\":\"%s\"}", world->final_output);
    struct agent_message message = {
        .type = AGENT_MESSAGE_CHANNEL_CLOSED, .created_unix_ms = 1, .payload = bytes_of_text(payload)};
    if (sha256_new(&hash) != ERR_OK || agent_message_encode(&message, hash, wire, sizeof wire, &len) != ERR_OK) {
        abort();
    }
    sha256_free(&hash);
    fly_once(world, TO_CLIENT, bytes_of(wire, len));
}

static void move_service(struct world *world)
{
    if (world->is_connected && world->network.disconnects > 0 && world->now_us >= world->disconnect_us &&
        channel_state(world->channel) != CHANNEL_CLOSED) {
        world->network.disconnects--;
        world->disconnect_us = world->now_us + (int64_t)chance_below(&world->chance, 5 * 1000 * 1000);
        disconnect(world);
    }
    if (!world->is_connected && world->now_us >= world->reconnect_us) {
        world->is_connected = true;
        channel_transport_up(world->channel, client_time(world));
    }
    if (world->is_over && world->is_connected && !world->is_told) {
        world->is_told = true;
        tell_client(world);
    }
}

static void land(struct world *world)
{
    struct flight flight = pop_flight(world);
    bool is_alive = world->is_connected && flight.connection == world->connection;
    if (is_alive && flight.direction == TO_AGENT && !world->is_over) {
        agent_core_receive(world->agent, bytes_of(flight.wire, flight.len), agent_time(world));
    } else if (is_alive && flight.direction == TO_CLIENT) {
        if (channel_wants_message(world->channel)) {
            channel_receive(world->channel, bytes_of(flight.wire, flight.len), client_time(world));
        } else if (channel_state(world->channel) != CHANNEL_CLOSED) {
            flight.arrives_us = world->now_us + 1000; /* it waits in the socket; nothing overtakes it for long */
            push_flight(world, flight);
            return;
        }
    }
    free(flight.wire);
}

/* ---- one world ---- */

/* Half of the clients want large payloads; half of their gateways close when one comes. */
static void choose_payload(struct world *world, struct channel_config *config)
{
    if (chance_below(&world->chance, 2) == 0) {
        config->payload_bytes = 1025 + (uint32_t)chance_below(&world->chance, 64512);
        if (chance_below(&world->chance, 2) == 0) {
            world->network.largest = AGENT_MESSAGE_HEADER_LEN + 1024;
        }
    }
}

static void make_world(struct world *world, uint64_t seed, struct sha256 *hash)
{
    *world = (struct world){.seed = seed, .chance = chance_from_number(seed), .is_connected = true};
    struct chance *chance = &world->chance;
    bool is_calm = seed % 10 == 0;
    world->network = (struct network){
        .loss_percent = is_calm ? 0 : chance_below(chance, 31),
        .repeat_percent = is_calm ? 0 : chance_below(chance, 11),
        .delay_us = (int64_t)chance_below(chance, 4) == 0 ? (int64_t)chance_below(chance, 5 * 1000 * 1000)
                                                          : (int64_t)chance_below(chance, 100 * 1000),
        .jitter_us = (int64_t)chance_below(chance, 32 * 1000),
        .disconnects = is_calm ? 0 : (uint32_t)chance_below(chance, 6),
        .largest = SIZE_MAX,
    };
    world->upload_len =
        chance_below(chance, 4) == 0 ? chance_below(chance, 3 * 1024 * 1024) : chance_below(chance, 64 * 1024);
    world->download_len = chance_below(chance, 32 * 1024);
    world->waits = chance_below(chance, 4) != 0;
    world->now_us = 1000 * 1000;
    world->disconnect_us = world->now_us + (int64_t)chance_below(chance, 10 * 1000 * 1000);
    world->agent_chance = chance_from_number(~seed);
    struct channel_config config = channel_config_default();
    config.request_timeout_us = 60LL * 1000 * 1000; /* round trips go up to 10 s here */
    choose_payload(world, &config);
    struct agent_config agent_config = {
        .session_id = "sim-0123456789abcdef0",
        .properties = "{\"portNumber\":\"22\"}",
        .timing = agent_core_real_timing(),
    };
    if (channel_new(&config, chance_from_number(seed * 3), hash, &world->channel) != ERR_OK ||
        agent_core_new(&agent_config, &agent_ports, world, &world->agent_chance, &world->agent) != ERR_OK) {
        abort();
    }
    agent_core_start(world->agent, agent_time(world));
    channel_transport_up(world->channel, client_time(world));
}

static int64_t next_event_us(const struct world *world)
{
    int64_t next_us = channel_deadline_us(world->channel);
    if (world->flight_count > 0) {
        next_us = instant_earlier(next_us, world->flights[0].arrives_us);
    }
    if (!world->is_over && agent_core_deadline(world->agent) < INT64_MAX) {
        next_us = instant_earlier(next_us, (int64_t)agent_core_deadline(world->agent));
    }
    if (!world->is_over && world->is_target_open && agent_core_wants_output(world->agent)) {
        next_us = instant_earlier(next_us, world->target_us);
    }
    if (world->is_over && !world->is_told) {
        next_us = instant_earlier(next_us, world->now_us + 1);
    }
    if (!world->is_connected) {
        next_us = instant_earlier(next_us, world->reconnect_us);
    } else if (world->network.disconnects > 0) {
        next_us = instant_earlier(next_us, world->disconnect_us);
    }
    if (channel_output(world->channel).len > 0) {
        next_us = instant_earlier(next_us, world->now_us + 1000);
    }
    return next_us > world->now_us ? next_us : world->now_us + 1;
}

/* True when it went as promised. */
static bool judge(const struct world *world, bool is_verbose)
{
    struct channel_result result = channel_result(world->channel);
    bool is_whole = world->uploaded == world->upload_len && world->downloaded == world->download_len;
    /* A target that closes at once: the agent waits 2 s for acknowledgements, gives up what is missing at the very end,
     * and reports success. Nothing in the protocol tells a client. */
    bool gave_up = !world->waits && world->is_over && world->uploaded == world->upload_len;
    bool is_good = world->failure == NULL && (is_whole || gave_up || result.err != ERR_OK);
    if (is_verbose || !is_good) {
        struct channel_counters counters = channel_counters(world->channel);
        printf("seed %" PRIu64 ": %s; loss %" PRIu64 " %%, repeats %" PRIu64 " %%, delay %" PRId64
               " us; up %zu of %zu, "
               "down %zu of %zu, %" PRId64 " s; %s: %s; sent %" PRIu64 " and %" PRIu64 " again\n",
               world->seed, is_good ? "good" : "BAD", world->network.loss_percent, world->network.repeat_percent,
               world->network.delay_us, world->uploaded, world->upload_len, world->downloaded, world->download_len,
               world->now_us / 1000000, err_text(result.err), world->failure != NULL ? world->failure : result.reason,
               counters.messages_sent, counters.resends);
    }
    return is_good;
}

static bool run_world(struct world *world, uint64_t seed, struct sha256 *hash, bool is_verbose, bool *ret_is_whole)
{
    make_world(world, seed, hash);
    while (!channel_is_finished(world->channel) && world->failure == NULL) {
        move_service(world);
        move_agent(world);
        move_client(world);
        world->now_us = next_event_us(world);
        if (world->now_us > LIMIT_US) {
            fail(world, "it hangs");
        }
        while (world->flight_count > 0 && world->flights[0].arrives_us <= world->now_us) {
            land(world);
        }
    }
    bool is_good = judge(world, is_verbose);
    *ret_is_whole = is_good && channel_result(world->channel).err == ERR_OK;
    for (size_t i = 0; i < world->flight_count; i++) {
        free(world->flights[i].wire);
    }
    agent_core_free(world->agent);
    channel_free(&world->channel);
    return is_good;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {{"seeds", required_argument, NULL, 'n'},
                                                 {"first", required_argument, NULL, 'f'},
                                                 {"verbose", no_argument, NULL, 'v'},
                                                 {0}};
    uint64_t seeds = 100;
    uint64_t first = 1;
    bool is_verbose = false;
    for (int found = getopt_long(argc, argv, "n:f:v", long_options, NULL); found != -1;
         found = getopt_long(argc, argv, "n:f:v", long_options, NULL)) {
        if (found == 'n') {
            seeds = strtoull(optarg, NULL, 10);
        } else if (found == 'f') {
            first = strtoull(optarg, NULL, 10);
        } else if (found == 'v') {
            is_verbose = true;
        } else {
            fprintf(stderr, "usage: tunnel_sim [--seeds N] [--first SEED] [--verbose]\n");
            return 64;
        }
    }
    struct sha256 *hash;
    struct world *world = malloc(sizeof *world);
    if (world == NULL || sha256_new(&hash) != ERR_OK) {
        return 71;
    }
    uint64_t bad = 0;
    uint64_t whole = 0;
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        bool is_whole;
        bad += !run_world(world, seed, hash, is_verbose, &is_whole);
        whole += is_whole;
    }
    printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " sessions whole, %" PRIu64
           " ended with a reported error, %" PRIu64 " bad\n",
           first, first + seeds - 1, whole, seeds - whole - bad, bad);
    sha256_free(&hash);
    free(world);
    return bad == 0 ? 0 : 1;
}
