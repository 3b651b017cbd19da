/* The receive loop of the agent: one message at a time, in the order of their numbers. */
#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"
#include "tests/emulator/ack_text.h"
#include "tests/emulator/agent_core_state.h"
#include "tests/emulator/agent_handshake.h"
#include "tests/emulator/agent_version.h"

#define FLAG_DISCONNECT_TO_PORT 1u
#define FLAG_TERMINATE_SESSION 2u

/* What processing one stream message comes to. */
enum outcome {
    OUTCOME_DONE,    /* acknowledge now */
    OUTCOME_WRITING, /* acknowledge when the target has it */
    OUTCOME_REFUSED, /* neither acknowledged nor counted: the peer will repeat it */
};

struct input {
    int64_t sequence_number;
    uint32_t payload_type;
    struct uuid message_id;
    struct bytes payload;
    struct bytes wire;
};

static void run_sequel(struct agent_core *core, struct agent_time now)
{
    enum sequel sequel = core->sequel;
    core->sequel = SEQUEL_NONE;
    switch (sequel) {
    case SEQUEL_NONE:
        break;
    case SEQUEL_ENCRYPTION:
        agent_core_begin_encryption(core, now);
        break;
    case SEQUEL_HANDSHAKE_COMPLETE:
        agent_core_complete_handshake(core, now);
        break;
    case SEQUEL_HANDSHAKE_FAILED: {
        char problem[sizeof core->output];
        memcpy(problem, core->output, sizeof problem);
        agent_core_end(core, "Failed", problem, now);
        break;
    }
    case SEQUEL_TERMINATE:
        agent_core_end(core, "Success", "", now);
        break;
    case SEQUEL_DISCONNECT:
        if (core->reconnects) {
            core->ports.target_close(core->owner);
            core->state = STATE_TARGET_GONE;
        } else if (!core->is_multiplexed) {
            agent_core_end(core, "Failed", "", now);
        }
        break;
    }
}

/* What the client's version decides. Source: docs/protocol.md, 7.5. */
static void know_client(struct agent_core *core, const char *version)
{
    core->is_multiplexed = core->multiplexes && agent_version_compare(version, "1.1.70") >= 0;
    core->keeps_alive = core->is_multiplexed && agent_version_compare(version, "1.2.331.0") <= 0;
    core->reconnects = core->reconnects && !core->is_multiplexed;
    if (core->separates_output && agent_version_compare(version, "1.2.295") <= 0) {
        core->customer_message =
            "Please update session manager plugin version (minimum required version 1.2.312.0) for "
            "fully support of separate StdOut/StdErr output.\\r\\n";
    }
}

static enum outcome process_response(struct agent_core *core, const struct input *input)
{
    if (!agent_core_needs_handshake(core)) {
        return OUTCOME_DONE; /* a warning in the agent's log */
    }
    if (core->has_response) {
        core->receive_loop = LOOP_BLOCKED; /* nobody takes the second one: an unbuffered channel */
        return OUTCOME_REFUSED;
    }
    struct agent_response response = {0};
    enum err err = agent_handshake_read_response(input->payload, &response);
    if (err != ERR_OK && err != ERR_PROTOCOL) {
        free(response.ciphertext_key);
        return OUTCOME_REFUSED;
    }
    core->ciphertext_key = response.ciphertext_key;
    core->has_acknowledged_challenge = response.has_acknowledged_challenge;
    memcpy(core->output, response.problem, sizeof core->output);
    know_client(core, response.client_version);
    core->has_response = true;
    core->sequel = err != ERR_OK              ? SEQUEL_HANDSHAKE_FAILED
                   : core->kms_key_id != NULL ? SEQUEL_ENCRYPTION
                                              : SEQUEL_HANDSHAKE_COMPLETE;
    return OUTCOME_DONE;
}

static enum outcome process_answer(struct agent_core *core, const struct input *input)
{
    if (core->state != STATE_CHALLENGE) {
        return OUTCOME_DONE;
    }
    enum err err = agent_crypt_check_answer(&core->crypt, input->payload);
    if (err == ERR_MALFORMED) {
        return OUTCOME_REFUSED;
    }
    core->customer_message = "This session is encrypted using AWS KMS.";
    snprintf(core->output, sizeof core->output, "%s", err == ERR_OK ? "" : "Encryption challenge does not match.");
    core->sequel = err == ERR_OK ? SEQUEL_HANDSHAKE_COMPLETE : SEQUEL_HANDSHAKE_FAILED;
    return OUTCOME_DONE;
}

/* Data before the handshake is complete is thrown away; before there is a key, it is decrypted by none. */
static enum outcome process_early(struct agent_core *core, const struct input *input)
{
    if (input->payload_type == PAYLOAD_OUTPUT && core->kms_key_id != NULL && !core->crypt.has_key) {
        core->receive_loop = LOOP_DEAD;
        return OUTCOME_REFUSED;
    }
    core->counters.discarded_in_handshake++;
    return OUTCOME_DONE;
}

/* Of an encrypted session: *payload becomes what it says. False: it is not from the client, or no memory is left. */
static bool open_payload(struct agent_core *core, struct bytes *payload)
{
    struct byte_queue *opened = &core->opened;
    byte_queue_drop(opened, byte_queue_len(opened));
    uint8_t *room = byte_queue_reserve(opened, payload->len + 1);
    if (room == NULL || agent_crypt_open(&core->crypt, *payload, room) != ERR_OK) {
        return false;
    }
    byte_queue_commit(opened, payload->len - AES_GCM_EXTRA_LEN);
    *payload = byte_queue_bytes(opened);
    return true;
}

static enum outcome process_flag(struct agent_core *core, const struct input *input)
{
    if (input->payload.len < 4) {
        return OUTCOME_REFUSED;
    }
    uint32_t flag = bytes_get_be32(input->payload.data);
    core->counters.terminate_flags += flag == FLAG_TERMINATE_SESSION ? 1 : 0;
    if (agent_core_is_shell(core)) {
        return OUTCOME_DONE;
    }
    if (flag == FLAG_TERMINATE_SESSION) {
        core->sequel = SEQUEL_TERMINATE;
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
    struct bytes payload = input->payload;
    if (core->crypt.has_key && !open_payload(core, &payload)) {
        return OUTCOME_REFUSED;
    }
    if (core->state == STATE_TARGET_GONE) {
        agent_core_dial(core, STATE_REDIALING);
        return hold(core, input);
    }
    if (core->session_type == AGENT_SESSION_NON_INTERACTIVE_COMMANDS) {
        agent_core_take_interrupts(core, payload);
        return OUTCOME_DONE;
    }
    if (payload.len == 0) {
        return OUTCOME_DONE;
    }
    core->target_total += payload.len;
    struct pending_ack pending = {core->target_total, input->sequence_number, input->message_id};
    if (byte_queue_append(&core->pending_acks, bytes_of(&pending, sizeof pending)) != ERR_OK) {
        core->target_total -= payload.len;
        return OUTCOME_REFUSED;
    }
    core->ports.target_write(core->owner, payload);
    return OUTCOME_WRITING;
}

/* Neither data nor handshake. */
static enum outcome process_control(struct agent_core *core, const struct input *input)
{
    if (byte_queue_len(&core->pending_acks) > 0) {
        /* The agent writes synchronously: nothing is looked at before what precedes it has been written. */
        return hold(core, input);
    }
    if (input->payload_type == PAYLOAD_SIZE && agent_core_is_shell(core)) {
        return agent_core_take_size(core, input->payload) ? OUTCOME_DONE : OUTCOME_REFUSED;
    }
    return input->payload_type == PAYLOAD_FLAG ? process_flag(core, input) : OUTCOME_DONE;
}

static enum outcome process(struct agent_core *core, const struct input *input)
{
    if (input->payload_type == PAYLOAD_HANDSHAKE_RESPONSE) {
        return process_response(core, input);
    }
    if (input->payload_type == PAYLOAD_ENC_CHALLENGE_RESPONSE) {
        return process_answer(core, input);
    }
    switch (core->state) {
    case STATE_NEW:
    case STATE_HANDSHAKE:
    case STATE_CHALLENGE:
    case STATE_COMPLETING:
        return process_early(core, input);
    case STATE_DIALING:
    case STATE_REDIALING:
        core->counters.not_ready++;
        return OUTCOME_REFUSED;
    case STATE_OPEN:
    case STATE_TARGET_GONE:
        if (input->payload_type == PAYLOAD_OUTPUT) {
            return process_output(core, input);
        }
        return process_control(core, input);
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
        agent_core_set_paused(core, false, now);
        receive_stream(core, &input, now);
    } else if (strcmp(type, "acknowledge") == 0) {
        agent_core_set_paused(core, false, now);
        if (ack_text_parse(input.payload, &acknowledged)) {
            agent_sender_acknowledged(&core->sender, acknowledged, now.mono_us);
        }
    } else if (strcmp(type, "pause_publication") == 0) {
        agent_core_set_paused(core, true, now);
    } else if (strcmp(type, "start_publication") == 0) {
        agent_core_set_paused(core, false, now);
    } else if (strcmp(type, "channel_closed") == 0) {
        agent_core_cancel(core, now);
    }
}
