#include "tests/emulator/agent_core.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"
#include "tests/emulator/ack_text.h"
#include "tests/emulator/agent_handshake.h"
#include "tests/emulator/agent_sender.h"

#define RESEND_TICK_US 100000u
#define DRAIN_POLL_US 10000u
/* The data channel drops 1 to 2 ms before the task is reported on the control channel. */
#define REPORT_DELAY_US 2000u

#define FLAG_DISCONNECT_TO_PORT 1u
#define FLAG_TERMINATE_SESSION 2u

enum state {
    STATE_NEW,
    STATE_HANDSHAKE,
    STATE_COMPLETING, /* HandshakeComplete is out, but input does not count yet */
    STATE_DIALING,
    STATE_OPEN,
    STATE_TARGET_GONE, /* port forwarding: the next input dials again */
    STATE_REDIALING,
    STATE_DRAINING, /* waiting for the last acknowledgements */
    STATE_CRASHED,
    STATE_REPORTING,
    STATE_OVER
};

enum receive_loop { LOOP_RUNS, LOOP_BLOCKED, LOOP_DEAD };

/* What processing one stream message comes to. */
enum outcome {
    OUTCOME_DONE,    /* acknowledge now */
    OUTCOME_WRITING, /* acknowledge when the target has it */
    OUTCOME_REFUSED, /* neither acknowledged nor counted: the peer will repeat it */
};

/* Work that follows the acknowledgement of the message that caused it. */
enum sequel { SEQUEL_NONE, SEQUEL_HANDSHAKE_COMPLETE, SEQUEL_HANDSHAKE_FAILED, SEQUEL_TERMINATE, SEQUEL_DISCONNECT };

struct input {
    int64_t sequence_number;
    uint32_t payload_type;
    struct uuid message_id;
    struct bytes payload;
    struct bytes wire;
};

struct pending_ack {
    uint64_t end; /* of its payload in the stream to the target */
    int64_t sequence_number;
    struct uuid message_id;
};

struct agent_core {
    struct agent_ports ports;
    void *owner;
    char session_id[128];
    char *properties;
    struct agent_timing timing;
    bool reconnects, skips_handshake;
    enum state state;
    enum receive_loop receive_loop;
    enum sequel sequel;
    bool is_link_up, is_paused, has_response;
    struct agent_sender sender;
    struct sequence_store ahead;
    int64_t expected;
    struct byte_queue pending_acks; /* of struct pending_ack */
    uint64_t target_total;          /* bytes given to target_write since the last dial */
    struct byte_queue held; /* the message that waits for a second dial, or for what is before it to be written */
    uint64_t started_us, state_due_us, next_resend_us;
    const char *final_status;
    char output[1024];
    struct agent_counters counters;
};

void agent_counters_add(struct agent_counters *sum, const struct agent_counters *more)
{
    sum->received += more->received;
    sum->duplicates += more->duplicates;
    sum->stored_ahead += more->stored_ahead;
    sum->dropped += more->dropped;
    sum->discarded_in_handshake += more->discarded_in_handshake;
    sum->not_ready += more->not_ready;
    sum->sent += more->sent;
    sum->retransmissions += more->retransmissions;
    sum->acknowledged += more->acknowledged;
    sum->terminate_flags += more->terminate_flags;
}

struct agent_timing agent_core_real_timing(void)
{
    return (struct agent_timing){.handshake_timeout_us = 15000000, .crash_report_us = 60000000, .drain_us = 2000000};
}

static void send_to_link(void *owner, struct bytes message)
{
    struct agent_core *core = owner;
    core->ports.send(core->owner, message);
}

enum err agent_core_new(const struct agent_config *config, const struct agent_ports *ports, void *owner,
                        struct chance *chance, struct agent_core **ret_core)
{
    struct agent_core *core = calloc(1, sizeof *core);
    if (core == NULL) {
        return ERR_MEMORY;
    }
    core->ports = *ports;
    core->owner = owner;
    core->timing = config->timing;
    core->reconnects = config->reconnects;
    core->skips_handshake = config->skips_handshake;
    core->sender.send = send_to_link;
    core->sender.owner = core;
    core->sender.chance = chance;
    core->sender.counters = &core->counters;
    snprintf(core->session_id, sizeof core->session_id, "%s", config->session_id);
    core->properties = strdup(config->properties);
    if (core->properties == NULL || agent_sender_init(&core->sender) != ERR_OK) {
        agent_core_free(core);
        return ERR_MEMORY;
    }
    *ret_core = core;
    return ERR_OK;
}

void agent_core_free(struct agent_core *core)
{
    if (core == NULL) {
        return;
    }
    agent_sender_free(&core->sender);
    sequence_store_free(&core->ahead);
    byte_queue_free(&core->pending_acks);
    byte_queue_free(&core->held);
    free(core->properties);
    free(core);
}

static void update_sender(struct agent_core *core)
{
    core->sender.is_open = core->is_link_up && !core->is_paused && core->state != STATE_OVER;
}

/* ---- the end ---- */

static void hang_up(struct agent_core *core)
{
    if (core->is_link_up) {
        core->is_link_up = false;
        update_sender(core);
    }
    core->ports.link_drop(core->owner);
}

static void report_soon(struct agent_core *core, struct agent_time now)
{
    hang_up(core);
    core->state = STATE_REPORTING;
    core->state_due_us = now.mono_us + REPORT_DELAY_US;
}

/* The session plugin is done: what is unacknowledged gets a last chance. */
static void end(struct agent_core *core, const char *final_status, const char *output, struct agent_time now)
{
    core->ports.target_close(core->owner);
    byte_queue_drop(&core->held, byte_queue_len(&core->held));
    core->final_status = final_status;
    snprintf(core->output, sizeof core->output, "%s", output);
    core->state = STATE_DRAINING;
    core->state_due_us = now.mono_us + core->timing.drain_us;
}

/* Cleaning up dereferences the connection that never was: the worker process is gone, and nobody says so for 60 s. */
static void crash(struct agent_core *core, struct agent_time now)
{
    hang_up(core);
    core->final_status = "Failed";
    snprintf(core->output, sizeof core->output,
             "document process failed unexpectedly: ipc messaging received timeout signal , check "
             "[ssm-document-worker]/[ssm-session-worker] log for crash reason");
    core->state = STATE_CRASHED;
    core->state_due_us = now.mono_us + core->timing.crash_report_us;
}

void agent_core_cancel(struct agent_core *core, struct agent_time now)
{
    if (core->state >= STATE_CRASHED) {
        return;
    }
    core->ports.target_close(core->owner);
    core->final_status = "Success";
    core->output[0] = '\0';
    report_soon(core, now);
}

/* ---- handshake and target ---- */

void agent_core_start(struct agent_core *core, struct agent_time now)
{
    core->is_link_up = true;
    core->started_us = now.mono_us;
    core->next_resend_us = now.mono_us + RESEND_TICK_US;
    core->state = STATE_HANDSHAKE;
    core->state_due_us = now.mono_us + core->timing.handshake_timeout_us;
    update_sender(core);
    agent_sender_state(&core->sender, "Connected", core->session_id, now);
    if (core->skips_handshake) {
        return;
    }
    char *request = agent_handshake_request(AGENT_CORE_VERSION, core->properties);
    if (request != NULL) {
        agent_sender_stream(&core->sender, PAYLOAD_HANDSHAKE_REQUEST, bytes_of_text(request), now);
        free(request);
    }
}

static void dial(struct agent_core *core, enum state state)
{
    core->state = state;
    core->target_total = 0;
    byte_queue_drop(&core->pending_acks, byte_queue_len(&core->pending_acks));
    core->ports.dial(core->owner);
}

static void complete_handshake(struct agent_core *core, struct agent_time now)
{
    char text[128];
    uint64_t nanoseconds = (now.mono_us - core->started_us) * 1000u;
    int len = snprintf(text, sizeof text, "{\"HandshakeTimeToComplete\":%llu,\"CustomerMessage\":\"\"}",
                       (unsigned long long)nanoseconds);
    agent_sender_stream(&core->sender, PAYLOAD_HANDSHAKE_COMPLETE, bytes_of(text, (size_t)len), now);
    core->state_due_us = now.mono_us + core->timing.complete_flag_delay_us;
    core->state = STATE_COMPLETING;
    if (core->timing.complete_flag_delay_us == 0) {
        dial(core, STATE_DIALING);
    }
}

static void run_sequel(struct agent_core *core, struct agent_time now)
{
    enum sequel sequel = core->sequel;
    core->sequel = SEQUEL_NONE;
    switch (sequel) {
    case SEQUEL_NONE:
        break;
    case SEQUEL_HANDSHAKE_COMPLETE:
        complete_handshake(core, now);
        break;
    case SEQUEL_HANDSHAKE_FAILED: {
        char problem[sizeof core->output];
        memcpy(problem, core->output, sizeof problem);
        end(core, "Failed", problem, now);
        break;
    }
    case SEQUEL_TERMINATE:
        end(core, "Success", "", now);
        break;
    case SEQUEL_DISCONNECT:
        if (core->reconnects) {
            core->ports.target_close(core->owner);
            core->state = STATE_TARGET_GONE;
        } else {
            end(core, "Failed", "", now);
        }
        break;
    }
}

/* ---- stream input ---- */

static enum outcome process_response(struct agent_core *core, const struct input *input)
{
    if (core->has_response) {
        core->receive_loop = LOOP_BLOCKED; /* nobody takes the second one: an unbuffered channel */
        return OUTCOME_REFUSED;
    }
    struct text problem = text_in(core->output, sizeof core->output);
    enum err err = agent_handshake_read_response(input->payload, &problem);
    if (err == ERR_MALFORMED) {
        return OUTCOME_REFUSED;
    }
    core->has_response = true;
    core->sequel = err == ERR_OK ? SEQUEL_HANDSHAKE_COMPLETE : SEQUEL_HANDSHAKE_FAILED;
    return OUTCOME_DONE;
}

static enum outcome process_flag(struct agent_core *core, const struct input *input)
{
    if (input->payload.len < 4) {
        return OUTCOME_REFUSED;
    }
    uint32_t flag = bytes_get_be32(input->payload.data);
    if (flag == FLAG_TERMINATE_SESSION) {
        core->sequel = SEQUEL_TERMINATE;
        core->counters.terminate_flags++;
    } else if (flag == FLAG_DISCONNECT_TO_PORT) {
        core->sequel = SEQUEL_DISCONNECT;
    }
    return OUTCOME_DONE;
}

/* For now neither acknowledged nor counted: it is received again by replay_held. */
static enum outcome hold(struct agent_core *core, const struct input *input)
{
    byte_queue_drop(&core->held, byte_queue_len(&core->held));
    if (byte_queue_append(&core->held, input->wire) != ERR_OK) {
        core->counters.dropped++;
    }
    return OUTCOME_REFUSED;
}

static enum outcome process_output(struct agent_core *core, const struct input *input)
{
    if (core->state == STATE_TARGET_GONE) {
        dial(core, STATE_REDIALING);
        return hold(core, input);
    }
    if (input->payload.len == 0) {
        return OUTCOME_DONE;
    }
    core->target_total += input->payload.len;
    struct pending_ack pending = {core->target_total, input->sequence_number, input->message_id};
    if (byte_queue_append(&core->pending_acks, bytes_of(&pending, sizeof pending)) != ERR_OK) {
        core->target_total -= input->payload.len;
        return OUTCOME_REFUSED;
    }
    core->ports.target_write(core->owner, input->payload);
    return OUTCOME_WRITING;
}

static enum outcome process(struct agent_core *core, const struct input *input)
{
    if (input->payload_type == PAYLOAD_HANDSHAKE_RESPONSE) {
        return process_response(core, input);
    }
    switch (core->state) {
    case STATE_NEW:
    case STATE_HANDSHAKE:
    case STATE_COMPLETING:
        core->counters.discarded_in_handshake++;
        return OUTCOME_DONE;
    case STATE_DIALING:
    case STATE_REDIALING:
        core->counters.not_ready++;
        return OUTCOME_REFUSED;
    case STATE_OPEN:
    case STATE_TARGET_GONE:
        if (input->payload_type == PAYLOAD_OUTPUT) {
            return process_output(core, input);
        }
        if (byte_queue_len(&core->pending_acks) > 0) {
            /* The agent writes synchronously: nothing is looked at before what precedes it has been written. */
            return hold(core, input);
        }
        return input->payload_type == PAYLOAD_FLAG ? process_flag(core, input) : OUTCOME_DONE;
    case STATE_DRAINING:
        /* The connection is closed: writing fails, a flag does nothing more. */
        return input->payload_type == PAYLOAD_OUTPUT ? OUTCOME_REFUSED : OUTCOME_DONE;
    case STATE_CRASHED:
    case STATE_REPORTING:
    case STATE_OVER:
        break;
    }
    return OUTCOME_REFUSED;
}

static bool parse_input(struct bytes wire, struct input *ret_input, char ret_type[AGENT_MESSAGE_TYPE_LEN + 1])
{
    size_t header_len = bytes_get_be32(wire.data), len = 0;
    for (size_t i = 0; i < AGENT_MESSAGE_TYPE_LEN; i++) {
        char c = (char)wire.data[4 + i];
        if (c != '\0' && c != ' ') {
            ret_type[len++] = c;
        }
    }
    ret_type[len] = '\0';
    ret_input->wire = wire;
    ret_input->sequence_number = (int64_t)bytes_get_be64(wire.data + 48);
    /* The halves of the id are swapped on the wire. */
    memcpy(ret_input->message_id.octets, wire.data + 72, 8);
    memcpy(ret_input->message_id.octets + 8, wire.data + 64, 8);
    ret_input->payload_type = bytes_get_be32(wire.data + 112);
    ret_input->payload = bytes_from(wire, header_len + 4);
    return header_len != 0 && len > 0 && bytes_get_be64(wire.data + 40) != 0;
}

static void acknowledge(struct agent_core *core, const struct input *input, struct agent_time now)
{
    agent_sender_acknowledge(&core->sender, &input->message_id, input->sequence_number, now);
}

/* In order: process, acknowledge, count. False when it does not count. */
static bool accept(struct agent_core *core, const struct input *input, bool is_acknowledged, struct agent_time now)
{
    enum outcome outcome = process(core, input);
    if (outcome == OUTCOME_REFUSED) {
        return false;
    }
    if (outcome == OUTCOME_DONE && !is_acknowledged) {
        acknowledge(core, input, now);
    }
    core->expected = input->sequence_number + 1;
    run_sequel(core, now);
    return true;
}

static void drain_ahead(struct agent_core *core, struct agent_time now)
{
    struct stored_message *stored = NULL;
    while ((stored = sequence_store_find(&core->ahead, core->expected)) != NULL) {
        struct input input;
        char type[AGENT_MESSAGE_TYPE_LEN + 1];
        parse_input(bytes_of(stored->wire, stored->len), &input, type);
        if (!accept(core, &input, true, now)) {
            return;
        }
        sequence_store_remove(&core->ahead, stored);
    }
}

/* A repetition of what is on its way to the target is answered when it is there. */
static bool is_being_written(const struct agent_core *core, int64_t sequence_number)
{
    struct bytes queue = byte_queue_bytes(&core->pending_acks);
    struct pending_ack first;
    if (queue.len == 0) {
        return false;
    }
    memcpy(&first, queue.data, sizeof first);
    return sequence_number >= first.sequence_number;
}

static void receive_stream(struct agent_core *core, const struct input *input, struct agent_time now)
{
    core->counters.received++;
    if (input->sequence_number == core->expected) {
        struct stored_message *stored = sequence_store_find(&core->ahead, core->expected);
        if (accept(core, input, false, now)) {
            if (stored != NULL) {
                sequence_store_remove(&core->ahead, stored);
            }
            drain_ahead(core, now);
        }
    } else if (input->sequence_number < core->expected) {
        core->counters.duplicates++;
        if (!is_being_written(core, input->sequence_number)) {
            acknowledge(core, input, now);
        }
    } else if (sequence_store_find(&core->ahead, input->sequence_number) != NULL) {
        core->counters.duplicates++;
        acknowledge(core, input, now);
    } else if (sequence_store_add(&core->ahead, input->sequence_number, input->wire, NULL)) {
        core->counters.stored_ahead++;
        acknowledge(core, input, now);
    } else {
        core->counters.dropped++;
    }
}

static void set_paused(struct agent_core *core, bool is_paused)
{
    core->is_paused = is_paused;
    update_sender(core);
}

void agent_core_receive(struct agent_core *core, struct bytes message, struct agent_time now)
{
    if (core->receive_loop != LOOP_RUNS || core->state >= STATE_CRASHED || message.len < 116) {
        return; /* too short for the fixed fields: an error, logged and forgotten */
    }
    if ((uint64_t)bytes_get_be32(message.data) + 4 > message.len) {
        core->receive_loop = LOOP_DEAD;
        return;
    }
    struct input input;
    char type[AGENT_MESSAGE_TYPE_LEN + 1];
    int64_t acknowledged = 0;
    if (!parse_input(message, &input, type)) {
        return;
    }
    if (strcmp(type, "input_stream_data") == 0) {
        set_paused(core, false);
        receive_stream(core, &input, now);
    } else if (strcmp(type, "acknowledge") == 0) {
        set_paused(core, false);
        if (ack_text_parse(input.payload, &acknowledged)) {
            agent_sender_acknowledged(&core->sender, acknowledged, now.mono_us);
        }
    } else if (strcmp(type, "pause_publication") == 0) {
        set_paused(core, true);
    } else if (strcmp(type, "start_publication") == 0) {
        set_paused(core, false);
    } else if (strcmp(type, "channel_closed") == 0) {
        agent_core_cancel(core, now);
    }
}

/* ---- target ---- */

static void replay_held(struct agent_core *core, struct agent_time now)
{
    struct byte_queue held = core->held;
    core->held = (struct byte_queue){0};
    if (byte_queue_len(&held) > 0) {
        agent_core_receive(core, byte_queue_bytes(&held), now);
    }
    byte_queue_free(&held);
}

void agent_core_dialed(struct agent_core *core, bool is_connected, struct agent_time now)
{
    if (core->state == STATE_DIALING) {
        if (is_connected) {
            core->state = STATE_OPEN;
        } else {
            crash(core, now);
        }
        return;
    }
    if (core->state != STATE_REDIALING) {
        return;
    }
    if (!is_connected) {
        end(core, "Failed", "Unable to connect to specified port", now);
        return;
    }
    core->state = STATE_OPEN;
    replay_held(core, now);
}

void agent_core_output(struct agent_core *core, struct bytes bytes, struct agent_time now)
{
    agent_sender_stream(&core->sender, PAYLOAD_OUTPUT, bytes, now);
}

void agent_core_target_ended(struct agent_core *core, bool is_clean, struct agent_time now)
{
    if (core->state != STATE_OPEN) {
        return;
    }
    if (core->reconnects) {
        core->ports.target_close(core->owner);
        core->state = STATE_TARGET_GONE;
    } else {
        end(core, is_clean ? "Success" : "Failed", "", now);
    }
}

void agent_core_written(struct agent_core *core, uint64_t total, struct agent_time now)
{
    while (byte_queue_len(&core->pending_acks) > 0) {
        struct pending_ack pending;
        memcpy(&pending, byte_queue_bytes(&core->pending_acks).data, sizeof pending);
        if (pending.end > total) {
            return;
        }
        byte_queue_drop(&core->pending_acks, sizeof pending);
        agent_sender_acknowledge(&core->sender, &pending.message_id, pending.sequence_number, now);
    }
    if (core->state == STATE_OPEN) {
        replay_held(core, now);
    }
}

void agent_core_write_failed(struct agent_core *core, struct agent_time now)
{
    if (byte_queue_len(&core->pending_acks) == 0) {
        return;
    }
    struct pending_ack first;
    memcpy(&first, byte_queue_bytes(&core->pending_acks).data, sizeof first);
    core->expected = first.sequence_number;
    byte_queue_drop(&core->pending_acks, byte_queue_len(&core->pending_acks));
    if (core->state == STATE_OPEN) {
        replay_held(core, now);
    }
}

/* ---- link and time ---- */

void agent_core_link_down(struct agent_core *core)
{
    core->is_link_up = false;
    update_sender(core);
}

void agent_core_link_up(struct agent_core *core, struct agent_time now)
{
    (void)now;
    core->is_link_up = true;
    set_paused(core, false);
}

static void tick_state(struct agent_core *core, struct agent_time now)
{
    switch (core->state) {
    case STATE_HANDSHAKE:
        end(core, "Failed",
            "Encountered error while initiating handshake. Handshake timed out. Please ensure that you have the latest "
            "version of the session manager plugin.",
            now);
        break;
    case STATE_COMPLETING:
        dial(core, STATE_DIALING);
        break;
    case STATE_DRAINING:
        report_soon(core, now);
        break;
    case STATE_CRASHED:
    case STATE_REPORTING:
        core->state = STATE_OVER;
        update_sender(core);
        core->ports.task_complete(core->owner, core->final_status, core->output);
        break;
    case STATE_NEW:
    case STATE_DIALING:
    case STATE_OPEN:
    case STATE_TARGET_GONE:
    case STATE_REDIALING:
    case STATE_OVER:
        break;
    }
}

void agent_core_tick(struct agent_core *core, struct agent_time now)
{
    bool is_drained = core->state == STATE_DRAINING && core->sender.unacknowledged.count == 0;
    if (now.mono_us >= core->next_resend_us) {
        uint64_t since = (now.mono_us - core->started_us) % RESEND_TICK_US;
        core->next_resend_us = now.mono_us - since + RESEND_TICK_US;
        agent_sender_tick(&core->sender, now.mono_us);
    }
    if (is_drained || now.mono_us >= core->state_due_us) {
        tick_state(core, now);
    }
}

uint64_t agent_core_deadline(const struct agent_core *core)
{
    if (core->state == STATE_OVER || core->state == STATE_NEW) {
        return UINT64_MAX;
    }
    uint64_t due_us = UINT64_MAX;
    if (core->sender.is_open && core->sender.unacknowledged.count > 0) {
        due_us = core->next_resend_us;
    }
    bool has_due = core->state == STATE_HANDSHAKE || core->state == STATE_COMPLETING || core->state == STATE_DRAINING ||
                   core->state == STATE_CRASHED || core->state == STATE_REPORTING;
    if (has_due && core->state_due_us < due_us) {
        due_us = core->state_due_us;
    }
    if (core->state == STATE_DRAINING && core->sender.unacknowledged.count == 0) {
        due_us = 0;
    }
    return due_us;
}

bool agent_core_wants_output(const struct agent_core *core)
{
    return core->state == STATE_OPEN && !core->is_paused;
}

bool agent_core_is_blocked(const struct agent_core *core)
{
    return core->state == STATE_REDIALING || (core->state == STATE_OPEN && byte_queue_len(&core->held) > 0);
}

bool agent_core_is_deaf(const struct agent_core *core)
{
    return core->receive_loop != LOOP_RUNS;
}

bool agent_core_is_over(const struct agent_core *core)
{
    return core->state == STATE_OVER;
}

const struct agent_counters *agent_core_counters(const struct agent_core *core)
{
    return &core->counters;
}
