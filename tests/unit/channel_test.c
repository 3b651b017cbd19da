/* channel: the engine against a peer that the test plays by hand, message by message, under a clock of its own. */
#include "tests/unit/channel_steps.h"

/* ---- refused ---- */

static void refuses_messages_that_are_malformed(void **state)
{
    (void)state;
    open_with_banner();
    channel_receive(channel, bytes_of_text("not an agent message"), now);
    expect_closed(ERR_MALFORMED, "malformed agent message", false);
}

static void refuses_output_before_the_handshake(void **state)
{
    (void)state;
    channel_transport_up(channel, now);
    peer_outputs(PAYLOAD_OUTPUT, "$ ");
    expect_closed(ERR_PROTOCOL, "output before the handshake: the session document is not of type Port", false);
}

static void refuses_a_handshake_out_of_turn(void **state)
{
    (void)state;
    channel_transport_up(channel, now);
    peer_outputs(PAYLOAD_HANDSHAKE_COMPLETE, "{}");
    expect_closed(ERR_PROTOCOL, "unexpected message of payload type 7 while waiting for the HandshakeRequest", false);
}

static void refuses_a_second_handshake(void **state)
{
    (void)state;
    open_with_banner();
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, PORT_REQUEST);
    expect_closed(ERR_PROTOCOL, "unexpected message of payload type 5 while open", false);
}

#define REQUEST_OF(version, properties)                                                                                \
    "{\"AgentVersion\":\"" version                                                                                     \
    "\",\"RequestedClientActions\":[{\"ActionType\":\"SessionType\",\"ActionParameters\":"                             \
    "{\"SessionType\":\"Port\",\"Properties\":{" properties "}}}]}"
#define STREAMS "\"portNumber\":\"80\",\"type\":\"LocalPortForwarding\""

static void make_channel_for_streams(void)
{
    struct channel_config config = channel_config_default();
    config.purpose = CHANNEL_FOR_STREAMS;
    channel_free(&channel);
    make_channel(&config);
    channel_transport_up(channel, now);
}

static void refuses_a_document_that_is_not_made_for_its_purpose(void **state)
{
    (void)state;
    channel_transport_up(channel, now);
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, REQUEST_OF("3.3.0.0", STREAMS));
    expect_closed(ERR_UNSUPPORTED,
                  "the session document carries many connections (type LocalPortForwarding); ssh needs one that "
                  "carries its own alone, like AWS-StartSSHSession",
                  false);
    make_channel_for_streams();
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, PORT_REQUEST);
    expect_closed(ERR_UNSUPPORTED,
                  "the session document carries one connection alone; forwarding needs one of type "
                  "LocalPortForwarding, like AWS-StartPortForwardingSession",
                  false);
    make_channel_for_streams();
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, REQUEST_OF("3.0.196.0", STREAMS));
    expect_closed(ERR_UNSUPPORTED, "the agent on the node is too old: it has to be above 3.0.196.0", false);
}

static void only_an_impatient_agent_is_kept_awake(void **state)
{
    (void)state;
    make_channel_for_streams();
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, REQUEST_OF("3.1.1511.0", STREAMS));
    assert_true(channel_wants_keep_alive(channel));
    make_channel_for_streams();
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, REQUEST_OF("3.1.1512.0", STREAMS));
    assert_false(channel_wants_keep_alive(channel));
}

static void a_port_that_refuses_ends_no_session_for_streams(void **state)
{
    (void)state;
    struct agent_message message;
    make_channel_for_streams();
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, REQUEST_OF("3.0.197.0", STREAMS));
    expect_ack(0);
    expect_data(0, PAYLOAD_HANDSHAKE_RESPONSE, &message);
    peer_acknowledges(0);
    peer_outputs(PAYLOAD_HANDSHAKE_COMPLETE, "{}");
    wait_us(200 * 1000);
    static const uint8_t refused[] = {0, 0, 0, 3};
    static const uint8_t other[] = {0, 0, 0, 4};
    assert_false(channel_take_port_failure(channel));
    peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, 2, PAYLOAD_FLAG, bytes_of(refused, sizeof refused));
    peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, 3, PAYLOAD_FLAG, bytes_of(refused, sizeof refused));
    peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, 4, PAYLOAD_FLAG, bytes_of(other, sizeof other));
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    assert_true(channel_take_port_failure(channel));
    assert_true(channel_take_port_failure(channel));
    assert_false(channel_take_port_failure(channel));
}

static void gives_up_when_no_handshake_comes(void **state)
{
    (void)state;
    channel_transport_up(channel, now);
    wait_us(channel_deadline_us(channel) - now.mono_us);
    expect_closed(ERR_TIMEOUT, "the agent did not begin the handshake", false);
}

static void a_wrong_digest_is_dropped_unacknowledged(void **state)
{
    (void)state;
    open_with_banner();
    static uint8_t wire[256];
    struct agent_message message = {.type = AGENT_MESSAGE_OUTPUT_STREAM_DATA,
                                    .created_unix_ms = 1,
                                    .sequence_number = 3,
                                    .payload_type = PAYLOAD_OUTPUT,
                                    .payload = bytes_of_text("x")};
    size_t len;
    assert_ok(agent_message_encode(&message, hash, wire, sizeof wire, &len));
    wire[len - 1] ^= 1;
    channel_receive(channel, bytes_of(wire, len), now);
    expect_silence();
    assert_int_equal(channel_counters(channel).digest_failures, 1);
    peer_outputs_number(3, PAYLOAD_OUTPUT, "y"); /* the repair */
    expect_ack(3);
    expect_output("y");
}

/* ---- the good way ---- */

static void sends_nothing_before_the_agent_listens(void **state)
{
    (void)state;
    assert_false(channel_wants_input(channel));
    shake_hands();
    assert_int_equal(channel_state(channel), CHANNEL_SETTLING);
    assert_false(channel_wants_input(channel));
    wait_us(199 * 1000);
    assert_false(channel_wants_input(channel));
    wait_us(1000);
    assert_true(channel_wants_input(channel));
}

static void answers_one_handshake_only(void **state)
{
    (void)state;
    open_with_banner();
    peer_outputs_number(0, PAYLOAD_HANDSHAKE_REQUEST, PORT_REQUEST); /* the agent missed our acknowledgement */
    expect_ack(0);
    expect_silence();
}

static void tells_the_person_what_the_document_says(void **state)
{
    (void)state;
    channel_transport_up(channel, now);
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, PORT_REQUEST);
    peer_outputs(PAYLOAD_HANDSHAKE_COMPLETE, "{\"CustomerMessage\":\"hello\"}");
    assert_string_equal(channel_take_customer_message(channel), "hello");
    assert_null(channel_take_customer_message(channel));
}

static void cuts_input_into_payloads_and_keeps_every_byte(void **state)
{
    (void)state;
    static uint8_t input[3000];
    memset(input, 0x0a, sizeof input); /* the byte that the plugin rewrites */
    open_with_banner();
    assert_int_equal(channel_write(channel, bytes_of(input, sizeof input), now), sizeof input);
    static const size_t lens[] = {1024, 1024, 952};
    struct agent_message message;
    for (int i = 0; i < 3; i++) {
        expect_data(1 + i, PAYLOAD_OUTPUT, &message);
        assert_int_equal(message.payload.len, lens[i]);
        assert_memory_equal(message.payload.data, input, lens[i]);
    }
    expect_silence();
}

static void puts_output_in_order_and_acknowledges_all_of_it(void **state)
{
    (void)state;
    open_with_banner();
    peer_outputs_number(5, PAYLOAD_OUTPUT, "c");
    peer_outputs_number(4, PAYLOAD_OUTPUT, "b");
    assert_int_equal(channel_output(channel).len, 0);
    peer_outputs_number(4, PAYLOAD_OUTPUT, "b");
    peer_outputs_number(3, PAYLOAD_OUTPUT, "a");
    expect_output("abc");
    expect_ack(5);
    expect_ack(4);
    expect_ack(4);
    expect_ack(3);
    expect_silence();
    assert_int_equal(channel_counters(channel).duplicates, 1);
}

static void acknowledges_what_it_does_not_know(void **state)
{
    (void)state;
    open_with_banner();
    peer_outputs(77, "from the future");
    expect_ack(3);
    peer_outputs(PAYLOAD_STDERR, "not in a Port session");
    expect_ack(4);
    assert_int_equal(channel_output(channel).len, 0);
    peer_sends(AGENT_MESSAGE_PAUSE_PUBLICATION, 0, PAYLOAD_NONE, bytes_of_text("pause_publication"));
    peer_sends(AGENT_MESSAGE_START_PUBLICATION, 0, PAYLOAD_NONE, bytes_of_text("start_publication"));
    expect_silence();
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
}

static void sends_again_the_same_bytes(void **state)
{
    (void)state;
    struct agent_message first;
    struct agent_message again;
    open_with_banner();
    write_text("hello");
    expect_data(1, PAYLOAD_OUTPUT, &first);
    expect_silence();
    wait_us(channel_deadline_us(channel) - now.mono_us);
    expect_data(1, PAYLOAD_OUTPUT, &again);
    assert_true(uuid_equal(&first.message_id, &again.message_id));
    assert_int_equal(first.created_unix_ms, again.created_unix_ms);
    peer_acknowledges(1);
    expect_silence();
    assert_int_equal(channel_counters(channel).resends, 1);
}

static void takes_no_more_input_than_the_window_holds(void **state)
{
    (void)state;
    static uint8_t input[8 * 1024 * 1024];
    open_with_banner();
    assert_int_equal(channel_write(channel, bytes_of(input, sizeof input), now), 64 * 1024); /* to begin with */
    assert_false(channel_wants_input(channel));
    struct agent_message message;
    expect_data(1, PAYLOAD_OUTPUT, &message);
    peer_acknowledges(0);
    assert_false(channel_wants_input(channel));
    peer_acknowledges(1);
    assert_true(channel_wants_input(channel));
}

/* A path with a round trip of 50 ms and all the room in the world: the limit grows to the window, and no further. */
static void the_window_opens_as_far_as_the_path_allows(void **state)
{
    (void)state;
    static uint8_t input[4 * 1024 * 1024];
    struct agent_message message;
    int64_t sequence = 1;
    open_with_banner();
    for (int round = 0; round < 8; round++) {
        int64_t first = sequence;
        (void)channel_write(channel, bytes_of(input, sizeof input), now);
        while (next_frame(&message)) {
            sequence++;
        }
        wait_us(50 * 1000);
        for (int64_t number = first; number < sequence; number++) {
            peer_acknowledges(number);
        }
    }
    assert_int_equal(channel_write(channel, bytes_of(input, sizeof input), now), 1400 * 1024);
}

/* The same with input that comes in pieces which fit exactly: nothing is left over, and still the limit is in the way.
 */
static void input_that_fits_exactly_opens_the_window_too(void **state)
{
    (void)state;
    static uint8_t input[1024];
    struct agent_message message;
    int64_t sequence = 1;
    open_with_banner();
    for (int round = 0; round < 8; round++) {
        int64_t first = sequence;
        while (channel_wants_input(channel)) {
            assert_int_equal(channel_write(channel, bytes_of(input, sizeof input), now), sizeof input);
        }
        while (next_frame(&message)) {
            sequence++;
        }
        wait_us(50 * 1000);
        for (int64_t number = first; number < sequence; number++) {
            peer_acknowledges(number);
        }
    }
    assert_int_equal(channel_counters(channel).send_limit, 1400);
}

static void a_stalled_reader_is_felt_by_the_peer(void **state)
{
    (void)state;
    static char kilobyte[1025];
    memset(kilobyte, 'x', 1024);
    open_with_banner();
    size_t accepted = 0;
    while (channel_wants_message(channel) && accepted < 10000) {
        peer_outputs(PAYLOAD_OUTPUT, kilobyte);
        expect_ack(peer_sequence - 1);
        accepted++;
    }
    assert_in_range(accepted, 60, 128);
    size_t delivered = 0;
    for (struct bytes output = channel_output(channel); output.len > 0; output = channel_output(channel)) {
        delivered += output.len;
        channel_output_consume(channel, output.len);
    }
    assert_int_equal(delivered, accepted * 1024); /* what was acknowledged is delivered */
    assert_true(channel_wants_message(channel));
}

static void a_gap_is_filled_while_the_reader_stalls(void **state)
{
    (void)state;
    static char kilobyte[1025];
    memset(kilobyte, 'x', 1024);
    open_with_banner();
    peer_outputs_number(peer_sequence + 200, PAYLOAD_OUTPUT, "last");
    for (int i = 0; i < 200; i++) {
        assert_true(channel_wants_message(channel) || i > 120);
        peer_outputs(PAYLOAD_OUTPUT, kilobyte);
        expect_ack(i == 0 ? peer_sequence - 1 + 200
                          : peer_sequence - 2); /* all of them are acknowledged, so all come out */
    }
    size_t delivered = 0;
    for (struct bytes output = channel_output(channel); output.len > 0; output = channel_output(channel)) {
        delivered += output.len;
        channel_output_consume(channel, output.len);
        assert_true(channel_check(channel));
    }
    assert_int_equal(delivered, 200 * 1024 + 4);
}

static void what_sshd_sends_behind_a_gap_is_kept(void **state)
{
    (void)state;
    static char kilobyte[1025];
    memset(kilobyte, 'x', 1024);
    open_with_banner();
    int64_t missing = peer_sequence++;
    size_t window_kib = 2 * 1024 + 64; /* OpenSSH's, and what its packets add */
    for (size_t i = 0; i < window_kib; i++) {
        peer_outputs(PAYLOAD_OUTPUT, kilobyte);
        expect_ack(peer_sequence - 1);
    }
    peer_outputs_number(missing, PAYLOAD_OUTPUT, kilobyte);
    size_t delivered = 0;
    for (struct bytes output = channel_output(channel); output.len > 0; output = channel_output(channel)) {
        delivered += output.len;
        channel_output_consume(channel, output.len);
    }
    assert_int_equal(delivered, (window_kib + 1) * 1024);
}

/* ---- resuming ---- */

static void goes_on_over_a_new_transport(void **state)
{
    (void)state;
    struct agent_message message;
    open_with_banner();
    write_text("lost");
    expect_data(1, PAYLOAD_OUTPUT, &message);
    channel_transport_down(channel, now);
    expect_silence();
    wait_us(60 * SECOND_US);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    channel_transport_up(channel, now);
    expect_ack(0); /* the acknowledgements once more: the agent may have missed them */
    expect_ack(1);
    expect_ack(2);
    expect_data(1, PAYLOAD_OUTPUT, &message);
    assert_memory_equal(message.payload.data, "lost", 4);
    expect_silence();
}

/* ---- endings ---- */

static void ends_by_flag_and_acknowledgement(void **state)
{
    (void)state;
    struct agent_message message;
    open_with_banner();
    write_text("bye");
    expect_data(1, PAYLOAD_OUTPUT, &message);
    channel_end(channel, now);
    expect_silence(); /* drains first */
    peer_acknowledges(1);
    expect_data(2, PAYLOAD_FLAG, &message);
    assert_memory_equal(message.payload.data, "\0\0\0\2", 4);
    assert_int_equal(channel_state(channel), CHANNEL_TERMINATING);
    channel_end(channel, now);
    peer_acknowledges(2);
    expect_closed(ERR_OK, "", true);
}

static void ends_in_time_when_nobody_answers(void **state)
{
    (void)state;
    open_with_banner();
    write_text("bye");
    int64_t begin_us = now.mono_us;
    channel_end(channel, now);
    while (channel_state(channel) != CHANNEL_CLOSED) {
        assert_true(channel_deadline_us(channel) != INSTANT_NEVER);
        wait_us(channel_deadline_us(channel) > now.mono_us ? channel_deadline_us(channel) - now.mono_us : 1000);
        while (channel_take_frame(channel, now).len > 0) {
        }
    }
    assert_true(now.mono_us - begin_us <= 4 * SECOND_US);
    expect_closed(ERR_OK, "", false); /* the API has to do it */
}

static void ends_at_once_before_the_agent_listens(void **state)
{
    (void)state;
    shake_hands();
    channel_end(channel, now); /* the agent would acknowledge the flag and throw it away */
    expect_closed(ERR_OK, "", false);
}

static void after_the_end_of_input_waits_for_quiet(void **state)
{
    (void)state;
    struct agent_message message;
    open_with_banner();
    write_text("request");
    expect_data(1, PAYLOAD_OUTPUT, &message);
    channel_write_eof(channel, now);
    assert_false(channel_wants_input(channel));
    peer_acknowledges(1);
    wait_us(1900 * 1000);
    peer_outputs(PAYLOAD_OUTPUT, "answer");
    expect_ack(3);
    expect_output("answer");
    wait_us(1900 * 1000);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    wait_us(100 * 1000);
    expect_data(2, PAYLOAD_FLAG, &message);
    peer_acknowledges(2);
    expect_closed(ERR_OK, "", true);
}

static void input_that_is_still_under_way_is_no_quiet(void **state)
{
    (void)state;
    struct agent_message message;
    open_with_banner();
    write_text("request");
    expect_data(1, PAYLOAD_OUTPUT, &message);
    channel_write_eof(channel, now);
    wait_us(3600LL * SECOND_US); /* nothing gets through */
    peer_acknowledges(1);
    wait_us(1900 * 1000); /* the server, too, has a moment to answer */
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    channel_transport_down(channel, now);
    now.mono_us += 3600LL * SECOND_US;
    channel_transport_up(channel, now);
    wait_us(1900 * 1000);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    wait_us(100 * 1000);
    assert_int_equal(channel_state(channel), CHANNEL_TERMINATING);
}

static void a_stalled_reader_is_no_quiet(void **state)
{
    (void)state;
    struct agent_message message;
    open_with_banner();
    channel_write_eof(channel, now);
    peer_outputs(PAYLOAD_OUTPUT, "first");
    expect_ack(3);
    wait_us(3600LL * SECOND_US); /* the peer may be held up all the time */
    expect_output("first");
    wait_us(1900 * 1000);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    channel_transport_down(channel, now);
    wait_us(3600LL * SECOND_US);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    channel_transport_up(channel, now);
    while (next_frame(&message)) { /* the last acknowledgements again */
    }
    wait_us(1900 * 1000);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    wait_us(100 * 1000);
    expect_data(1, PAYLOAD_FLAG, &message);
}

static void delivers_what_came_before_the_end(void **state)
{
    (void)state;
    open_with_banner();
    peer_outputs(PAYLOAD_OUTPUT, "last words");
    peer_closes("");
    expect_closed(ERR_OK, "", true);
    assert_false(channel_is_finished(channel));
    expect_output("last words");
    assert_true(channel_is_finished(channel));
}

static void says_why_the_service_ended_it(void **state)
{
    (void)state;
    open_with_banner();
    peer_closes("Your session timed out due to inactivity and has been terminated.");
    expect_closed(ERR_SESSION_ENDED, "Your session timed out due to inactivity and has been terminated.", true);
}

static void admits_that_output_is_missing(void **state)
{
    (void)state;
    open_with_banner();
    peer_outputs_number(4, PAYLOAD_OUTPUT, "b");
    peer_closes("");
    expect_closed(ERR_SESSION_ENDED, "the session ended before all output had arrived", true);
}

/* Beyond what the reorder store can hold: dropped, to be sent again, but the end comes first. */
static void admits_that_dropped_output_is_missing(void **state)
{
    (void)state;
    open_with_banner();
    peer_outputs_number(5000, PAYLOAD_OUTPUT, "z");
    peer_outputs_number(INT64_MAX, PAYLOAD_OUTPUT, "z");
    peer_closes("");
    expect_closed(ERR_SESSION_ENDED, "the session ended before all output had arrived", true);
}

static void an_end_before_the_handshake_is_no_success(void **state)
{
    (void)state;
    channel_transport_up(channel, now);
    peer_closes("");
    expect_closed(ERR_SESSION_ENDED, "the session ended before the connection was ready", true);
}

static void notices_that_nothing_answers_on_the_port(void **state)
{
    (void)state;
    struct agent_message message;
    shake_hands();
    wait_us(200 * 1000);
    wait_us(3600LL * SECOND_US); /* quiet, and nothing was asked of it */
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    write_text("SSH-2.0-us\r\n");
    expect_data(1, PAYLOAD_OUTPUT, &message);
    wait_us(20 * SECOND_US - 1);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    wait_us(1);
    expect_closed(ERR_NO_SERVER, "no answer to the first data within 20 s", false);
}

static void a_quiet_server_is_left_alone(void **state)
{
    (void)state;
    struct agent_message message;
    shake_hands();
    wait_us(200 * 1000);
    write_text("x");
    expect_data(1, PAYLOAD_OUTPUT, &message);
    peer_acknowledges(1);
    wait_us(3600LL * SECOND_US);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
}

static void nobody_reads_and_it_still_ends_cleanly(void **state)
{
    (void)state;
    struct agent_message message;
    open_with_banner();
    peer_outputs(PAYLOAD_OUTPUT, "unread");
    channel_discard_output(channel);
    assert_int_equal(channel_output(channel).len, 0);
    for (int i = 0; i < 300; i++) {
        peer_outputs(PAYLOAD_OUTPUT, "unread");
        expect_ack(peer_sequence - 2);
    }
    expect_ack(peer_sequence - 1);
    channel_end(channel, now);
    expect_data(1, PAYLOAD_FLAG, &message);
    peer_acknowledges(1);
    assert_true(channel_is_finished(channel));
}

/* A copy of the block is a channel like the original: nothing in it points into itself. */
static void may_be_copied(void **state)
{
    (void)state;
    open_with_banner();
    peer_outputs_number(4, PAYLOAD_OUTPUT, "b");
    size_t size = channel_size(channel);
    struct channel *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, channel, size);
    struct channel *original = channel;
    channel = copy;
    peer_outputs_number(3, PAYLOAD_OUTPUT, "a");
    expect_output("ab");
    channel = original;
    assert_int_equal(channel_output(channel).len, 0);
    peer_chance = chance_from_number(2);
    free(copy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_messages_that_are_malformed),
        TEST(refuses_output_before_the_handshake),
        TEST(refuses_a_handshake_out_of_turn),
        TEST(refuses_a_second_handshake),
        TEST(refuses_a_document_that_is_not_made_for_its_purpose),
        TEST(only_an_impatient_agent_is_kept_awake),
        TEST(a_port_that_refuses_ends_no_session_for_streams),
        TEST(gives_up_when_no_handshake_comes),
        TEST(a_wrong_digest_is_dropped_unacknowledged),
        TEST(sends_nothing_before_the_agent_listens),
        TEST(answers_one_handshake_only),
        TEST(tells_the_person_what_the_document_says),
        TEST(cuts_input_into_payloads_and_keeps_every_byte),
        TEST(puts_output_in_order_and_acknowledges_all_of_it),
        TEST(acknowledges_what_it_does_not_know),
        TEST(sends_again_the_same_bytes),
        TEST(takes_no_more_input_than_the_window_holds),
        TEST(the_window_opens_as_far_as_the_path_allows),
        TEST(input_that_fits_exactly_opens_the_window_too),
        TEST(a_stalled_reader_is_felt_by_the_peer),
        TEST(a_gap_is_filled_while_the_reader_stalls),
        TEST(what_sshd_sends_behind_a_gap_is_kept),
        TEST(goes_on_over_a_new_transport),
        TEST(ends_by_flag_and_acknowledgement),
        TEST(ends_in_time_when_nobody_answers),
        TEST(ends_at_once_before_the_agent_listens),
        TEST(after_the_end_of_input_waits_for_quiet),
        TEST(input_that_is_still_under_way_is_no_quiet),
        TEST(a_stalled_reader_is_no_quiet),
        TEST(delivers_what_came_before_the_end),
        TEST(says_why_the_service_ended_it),
        TEST(admits_that_output_is_missing),
        TEST(admits_that_dropped_output_is_missing),
        TEST(an_end_before_the_handshake_is_no_success),
        TEST(notices_that_nothing_answers_on_the_port),
        TEST(a_quiet_server_is_left_alone),
        TEST(nobody_reads_and_it_still_ends_cleanly),
        TEST(may_be_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
