#include "tests/support/unit.h"

#include "common/text.h"
#include "proxy/core/aws_error.h"
#include "proxy/core/ssm_api.h"
#include "tests/unit/given_reply.h"

#define START_REPLY                                                                                                    \
    "{\"SessionId\":\"alice-jbsvx7hu63l2yn3ef4gapt7ug8\",\"StreamUrl\":\"wss://h/v1/x?cell-number=A+/=\","             \
    "\"TokenValue\":\"AAEAA-token\"}"

/* ---- errors ---- */

static void tells_errors_apart(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *type;
        const char *message;
        enum err err;
    } cases[] = {
        {400, "TargetNotConnected", "i-0123 is not connected.", ERR_OFFLINE},
        {400, "AccessDeniedException", "User: arn:x is not authorized to perform: ssm:StartSession", ERR_DENIED},
        {400, "AccessDenied", "", ERR_DENIED},
        {403, "UnauthorizedOperation", "", ERR_DENIED},
        {403, "OptInRequired", "", ERR_DENIED},
        {400, "ThrottlingException", "Rate exceeded", ERR_THROTTLED},
        {400, "Throttling", "", ERR_THROTTLED},
        {400, "ThrottledException", "", ERR_THROTTLED},
        {400, "TooManyRequestsException", "", ERR_THROTTLED},
        {503, "RequestLimitExceeded", "", ERR_THROTTLED},
        {400, "SomethingNew", "Rate exceeded", ERR_THROTTLED},
        {429, "SomethingNew", "", ERR_THROTTLED},
        {429, "", "", ERR_THROTTLED},
        {400, "ExpiredTokenException", "The security token included in the request is expired", ERR_CREDENTIALS},
        {400, "ExpiredToken", "", ERR_CREDENTIALS},
        {400, "UnrecognizedClientException", "The security token included in the request is invalid.", ERR_CREDENTIALS},
        {403, "InvalidClientTokenId", "", ERR_CREDENTIALS},
        {400, "InvalidSignatureException", "The request signature we calculated does not match", ERR_CREDENTIALS},
        {403, "SignatureDoesNotMatch", "", ERR_CREDENTIALS},
        {400, "MissingAuthenticationTokenException", "Missing Authentication Token", ERR_CREDENTIALS},
        {403, "MissingAuthenticationToken", "", ERR_CREDENTIALS},
        {400, "IncompleteSignatureException", "", ERR_CREDENTIALS},
        {401, "AuthFailure", "", ERR_CREDENTIALS},
        {400, "InvalidSignatureException", "Signature expired: 20150830T123600Z is now earlier than", ERR_CLOCK_SKEW},
        {400, "InvalidSignatureException", "Signature not yet current: 2035", ERR_CLOCK_SKEW},
        {403, "SignatureDoesNotMatch", "Signature expired: x", ERR_CLOCK_SKEW},
        {403, "RequestTimeTooSkewed", "", ERR_CLOCK_SKEW},
        {400, "RequestExpired", "", ERR_CLOCK_SKEW},
        {400, "InvalidInstanceId", "", ERR_NO_TARGET},
        {400, "InvalidInstanceID.NotFound", "The instance ID 'i-01234567' does not exist", ERR_NO_TARGET},
        {400, "InvalidInstanceID.Malformed", "", ERR_NO_TARGET},
        {400, "ValidationException", "Value 'x' at 'target' failed to satisfy constraint", ERR_NO_TARGET},
        {400, "ValidationException", "Value 'x' at 'reason' failed to satisfy constraint", ERR_CONFIG},
        {400, "InvalidDocument", "Document with name X does not exist.", ERR_CONFIG},
        {400, "InvalidParameters", "", ERR_CONFIG},
        {400, "BadRequest", "", ERR_CONFIG},
        {400, "UnknownOperationException", "", ERR_CONFIG},
        {400, "DoesNotExistException", "", ERR_SESSION_ENDED},
        {500, "InternalServerError", "", ERR_SERVICE},
        {400, "InternalServerError", "", ERR_SERVICE},
        {503, "ServiceUnavailableException", "", ERR_SERVICE},
        {500, "SomethingNew", "", ERR_SERVICE},
        {502, "", "", ERR_SERVICE},
        {504, "", "", ERR_SERVICE},
        {403, "", "", ERR_DENIED},
        {404, "", "", ERR_UNREACHABLE},
        {407, "", "", ERR_UNREACHABLE},
        {302, "", "", ERR_UNREACHABLE},
        {204, "", "", ERR_UNREACHABLE},
        {600, "", "", ERR_UNREACHABLE},
        {0, "", "", ERR_UNREACHABLE},
        {400, "TargetNotConnectedX", "", ERR_CONFIG},
        {400, "Target", "", ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum err err = aws_error_classify(cases[i].status, cases[i].type, cases[i].message);
        if (err != cases[i].err) {
            fail_msg("%d %s \"%s\" gave %s", cases[i].status, cases[i].type, cases[i].message, err_text(err));
        }
    }
}

static void reads_every_shape_of_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *header;
        const char *type;
        const char *message;
        enum err err;
    } cases[] = {
        {"{\"__type\":\"TargetNotConnected\",\"message\":\"m\"}", NULL, "TargetNotConnected", "m", ERR_OFFLINE},
        {"{\"__type\":\"com.amazonaws.ssm#TargetNotConnected\",\"Message\":\"M\"}", NULL, "TargetNotConnected", "M",
         ERR_OFFLINE},
        {"{\"message\":\"m\"}", "TargetNotConnected:http://internal.amazon.com/coral/x/", "TargetNotConnected", "m",
         ERR_OFFLINE},
        {"{\"code\":\"TargetNotConnected\"}", NULL, "TargetNotConnected", "", ERR_OFFLINE},
        {"{\"__type\":\"AccessDeniedException\"}", "TargetNotConnected", "AccessDeniedException", "", ERR_DENIED},
        {"", "ns#AccessDeniedException", "AccessDeniedException", "", ERR_DENIED},
        {"{\"__type\":7,\"message\":[]}", NULL, "", "the reply names no error type", ERR_UNREACHABLE},
        {"{}", NULL, "", "the reply names no error type", ERR_UNREACHABLE},
        {"", NULL, "", "the reply is not one of AWS's", ERR_UNREACHABLE},
        {"<html><body>Blocked by policy</body></html>", NULL, "", "the reply is not one of AWS's", ERR_UNREACHABLE},
        {"[1,2]", NULL, "", "the reply is not one of AWS's", ERR_UNREACHABLE},
        {"{\"__type\":\"A\",\"__type\":\"B\"}", NULL, "", "the reply is not one of AWS's", ERR_UNREACHABLE},
        {"{\"__type\":\"InvalidDocument\",\"message\":\"a\\nb\\u001b[31mc\"}", NULL, "InvalidDocument", "a?b?[31mc",
         ERR_CONFIG},
        {"{\"__type\":\"InvalidSignatureException\",\"message\":\"We calculated another.\\n\\nThe Canonical String for "
         "this "
         "request should have been\\n'POST\\n/\\n\\nx-amz-security-token:TOKEN'\"}",
         NULL, "InvalidSignatureException", "We calculated another.", ERR_CREDENTIALS},
        {"{\"__type\":\"#\",\"message\":\"m\"}", NULL, "", "m", ERR_UNREACHABLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_reply given = given_reply(400, cases[i].body);
        given.error_type = cases[i].header;
        struct service_failure failure = {0};
        AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = "before"};
        assert_err(ssm_api_parse_session(&given, &session, &failure), cases[i].err);
        assert_int_equal(failure.http_status, 400);
        assert_string_equal(failure.type, cases[i].type);
        assert_string_equal(failure.message, cases[i].message);
        assert_string_equal(session.session_id, "before");
    }
}

static void cuts_long_messages_between_characters(void **state)
{
    (void)state;
    char body[4096];
    struct text text = text_in(body, sizeof body);
    text_put(&text, "{\"__type\":\"BadRequest\",\"message\":\"");
    for (int i = 0; i < 600; i++) {
        text_put(&text, "€"); /* 3 bytes: 1023 is a multiple of it, so shift by one */
        text_put(&text, i == 0 ? "x" : "");
    }
    text_put(&text, "\"}");
    struct aws_reply given = given_reply(400, body);
    struct service_failure failure;
    assert_err(ssm_api_parse_terminated_session(&given, &failure), ERR_CONFIG);
    assert_int_equal(strlen(failure.message), 1 + 3 * 340);
    assert_memory_equal(failure.message + 1 + 3 * 339, "€", 3);
}

/* ---- sessions ---- */

static void refuses_replies_that_are_no_session(void **state)
{
    (void)state;
    char long_id[512];
    struct text text = text_in(long_id, sizeof long_id);
    text_format(&text, "{\"SessionId\":\"%0*d\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"t\"}", LIMIT_SESSION_ID + 1,
                0);
    AUTO_FREE char *long_url = calloc(1, LIMIT_STREAM_URL + 256);
    text = text_in(long_url, LIMIT_STREAM_URL + 256);
    text_format(&text, "{\"SessionId\":\"a\",\"TokenValue\":\"t\",\"StreamUrl\":\"%0*d\"}", LIMIT_STREAM_URL + 1, 0);
    AUTO_FREE char *long_token = calloc(1, LIMIT_SECRET + 256);
    text = text_in(long_token, LIMIT_SECRET + 256);
    text_format(&text, "{\"SessionId\":\"a\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"%0*d\"}", LIMIT_SECRET + 1, 0);
    const struct {
        const char *body;
        enum err err;
        bool is_session;
    } cases[] = {
        {"", ERR_MALFORMED, false},
        {"{}", ERR_MALFORMED, false},
        {"null", ERR_MALFORMED, false},
        {"<html>", ERR_MALFORMED, false},
        {START_REPLY "x", ERR_MALFORMED, false},
        {"{\"SessionId\":\"a\",\"StreamUrl\":\"wss://h/\"}", ERR_MALFORMED, true},
        {"{\"SessionId\":\"a\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":null}", ERR_MALFORMED, true},
        {"{\"SessionId\":\"a\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"\"}", ERR_MALFORMED, true},
        {"{\"SessionId\":\"a\",\"TokenValue\":\"t\"}", ERR_MALFORMED, true},
        {"{\"SessionId\":\"a\",\"StreamUrl\":\"\",\"TokenValue\":\"t\"}", ERR_MALFORMED, true},
        {"{\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"t\"}", ERR_MALFORMED, false},
        {"{\"SessionId\":\"\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"t\"}", ERR_MALFORMED, false},
        {"{\"SessionId\":\"..\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"t\"}", ERR_MALFORMED, false},
        {"{\"SessionId\":\"a/b\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"t\"}", ERR_MALFORMED, false},
        {"{\"SessionId\":\"a b\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"t\"}", ERR_MALFORMED, false},
        {"{\"SessionId\":\"\\u00e4\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"t\"}", ERR_MALFORMED, false},
        {"{\"SessionId\":\"a\\u0000b\",\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"t\"}", ERR_MALFORMED, false},
        {"{\"SessionId\":7,\"StreamUrl\":\"wss://h/\",\"TokenValue\":\"t\"}", ERR_MALFORMED, false},
        {long_id, ERR_TOO_LONG, false},
        {long_url, ERR_STREAM_URL, true},
        {long_token, ERR_TOO_LONG, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_reply given = given_reply(200, cases[i].body);
        struct service_failure failure = {0};
        AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = ""};
        enum err err = ssm_api_parse_session(&given, &session, &failure);
        if (err != cases[i].err) {
            fail_msg("case %zu gave %s", i, err_text(err));
        }
        assert_int_equal(failure.http_status, 200);
        assert_true(failure.message[0] != '\0');
        /* a session that exists is to be ended, whatever else is wrong with the reply */
        assert_string_equal(session.session_id, cases[i].is_session ? "a" : "");
    }
    AUTO_FREE char *big = malloc(LIMIT_API_REPLY + 1);
    memset(big, ' ', LIMIT_API_REPLY + 1);
    memcpy(big, START_REPLY, strlen(START_REPLY));
    struct aws_reply given = {.http_status = 200, .body = bytes_of(big, LIMIT_API_REPLY + 1)};
    AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = ""};
    struct service_failure failure;
    assert_err(ssm_api_parse_session(&given, &session, &failure), ERR_TOO_LONG);
    given.body.len = LIMIT_API_REPLY;
    assert_ok(ssm_api_parse_session(&given, &session, &failure));
}

static void reads_a_session(void **state)
{
    (void)state;
    struct aws_reply given = given_reply(200, START_REPLY);
    AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = ""};
    struct service_failure failure;
    for (int i = 0; i < 2; i++) { /* the second time over the first's result */
        assert_ok(ssm_api_parse_session(&given, &session, &failure));
        assert_string_equal(session.session_id, "alice-jbsvx7hu63l2yn3ef4gapt7ug8");
        assert_string_equal(session.stream_url, "wss://h/v1/x?cell-number=A+/=");
        assert_string_equal(session.token.reveal, "AAEAA-token");
    }
    ssm_api_session_wipe(&session);
    assert_false(secret_is_set(&session.token));
}

static void resumes(void **state)
{
    (void)state;
    static const char *const ended[] = {
        "{}",
        "{\"SessionId\":\"a\"}",
        "{\"SessionId\":\"a\",\"TokenValue\":null}",
        "{\"SessionId\":\"a\",\"TokenValue\":\"\"}",
    };
    AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = ""};
    struct service_failure failure;
    struct aws_reply given;
    for (size_t i = 0; i < sizeof ended / sizeof ended[0]; i++) {
        given = given_reply(200, ended[i]);
        assert_err(ssm_api_parse_resumed_session(&given, &session, &failure), ERR_SESSION_ENDED);
    }
    given = given_reply(400, "{\"__type\":\"DoesNotExistException\",\"message\":\"gone\"}");
    assert_err(ssm_api_parse_resumed_session(&given, &session, &failure), ERR_SESSION_ENDED);
    assert_string_equal(failure.message, "gone");
    given = given_reply(500, "");
    assert_err(ssm_api_parse_resumed_session(&given, &session, &failure), ERR_SERVICE);

    given = given_reply(200, "{\"SessionId\":\"a\",\"TokenValue\":\"new\"}");
    assert_ok(ssm_api_parse_resumed_session(&given, &session, &failure));
    assert_string_equal(session.stream_url, "");
    assert_string_equal(session.token.reveal, "new");
}

static void terminates(void **state)
{
    (void)state;
    struct service_failure failure;
    struct aws_reply given = given_reply(400, "{\"__type\":\"AccessDeniedException\"}");
    assert_err(ssm_api_parse_terminated_session(&given, &failure), ERR_DENIED);
    given = given_reply(500, "{\"__type\":\"InternalServerError\"}");
    assert_err(ssm_api_parse_terminated_session(&given, &failure), ERR_SERVICE);
    given = given_reply(200, "no");
    assert_err(ssm_api_parse_terminated_session(&given, &failure), ERR_MALFORMED);
    given = given_reply(200, "{}");
    assert_ok(ssm_api_parse_terminated_session(&given, &failure));
    given = given_reply(400, "{\"__type\":\"DoesNotExistException\"}");
    assert_ok(ssm_api_parse_terminated_session(&given, &failure));
}

/* ---- nodes ---- */

static void reads_nodes(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "{\"InstanceInformationList\":[7]}",
        "{\"InstanceInformationList\":[{}]}",
        "{\"InstanceInformationList\":[{\"InstanceId\":\"\"}]}",
        "{\"InstanceInformationList\":[{\"InstanceId\":\"i-1\\u001b\"}]}",
        "{\"InstanceInformationList\":[{\"InstanceId\":\"i-1\"},{\"Name\":\"x\"}]}",
    };
    AUTO(ssm_api_nodes_free) struct ssm_api_nodes nodes = {.count = 0};
    struct service_failure failure;
    struct aws_reply given;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        given = given_reply(200, refused[i]);
        assert_err(ssm_api_parse_nodes(&given, &nodes, &failure), ERR_MALFORMED);
        assert_null(nodes.items);
    }
    char body[8192];
    struct text text = text_in(body, sizeof body);
    text_put(&text, "{\"InstanceInformationList\":[");
    for (int i = 0; i <= LIMIT_API_PAGE; i++) {
        text_format(&text, "%s{\"InstanceId\":\"i-%08x\"}", i == 0 ? "" : ",", i);
    }
    text_put(&text, "]}");
    given = given_reply(200, body);
    assert_err(ssm_api_parse_nodes(&given, &nodes, &failure), ERR_TOO_LONG);

    given = given_reply(200, "{}");
    assert_ok(ssm_api_parse_nodes(&given, &nodes, &failure));
    assert_int_equal(nodes.count, 0);
    given =
        given_reply(200, "{\"InstanceInformationList\":[{\"InstanceId\":\"mi-0123456789abcdef0\",\"Name\":\"we\\tb\","
                         "\"PingStatus\":\"Online\",\"LastPingDateTime\":1440938160.5,\"RegistrationDate\":1440938100."
                         "25,\"IPAddress\":\"10.0.0.1\","
                         "\"ComputerName\":\"host.example\",\"PlatformType\":\"Linux\",\"PlatformName\":\"Debian\","
                         "\"AgentVersion\":\"3.3.0.0\",\"ResourceType\":\"ManagedInstance\",\"New\":[1]},"
                         "{\"InstanceId\":\"i-01234567\",\"IsLatestVersion\":false,\"PlatformVersion\":\"12\"}],"
                         "\"NextToken\":\"page2\"}");
    assert_ok(ssm_api_parse_nodes(&given, &nodes, &failure));
    assert_int_equal(nodes.count, 2);
    assert_string_equal(nodes.next_token, "page2");
    assert_string_equal(nodes.items[0].instance_id, "mi-0123456789abcdef0");
    assert_string_equal(nodes.items[0].name, "we?b");
    assert_string_equal(nodes.items[0].ping_status, "Online");
    assert_string_equal(nodes.items[0].resource_type, "ManagedInstance");
    assert_true(nodes.items[0].last_ping_unix_time > 1440938160.4);
    assert_int_equal(nodes.items[0].registered_unix_s, 1440938100);
    assert_int_equal(nodes.items[1].registered_unix_s, 0);
    assert_false(nodes.items[0].is_agent_latest || nodes.items[0].is_agent_outdated);
    assert_true(nodes.items[1].is_agent_outdated);
    assert_false(nodes.items[1].is_agent_latest);
    assert_string_equal(nodes.items[1].platform_version, "12");
    assert_string_equal(nodes.items[1].instance_id, "i-01234567");
    assert_string_equal(nodes.items[1].name, "");
}

/* ---- requests ---- */

static void check_request(enum err err, struct ssm_api_request *request, const char *x_amz_target, const char *body)
{
    assert_ok(err);
    assert_string_equal(request->x_amz_target, x_amz_target);
    assert_string_equal(request->body, body);
    assert_int_equal(request->body_len, strlen(body));
    ssm_api_request_free(request);
    assert_null(request->body);
}

static void reads_a_connection_status(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum err err;
        bool is_connected;
    } cases[] = {
        {"{\"Target\":\"i-1\",\"Status\":\"connected\"}", ERR_OK, true},
        {"{\"Target\":\"i-1\",\"Status\":\"Connected\"}", ERR_OK, true},
        {"{\"Target\":\"i-1\",\"Status\":\"notconnected\"}", ERR_OK, false},
        {"{\"Target\":\"i-1\",\"Status\":\"\"}", ERR_OK, false},
        {"{\"Target\":\"i-1\",\"Status\":1}", ERR_MALFORMED, false},
        {"{}", ERR_MALFORMED, false},
        {"[]", ERR_MALFORMED, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct service_failure failure;
        bool is_connected = false;
        struct aws_reply status = given_reply(200, cases[i].body);
        assert_err(ssm_api_parse_connection_status(&status, &is_connected, &failure), cases[i].err);
        assert_int_equal(is_connected, cases[i].is_connected);
    }
}

static void refuses_requests(void **state)
{
    (void)state;
    struct ssm_api_request request = {0};
    struct ssm_api_start_session start = {.target = "i-\xff"};
    assert_err(ssm_api_start_session(&start, &request), ERR_MALFORMED);
    start = (struct ssm_api_start_session){.target = "i-1", .reason = "\xc3"};
    assert_err(ssm_api_start_session(&start, &request), ERR_MALFORMED);
    struct ssm_api_parameter parameters[] = {{"portNumber", "\xff"}, {"host", "db"}};
    start = (struct ssm_api_start_session){.target = "i-1", .parameters = parameters, .parameter_count = 1};
    assert_err(ssm_api_start_session(&start, &request), ERR_MALFORMED);

    char reason[257 * 2 + 1] = "";
    for (int i = 0; i < 257; i++) {
        memcpy(reason + 2 * i, "ö", 3);
    }
    start = (struct ssm_api_start_session){.target = "i-1", .reason = reason};
    assert_err(ssm_api_start_session(&start, &request), ERR_TOO_LONG);
    reason[256 * 2] = '\0';
    assert_ok(ssm_api_start_session(&start, &request));
    ssm_api_request_free(&request);

    char target[LIMIT_TARGET + 2];
    memset(target, 't', sizeof target - 1);
    target[LIMIT_TARGET + 1] = '\0';
    start = (struct ssm_api_start_session){.target = target};
    assert_err(ssm_api_start_session(&start, &request), ERR_TOO_LONG);
    assert_err(ssm_api_resume_session(target, &request), ERR_TOO_LONG);
    assert_err(ssm_api_terminate_session("\xff", &request), ERR_MALFORMED);
    struct ssm_api_describe_nodes nodes = {.filters = {{"tag:Name", "\xff"}}};
    assert_err(ssm_api_describe_nodes(&nodes, &request), ERR_MALFORMED);
    nodes = (struct ssm_api_describe_nodes){.next_token = "\xff"};
    assert_err(ssm_api_describe_nodes(&nodes, &request), ERR_MALFORMED);
    assert_null(request.body);
}

static void writes_requests(void **state)
{
    (void)state;
    struct ssm_api_request request = {0};
    struct ssm_api_start_session start = {.target = "i-0123456789abcdef0"};
    check_request(ssm_api_start_session(&start, &request), &request, "AmazonSSM.StartSession",
                  "{\"Target\":\"i-0123456789abcdef0\"}");
    struct ssm_api_parameter parameters[] = {{"portNumber", "22"}, {"host", "db\""}};
    start = (struct ssm_api_start_session){.target = "a\"b\\",
                                           .document_name = "AWS-StartSSHSession",
                                           .parameters = parameters,
                                           .parameter_count = 2,
                                           .reason = "Störung\n42"};
    check_request(ssm_api_start_session(&start, &request), &request, "AmazonSSM.StartSession",
                  "{\"Target\":\"a\\\"b\\\\\",\"DocumentName\":\"AWS-StartSSHSession\",\"Reason\":\"Störung\\n42\","
                  "\"Parameters\":{\"portNumber\":[\"22\"],\"host\":[\"db\\\"\"]}}");
    start = (struct ssm_api_start_session){.target = "i-1", .reason = ""};
    check_request(ssm_api_start_session(&start, &request), &request, "AmazonSSM.StartSession", "{\"Target\":\"i-1\"}");
    check_request(ssm_api_resume_session("a-1", &request), &request, "AmazonSSM.ResumeSession",
                  "{\"SessionId\":\"a-1\"}");
    check_request(ssm_api_terminate_session("a-1", &request), &request, "AmazonSSM.TerminateSession",
                  "{\"SessionId\":\"a-1\"}");
    struct ssm_api_describe_nodes nodes = {.next_token = NULL};
    check_request(ssm_api_describe_nodes(&nodes, &request), &request, "AmazonSSM.DescribeInstanceInformation",
                  "{\"MaxResults\":50}");
    check_request(ssm_api_describe_document("AWS-x", &request), &request, "AmazonSSM.DescribeDocument",
                  "{\"Name\":\"AWS-x\"}");
    check_request(ssm_api_connection_status("i-1", &request), &request, "AmazonSSM.GetConnectionStatus",
                  "{\"Target\":\"i-1\"}");
    nodes = (struct ssm_api_describe_nodes){.filters = {{"tag:Name", "web"}, {"tag:Env", "b"}}, .next_token = "n"};
    check_request(ssm_api_describe_nodes(&nodes, &request), &request, "AmazonSSM.DescribeInstanceInformation",
                  "{\"MaxResults\":50,\"NextToken\":\"n\",\"Filters\":[{\"Key\":\"tag:Name\",\"Values\":[\"web\"]},"
                  "{\"Key\":\"tag:Env\",\"Values\":[\"b\"]}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_errors_apart),
        cmocka_unit_test(reads_every_shape_of_an_error),
        cmocka_unit_test(cuts_long_messages_between_characters),
        cmocka_unit_test(refuses_replies_that_are_no_session),
        cmocka_unit_test(reads_a_session),
        cmocka_unit_test(resumes),
        cmocka_unit_test(terminates),
        cmocka_unit_test(reads_nodes),
        cmocka_unit_test(reads_a_connection_status),
        cmocka_unit_test(refuses_requests),
        cmocka_unit_test(writes_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
