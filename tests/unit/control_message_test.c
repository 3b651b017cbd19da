/* control_message: the JSON payloads, refused and accepted. */
#include "tests/support/unit.h"

#include "common/json_view.h"
#include "proxy/core/control_message.h"

static struct bytes text(const char *string)
{
    return bytes_of_text(string);
}

/* As the agent writes it. */
#define USUAL_ACKNOWLEDGE(sequence)                                                                                    \
    "{\"AcknowledgedMessageType\":\"input_stream_data\",\"AcknowledgedMessageId\":\"01234567-89ab-4cde-8f01-"          \
    "23456789abcd\",\"AcknowledgedMessageSequenceNumber\":" sequence ",\"IsSequentialMessage\":true}"

static void refuses_acknowledges_without_a_number(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"AcknowledgedMessageSequenceNumber\":\"7\"}",
        "{\"AcknowledgedMessageSequenceNumber\":-1}",
        "{\"AcknowledgedMessageSequenceNumber\":1.5}",
        "{\"AcknowledgedMessageSequenceNumber\":99999999999999999999}",
        "{\"AcknowledgedMessageSequenceNumber\":1,\"AcknowledgedMessageSequenceNumber\":2}",
        "{\"AcknowledgedMessageType\":\"input_stream_data\",\"AcknowledgedMessageId\":\"",
        USUAL_ACKNOWLEDGE("18446744073709551617"),
        USUAL_ACKNOWLEDGE(""),
        USUAL_ACKNOWLEDGE("7") "x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t sequence = 42;
        assert_int_equal(control_message_parse_acknowledge(text(bad[i]), &sequence), ERR_MALFORMED);
        assert_int_equal(sequence, 42);
    }
}

static void reads_acknowledges_in_any_form(void **state)
{
    (void)state;
    static const char *const numbers[][2] = {
        {USUAL_ACKNOWLEDGE("0"), "0"},
        {USUAL_ACKNOWLEDGE("999999999999999999"), "999999999999999999"},
        {USUAL_ACKNOWLEDGE("9223372036854775807"), "9223372036854775807"},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int64_t sequence = -1;
        assert_ok(control_message_parse_acknowledge(text(numbers[i][0]), &sequence));
        assert_true(sequence == strtoll(numbers[i][1], NULL, 10));
    }
    static const char *const good[] = {
        USUAL_ACKNOWLEDGE("7"),
        "{ \"AcknowledgedMessageSequenceNumber\" : 7 }",
        "{\"IsSequentialMessage\":true,\"AcknowledgedMessageSequenceNumber\":7,\"AcknowledgedMessageType\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t sequence = 0;
        assert_int_equal(control_message_parse_acknowledge(text(good[i]), &sequence), ERR_OK);
        assert_int_equal(sequence, 7);
    }
}

static void writes_acknowledges_that_json_reads(void **state)
{
    (void)state;
    struct uuid id;
    assert_int_equal(uuid_parse(text("01234567-89ab-4cde-8f01-23456789abcd"), &id), ERR_OK);
    char memory[256];
    struct text out = text_in(memory, sizeof memory);
    assert_int_equal(control_message_acknowledge(&id, INT64_MAX, &out), ERR_OK);
    AUTO_JSON json_t *root = NULL;
    assert_int_equal(json_view_parse_object(text_bytes(&out), &root), ERR_OK);
    assert_string_equal(json_view_text(root, "AcknowledgedMessageType"), "output_stream_data");
    assert_string_equal(json_view_text(root, "AcknowledgedMessageId"), "01234567-89ab-4cde-8f01-23456789abcd");
    assert_true(json_integer_value(json_object_get(root, "AcknowledgedMessageSequenceNumber")) == INT64_MAX);
    assert_true(json_is_true(json_object_get(root, "IsSequentialMessage")));
}

#define ONE_ACTION(name) "{\"RequestedClientActions\":[{\"ActionType\":\"" name "\"}]}"

static void refuses_handshake_requests_that_make_no_sense(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "{\"RequestedClientActions\":{}}",
        "{\"RequestedClientActions\":[1]}",
        ONE_ACTION(""),
        ONE_ACTION("a\\\"b"),
        ONE_ACTION("a/"), /* beside '0' */
        ONE_ACTION("a:"), /* beside '9' */
        ONE_ACTION("a@"),
        ONE_ACTION("a["),
        ONE_ACTION("a`"),
        ONE_ACTION("a{"),
        ONE_ACTION("a\\u00e4"),
        "{\"RequestedClientActions\":[{},{},{},{},{},{},{},{},{}]}",
        ONE_ACTION("0123456789012345678901234567890123456789012345678901234567890123"),
    };
    struct handshake_request request;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(control_message_parse_handshake_request(text(bad[i]), &request), ERR_MALFORMED);
    }
}

#define PORT_REQUEST                                                                                                   \
    "{\"AgentVersion\":\"3.3.0.0\",\"RequestedClientActions\":[{\"ActionType\":\"SessionType\",\"ActionParameters\":"  \
    "{\"SessionType\":\"Port\",\"Properties\":{\"portNumber\":\"22\"}}}]}"
#define SHELL_WITH_KMS_REQUEST                                                                                         \
    "{\"AgentVersion\":\"3.3.0.0\",\"RequestedClientActions\":[{\"ActionType\":\"SessionType\",\"ActionParameters\":"  \
    "{\"SessionType\":\"Standard_Stream\",\"Properties\":null}},{\"ActionType\":\"KMSEncryption\","                    \
    "\"ActionParameters\":"                                                                                            \
    "{\"KMSKeyId\":\"k\"}}]}"

static void answer(const char *request_text, struct text *ret_response)
{
    struct handshake_request request;
    assert_int_equal(control_message_parse_handshake_request(text(request_text), &request), ERR_OK);
    assert_int_equal(control_message_handshake_response(
                         &request,
                         &(struct handshake_answer){.has_session_type = request.session_type == SESSION_TYPE_PORT},
                         ret_response),
                     ERR_OK);
}

static void answers_a_port_session(void **state)
{
    (void)state;
    char memory[1024];
    struct text response = text_in(memory, sizeof memory);
    answer(PORT_REQUEST, &response);
    assert_string_equal(memory,
                        "{\"ClientVersion\":\"1.2.650.0\",\"ProcessedClientActions\":[{\"ActionType\":"
                        "\"SessionType\",\"ActionStatus\":1,\"ActionResult\":null,\"Error\":\"\"}],\"Errors\":null}");
}

static void declines_what_it_cannot_do(void **state)
{
    (void)state;
    char memory[1024];
    struct text response = text_in(memory, sizeof memory);
    answer(SHELL_WITH_KMS_REQUEST, &response);
    AUTO_JSON json_t *root = NULL;
    assert_int_equal(json_view_parse_object(text_bytes(&response), &root), ERR_OK);
    const json_t *actions = json_object_get(root, "ProcessedClientActions");
    assert_int_equal(json_array_size(actions), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(json_integer_value(json_object_get(json_array_get(actions, i), "ActionStatus")), 3);
    }
}

static void tells_session_types_apart(void **state)
{
    (void)state;
    static const struct {
        const char *parameters;
        enum session_type type;
    } cases[] = {
        {"{}", SESSION_TYPE_OTHER},
        {"null", SESSION_TYPE_OTHER},
        {"{\"SessionType\":1}", SESSION_TYPE_OTHER},
        {"{\"SessionType\":\"port\"}", SESSION_TYPE_OTHER},
        {"{\"SessionType\":\"Port\"}", SESSION_TYPE_PORT},
        {"{\"SessionType\":\"Standard_Stream\"}", SESSION_TYPE_SHELL},
        {"{\"SessionType\":\"InteractiveCommands\"}", SESSION_TYPE_SHELL},
        {"{\"SessionType\":\"NonInteractiveCommands\"}", SESSION_TYPE_COMMAND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char memory[256];
        snprintf(memory, sizeof memory,
                 "{\"RequestedClientActions\":[{\"ActionType\":\"SessionType\",\"ActionParameters\":%s}]}",
                 cases[i].parameters);
        struct handshake_request request;
        assert_ok(control_message_parse_handshake_request(text(memory), &request));
        assert_int_equal(request.session_type, cases[i].type);
    }
}

static void tells_port_sessions_for_many_connections_apart(void **state)
{
    (void)state;
    static const struct {
        const char *properties;
        bool is_local_port_forwarding;
    } cases[] = {
        {"null", false},
        {"{\"portNumber\":\"22\"}", false},
        {"{\"type\":1}", false},
        {"{\"type\":\"localPortForwarding\"}", false},
        {"{\"localPortNumber\":\"0\",\"portNumber\":\"80\",\"type\":\"LocalPortForwarding\"}", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char memory[256];
        snprintf(memory, sizeof memory,
                 "{\"RequestedClientActions\":[{\"ActionType\":\"SessionType\",\"ActionParameters\":"
                 "{\"SessionType\":\"Port\",\"Properties\":%s}}]}",
                 cases[i].properties);
        struct handshake_request request;
        assert_ok(control_message_parse_handshake_request(text(memory), &request));
        assert_int_equal(request.is_local_port_forwarding, cases[i].is_local_port_forwarding);
    }
}

static void a_version_that_is_too_long_is_left_out(void **state)
{
    (void)state;
    char memory[256];
    struct handshake_request request;
    snprintf(memory, sizeof memory, "{\"AgentVersion\":\"%064d\",\"RequestedClientActions\":[]}", 1);
    assert_ok(control_message_parse_handshake_request(text(memory), &request));
    assert_string_equal(request.agent_version, "");
    snprintf(memory, sizeof memory, "{\"AgentVersion\":\"%063d\",\"RequestedClientActions\":[]}", 1);
    assert_ok(control_message_parse_handshake_request(text(memory), &request));
    assert_int_equal(strlen(request.agent_version), 63);
}

/* The most actions, each with the longest name. */
static void answers_the_largest_request(void **state)
{
    (void)state;
    char name[HANDSHAKE_NAME_SIZE];
    memset(name, 'A', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct handshake_request request = {.action_count = HANDSHAKE_ACTIONS_MAX};
    for (size_t i = 0; i < HANDSHAKE_ACTIONS_MAX; i++) {
        memcpy(request.actions[i], name, sizeof name);
    }
    char memory[HANDSHAKE_RESPONSE_SIZE];
    struct text response = text_in(memory, sizeof memory);
    assert_ok(control_message_handshake_response(
        &request, &(struct handshake_answer){.has_session_type = request.session_type == SESSION_TYPE_PORT},
        &response));
    AUTO_JSON json_t *root = NULL;
    assert_ok(json_view_parse_object(text_bytes(&response), &root));
    assert_int_equal(json_array_size(json_object_get(root, "ProcessedClientActions")), HANDSHAKE_ACTIONS_MAX);
}

static void quotes_the_token(void **state)
{
    (void)state;
    struct chance chance = chance_from_number(1);
    struct uuid id = uuid_v4(&chance);
    AUTO_SECRET struct secret token = {0};
    assert_int_equal(secret_set(&token, text("a\"b\\c\n")), ERR_OK);
    char memory[1024];
    struct text frame = text_in(memory, sizeof memory);
    assert_int_equal(control_message_open_data_channel(&id, &token, &id, &frame), ERR_OK);
    AUTO_JSON json_t *root = NULL;
    assert_int_equal(json_view_parse_object(text_bytes(&frame), &root), ERR_OK);
    assert_string_equal(json_view_text(root, "TokenValue"), "a\"b\\c\n");
    assert_string_equal(json_view_text(root, "MessageSchemaVersion"), "1.0");
    assert_int_equal(strlen(json_view_text(root, "RequestId")), 36);
    char small[64];
    struct text cut = text_in(small, sizeof small);
    assert_int_equal(control_message_open_data_channel(&id, &token, &id, &cut), ERR_TOO_LONG);
}

static void reads_words_for_the_person(void **state)
{
    (void)state;
    char memory[16];
    struct text words = text_in(memory, sizeof memory);
    assert_int_equal(control_message_parse_channel_closed(text("nonsense"), &words), ERR_MALFORMED);
    assert_int_equal(control_message_parse_channel_closed(text("{\"Output\":\"bye\"}"), &words), ERR_OK);
    assert_string_equal(memory, "bye");
    assert_int_equal(control_message_parse_channel_closed(text("{}"), &words), ERR_OK);
    assert_string_equal(memory, "");
    assert_int_equal(control_message_parse_channel_closed(text("{\"Output\":null}"), &words), ERR_OK);
    assert_string_equal(memory, "");
    assert_int_equal(control_message_parse_handshake_complete(
                         text("{\"HandshakeTimeToComplete\":1,\"CustomerMessage\":\"0123456789abcdef\"}"), &words),
                     ERR_OK);
    assert_string_equal(memory, "0123456789abcde"); /* cut, terminated */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_acknowledges_without_a_number),
        cmocka_unit_test(reads_acknowledges_in_any_form),
        cmocka_unit_test(writes_acknowledges_that_json_reads),
        cmocka_unit_test(refuses_handshake_requests_that_make_no_sense),
        cmocka_unit_test(answers_a_port_session),
        cmocka_unit_test(declines_what_it_cannot_do),
        cmocka_unit_test(tells_session_types_apart),
        cmocka_unit_test(tells_port_sessions_for_many_connections_apart),
        cmocka_unit_test(a_version_that_is_too_long_is_left_out),
        cmocka_unit_test(answers_the_largest_request),
        cmocka_unit_test(quotes_the_token),
        cmocka_unit_test(reads_words_for_the_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
