#include "tests/emulator/node_worker.h"

#include <stdlib.h>

#include "tests/emulator/byte_queue.h"
#include "tests/emulator/lab_limits.h"

#define PAUSE_US 1000u
/* An agent whose data websocket drops is back in about 5 ms. */
#define RECONNECT_US 5000u
#define READ_SIZE (64 * 1024)
/* In flight without the pause: two megabytes, which keeps 40 MB/s at a round trip of 50 ms. */
#define UNPAUSED_MESSAGES 2048u

struct node_worker {
    struct agent_core *core;
    struct node_worker_ports ports;
    void *owner;
    struct event_loop *loop;
    bool has_pause;
    bool is_started, has_room, is_attached, has_hung_up, is_over, is_dirty, wanted_input;
    struct node_plug plug;
    bool has_ended;          /* it is not read again */
    struct byte_queue inbox; /* length-prefixed messages that arrived while the receive loop was blocked */
    size_t swallowed;        /* bytes since the receive loop died */
    uint64_t read_after_us;  /* the agent's pause */
    uint64_t start_us;       /* not before */
    uint64_t stuck_us;
    uint64_t written_before; /* when watch_stuck looked last */
    struct loop_timer tick, pace, link, stuck;
};

static struct agent_time now(void)
{
    return (struct agent_time){event_loop_now_us(), event_loop_unix_ms()};
}

/* Everything that may follow from a change: the next deadline, what to wait for, whether input is wanted. */
static void mark_dirty(struct node_worker *worker)
{
    worker->is_dirty = true;
}

/* ---- target, or whatever is in its place ---- */

static void target_dialed(void *owner, bool is_connected)
{
    struct node_worker *worker = owner;
    worker->read_after_us = 0;
    worker->has_ended = false;
    agent_core_dialed(worker->core, is_connected, now());
    mark_dirty(worker);
}

/* Reading happens in pieces of 1024; without the pause, many pieces come from one system call. */
static void read_target(struct node_worker *worker)
{
    static uint8_t buffer[READ_SIZE]; /* one thread */
    struct node_piece piece = {0};
    size_t size = worker->has_pause ? AGENT_CORE_PAYLOAD : sizeof buffer;
    if (worker->plug.side->read(worker->plug.self, buffer, size, &piece) != ERR_OK) {
        return;
    }
    worker->has_ended = piece.len <= 0;
    if (piece.len <= 0) {
        agent_core_target_ended(worker->core, piece.len == 0, now());
        return;
    }
    size_t got = (size_t)piece.len;
    for (size_t at = 0; at < got; at += AGENT_CORE_PAYLOAD) {
        size_t len = got - at < AGENT_CORE_PAYLOAD ? got - at : AGENT_CORE_PAYLOAD;
        if (piece.type == PAYLOAD_OUTPUT) {
            agent_core_output(worker->core, bytes_of(buffer + at, len), now());
        } else {
            agent_core_output_as(worker->core, piece.type, bytes_of(buffer + at, len), now());
        }
    }
    if (worker->has_pause) {
        worker->read_after_us = event_loop_now_us() + PAUSE_US;
    }
}

static void write_target(struct node_worker *worker)
{
    if (!worker->plug.side->is_open(worker->plug.self)) {
        return;
    }
    if (worker->plug.side->flush(worker->plug.self) != ERR_OK) {
        agent_core_write_failed(worker->core, now());
    } else {
        agent_core_written(worker->core, worker->plug.side->written(worker->plug.self), now());
    }
}

/* The agent has no window; its pause is what keeps it slow. Without the pause it would be far ahead of any client's
 * acknowledgements, so it waits for them here. */
static bool is_too_far_ahead(const struct node_worker *worker)
{
    return !worker->has_pause && agent_core_unacknowledged(worker->core) > UNPAUSED_MESSAGES;
}

static bool may_read(const struct node_worker *worker)
{
    return !is_too_far_ahead(worker) && worker->has_room && !worker->has_ended &&
           worker->plug.side->is_open(worker->plug.self) && agent_core_wants_output(worker->core);
}

static void target_ready(void *owner, bool can_read)
{
    struct node_worker *worker = owner;
    mark_dirty(worker);
    write_target(worker);
    if (can_read && may_read(worker) && event_loop_now_us() >= worker->read_after_us) {
        read_target(worker);
    }
}

/* A stream of the multiplexer found no server. */
static void stream_failed(void *owner)
{
    struct node_worker *worker = owner;
    agent_core_connect_failed(worker->core, now());
    mark_dirty(worker);
}

/* ---- ports of the core ---- */

static void core_send(void *owner, struct bytes message)
{
    struct node_worker *worker = owner;
    worker->ports.send(worker->owner, message);
}

static void core_dial(void *owner)
{
    struct node_worker *worker = owner;
    if (agent_core_is_multiplexed(worker->core)) {
        node_plug_multiplex(&worker->plug, agent_core_keeps_alive(worker->core));
    }
    worker->plug.side->open(worker->plug.self);
}

static void core_target_write(void *owner, struct bytes payload)
{
    struct node_worker *worker = owner;
    worker->plug.side->write(worker->plug.self, payload);
    mark_dirty(worker);
}

static void core_target_close(void *owner)
{
    struct node_worker *worker = owner;
    worker->plug.side->close(worker->plug.self);
    mark_dirty(worker);
}

static void core_link_drop(void *owner)
{
    struct node_worker *worker = owner;
    worker->has_hung_up = true;
    event_loop_disarm(worker->loop, &worker->link);
    if (worker->is_attached) {
        worker->is_attached = false;
        worker->ports.attached(worker->owner, false);
    }
    mark_dirty(worker);
}

static void core_task_complete(void *owner, const char *final_status, const char *output)
{
    struct node_worker *worker = owner;
    worker->is_over = true;
    worker->ports.task_complete(worker->owner, final_status, output);
}

static void core_resize(void *owner, uint16_t columns, uint16_t rows)
{
    struct node_worker *worker = owner;
    node_shell_resize(worker->plug.shell, columns, rows);
}

static void core_interrupt(void *owner, int signal_number)
{
    struct node_worker *worker = owner;
    node_program_interrupt(worker->plug.program, signal_number);
}

static bool core_decrypt_key(void *owner, const char *ciphertext, const char *challenge, uint8_t ret_data_key[64],
                             char ret_problem[512])
{
    struct node_worker *worker = owner;
    return worker->ports.decrypt_key(worker->owner, ciphertext, challenge, ret_data_key, ret_problem);
}

/* ---- time ---- */

static void tick_expired(void *owner, uint64_t now_us)
{
    struct node_worker *worker = owner;
    (void)now_us;
    agent_core_tick(worker->core, now());
    mark_dirty(worker);
}

/* The pause after a read is over. */
static void pace_expired(void *owner, uint64_t now_us)
{
    struct node_worker *worker = owner;
    (void)now_us;
    mark_dirty(worker);
}

static void attach(struct node_worker *worker)
{
    worker->is_attached = true;
    worker->ports.attached(worker->owner, true);
}

static void link_expired(void *owner, uint64_t now_us)
{
    struct node_worker *worker = owner;
    (void)now_us;
    if (worker->has_hung_up || worker->is_over) {
        return;
    }
    attach(worker);
    if (!worker->is_started) {
        worker->is_started = true;
        agent_core_start(worker->core, now());
    } else {
        agent_core_link_up(worker->core, now());
    }
    mark_dirty(worker);
}

/* A receive loop that is stuck in a write to its target sees no pongs either. */
static void stuck_expired(void *owner, uint64_t now_us)
{
    (void)now_us;
    node_worker_lose_link(owner, 0);
}

/* ---- construction ---- */

enum err node_worker_new(const struct node_worker_config *config, const struct node_worker_ports *ports, void *owner,
                         struct event_loop *loop, struct chance *chance, struct node_worker **ret_worker)
{
    static const struct node_plug_ports plug_ports = {target_dialed, target_ready, stream_failed};
    static const struct agent_ports core_ports = {.send = core_send,
                                                  .dial = core_dial,
                                                  .target_write = core_target_write,
                                                  .target_close = core_target_close,
                                                  .link_drop = core_link_drop,
                                                  .task_complete = core_task_complete,
                                                  .resize = core_resize,
                                                  .interrupt = core_interrupt,
                                                  .decrypt_key = core_decrypt_key};
    struct node_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return ERR_MEMORY;
    }
    *worker = (struct node_worker){.ports = *ports,
                                   .owner = owner,
                                   .loop = loop,
                                   .has_pause = config->has_pause,
                                   .has_room = true,
                                   .wanted_input = true,
                                   .tick = {.expired = tick_expired, .owner = worker},
                                   .pace = {.expired = pace_expired, .owner = worker},
                                   .link = {.expired = link_expired, .owner = worker},
                                   .stuck_us = config->stuck_us,
                                   .stuck = {.expired = stuck_expired, .owner = worker}};
    enum err err = agent_core_new(&config->agent, &core_ports, worker, chance, &worker->core);
    if (err == ERR_OK) {
        err = node_plug_init(&worker->plug, &config->plug, &plug_ports, worker, loop);
    }
    if (err != ERR_OK) {
        node_worker_free(worker);
        return err;
    }
    worker->start_us = event_loop_now_us() + config->start_delay_us;
    event_loop_arm(loop, &worker->link, worker->start_us);
    *ret_worker = worker;
    return ERR_OK;
}

void node_worker_free(struct node_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    event_loop_disarm(worker->loop, &worker->tick);
    event_loop_disarm(worker->loop, &worker->pace);
    event_loop_disarm(worker->loop, &worker->link);
    event_loop_disarm(worker->loop, &worker->stuck);
    node_plug_free(&worker->plug);
    byte_queue_free(&worker->inbox);
    agent_core_free(worker->core);
    free(worker);
}

/* ---- link ---- */

static bool is_blocked(const struct node_worker *worker)
{
    return agent_core_is_blocked(worker->core) || worker->plug.side->queued(worker->plug.self) > LAB_TARGET_BUFFER;
}

/* The receive loop answers stream data with an acknowledgement, and is stuck when the link does not take it. An
 * acknowledgement is not answered: reading those goes on. */
static bool is_blocked_by(const struct node_worker *worker, struct bytes message)
{
    bool is_answered = message.len < 15 || memcmp(message.data + 4, "acknowledge", 11) != 0;
    return is_blocked(worker) || (is_answered && !worker->has_room);
}

static void keep_for_later(struct node_worker *worker, struct bytes message)
{
    uint32_t len = (uint32_t)message.len;
    if (byte_queue_len(&worker->inbox) + message.len > LAB_LIMIT_INBOX_BYTES ||
        byte_queue_append(&worker->inbox, bytes_of(&len, sizeof len)) != ERR_OK) {
        return; /* lost: the client repeats it */
    }
    if (byte_queue_append(&worker->inbox, message) != ERR_OK) {
        worker->inbox.end -= sizeof len;
    }
}

void node_worker_deliver(struct node_worker *worker, struct bytes message)
{
    mark_dirty(worker);
    if (agent_core_is_deaf(worker->core)) {
        worker->swallowed += message.len;
    } else if (is_blocked_by(worker, message) || byte_queue_len(&worker->inbox) > 0) {
        keep_for_later(worker, message);
    } else {
        agent_core_receive(worker->core, message, now());
    }
}

static void drain_inbox(struct node_worker *worker)
{
    for (;;) {
        struct bytes inbox = byte_queue_bytes(&worker->inbox);
        uint32_t len = 0;
        if (inbox.data == NULL || inbox.len == 0) {
            return;
        }
        memcpy(&len, inbox.data, sizeof len);
        if (is_blocked_by(worker, bytes_of(inbox.data + sizeof len, len))) {
            return;
        }
        if (!agent_core_is_deaf(worker->core)) {
            agent_core_receive(worker->core, bytes_of(inbox.data + sizeof len, len), now());
        }
        byte_queue_drop(&worker->inbox, sizeof len + len);
    }
}

static bool has_input_room(const struct node_worker *worker)
{
    if (agent_core_is_deaf(worker->core)) {
        return worker->swallowed < LAB_DEAD_LOOP_BYTES;
    }
    return !is_blocked(worker) && byte_queue_len(&worker->inbox) == 0;
}

bool node_worker_wants_input(struct node_worker *worker)
{
    worker->wanted_input = has_input_room(worker); /* whoever was told "no" is to hear of it when that changes */
    return worker->wanted_input;
}

void node_worker_set_room(struct node_worker *worker, bool has_room)
{
    if (worker->has_room != has_room) {
        worker->has_room = has_room;
        mark_dirty(worker);
    }
}

void node_worker_lose_link(struct node_worker *worker, uint64_t away_us)
{
    uint64_t back_us = event_loop_now_us() + away_us + RECONNECT_US;
    if (!worker->is_attached) {
        if (worker->link.is_armed) {
            event_loop_arm(worker->loop, &worker->link, back_us < worker->start_us ? worker->start_us : back_us);
        }
        return;
    }
    worker->is_attached = false;
    byte_queue_drop(&worker->inbox, byte_queue_len(&worker->inbox));
    agent_core_link_down(worker->core);
    worker->ports.attached(worker->owner, false);
    event_loop_arm(worker->loop, &worker->link, back_us);
    mark_dirty(worker);
}

void node_worker_cancel(struct node_worker *worker)
{
    worker->is_started = true;
    agent_core_cancel(worker->core, now());
    mark_dirty(worker);
}

/* The agent is stuck with the first byte that its target does not take; our buffer, which lets it go on, is no matter:
 * a client whose messages are not acknowledged has too few under way to fill it. */
static void watch_stuck(struct node_worker *worker)
{
    bool is_writing = agent_core_is_blocked(worker->core) || worker->plug.side->queued(worker->plug.self) > 0;
    uint64_t written = worker->plug.side->written(worker->plug.self);
    bool is_watched = worker->stuck_us > 0 && worker->is_attached && is_writing;
    if (!is_watched || written != worker->written_before) {
        event_loop_disarm(worker->loop, &worker->stuck);
    }
    worker->written_before = written;
    if (is_watched && !worker->stuck.is_armed) {
        event_loop_arm(worker->loop, &worker->stuck, event_loop_now_us() + worker->stuck_us);
    }
}

/* Bytes are waited for when the agent would be reading; its pause after a read is a timer. */
static void update_wait(struct node_worker *worker)
{
    bool wants_read = may_read(worker);
    if (wants_read && event_loop_now_us() < worker->read_after_us) {
        event_loop_arm(worker->loop, &worker->pace, worker->read_after_us);
        wants_read = false;
    }
    worker->plug.side->wait(worker->plug.self, wants_read);
}

void node_worker_flush(struct node_worker *worker)
{
    if (!worker->is_dirty) {
        return;
    }
    while (worker->is_dirty && !worker->is_over) {
        worker->is_dirty = false;
        write_target(worker);
        drain_inbox(worker);
    }
    if (worker->is_over) {
        return;
    }
    update_wait(worker);
    watch_stuck(worker);
    uint64_t due_us = agent_core_deadline(worker->core);
    if (due_us == UINT64_MAX) {
        event_loop_disarm(worker->loop, &worker->tick);
    } else if (!worker->tick.is_armed || worker->tick.due_us != due_us) {
        event_loop_arm(worker->loop, &worker->tick, due_us);
    }
    if (has_input_room(worker) != worker->wanted_input) {
        worker->ports.flow(worker->owner);
    }
}

void node_worker_child_ended(struct node_worker *worker, pid_t pid, int exit_code)
{
    node_plug_child_ended(&worker->plug, pid, exit_code);
}

size_t node_worker_queued(const struct node_worker *worker)
{
    return node_plug_held(&worker->plug) + byte_queue_len(&worker->inbox);
}

const struct agent_counters *node_worker_counters(const struct node_worker *worker)
{
    return agent_core_counters(worker->core);
}
