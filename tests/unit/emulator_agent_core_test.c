/* agent_core: the behaviour of the real agent, under a clock of the test's own. */
#include "tests/support/unit.h"

#include <signal.h>

#include "proxy/core/agent_message.h"
#include "tests/emulator/ack_text.h"
#include "tests/emulator/agent_core.h"

#define SECOND 1000000u
#define MILLISECOND 1000u
#define KEPT 4096

/* What the core asked for, in order; the newest KEPT messages. */
struct rig {
    struct agent_core *core;
    struct agent_time now;
    struct chance chance;
    struct sha256 *hash;
    struct agent_message sent[KEPT];
    uint8_t wires[KEPT][2048];
    size_t sent_count;
    uint8_t target[65536];
    size_t target_len;
    int dials, closes, drops;
    uint16_t columns, rows;
    int signals[8];
    size_t signal_count;
    char final_status[16], output[1024];
    bool is_complete;
};

static struct rig *rig;

static void on_send(void *owner, struct bytes message)
{
    struct rig *at = owner;
    assert_true(at->sent_count < KEPT && message.len <= sizeof at->wires[0]);
    memcpy(at->wires[at->sent_count], message.data, message.len);
    assert_ok(agent_message_parse(bytes_of(at->wires[at->sent_count], message.len), &at->sent[at->sent_count]));
    assert_ok(agent_message_verify(&at->sent[at->sent_count], at->hash));
    at->sent_count++;
}

static void on_dial(void *owner)
{
    ((struct rig *)owner)->dials++;
}

static void on_write(void *owner, struct bytes payload)
{
    struct rig *at = owner;
    assert_true(at->target_len + payload.len <= sizeof at->target);
    memcpy(at->target + at->target_len, payload.data, payload.len);
    at->target_len += payload.len;
}

static void on_close(void *owner)
{
    ((struct rig *)owner)->closes++;
}

static void on_drop(void *owner)
{
    ((struct rig *)owner)->drops++;
}

static void on_complete(void *owner, const char *final_status, const char *output)
{
    struct rig *at = owner;
    at->is_complete = true;
    snprintf(at->final_status, sizeof at->final_status, "%s", final_status);
    snprintf(at->output, sizeof at->output, "%s", output);
}

static void on_resize(void *owner, uint16_t columns, uint16_t rows)
{
    struct rig *at = owner;
    at->columns = columns;
    at->rows = rows;
}

static void on_interrupt(void *owner, int signal_number)
{
    struct rig *at = owner;
    at->signals[at->signal_count++ % 8] = signal_number;
}

static int make_rig(const struct agent_config *kind)
{
    static const struct agent_ports ports = {.send = on_send,
                                             .dial = on_dial,
                                             .target_write = on_write,
                                             .target_close = on_close,
                                             .link_drop = on_drop,
                                             .task_complete = on_complete,
                                             .resize = on_resize,
                                             .interrupt = on_interrupt};
    struct agent_config config = *kind;
    config.session_id = "user-0123456789";
    config.properties = "{\"portNumber\":\"22\"}";
    config.timing = agent_core_real_timing();
    rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->now = (struct agent_time){5 * SECOND, 1700000000000};
    rig->chance = chance_from_number(1);
    assert_ok(sha256_new(&rig->hash));
    assert_ok(agent_core_new(&config, &ports, rig, &rig->chance, &rig->core));
    agent_core_start(rig->core, rig->now);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return make_rig(&(struct agent_config){0});
}

static int set_up_forwarding(void **state)
{
    (void)state;
    return make_rig(&(struct agent_config){.reconnects = true, .multiplexes = true});
}

static int tear_down(void **state)
{
    (void)state;
    agent_core_free(rig->core);
    sha256_free(&rig->hash);
    free(rig);
    return 0;
}

/* Lets time pass, with every tick that the core asks for. */
static void pass(uint64_t microseconds)
{
    uint64_t end = rig->now.mono_us + microseconds;
    for (uint64_t due = agent_core_deadline(rig->core); due <= end; due = agent_core_deadline(rig->core)) {
        rig->now.mono_us = due > rig->now.mono_us ? due : rig->now.mono_us;
        agent_core_tick(rig->core, rig->now);
    }
    rig->now.mono_us = end;
}

static void deliver(enum agent_message_type type, int64_t number, enum payload_type payload_type, const void *data,
                    size_t len)
{
    uint8_t wire[4096];
    size_t wire_len = 0;
    struct agent_message message = {.type = type,
                                    .created_unix_ms = 1,
                                    .sequence_number = number,
                                    .message_id = uuid_v4(&rig->chance),
                                    .payload_type = (uint32_t)payload_type,
                                    .payload = bytes_of(data, len)};
    assert_ok(agent_message_encode(&message, rig->hash, wire, sizeof wire, &wire_len));
    agent_core_receive(rig->core, bytes_of(wire, wire_len), rig->now);
}

static void input(int64_t number, enum payload_type type, const char *text)
{
    deliver(AGENT_MESSAGE_INPUT_STREAM_DATA, number, type, text, strlen(text));
}

static void flag(int64_t number, uint8_t value)
{
    uint8_t payload[4] = {0, 0, 0, value};
    deliver(AGENT_MESSAGE_INPUT_STREAM_DATA, number, PAYLOAD_FLAG, payload, sizeof payload);
}

static void acknowledge(int64_t number)
{
    char text[ACK_TEXT_SIZE];
    struct uuid id = uuid_v4(&rig->chance);
    size_t len = ack_text_compose("output_stream_data", &id, number, text);
    deliver(AGENT_MESSAGE_ACKNOWLEDGE, 0, PAYLOAD_NONE, text, len);
}

static void respond_as(int64_t number, const char *version)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"ClientVersion\":\"%s\",\"ProcessedClientActions\":[{\"ActionType\":\"SessionType\","
             "\"ActionStatus\":1,\"ActionResult\":null,\"Error\":\"\"}],\"Errors\":null}",
             version);
    input(number, PAYLOAD_HANDSHAKE_RESPONSE, text);
}

static void respond(int64_t number)
{
    respond_as(number, "1.2.650.0");
}

/* Past the handshake, with a connection to the target and nothing unacknowledged. */
static void open_session_as(const char *version)
{
    acknowledge(0);
    respond_as(0, version);
    acknowledge(1);
    agent_core_dialed(rig->core, true, rig->now);
}

static void open_session(void)
{
    open_session_as("1.2.650.0");
}

static size_t count_acks(int64_t number)
{
    size_t count = 0;
    for (size_t i = 0; i < rig->sent_count; i++) {
        int64_t acknowledged = -1;
        if (rig->sent[i].type == AGENT_MESSAGE_ACKNOWLEDGE && ack_text_parse(rig->sent[i].payload, &acknowledged) &&
            acknowledged == number) {
            count++;
        }
    }
    return count;
}

static size_t count_outputs(int64_t number)
{
    size_t count = 0;
    for (size_t i = 0; i < rig->sent_count; i++) {
        count += rig->sent[i].type == AGENT_MESSAGE_OUTPUT_STREAM_DATA && rig->sent[i].sequence_number == number;
    }
    return count;
}

/* ---- handshake ---- */

static void test_begins_with_state_and_request(void **state)
{
    (void)state;
    assert_int_equal(rig->sent_count, 2);
    assert_int_equal(rig->sent[0].type, AGENT_MESSAGE_AGENT_SESSION_STATE);
    assert_int_equal(rig->sent[0].flags, 3);
    const struct agent_message *request = &rig->sent[1];
    assert_int_equal(request->payload_type, PAYLOAD_HANDSHAKE_REQUEST);
    assert_int_equal(request->sequence_number, 0);
    assert_int_equal(request->flags, AGENT_MESSAGE_FLAG_SYN);
    /* Word for word the payload of output_stream_data_seq0_syn_handshake_request_port_ssh in the wire vectors. */
    assert_true(bytes_equal_text(
        request->payload, "{\"AgentVersion\":\"3.3.0.0\",\"RequestedClientActions\":[{\"ActionType\":\"SessionType\","
                          "\"ActionParameters\":{\"SessionType\":\"Port\",\"Properties\":{\"portNumber\":\"22\"}}}]}"));
}

static void test_nobody_answers(void **state)
{
    (void)state;
    acknowledge(0);
    pass(14999 * MILLISECOND);
    assert_int_equal(rig->drops, 0);
    pass(3 * SECOND);
    assert_int_equal(rig->drops, 1);
    assert_true(rig->is_complete);
    assert_string_equal(rig->final_status, "Failed");
    assert_non_null(strstr(rig->output, "Handshake timed out."));
}

static void test_input_in_the_handshake_is_thrown_away(void **state)
{
    (void)state;
    input(0, PAYLOAD_OUTPUT, "lost");
    assert_int_equal(count_acks(0), 1);
    respond(1);
    assert_int_equal(count_acks(1), 1);
    assert_int_equal(rig->dials, 1);
    agent_core_dialed(rig->core, true, rig->now);
    assert_int_equal(rig->target_len, 0);
    assert_int_equal(agent_core_counters(rig->core)->discarded_in_handshake, 1);
}

static void test_a_response_that_is_none_is_not_acknowledged(void **state)
{
    (void)state;
    input(0, PAYLOAD_HANDSHAKE_RESPONSE, "{");
    assert_int_equal(count_acks(0), 0);
    respond(0);
    assert_int_equal(count_acks(0), 1);
    assert_int_equal(count_outputs(1), 1);
}

static void test_a_second_response_blocks(void **state)
{
    (void)state;
    open_session();
    respond(1);
    input(2, PAYLOAD_OUTPUT, "x");
    assert_true(agent_core_is_deaf(rig->core));
    assert_int_equal(count_acks(1) + count_acks(2), 0);
    agent_core_cancel(rig->core, rig->now);
    pass(SECOND);
    assert_string_equal(rig->final_status, "Success");
}

static void test_a_header_length_kills(void **state)
{
    (void)state;
    uint8_t wire[200] = {0};
    open_session();
    bytes_put_be32(wire, 197);
    agent_core_receive(rig->core, bytes_of(wire, sizeof wire), rig->now);
    assert_true(agent_core_is_deaf(rig->core));
    input(1, PAYLOAD_OUTPUT, "x");
    assert_int_equal(count_acks(1), 0);
}

static void test_broken_messages_are_forgotten(void **state)
{
    (void)state;
    uint8_t wire[200] = {0};
    open_session();
    for (size_t len = 0; len < 116; len++) {
        bytes_put_be32(wire, 0xffffffff);
        agent_core_receive(rig->core, bytes_of(wire, len), rig->now); /* too short to get so far */
    }
    memset(wire, 0, sizeof wire);
    agent_core_receive(rig->core, bytes_of(wire, sizeof wire), rig->now); /* header length, type and date are zero */
    assert_false(agent_core_is_deaf(rig->core));
    input(1, PAYLOAD_OUTPUT, "x");
    assert_int_equal(rig->target_len, 1);
}

/* ---- input ---- */

static void test_input_waits_for_the_connection(void **state)
{
    (void)state;
    acknowledge(0);
    respond(0);
    input(1, PAYLOAD_OUTPUT, "early");
    assert_int_equal(count_acks(1), 0);
    agent_core_dialed(rig->core, true, rig->now);
    input(1, PAYLOAD_OUTPUT, "early");
    assert_int_equal(count_acks(1), 0); /* not before it is written */
    agent_core_written(rig->core, 4, rig->now);
    assert_int_equal(count_acks(1), 0);
    agent_core_written(rig->core, 5, rig->now);
    assert_int_equal(count_acks(1), 1);
    assert_memory_equal(rig->target, "early", 5);
}

static void test_order_and_duplicates(void **state)
{
    (void)state;
    open_session();
    input(3, PAYLOAD_OUTPUT, "c");
    input(2, PAYLOAD_OUTPUT, "b");
    assert_int_equal(count_acks(3) + count_acks(2), 2);
    input(3, PAYLOAD_OUTPUT, "C");
    assert_int_equal(count_acks(3), 2);
    assert_int_equal(rig->target_len, 0);
    input(1, PAYLOAD_OUTPUT, "a");
    assert_memory_equal(rig->target, "abc", 3);
    agent_core_written(rig->core, 3, rig->now);
    assert_int_equal(count_acks(1), 1);
    input(1, PAYLOAD_OUTPUT, "A");
    assert_int_equal(count_acks(1), 2);
    assert_int_equal(rig->target_len, 3);
    assert_int_equal(agent_core_counters(rig->core)->duplicates, 2);
}

static void test_a_repetition_of_what_is_being_written(void **state)
{
    (void)state;
    open_session();
    input(1, PAYLOAD_OUTPUT, "a");
    input(1, PAYLOAD_OUTPUT, "a");
    assert_int_equal(count_acks(1), 0);
    agent_core_write_failed(rig->core, rig->now);
    input(1, PAYLOAD_OUTPUT, "a");
    assert_int_equal(rig->target_len, 2); /* it was not counted, so it is written again */
}

static void test_a_flag_waits_for_the_writing(void **state)
{
    (void)state;
    open_session();
    input(1, PAYLOAD_OUTPUT, "last");
    flag(2, 2);
    assert_true(agent_core_is_blocked(rig->core));
    assert_int_equal(rig->closes + (int)count_acks(2), 0);
    agent_core_written(rig->core, 4, rig->now);
    assert_int_equal(count_acks(2), 1);
    assert_int_equal(rig->closes, 1);
    pass(SECOND);
    assert_string_equal(rig->final_status, "Success");
}

/* ---- output ---- */

static void test_the_oldest_is_repeated(void **state)
{
    (void)state;
    size_t before = rig->sent_count;
    pass(299 * MILLISECOND);
    assert_int_equal(rig->sent_count, before); /* at 200 ms the timeout of 200 ms has not passed */
    pass(2 * MILLISECOND);
    assert_int_equal(rig->sent_count, before + 1);
    assert_memory_equal(rig->wires[before], rig->wires[1], 277);
    open_session();
    agent_core_output(rig->core, bytes_of_text("one"), rig->now);
    agent_core_output(rig->core, bytes_of_text("two"), rig->now);
    pass(5 * SECOND);
    assert_true(count_outputs(2) > 4);
    assert_int_equal(count_outputs(3), 1);
    acknowledge(2);
    pass(5 * SECOND);
    assert_true(count_outputs(3) > 4);
}

static void test_the_timeout_follows_the_round_trip(void **state)
{
    (void)state;
    open_session();
    for (int64_t number = 2; number < 40; number++) {
        agent_core_output(rig->core, bytes_of_text("x"), rig->now);
        pass(MILLISECOND);
        acknowledge(number);
    }
    agent_core_output(rig->core, bytes_of_text("x"), rig->now);
    pass(200 * MILLISECOND); /* about 11 ms are enough now: the next tick, or the one after */
    assert_in_range(count_outputs(40), 2, 3);
}

static void test_pause(void **state)
{
    (void)state;
    open_session();
    deliver(AGENT_MESSAGE_PAUSE_PUBLICATION, 0, PAYLOAD_NONE, "pause_publication", 17);
    assert_false(agent_core_wants_output(rig->core));
    agent_core_output(rig->core, bytes_of_text("x"), rig->now); /* a read that was under way */
    pass(2 * SECOND);
    assert_int_equal(count_outputs(2), 0);
    deliver(AGENT_MESSAGE_START_PUBLICATION, 0, PAYLOAD_NONE, "start_publication", 17);
    assert_true(agent_core_wants_output(rig->core));
    pass(200 * MILLISECOND);
    assert_in_range(count_outputs(2), 1, 2);
    deliver(AGENT_MESSAGE_PAUSE_PUBLICATION, 0, PAYLOAD_NONE, "pause_publication", 17);
    acknowledge(2); /* any acknowledgement, and any input, clears it too */
    assert_true(agent_core_wants_output(rig->core));
}

static void test_a_lost_link_loses_nothing(void **state)
{
    (void)state;
    open_session();
    agent_core_link_down(rig->core);
    agent_core_output(rig->core, bytes_of_text("x"), rig->now);
    pass(SECOND);
    assert_int_equal(count_outputs(2), 0);
    agent_core_link_up(rig->core, rig->now);
    pass(200 * MILLISECOND);
    assert_true(count_outputs(2) > 0);
}

/* ---- the end ---- */

static void test_the_target_ends(void **state)
{
    (void)state;
    open_session();
    agent_core_output(rig->core, bytes_of_text("bye"), rig->now);
    agent_core_target_ended(rig->core, true, rig->now);
    pass(1900 * MILLISECOND);
    assert_int_equal(rig->drops, 0);
    pass(200 * MILLISECOND);
    assert_int_equal(rig->drops, 1);
    assert_string_equal(rig->final_status, "Success");
    assert_string_equal(rig->output, "");
    assert_true(agent_core_is_over(rig->core));
}

static void test_the_target_ends_and_all_is_acknowledged(void **state)
{
    (void)state;
    open_session();
    agent_core_target_ended(rig->core, false, rig->now);
    pass(10 * MILLISECOND);
    assert_string_equal(rig->final_status, "Failed");
}

static void test_a_refused_connection(void **state)
{
    (void)state;
    acknowledge(0);
    respond(0);
    agent_core_dialed(rig->core, false, rig->now);
    size_t before = rig->sent_count;
    assert_int_equal(rig->drops, 1);
    pass(59999 * MILLISECOND);
    assert_false(rig->is_complete);
    pass(2 * MILLISECOND);
    assert_true(rig->is_complete);
    assert_int_equal(rig->sent_count, before);
    assert_string_equal(rig->final_status, "Failed");
    assert_non_null(strstr(rig->output, "ipc messaging received timeout signal , check [ssm-document-worker]"));
}

static void test_disconnect_ends_ssh(void **state)
{
    (void)state;
    open_session();
    flag(1, 1);
    assert_int_equal(count_acks(1), 1);
    pass(SECOND);
    assert_string_equal(rig->final_status, "Failed");
}

static void test_forwarding_dials_again(void **state)
{
    (void)state;
    open_session_as("1.1.69.0");
    assert_false(agent_core_is_multiplexed(rig->core));
    agent_core_target_ended(rig->core, true, rig->now);
    assert_false(rig->is_complete);
    input(1, PAYLOAD_OUTPUT, "again");
    assert_int_equal(rig->dials, 2);
    assert_true(agent_core_is_blocked(rig->core));
    assert_int_equal(count_acks(1), 0);
    agent_core_dialed(rig->core, true, rig->now);
    assert_memory_equal(rig->target, "again", 5);
    agent_core_written(rig->core, 5, rig->now);
    assert_int_equal(count_acks(1), 1);
    flag(2, 1);
    assert_int_equal(count_acks(2), 1);
    input(3, PAYLOAD_OUTPUT, "no");
    agent_core_dialed(rig->core, false, rig->now);
    pass(SECOND);
    assert_string_equal(rig->final_status, "Failed");
}

static void test_a_multiplexer_ends_by_failing(void **state)
{
    (void)state;
    open_session_as("1.1.70.0");
    assert_true(agent_core_is_multiplexed(rig->core) && agent_core_keeps_alive(rig->core));
    flag(1, 1);
    assert_int_equal(count_acks(1), 1);
    agent_core_connect_failed(rig->core, rig->now);
    const struct agent_message *told = &rig->sent[rig->sent_count - 1];
    static const uint8_t connect_to_port_error[] = {0, 0, 0, 3};
    assert_int_equal(told->payload_type, PAYLOAD_FLAG);
    assert_true(bytes_equal(told->payload, bytes_of(connect_to_port_error, sizeof connect_to_port_error)));
    acknowledge(2);
    input(2, PAYLOAD_OUTPUT, "still");
    assert_int_equal(rig->target_len, 5);
    agent_core_target_ended(rig->core, false, rig->now);
    pass(3 * SECOND);
    assert_string_equal(rig->final_status, "Failed");
    assert_int_equal(rig->dials, 1);
}

static void test_a_multiplexer_of_a_new_client(void **state)
{
    (void)state;
    open_session_as("1.2.331.1");
    assert_true(agent_core_is_multiplexed(rig->core) && !agent_core_keeps_alive(rig->core));
}

static int set_up_forbidden(void **state)
{
    (void)state;
    return make_rig(&(struct agent_config){.multiplexes = true, .forbidden_host = "169.254.169.254"});
}

static void test_a_forbidden_target_is_not_dialed(void **state)
{
    (void)state;
    acknowledge(0);
    respond(0);
    acknowledge(1);
    pass(SECOND);
    assert_int_equal(rig->dials, 0);
    assert_string_equal(rig->final_status, "Failed");
    assert_string_equal(rig->output, "Forwarding to IP address 169.254.169.254 is forbidden.");
}

/* ---- programs ---- */

static int set_up_shell(void **state)
{
    (void)state;
    return make_rig(&(struct agent_config){.session_type = AGENT_SESSION_STANDARD_STREAM});
}

static int set_up_command(void **state)
{
    (void)state;
    return make_rig(
        &(struct agent_config){.session_type = AGENT_SESSION_NON_INTERACTIVE_COMMANDS, .separates_output = true});
}

static bool newest_is(enum payload_type type, const char *text)
{
    const struct agent_message *newest = &rig->sent[rig->sent_count - 1];
    return newest->payload_type == (uint32_t)type && bytes_equal_text(newest->payload, text);
}

static void test_a_shell_needs_no_handshake(void **state)
{
    (void)state;
    assert_int_equal(rig->sent_count, 1);
    assert_int_equal(rig->sent[0].type, AGENT_MESSAGE_AGENT_SESSION_STATE);
    assert_int_equal(rig->dials, 1);
    input(0, PAYLOAD_SIZE, "{\"cols\":80,\"rows\":24}");
    input(1, PAYLOAD_OUTPUT, "ls\r");
    assert_int_equal(count_acks(0), 0); /* there is no terminal yet */
    agent_core_dialed(rig->core, true, rig->now);
    input(0, PAYLOAD_SIZE, "{\"cols\":80");
    assert_int_equal(count_acks(0), 0);
    input(0, PAYLOAD_SIZE, "{\"cols\":80,\"rows\":24}");
    assert_true(count_acks(0) == 1 && rig->columns == 80 && rig->rows == 24);
    assert_memory_equal(rig->target, "ls\r", 3);
    flag(2, 2);
    assert_int_equal(count_acks(2), 0); /* what precedes it is being written */
    agent_core_written(rig->core, 3, rig->now);
    assert_int_equal(count_acks(2), 1);
    agent_core_output(rig->core, bytes_of_text("x"), rig->now);
    assert_int_equal(count_outputs(0), 1);
    acknowledge(0);
    agent_core_target_ended(rig->core, true, rig->now);
    pass(SECOND);
    assert_non_null(strstr((const char *)rig->sent[rig->sent_count - 1].payload.data, "\"Terminating\""));
    assert_string_equal(rig->final_status, "Success");
}

static void test_characters_stay_whole(void **state)
{
    (void)state;
    agent_core_dialed(rig->core, true, rig->now);
    agent_core_output(rig->core, bytes_of_text("a\xe2\x82"), rig->now);
    assert_true(newest_is(PAYLOAD_OUTPUT, "a"));
    agent_core_output(rig->core, bytes_of_text("\xac\xf0\x9d\x84"), rig->now);
    assert_true(newest_is(PAYLOAD_OUTPUT, "\xe2\x82\xac"));
    size_t before = rig->sent_count;
    agent_core_output(rig->core, bytes_of_text("\x9e\xc3"), rig->now);
    assert_true(newest_is(PAYLOAD_OUTPUT, "\xf0\x9d\x84\x9e"));
    agent_core_output(rig->core, bytes_of_text("\x80\x80\x80\x80\xff"), rig->now); /* what is no character passes */
    assert_true(newest_is(PAYLOAD_OUTPUT, "\xc3\x80\x80\x80\x80\xff"));
    agent_core_output(rig->core, bytes_of_text("\xf0"), rig->now);
    assert_int_equal(rig->sent_count, before + 2);
    agent_core_target_ended(rig->core, true, rig->now);
    assert_true(newest_is(PAYLOAD_OUTPUT, "\xf0"));
}

static void open_command(const char *version)
{
    acknowledge(0);
    respond_as(0, version);
    acknowledge(1);
    agent_core_dialed(rig->core, true, rig->now);
}

static void test_a_command_hears_interrupts_alone(void **state)
{
    (void)state;
    assert_non_null(strstr((const char *)rig->sent[1].payload.data,
                           "{\"SessionType\":\"NonInteractiveCommands\",\"Properties\":null}"));
    open_command("1.2.295");
    assert_non_null(strstr((const char *)rig->sent[3].payload.data, "separate StdOut/StdErr output.\\r\\n\"}"));
    input(1, PAYLOAD_SIZE, "{\"cols\":80,\"rows\":24}");
    input(2, PAYLOAD_OUTPUT, "a\x03\x1a\x1c");
    assert_true(count_acks(1) == 1 && count_acks(2) == 1 && rig->columns == 0 && rig->target_len == 0);
    assert_true(rig->signal_count == 2 && rig->signals[0] == SIGINT && rig->signals[1] == SIGQUIT);
    agent_core_output_as(rig->core, PAYLOAD_STDERR, bytes_of_text("\xe2"), rig->now);
    assert_true(newest_is(PAYLOAD_STDERR, "\xe2"));
}

static void test_a_pause_ends_a_command(void **state)
{
    (void)state;
    open_command("1.2.650.0");
    deliver(AGENT_MESSAGE_PAUSE_PUBLICATION, 0, PAYLOAD_NONE, "pause_publication", 17);
    pass(3 * SECOND);
    assert_string_equal(rig->final_status, "Failed");
    assert_string_equal(rig->output, "Data Channel not in active status");
}

static void test_a_shell_that_cannot_start(void **state)
{
    (void)state;
    agent_core_dialed(rig->core, false, rig->now);
    pass(3 * SECOND);
    assert_string_equal(rig->final_status, "Failed");
    assert_string_equal(rig->output, "Unable to start shell");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nobody_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_input_in_the_handshake_is_thrown_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_response_that_is_none_is_not_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_second_response_blocks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_header_length_kills, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_messages_are_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_begins_with_state_and_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_input_waits_for_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_order_and_duplicates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_repetition_of_what_is_being_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_flag_waits_for_the_writing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_oldest_is_repeated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_timeout_follows_the_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pause, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_lost_link_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_target_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_target_ends_and_all_is_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_refused_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disconnect_ends_ssh, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forwarding_dials_again, set_up_forwarding, tear_down),
        cmocka_unit_test_setup_teardown(test_a_multiplexer_ends_by_failing, set_up_forwarding, tear_down),
        cmocka_unit_test_setup_teardown(test_a_multiplexer_of_a_new_client, set_up_forwarding, tear_down),
        cmocka_unit_test_setup_teardown(test_a_shell_needs_no_handshake, set_up_shell, tear_down),
        cmocka_unit_test_setup_teardown(test_characters_stay_whole, set_up_shell, tear_down),
        cmocka_unit_test_setup_teardown(test_a_shell_that_cannot_start, set_up_shell, tear_down),
        cmocka_unit_test_setup_teardown(test_a_command_hears_interrupts_alone, set_up_command, tear_down),
        cmocka_unit_test_setup_teardown(test_a_pause_ends_a_command, set_up_command, tear_down),
        cmocka_unit_test_setup_teardown(test_a_forbidden_target_is_not_dialed, set_up_forbidden, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
