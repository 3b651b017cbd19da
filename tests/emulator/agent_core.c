#include <stdio.h>
#include <stdlib.h>

#include "common/base64.h"
#include "tests/emulator/agent_core_state.h"
#include "tests/emulator/agent_handshake.h"

#define RESEND_TICK_US 100000u
/* The data channel drops 1 to 2 ms before the task is reported on the control channel. */
#define REPORT_DELAY_US 2000u

void agent_core_counters_add(struct agent_counters *sum, const struct agent_counters *more)
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
    core->session_type = config->session_type;
    core->separates_output = config->separates_output;
    core->customer_message = "";
    core->timing = config->timing;
    core->reconnects = config->reconnects;
    core->skips_handshake = config->skips_handshake;
    core->multiplexes = config->multiplexes;
    core->sender.send = send_to_link;
    core->sender.owner = core;
    core->sender.chance = chance;
    core->sender.counters = &core->counters;
    snprintf(core->session_id, sizeof core->session_id, "%s", config->session_id);
    snprintf(core->forbidden_host, sizeof core->forbidden_host, "%s",
             config->forbidden_host == NULL ? "" : config->forbidden_host);
    core->requires_challenge = config->requires_challenge;
    core->properties = strdup(config->properties);
    bool is_encrypted = config->kms_key_id != NULL && config->kms_key_id[0] != '\0';
    core->kms_key_id = is_encrypted ? strdup(config->kms_key_id) : NULL;
    if (core->properties == NULL || is_encrypted != (core->kms_key_id != NULL) ||
        agent_sender_init(&core->sender) != ERR_OK) {
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
    byte_queue_free(&core->opened);
    free(core->ciphertext_key);
    free(core->kms_key_id);
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
    if (agent_core_is_shell(core)) {
        agent_sender_state(&core->sender, "Terminating", core->session_id, now);
    }
    hang_up(core);
    core->state = STATE_REPORTING;
    core->state_due_us = now.mono_us + REPORT_DELAY_US;
}

/* The session plugin is done: what is unacknowledged gets a last chance. */
void agent_core_end(struct agent_core *core, const char *final_status, const char *output, struct agent_time now)
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
    if (core->state == STATE_CRASHED) {
        core->state_due_us = now.mono_us + REPORT_DELAY_US; /* the agent itself lives, and need not wait any longer */
    }
    if (core->state >= STATE_CRASHED) {
        return;
    }
    core->ports.target_close(core->owner);
    core->final_status = "Success";
    core->output[0] = '\0';
    report_soon(core, now);
}

/* ---- handshake and target ---- */

bool agent_core_needs_handshake(const struct agent_core *core)
{
    return core->kms_key_id != NULL || core->session_type == AGENT_SESSION_PORT ||
           core->session_type == AGENT_SESSION_NON_INTERACTIVE_COMMANDS;
}

static void request_handshake(struct agent_core *core, struct agent_time now)
{
    uint8_t challenge[16] = {0};
    for (size_t i = 0; core->kms_key_id != NULL && i < sizeof challenge; i++) {
        challenge[i] = (uint8_t)chance_next(core->sender.chance);
    }
    struct text text_of_challenge = text_in(core->kms_challenge, sizeof core->kms_challenge);
    base64_put(bytes_of(challenge, core->kms_key_id == NULL ? 0 : sizeof challenge), &text_of_challenge);
    const struct agent_request request = {AGENT_CORE_VERSION, core->session_type,
                                          agent_core_is_shell(core) ? "null" : core->properties, core->kms_key_id,
                                          core->kms_challenge};
    char *text = agent_handshake_request(&request);
    if (text != NULL) {
        agent_sender_stream(&core->sender, PAYLOAD_HANDSHAKE_REQUEST, bytes_of_text(text), now);
        free(text);
    }
}

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
    if (!agent_core_needs_handshake(core)) {
        agent_core_dial(core, STATE_DIALING);
        return;
    }
    request_handshake(core, now);
}

static void refuse_target(struct agent_core *core, struct agent_time now)
{
    char problem[sizeof core->forbidden_host + 64];
    snprintf(problem, sizeof problem, "Forwarding to IP address %s is forbidden.", core->forbidden_host);
    agent_core_end(core, "Failed", problem, now);
}

void agent_core_dial(struct agent_core *core, enum agent_state state)
{
    core->state = state;
    core->target_total = 0;
    byte_queue_drop(&core->pending_acks, byte_queue_len(&core->pending_acks));
    core->ports.dial(core->owner);
}

void agent_core_complete_handshake(struct agent_core *core, struct agent_time now)
{
    char text[320];
    uint64_t nanoseconds = (now.mono_us - core->started_us) * 1000u;
    int len = snprintf(text, sizeof text, "{\"HandshakeTimeToComplete\":%llu,\"CustomerMessage\":\"%s\"}",
                       (unsigned long long)nanoseconds, core->customer_message);
    agent_sender_stream(&core->sender, PAYLOAD_HANDSHAKE_COMPLETE, bytes_of(text, (size_t)len), now);
    core->state_due_us = now.mono_us + core->timing.complete_flag_delay_us;
    core->state = STATE_COMPLETING;
    if (core->forbidden_host[0] != '\0') {
        refuse_target(core, now);
    } else if (core->timing.complete_flag_delay_us == 0) {
        agent_core_dial(core, STATE_DIALING);
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
        } else if (agent_core_is_shell(core)) {
            agent_core_end(core, "Failed", "Unable to start shell", now);
        } else {
            crash(core, now);
        }
        return;
    }
    if (core->state != STATE_REDIALING) {
        return;
    }
    if (!is_connected) {
        agent_core_end(core, "Failed", "Unable to connect to specified port", now);
        return;
    }
    core->state = STATE_OPEN;
    replay_held(core, now);
}

bool agent_core_is_multiplexed(const struct agent_core *core)
{
    return core->is_multiplexed;
}

bool agent_core_keeps_alive(const struct agent_core *core)
{
    return core->keeps_alive;
}

void agent_core_connect_failed(struct agent_core *core, struct agent_time now)
{
    static const uint8_t connect_to_port_error[] = {0, 0, 0, 3};
    agent_sender_stream(&core->sender, PAYLOAD_FLAG, bytes_of(connect_to_port_error, sizeof connect_to_port_error),
                        now);
}

void agent_core_target_ended(struct agent_core *core, bool is_clean, struct agent_time now)
{
    if (core->state != STATE_OPEN) {
        return;
    }
    if (agent_core_is_shell(core)) {
        agent_core_flush_output(core, now);
        agent_core_end(core, "Success", "", now); /* whatever it has returned */
    } else if (core->reconnects) {
        core->ports.target_close(core->owner);
        core->state = STATE_TARGET_GONE;
    } else {
        agent_core_end(core, is_clean ? "Success" : "Failed", "", now);
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

void agent_core_set_paused(struct agent_core *core, bool is_paused, struct agent_time now)
{
    core->is_paused = is_paused;
    update_sender(core);
    if (is_paused && core->separates_output && core->state == STATE_OPEN) {
        agent_core_end(core, "Failed", "Data Channel not in active status", now);
    }
}

void agent_core_link_down(struct agent_core *core)
{
    core->is_link_up = false;
    update_sender(core);
}

void agent_core_link_up(struct agent_core *core, struct agent_time now)
{
    core->is_link_up = true;
    agent_core_set_paused(core, false, now);
}

static void tick_state(struct agent_core *core, struct agent_time now)
{
    switch (core->state) {
    case STATE_HANDSHAKE:
        agent_core_end(
            core, "Failed",
            "Encountered error while initiating handshake. Handshake timed out. Please ensure that you have the latest "
            "version of the session manager plugin.",
            now);
        break;
    case STATE_CHALLENGE:
        agent_core_end(core, "Failed", "Timed out waiting for encryption challenge.", now);
        break;
    case STATE_COMPLETING:
        agent_core_dial(core, STATE_DIALING);
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
    bool has_due = core->state == STATE_HANDSHAKE || core->state == STATE_CHALLENGE ||
                   core->state == STATE_COMPLETING || core->state == STATE_DRAINING || core->state == STATE_CRASHED ||
                   core->state == STATE_REPORTING;
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

size_t agent_core_unacknowledged(const struct agent_core *core)
{
    return core->sender.unacknowledged.count;
}

const struct agent_counters *agent_core_counters(const struct agent_core *core)
{
    return &core->counters;
}
