/* channel: sessions of a shell: without a handshake, with one, encrypted; the peer is played by hand. */
#include "tests/unit/channel_steps.h"

#define SESSION_TYPE(type)                                                                                             \
    "{\"ActionType\":\"SessionType\",\"ActionParameters\":{\"SessionType\":\"" type "\",\"Properties\":null}}"
#define REQUEST(actions) "{\"AgentVersion\":\"3.3.0.0\",\"RequestedClientActions\":[" actions "]}"
#define ENCRYPTION                                                                                                     \
    ",{\"ActionType\":\"KMSEncryption\",\"ActionParameters\":{\"KMSKeyId\":\"arn:aws:kms:k\",\"Challenge\":"           \
    "\"cmFuZG9t\"}}"
#define OLD_ENCRYPTION ",{\"ActionType\":\"KMSEncryption\",\"ActionParameters\":{\"KMSKeyId\":\"arn:aws:kms:k\"}}"
#define COMPLETE "{\"HandshakeTimeToComplete\":1,\"CustomerMessage\":\"\"}"
#define SIZE_80_24 "{\"cols\":80,\"rows\":24}"

static struct session_crypt *ours;
static struct session_crypt *agents;

static int set_up_shell(void **state)
{
    (void)state;
    uint8_t key[SESSION_CRYPT_KEY_LEN];
    struct channel_config config = channel_config_default();
    config.purpose = CHANNEL_FOR_SHELL;
    memset(key, 1, 32);
    memset(key + 32, 2, 32);
    assert_ok(session_crypt_new(key, &ours));
    memset(key, 2, 32);
    memset(key + 32, 1, 32);
    assert_ok(session_crypt_new(key, &agents));
    assert_ok(sha256_new(&hash));
    make_channel(&config);
    channel_transport_up(channel, now);
    return 0;
}

static int tear_down_shell(void **state)
{
    tear_down(state);
    session_crypt_free(&ours);
    session_crypt_free(&agents);
    return 0;
}

static void expect_payload(int64_t sequence, uint32_t payload_type, const char *payload)
{
    struct agent_message message;
    expect_data(sequence, payload_type, &message);
    if (!bytes_equal_text(message.payload, payload)) {
        fail_msg("%.*s", (int)message.payload.len, (const char *)message.payload.data);
    }
}

static void take_no_input(void)
{
    assert_false(channel_wants_input(channel));
    assert_int_equal(channel_write(channel, bytes_of_text("secret"), now), 0);
}

/* Up to the first prompt of a session without encryption. */
static void open_shell(void)
{
    peer_outputs(PAYLOAD_OUTPUT, "$ ");
    expect_ack(0);
    expect_output("$ ");
    write_text("ls\r");
    expect_payload(0, PAYLOAD_SIZE, SIZE_80_24);
    expect_payload(1, PAYLOAD_OUTPUT, "ls\r");
}

static void shake_hands_as(const char *request)
{
    struct agent_message message;
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, request);
    expect_ack(0);
    expect_data(0, PAYLOAD_HANDSHAKE_RESPONSE, &message);
    peer_outputs(PAYLOAD_HANDSHAKE_COMPLETE, COMPLETE);
    expect_ack(1);
    assert_int_equal(channel_state(channel), CHANNEL_SETTLING);
}

/* ---- encrypted, by hand ---- */

static void peer_seals(uint32_t payload_type, const char *plain)
{
    static uint8_t nonce[SESSION_CRYPT_NONCE_LEN];
    uint8_t payload[256];
    nonce[0]++;
    assert_ok(session_crypt_seal(agents, nonce, bytes_of_text(plain), payload));
    peer_sends(AGENT_MESSAGE_OUTPUT_STREAM_DATA, peer_sequence++, payload_type,
               bytes_of(payload, strlen(plain) + SESSION_CRYPT_OVERHEAD));
}

static void peer_challenges(struct session_crypt *by)
{
    static const uint8_t nonce[SESSION_CRYPT_NONCE_LEN] = {99};
    static const uint8_t plain[64] = {5};
    uint8_t payload[sizeof plain + SESSION_CRYPT_OVERHEAD];
    char memory[SESSION_CRYPT_RESPONSE_SIZE];
    struct text request = text_in(memory, sizeof memory);
    assert_ok(session_crypt_seal(by, nonce, bytes_of(plain, sizeof plain), payload));
    text_put(&request, "{\"Challenge\":\"");
    base64_put(bytes_of(payload, sizeof payload), &request);
    text_put(&request, "\"}");
    peer_outputs(PAYLOAD_ENC_CHALLENGE_REQUEST, memory);
}

static void ask_for_key(void)
{
    struct channel_key_wish wish;
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, REQUEST(SESSION_TYPE("Standard_Stream") ENCRYPTION));
    expect_ack(0);
    expect_silence();
    assert_true(channel_wants_key(channel, &wish));
    assert_string_equal(wish.key_id, "arn:aws:kms:k");
    assert_string_equal(wish.challenge, "cmFuZG9t");
}

static void give_key(void)
{
    struct channel_key_wish wish;
    ask_for_key();
    take_no_input();
    channel_give_key(channel, ours, "Zm9v", now);
    assert_false(channel_wants_key(channel, &wish));
    expect_payload(0, PAYLOAD_HANDSHAKE_RESPONSE,
                   "{\"ClientVersion\":\"1.2.650.0\",\"ProcessedClientActions\":[{\"ActionType\":\"SessionType\","
                   "\"ActionStatus\":1,\"ActionResult\":null,\"Error\":\"\"},{\"ActionType\":\"KMSEncryption\","
                   "\"ActionStatus\":1,\"ActionResult\":{\"KMSCipherTextKey\":\"Zm9v\",\"KMSCipherTextHash\":null,"
                   "\"ChallengeAcknowledgement\":true},\"Error\":\"\"}],\"Errors\":null}");
    take_no_input();
}

static void answer_challenge(void)
{
    struct agent_message message;
    peer_challenges(agents);
    expect_ack(1);
    expect_data(1, PAYLOAD_ENC_CHALLENGE_RESPONSE, &message);
    assert_int_equal(message.payload.len, sizeof "{\"Challenge\":\"\"}" - 1 + BASE64_LEN(64 + SESSION_CRYPT_OVERHEAD));
    take_no_input();
}

static void open_encrypted(void)
{
    give_key();
    answer_challenge();
    peer_outputs(PAYLOAD_HANDSHAKE_COMPLETE, COMPLETE);
    expect_ack(2);
    take_no_input();
    peer_acknowledges(0);
    peer_acknowledges(1);
    wait_us(200 * 1000);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
    assert_true(channel_is_encrypted(channel));
    expect_payload(2, PAYLOAD_SIZE, SIZE_80_24);
}

/* ---- refused ---- */

static void refuses_a_document_for_a_port(void **state)
{
    (void)state;
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, PORT_REQUEST);
    expect_closed(ERR_UNSUPPORTED,
                  "the session document connects to a port (type Port); a shell needs one of type Standard_Stream, "
                  "InteractiveCommands or NonInteractiveCommands",
                  false);
}

static void declines_what_is_no_program(void **state)
{
    (void)state;
    struct channel_key_wish wish;
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, REQUEST(SESSION_TYPE("Later") ENCRYPTION));
    expect_ack(0);
    assert_false(channel_wants_key(channel, &wish));
    expect_payload(
        0, PAYLOAD_HANDSHAKE_RESPONSE,
        "{\"ClientVersion\":\"1.2.650.0\",\"ProcessedClientActions\":[{\"ActionType\":\"SessionType\","
        "\"ActionStatus\":3,\"ActionResult\":null,\"Error\":\"not supported by this client\"},{\"ActionType\":"
        "\"KMSEncryption\",\"ActionStatus\":3,\"ActionResult\":null,\"Error\":\"not supported by this "
        "client\"}],\"Errors\":null}");
}

static void refuses_output_in_the_clear(void **state)
{
    static const uint32_t types[] = {PAYLOAD_OUTPUT, PAYLOAD_STDERR, PAYLOAD_EXIT_CODE};
    for (size_t i = 0; i < 3; i++) {
        open_encrypted();
        peer_outputs(types[i], "a text that is long enough to be encrypted: EXIT_CODE: 0");
        expect_closed(ERR_PROTOCOL, "output that is not encrypted with the key of the session", false);
        assert_int_equal(channel_output(channel).len, 0);
        assert_false(channel_result(channel).has_exit_code);
        tear_down_shell(state);
        set_up_shell(state);
    }
}

static void refuses_to_go_on_without_encryption(void **state)
{
    static const uint32_t types[] = {PAYLOAD_OUTPUT, PAYLOAD_HANDSHAKE_COMPLETE, PAYLOAD_STDERR};
    static const char *const reasons[2][3] = {
        {"unexpected message of payload type 1 while waiting for a data key",
         "unexpected message of payload type 7 while waiting for a data key",
         "unexpected message of payload type 11 while waiting for a data key"},
        {"unexpected message of payload type 1 while waiting for the agent's challenge",
         "unexpected message of payload type 7 while waiting for the agent's challenge",
         "unexpected message of payload type 11 while waiting for the agent's challenge"},
    };
    for (size_t i = 0; i < 6; i++) {
        if (i < 3) {
            ask_for_key();
        } else {
            give_key();
        }
        peer_outputs(types[i % 3], COMPLETE);
        expect_closed(ERR_PROTOCOL, reasons[i / 3][i % 3], false);
        tear_down_shell(state);
        set_up_shell(state);
    }
}

static void refuses_output_before_the_end_of_the_handshake(void **state)
{
    (void)state;
    give_key();
    answer_challenge();
    peer_seals(PAYLOAD_OUTPUT, "$ ");
    expect_closed(ERR_PROTOCOL, "output before the end of the handshake", false);
}

static void refuses_a_challenge_with_another_key(void **state)
{
    (void)state;
    give_key();
    peer_challenges(ours);
    expect_closed(ERR_PROTOCOL, "the agent's challenge is not encrypted with the key of the session", false);
}

static void refuses_a_second_challenge(void **state)
{
    (void)state;
    give_key();
    answer_challenge();
    peer_challenges(agents);
    expect_closed(ERR_PROTOCOL, "unexpected message of payload type 8 while waiting for HandshakeComplete", false);
}

static void refuses_encryption_without_a_key(void **state)
{
    static const char *const requests[] = {
        REQUEST(SESSION_TYPE("Standard_Stream") ",{\"ActionType\":\"KMSEncryption\"}"),
        REQUEST(SESSION_TYPE(
            "Standard_Stream") ",{\"ActionType\":\"KMSEncryption\",\"ActionParameters\":{\"KMSKeyId\":\"\"}}"),
        REQUEST(SESSION_TYPE("Standard_Stream") ENCRYPTION ENCRYPTION),
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, requests[i]);
        expect_closed(ERR_PROTOCOL, "malformed HandshakeRequest", false);
        tear_down_shell(state);
        set_up_shell(state);
    }
}

static void gives_up_when_no_key_comes(void **state)
{
    (void)state;
    ask_for_key();
    wait_us(15 * SECOND_US - 1);
    assert_int_equal(channel_state(channel), CHANNEL_KEYING);
    wait_us(1);
    expect_closed(ERR_TIMEOUT, "no data key came in time", false);
    channel_give_key(channel, ours, "Zm9v", now); /* too late */
    expect_silence();
}

static void a_port_is_never_encrypted(void **state)
{
    (void)state;
    struct channel_config config = channel_config_default();
    struct channel_key_wish wish;
    struct agent_message message;
    channel_free(&channel);
    make_channel(&config);
    channel_transport_up(channel, now);
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, REQUEST(SESSION_TYPE("Port") ENCRYPTION));
    expect_ack(0);
    assert_false(channel_wants_key(channel, &wish));
    expect_data(0, PAYLOAD_HANDSHAKE_RESPONSE, &message);
    assert_null(memmem(message.payload.data, message.payload.len, "KMSCipherTextKey", 16));
    peer_outputs(PAYLOAD_STDERR, "not for us"); /* a newer agent's: acknowledged, and nothing happens */
    expect_ack(1);
    assert_int_equal(channel_state(channel), CHANNEL_HANDSHAKE);
}

/* ---- without a handshake ---- */

static void begins_without_a_handshake(void **state)
{
    (void)state;
    take_no_input();
    channel_resize(channel, 132, 50, now);
    expect_silence(); /* nothing before the agent has spoken */
    peer_outputs(PAYLOAD_OUTPUT, "$ ");
    expect_ack(0);
    expect_output("$ ");
    assert_true(channel_has_terminal(channel));
    assert_false(channel_is_encrypted(channel));
    write_text("ls\r");
    expect_payload(0, PAYLOAD_SIZE, "{\"cols\":132,\"rows\":50}");
    expect_payload(1, PAYLOAD_OUTPUT, "ls\r");
}

static void asks_a_program_that_says_nothing(void **state)
{
    (void)state;
    wait_us(1500 * 1000 - 1);
    expect_silence();
    wait_us(1);
    assert_int_equal(channel_state(channel), CHANNEL_ASKING);
    expect_payload(0, PAYLOAD_SIZE, SIZE_80_24);
    take_no_input();
    wait_us(100 * 1000);
    peer_acknowledges(0);
    wait_us(3 * SECOND_US - 1);
    take_no_input();
    wait_us(1);
    expect_payload(1, PAYLOAD_SIZE, SIZE_80_24); /* the one before may have been thrown away */
    write_text("hello\r");
    expect_payload(2, PAYLOAD_OUTPUT, "hello\r");
}

static void a_handshake_may_be_late(void **state)
{
    (void)state;
    struct agent_message message;
    wait_us(1500 * 1000);
    expect_payload(0, PAYLOAD_SIZE, SIZE_80_24);
    peer_acknowledges(0); /* thrown away there */
    wait_us(2 * SECOND_US);
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, REQUEST(SESSION_TYPE("InteractiveCommands") ENCRYPTION));
    expect_ack(0);
    wait_us(10 * SECOND_US);
    take_no_input();
    channel_give_key(channel, ours, "Zm9v", now);
    expect_data(1, PAYLOAD_HANDSHAKE_RESPONSE, &message);
    peer_challenges(agents);
    expect_ack(1);
    expect_data(2, PAYLOAD_ENC_CHALLENGE_RESPONSE, &message);
    peer_outputs(PAYLOAD_HANDSHAKE_COMPLETE, COMPLETE);
    peer_seals(PAYLOAD_OUTPUT, "$ ");
    expect_ack(2);
    expect_ack(3);
    expect_output("$ ");
    wait_us(0);
    expect_payload(3, PAYLOAD_SIZE, SIZE_80_24); /* once more */
}

/* Silence counts only while the connection holds. */
static void silence_over_a_lost_connection_proves_nothing(void **state)
{
    (void)state;
    wait_us(1500 * 1000);
    expect_payload(0, PAYLOAD_SIZE, SIZE_80_24);
    peer_acknowledges(0);
    wait_us(2 * SECOND_US);
    channel_transport_down(channel, now);
    wait_us(60 * SECOND_US);
    channel_transport_up(channel, now);
    wait_us(3 * SECOND_US - 1);
    take_no_input();
    wait_us(1);
    assert_true(channel_wants_input(channel));
}

static void gives_up_when_nobody_is_there(void **state)
{
    (void)state;
    wait_us(1500 * 1000);
    wait_us(5 * SECOND_US);
    expect_closed(ERR_TIMEOUT, "the agent did not begin the session", false);
    assert_true(channel_result(channel).is_unanswered);
}

static void a_program_may_end_without_a_word(void **state)
{
    (void)state;
    peer_closes("");
    expect_closed(ERR_OK, "", true);
}

static void says_why_a_program_could_not_begin(void **state)
{
    (void)state;
    peer_closes("no such user");
    expect_closed(ERR_SESSION_ENDED, "no such user", true);
}

/* ---- the terminal ---- */

static void tells_a_new_size_once(void **state)
{
    (void)state;
    open_shell();
    channel_resize(channel, 80, 24, now);
    expect_silence();
    channel_resize(channel, 100, 30, now);
    channel_resize(channel, 100, 30, now);
    expect_payload(2, PAYLOAD_SIZE, "{\"cols\":100,\"rows\":30}");
    wait_us(10 * 1000);
    expect_silence();
}

static void a_size_waits_for_room(void **state)
{
    (void)state;
    struct channel_config config = channel_config_default();
    struct agent_message message;
    config.purpose = CHANNEL_FOR_SHELL;
    config.send_messages = 2;
    channel_free(&channel);
    make_channel(&config);
    channel_transport_up(channel, now);
    open_shell();
    channel_resize(channel, 100, 30, now);
    channel_resize(channel, 101, 31, now);
    expect_silence();
    peer_acknowledges(0);
    wait_us(0);
    expect_data(2, PAYLOAD_SIZE, &message);
    assert_true(bytes_equal_text(message.payload, "{\"cols\":101,\"rows\":31}"));
}

static void is_ended_by_the_api(void **state)
{
    (void)state;
    open_shell();
    channel_end(channel, now);
    expect_closed(ERR_OK, "", false);
    expect_silence(); /* no flag */
}

static void a_quiet_shell_is_left_alone(void **state)
{
    (void)state;
    open_shell();
    peer_acknowledges(0);
    peer_acknowledges(1);
    wait_us(3600 * (int64_t)SECOND_US);
    assert_int_equal(channel_state(channel), CHANNEL_OPEN);
}

/* ---- a program without a terminal ---- */

static void keeps_streams_apart_and_in_order(void **state)
{
    (void)state;
    shake_hands_as(REQUEST(SESSION_TYPE("NonInteractiveCommands")));
    assert_false(channel_has_terminal(channel));
    peer_outputs(PAYLOAD_STDERR, "warning\n");
    peer_outputs(PAYLOAD_OUTPUT, "one\n");
    peer_outputs(PAYLOAD_OUTPUT, "two\n");
    peer_outputs(PAYLOAD_STDERR, "error\n");
    peer_outputs(PAYLOAD_EXIT_CODE, "EXIT_CODE: 7");
    peer_closes("");
    assert_true(channel_output_is_stderr(channel));
    expect_output("warning\n");
    assert_false(channel_output_is_stderr(channel));
    expect_output("one\ntwo\n");
    assert_false(channel_is_finished(channel));
    assert_true(channel_output_is_stderr(channel));
    expect_output("error\n");
    assert_true(channel_is_finished(channel));
    expect_closed(ERR_OK, "", true);
    assert_true(channel_result(channel).has_exit_code);
    assert_int_equal(channel_result(channel).exit_code, 7);
}

static void a_stalled_reader_of_one_stream_holds_the_other(void **state)
{
    (void)state;
    shake_hands_as(REQUEST(SESSION_TYPE("NonInteractiveCommands")));
    peer_outputs(PAYLOAD_OUTPUT, "one\n");
    assert_true(channel_wants_message(channel));
    peer_outputs(PAYLOAD_STDERR, "error\n");
    assert_false(channel_wants_message(channel));
    expect_output("one\n");
    assert_true(channel_wants_message(channel));
    expect_output("error\n");
}

static void reads_exit_codes(void **state)
{
    static const struct {
        const char *payload;
        bool is_known;
        int64_t exit_code;
    } cases[] = {
        {"EXIT_CODE: 0", true, 0},
        {"EXIT_CODE: 255\n", true, 255},
        {"EXIT_CODE:3\r\n", true, 3},
        {"EXIT_CODE: -1", true, -1},
        {"EXIT_CODE: 3221225786", true, 3221225786},
        {"EXIT_CODE: 99999999999", false, 0},
        {"EXIT_CODE: ", false, 0},
        {"EXIT_CODE: 1 2", false, 0},
        {"EXIT_CODE: 11111111111111111111111111111111111111111", false, 0},
        {"exit 1", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shake_hands_as(REQUEST(SESSION_TYPE("NonInteractiveCommands")));
        peer_outputs(PAYLOAD_EXIT_CODE, cases[i].payload);
        peer_closes("");
        struct channel_result result = channel_result(channel);
        if (result.has_exit_code != cases[i].is_known ||
            (cases[i].is_known && result.exit_code != cases[i].exit_code)) {
            fail_msg("\"%s\" is %lld", cases[i].payload, (long long)result.exit_code);
        }
        tear_down_shell(state);
        set_up_shell(state);
    }
}

/* ---- encrypted ---- */

/* What the agent makes of the next frame, which is data. */
static void expect_sealed(int64_t sequence, const char *plain, uint8_t *ret_nonce)
{
    struct agent_message message;
    struct bytes opened;
    expect_data(sequence, PAYLOAD_OUTPUT, &message);
    assert_ok(session_crypt_open(agents, message.payload, &opened));
    assert_true(bytes_equal_text(opened, plain));
    memcpy(ret_nonce, message.payload.data, SESSION_CRYPT_NONCE_LEN);
}

static void encrypts_what_is_typed_and_printed(void **state)
{
    (void)state;
    uint8_t nonces[2][SESSION_CRYPT_NONCE_LEN];
    open_encrypted();
    peer_seals(PAYLOAD_OUTPUT, "$ ");
    peer_seals(PAYLOAD_STDERR, "oops");
    peer_seals(PAYLOAD_EXIT_CODE, "EXIT_CODE: 3");
    expect_output("$ ");
    assert_true(channel_output_is_stderr(channel));
    expect_output("oops");
    assert_int_equal(channel_result(channel).exit_code, 3);
    for (int64_t sequence = 3; sequence < 6; sequence++) {
        expect_ack(sequence);
    }
    write_text("ls\r");
    write_text("ls\r");
    expect_sealed(3, "ls\r", nonces[0]);
    expect_sealed(4, "ls\r", nonces[1]);
    assert_memory_not_equal(nonces[0], nonces[1], SESSION_CRYPT_NONCE_LEN);
    channel_resize(channel, 90, 40, now);
    expect_payload(5, PAYLOAD_SIZE, "{\"cols\":90,\"rows\":40}"); /* in the clear, as the agent wants it */
}

static void sends_an_encrypted_message_again_as_it_was(void **state)
{
    (void)state;
    struct agent_message message;
    uint8_t first[SESSION_CRYPT_OVERHEAD + 3];
    open_encrypted();
    write_text("ls\r");
    expect_data(3, PAYLOAD_OUTPUT, &message);
    assert_int_equal(message.payload.len, sizeof first);
    memcpy(first, message.payload.data, sizeof first);
    channel_transport_down(channel, now);
    channel_transport_up(channel, now);
    expect_ack(0);
    expect_ack(1);
    expect_ack(2);
    expect_payload(2, PAYLOAD_SIZE, SIZE_80_24);
    expect_data(3, PAYLOAD_OUTPUT, &message);
    assert_memory_equal(message.payload.data, first, sizeof first);
}

static void cuts_encrypted_input_as_the_plugin_does(void **state)
{
    (void)state;
    static const uint8_t input[1500];
    struct agent_message message;
    open_encrypted();
    assert_int_equal(channel_write(channel, bytes_of(input, sizeof input), now), sizeof input);
    expect_data(3, PAYLOAD_OUTPUT, &message);
    assert_int_equal(message.payload.len, 1024 + SESSION_CRYPT_OVERHEAD);
    expect_data(4, PAYLOAD_OUTPUT, &message);
    assert_int_equal(message.payload.len, 476 + SESSION_CRYPT_OVERHEAD);
}

static void an_old_agent_has_no_challenge_of_its_own(void **state)
{
    (void)state;
    struct channel_key_wish wish;
    struct agent_message message;
    peer_outputs(PAYLOAD_HANDSHAKE_REQUEST, REQUEST(SESSION_TYPE("Standard_Stream") OLD_ENCRYPTION));
    expect_ack(0);
    assert_true(channel_wants_key(channel, &wish));
    assert_null(wish.challenge);
    channel_give_key(channel, ours, "Zm9v", now);
    expect_data(0, PAYLOAD_HANDSHAKE_RESPONSE, &message);
    assert_null(memmem(message.payload.data, message.payload.len, "ChallengeAcknowledgement", 24));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_shell, tear_down_shell)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_a_document_for_a_port),
        TEST(declines_what_is_no_program),
        TEST(refuses_output_in_the_clear),
        TEST(refuses_to_go_on_without_encryption),
        TEST(refuses_output_before_the_end_of_the_handshake),
        TEST(refuses_a_challenge_with_another_key),
        TEST(refuses_a_second_challenge),
        TEST(refuses_encryption_without_a_key),
        TEST(gives_up_when_no_key_comes),
        TEST(a_port_is_never_encrypted),
        TEST(begins_without_a_handshake),
        TEST(asks_a_program_that_says_nothing),
        TEST(a_handshake_may_be_late),
        TEST(silence_over_a_lost_connection_proves_nothing),
        TEST(gives_up_when_nobody_is_there),
        TEST(a_program_may_end_without_a_word),
        TEST(says_why_a_program_could_not_begin),
        TEST(tells_a_new_size_once),
        TEST(a_size_waits_for_room),
        TEST(is_ended_by_the_api),
        TEST(a_quiet_shell_is_left_alone),
        TEST(keeps_streams_apart_and_in_order),
        TEST(a_stalled_reader_of_one_stream_holds_the_other),
        TEST(reads_exit_codes),
        TEST(encrypts_what_is_typed_and_printed),
        TEST(sends_an_encrypted_message_again_as_it_was),
        TEST(cuts_encrypted_input_as_the_plugin_does),
        TEST(an_old_agent_has_no_challenge_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
