/* channel: the ways in which it ends early or badly, and what it does when something is full. */
#include "tests/unit/channel_steps.h"

/* ---- refused ---- */

static void refuses_a_number_below_zero(void **state)
{
    (void)state;
    open_with_banner();
    peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, -1, PAYLOAD_OUTPUT, bytes_of_text("x"));
    expect_closed(ERR_MALFORMED, "malformed agent message", false);
}

static void refuses_a_handshake_that_makes_no_sense(void **state)
{
    (void)state;
    channel_transport_up(channel, now);
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, "{\"RequestedClientActions\":1}");
    expect_closed(ERR_PROTOCOL, "malformed HandshakeRequest", false);
}

static void refuses_a_completion_that_makes_no_sense(void **state)
{
    (void)state;
    channel_transport_up(channel, now);
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, PORT_REQUEST);
    peer_outputs(PAYLOAD_HANDSHAKE_COMPLETE, "[]");
    expect_closed(ERR_PROTOCOL, "malformed HandshakeComplete", false);
}

static void refuses_an_acknowledgement_that_makes_no_sense(void **state)
{
    (void)state;
    open_with_banner();
    peer_sends(AGENT_MESSAGE_ACKNOWLEDGE, 0, PAYLOAD_NONE,
               bytes_of_text("{\"AcknowledgedMessageSequenceNumber\":\"1\"}"));
    expect_closed(ERR_MALFORMED, "malformed acknowledge", false);
}

static void an_end_that_cannot_be_read_is_no_success(void **state)
{
    (void)state;
    open_with_banner();
    peer_sends(AGENT_MESSAGE_CHANNEL_CLOSED, 0, PAYLOAD_NONE, bytes_of_text("nonsense"));
    expect_closed(ERR_SESSION_ENDED, "malformed channel_closed", true);
}

static void gives_up_when_the_handshake_is_not_completed(void **state)
{
    (void)state;
    channel_transport_up(channel, now);
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, PORT_REQUEST);
    wait_us(channel_deadline_us(channel) - now.mono_us - 1);
    assert_int_equal(channel_state(channel), CHANNEL_HANDSHAKE);
    wait_us(1);
    expect_closed(ERR_TIMEOUT, "the agent did not complete the handshake", false);
    assert_false(channel_result(channel).is_unanswered); /* it had begun: another session would go the same way */
}

/* ---- the agent's flags ---- */

static void says_that_the_agent_cannot_connect(void **state)
{
    (void)state;
    shake_hands();
    peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, peer_sequence++, PAYLOAD_FLAG, bytes_of("\0\0\0\3", 4));
    expect_closed(ERR_NO_SERVER, "the agent cannot connect to the port", false);
}

static void other_flags_change_nothing(void **state)
{
    (void)state;
    open_with_banner();
    static const char flags[] = "\0\0\0\3\0\0\0\1";
    for (size_t len = 0; len < sizeof flags; len++) { /* 3 is one only when it has four bytes */
        struct bytes payload = len == 4 ? bytes_of(flags + 4, 4) : bytes_of(flags, len);
        peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, peer_sequence++, PAYLOAD_FLAG, payload);
        expect_ack(peer_sequence - 1);
    }
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    assert_int_equal(channel_output(channel).len, 0);
}

/* ---- ends ---- */

static void after_an_abort_nothing_moves_it(void **state)
{
    (void)state;
    open_with_banner();
    peer_outputs(PAYLOAD_OUTPUT, "late");
    write_text("never sent");
    channel_abort(channel, ERR_SESSION_LOST, "the network is gone");
    channel_abort(channel, ERR_SERVICE, "something else");
    channel_end(channel, now);
    peer_closes("bye");
    wait_us(60 * SECOND_US);
    expect_closed(ERR_SESSION_LOST, "the network is gone", false);
    assert_false(channel_wants_message(channel));
    assert_false(channel_wants_input(channel));
    assert_true(channel_has_frame(channel));
    expect_ack(3); /* what was received before is owed still, what was to be sent is not */
    expect_silence();
    assert_true(channel_deadline_us(channel) == INSTANT_NEVER);
    assert_false(channel_is_finished(channel));
    expect_output("late");
    assert_true(channel_is_finished(channel));
}

static void a_lost_transport_ends_what_was_ending(void **state)
{
    (void)state;
    open_with_banner();
    write_text("x");
    channel_end(channel, now);
    assert_int_equal(channel_state(channel), CHANNEL_DRAINING);
    channel_transport_down(channel, now);
    expect_closed(ERR_OK, "", false); /* the API has to end the session */
}

static void a_lost_transport_ends_the_wait_for_the_last_answer(void **state)
{
    (void)state;
    open_with_banner();
    channel_end(channel, now);
    assert_int_equal(channel_state(channel), CHANNEL_TERMINATING);
    channel_transport_down(channel, now);
    expect_closed(ERR_OK, "", false);
}

static void without_a_transport_it_ends_at_once(void **state)
{
    (void)state;
    open_with_banner();
    channel_transport_down(channel, now);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    channel_end(channel, now);
    expect_closed(ERR_OK, "", false);
}

static void without_a_transport_there_are_no_frames(void **state)
{
    (void)state;
    open_with_banner();
    peer_outputs(PAYLOAD_OUTPUT, "x");
    write_text("y");
    channel_transport_down(channel, now);
    expect_silence();
    assert_false(channel_has_frame(channel));
    struct agent_message message;
    channel_transport_up(channel, now);
    assert_true(channel_has_frame(channel));
    for (int64_t sequence = 0; sequence <= 3; sequence++) {
        expect_ack(sequence);
    }
    assert_true(channel_has_frame(channel));
    expect_data(1, PAYLOAD_OUTPUT, &message);
    expect_silence();
}

static void the_services_end_is_an_answer_to_ours(void **state)
{
    (void)state;
    open_with_banner();
    write_text("x");
    channel_end(channel, now);
    peer_closes("idle for too long"); /* we were leaving anyway */
    expect_closed(ERR_OK, "", true);
}

static void the_services_end_is_an_answer_to_the_flag(void **state)
{
    (void)state;
    open_with_banner();
    channel_end(channel, now);
    peer_closes("terminated");
    expect_closed(ERR_OK, "", true);
}

static void only_the_flags_own_acknowledgement_ends_it(void **state)
{
    (void)state;
    struct agent_message message;
    open_with_banner();
    write_text("x");
    expect_data(1, PAYLOAD_OUTPUT, &message);
    channel_end(channel, now);
    wait_us(channel_deadline_us(channel) - now.mono_us);
    while (channel_state(channel) == CHANNEL_DRAINING) {
        wait_us(100 * 1000);
    }
    while (next_frame(&message)) {
    }
    peer_acknowledges(1); /* late */
    assert_int_equal(channel_state(channel), CHANNEL_TERMINATING);
    peer_acknowledges(2);
    expect_closed(ERR_OK, "", true);
}

static void draining_waits_for_all_of_it(void **state)
{
    (void)state;
    struct agent_message message;
    open_with_banner();
    write_text("x");
    expect_data(1, PAYLOAD_OUTPUT, &message);
    write_text("y");
    expect_data(2, PAYLOAD_OUTPUT, &message);
    channel_end(channel, now);
    peer_acknowledges(2);
    assert_int_equal(channel_state(channel), CHANNEL_DRAINING);
    peer_acknowledges(1);
    assert_int_equal(channel_state(channel), CHANNEL_TERMINATING);
}

static void the_end_of_input_counts_once(void **state)
{
    (void)state;
    open_with_banner();
    channel_write_eof(channel, now);
    int64_t deadline_us = channel_deadline_us(channel);
    wait_us(SECOND_US);
    channel_write_eof(channel, now);
    assert_true(channel_deadline_us(channel) == deadline_us);
}

static void a_gap_is_no_quiet(void **state)
{
    (void)state;
    open_with_banner();
    channel_write_eof(channel, now);
    peer_outputs_number(4, PAYLOAD_OUTPUT, "b");
    wait_us(10 * SECOND_US);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    peer_outputs_number(3, PAYLOAD_OUTPUT, "a");
    expect_output("ab");
    wait_us(2 * SECOND_US);
    assert_int_equal(channel_state(channel), CHANNEL_TERMINATING);
}

/* ---- full ---- */

static void use_config(struct channel_config config)
{
    channel_free(&channel);
    make_channel(&config);
}

static void a_full_window_has_no_room_for_the_flag(void **state)
{
    (void)state;
    struct channel_config config = channel_config_default();
    config.send_messages = 2;
    use_config(config);
    open_with_banner();
    write_text("x");
    write_text("y");
    assert_false(channel_wants_input(channel));
    assert_int_equal(channel_write(channel, bytes_of_text("z"), now), 0);
    channel_end(channel, now);
    wait_us(2 * SECOND_US);
    expect_closed(ERR_OK, "", false); /* at the end of its time for draining: the API has to end the session */
}

static void what_cannot_be_acknowledged_is_not_taken(void **state)
{
    (void)state;
    struct channel_config config = channel_config_default();
    config.ack_messages = 2;
    use_config(config);
    open_with_banner();
    peer_outputs_number(3, PAYLOAD_OUTPUT, "a");
    peer_outputs_number(4, PAYLOAD_OUTPUT, "b");
    peer_outputs_number(5, PAYLOAD_OUTPUT, "c");
    assert_int_equal(channel_counters(channel).dropped, 1);
    expect_output("ab");
    expect_ack(3);
    expect_ack(4);
    expect_silence();
    peer_outputs_number(5, PAYLOAD_OUTPUT, "c"); /* the repair */
    expect_ack(5);
    expect_output("c");
}

static void output_waits_in_order_for_its_room(void **state)
{
    (void)state;
    struct channel_config config = channel_config_default();
    config.output_bytes = 512; /* the handshake fits */
    use_config(config);
    open_with_banner();
    char first[400];
    char second[300];
    memset(first, 'a', sizeof first);
    memset(second, 'b', sizeof second);
    peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, 3, PAYLOAD_OUTPUT, bytes_of(first, sizeof first));
    peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, 4, PAYLOAD_OUTPUT, bytes_of(second, sizeof second));
    expect_ack(3);
    expect_ack(4); /* stored */
    channel_output_consume(channel, 100);
    assert_int_equal(channel_output(channel).len, 300);
    channel_output_consume(channel, 300);
    assert_int_equal(channel_output(channel).len, sizeof second);
    assert_memory_equal(channel_output(channel).data, second, sizeof second);
}

static void empty_output_is_a_sign_of_life(void **state)
{
    (void)state;
    shake_hands();
    peer_outputs(PAYLOAD_OUTPUT, "");
    expect_ack(2);
    assert_int_equal(channel_output(channel).len, 0);
    write_text("x");
    struct agent_message message;
    expect_data(1, PAYLOAD_OUTPUT, &message);
    wait_us(30 * SECOND_US); /* an agent that had shown nothing would be given up after 20 s */
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_a_number_below_zero),
        TEST(refuses_a_handshake_that_makes_no_sense),
        TEST(refuses_a_completion_that_makes_no_sense),
        TEST(refuses_an_acknowledgement_that_makes_no_sense),
        TEST(an_end_that_cannot_be_read_is_no_success),
        TEST(gives_up_when_the_handshake_is_not_completed),
        TEST(says_that_the_agent_cannot_connect),
        TEST(other_flags_change_nothing),
        TEST(after_an_abort_nothing_moves_it),
        TEST(a_lost_transport_ends_what_was_ending),
        TEST(a_lost_transport_ends_the_wait_for_the_last_answer),
        TEST(without_a_transport_it_ends_at_once),
        TEST(without_a_transport_there_are_no_frames),
        TEST(the_services_end_is_an_answer_to_ours),
        TEST(the_services_end_is_an_answer_to_the_flag),
        TEST(only_the_flags_own_acknowledgement_ends_it),
        TEST(draining_waits_for_all_of_it),
        TEST(the_end_of_input_counts_once),
        TEST(a_gap_is_no_quiet),
        TEST(a_full_window_has_no_room_for_the_flag),
        TEST(what_cannot_be_acknowledged_is_not_taken),
        TEST(output_waits_in_order_for_its_room),
        TEST(empty_output_is_a_sign_of_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
