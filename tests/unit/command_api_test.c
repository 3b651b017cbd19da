#include "tests/support/unit.h"

#include "proxy/core/command_api.h"

#define ID "12345678-9abc-def0-1234-56789abcdef0"

static struct aws_reply reply(int status, const char *body)
{
    return (struct aws_reply){.http_status = status, .body = bytes_of_text(body)};
}

/* ---- requests ---- */

static void refuses_what_the_service_would(void **state)
{
    (void)state;
    struct ssm_api_request request = {0};
    const char *ids[COMMAND_API_NODES_MAX + 1] = {"i-1"};
    char comment[102];
    memset(comment, 'c', 101);
    comment[101] = '\0';
    struct command_api_send send = {.document_name = "A", .node_ids = ids, .node_count = COMMAND_API_NODES_MAX + 1};
    assert_err(command_api_send(&send, &request), ERR_TOO_LONG);
    send = (struct command_api_send){.document_name = "A", .comment = comment};
    assert_err(command_api_send(&send, &request), ERR_TOO_LONG);
    send = (struct command_api_send){.document_name = "A", .delivery_timeout_s = -1};
    assert_err(command_api_send(&send, &request), ERR_TOO_LONG);
    send = (struct command_api_send){.document_name = "A\xff"};
    assert_err(command_api_send(&send, &request), ERR_MALFORMED);
    ids[0] = "\xff";
    send = (struct command_api_send){.document_name = "A", .node_ids = ids, .node_count = 1};
    assert_err(command_api_send(&send, &request), ERR_MALFORMED);
    struct command_api_target target = {.key = "tag:\xff", .values = {"b"}, .value_count = 1};
    send = (struct command_api_send){.document_name = "A", .targets = &target, .target_count = 1};
    assert_err(command_api_send(&send, &request), ERR_MALFORMED);
}

static void writes_a_command(void **state)
{
    (void)state;
    struct ssm_api_request request = {0};
    const char *ids[] = {"i-1", "mi-2"};
    struct command_api_send send = {.document_name = "AWS-RunShellScript", .node_ids = ids, .node_count = 2};
    assert_ok(command_api_send(&send, &request));
    assert_string_equal(request.x_amz_target, "AmazonSSM.SendCommand");
    assert_string_equal(request.body, "{\"DocumentName\":\"AWS-RunShellScript\",\"InstanceIds\":[\"i-1\",\"mi-2\"]}");
    assert_int_equal(request.body_len, strlen(request.body));
    ssm_api_request_free(&request);

    AUTO_JSON json_t *parameters = json_pack("{s:[s]}", "commands", "echo \"\xc3\xa4\"");
    struct command_api_target targets[] = {{"tag:Env", {"a", "b"}, 2}, {"tag:Role", {"db"}, 1}};
    send = (struct command_api_send){
        .document_name = "D",
        .targets = targets,
        .target_count = 2,
        .parameters = parameters,
        .comment = "why",
        .max_concurrency = "10%",
        .max_errors = "0",
        .delivery_timeout_s = 30,
        .s3_bucket = "b-1",
        .s3_prefix = "p",
        .log_group = "/g",
    };
    assert_ok(command_api_send(&send, &request));
    assert_string_equal(request.body,
                        "{\"DocumentName\":\"D\",\"Targets\":[{\"Key\":\"tag:Env\",\"Values\":"
                        "[\"a\",\"b\"]},{\"Key\":\"tag:Role\",\"Values\":[\"db\"]}],\"Parameters\":{\"commands\":"
                        "[\"echo \\\"\xc3\xa4\\\"\"]},\"Comment\":\"why\",\"MaxConcurrency\":\"10%\",\"MaxErrors\":"
                        "\"0\",\"TimeoutSeconds\":30,\"OutputS3BucketName\":\"b-1\",\"OutputS3KeyPrefix\":\"p\","
                        "\"CloudWatchOutputConfig\":{\"CloudWatchLogGroupName\":\"/g\",\"CloudWatchOutputEnabled\":"
                        "true}}");
    ssm_api_request_free(&request);
}

static void writes_questions(void **state)
{
    (void)state;
    struct ssm_api_request request = {0};
    struct command_api_list list = {.command_id = ID, .has_output = true, .page_size = 50, .next_token = "n"};
    assert_ok(command_api_list_invocations(&list, &request));
    assert_string_equal(request.x_amz_target, "AmazonSSM.ListCommandInvocations");
    assert_string_equal(request.body,
                        "{\"CommandId\":\"" ID "\",\"Details\":true,\"MaxResults\":50,\"NextToken\":\"n\"}");
    ssm_api_request_free(&request);
    assert_ok(command_api_get_invocation(ID, "i-1", NULL, &request));
    assert_string_equal(request.x_amz_target, "AmazonSSM.GetCommandInvocation");
    assert_string_equal(request.body, "{\"CommandId\":\"" ID "\",\"InstanceId\":\"i-1\"}");
    ssm_api_request_free(&request);
    assert_ok(command_api_get_invocation(ID, "i-1", "two", &request));
    assert_string_equal(request.body, "{\"CommandId\":\"" ID "\",\"InstanceId\":\"i-1\",\"PluginName\":\"two\"}");
    ssm_api_request_free(&request);
    assert_ok(command_api_list_command(ID, &request));
    assert_string_equal(request.x_amz_target, "AmazonSSM.ListCommands");
    assert_string_equal(request.body, "{\"CommandId\":\"" ID "\"}");
    ssm_api_request_free(&request);
    assert_ok(command_api_cancel(ID, &request));
    assert_string_equal(request.x_amz_target, "AmazonSSM.CancelCommand");
    assert_string_equal(request.body, "{\"CommandId\":\"" ID "\"}");
    ssm_api_request_free(&request);
}

/* ---- replies ---- */

static void refuses_replies_that_are_none(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "", "{}", "{\"Command\":{}}", "{\"Command\":{\"CommandId\":\"x\"}}", "{\"Command\":[\"" ID "\"]}",
    };
    struct command_api_command command;
    struct service_failure failure;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct aws_reply given = reply(200, commands[i]);
        assert_err(command_api_parse_sent(&given, &command, &failure), ERR_MALFORMED);
    }
    struct aws_reply given = reply(200, "{\"Commands\":[]}");
    assert_err(command_api_parse_listed(&given, &command, &failure), ERR_NO_TARGET);
    given = reply(200, "{\"Commands\":[{\"CommandId\":\"\"}]}");
    assert_err(command_api_parse_listed(&given, &command, &failure), ERR_MALFORMED);

    static const char *const lists[] = {
        "[]",
        "{\"CommandInvocations\":[{}]}",
        "{\"CommandInvocations\":[{\"InstanceId\":\"\"}]}",
        "{\"CommandInvocations\":[{\"InstanceId\":\"i-\\u001b[2J\"}]}",
        "{\"CommandInvocations\":[{\"InstanceId\":\"i-1\"},7]}",
    };
    struct command_api_invocations invocations = {.items = NULL};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        given = reply(200, lists[i]);
        assert_err(command_api_parse_invocations(&given, &invocations, &failure), ERR_MALFORMED);
        assert_null(invocations.items);
    }
    struct command_api_step step = {.output = NULL};
    given = reply(200, "{}");
    assert_err(command_api_parse_invocation(&given, &step, &failure), ERR_MALFORMED);
    given = reply(400, "{\"__type\":\"InvocationDoesNotExist\"}");
    assert_err(command_api_parse_invocation(&given, &step, &failure), ERR_CONFIG);
    assert_true(command_api_is_not_yet(&failure));
    given = reply(400, "{\"__type\":\"AccessDeniedException\"}");
    assert_err(command_api_parse_cancelled(&given, &failure), ERR_DENIED);
    assert_false(command_api_is_not_yet(&failure));
    given = reply(200, "{}");
    assert_ok(command_api_parse_cancelled(&given, &failure));
}

static void reads_a_command(void **state)
{
    (void)state;
    struct command_api_command command;
    struct service_failure failure;
    struct aws_reply given = reply(
        200, "{\"Command\":{\"CommandId\":\"" ID "\",\"Status\":\"Failed\",\"StatusDetails\":\"No Instances\\u0007\","
             "\"DocumentName\":\"D\",\"TargetCount\":1000,\"CompletedCount\":7,\"ErrorCount\":-1,"
             "\"OutputS3BucketName\":\"b\",\"CloudWatchOutputConfig\":{\"CloudWatchLogGroupName\":\"/g\","
             "\"CloudWatchOutputEnabled\":false}}}");
    assert_ok(command_api_parse_sent(&given, &command, &failure));
    assert_string_equal(command.id, ID);
    assert_int_equal(command.status, COMMAND_API_FAILED);
    assert_string_equal(command.status_details, "No Instances?");
    assert_string_equal(command.document_name, "D");
    assert_int_equal(command.target_count, 1000);
    assert_int_equal(command.completed_count, 7);
    assert_int_equal(command.error_count, 0);
    assert_string_equal(command.s3_bucket, "b");
    assert_string_equal(command.log_group, "");
    given = reply(200, "{\"Commands\":[{\"CommandId\":\"" ID "\",\"CloudWatchOutputConfig\":"
                       "{\"CloudWatchLogGroupName\":\"/g\",\"CloudWatchOutputEnabled\":true}}]}");
    assert_ok(command_api_parse_listed(&given, &command, &failure));
    assert_string_equal(command.log_group, "/g");
    assert_int_equal(command.status, COMMAND_API_IN_PROGRESS);
}

static void tells_the_statuses(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum command_api_status status;
        bool is_over;
    } rows[] = {
        {"Pending", COMMAND_API_PENDING, false},        {"InProgress", COMMAND_API_IN_PROGRESS, false},
        {"Delayed", COMMAND_API_IN_PROGRESS, false},    {"Cancelling", COMMAND_API_CANCELLING, false},
        {"Success", COMMAND_API_SUCCESS, true},         {"Failed", COMMAND_API_FAILED, true},
        {"TimedOut", COMMAND_API_TIMED_OUT, true},      {"Cancelled", COMMAND_API_CANCELLED, true},
        {"Tomorrow's", COMMAND_API_IN_PROGRESS, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[256];
        struct text text = text_in(body, sizeof body);
        text_format(&text, "{\"Status\":\"%s\",\"ResponseCode\":3}", rows[i].word);
        struct command_api_step step = {.output = NULL};
        struct service_failure failure;
        struct aws_reply given = reply(200, body);
        assert_ok(command_api_parse_invocation(&given, &step, &failure));
        assert_int_equal(step.status, rows[i].status);
        assert_int_equal(command_api_is_over(step.status), rows[i].is_over);
        assert_int_equal(step.response_code, 3);
        command_api_step_free(&step);
    }
}

static void reads_what_a_node_wrote(void **state)
{
    (void)state;
    struct command_api_step step = {.output = NULL};
    struct service_failure failure;
    struct aws_reply given = reply(200, "{\"Status\":\"Success\",\"StandardOutputContent\":\"\\u001b[1m\\r\\n\","
                                        "\"StandardErrorContent\":\"e--output truncated--\"}");
    assert_ok(command_api_parse_invocation(&given, &step, &failure));
    assert_string_equal(step.output, "\x1b[1m\r\n");
    assert_false(step.is_output_cut);
    assert_string_equal(step.error, "e");
    assert_true(step.is_error_cut);
    assert_int_equal(step.response_code, -1);

    AUTO_FREE char *body = malloc(COMMAND_API_OUTPUT + 200);
    for (int missing = 0; missing < 2; missing++) {
        int len = sprintf(body, "{\"Status\":\"Success\",\"StandardOutputContent\":\"");
        memset(body + len, 'x', COMMAND_API_OUTPUT);
        strcpy(body + len + COMMAND_API_OUTPUT - missing, "\"}");
        given = reply(200, body);
        assert_ok(command_api_parse_invocation(&given, &step, &failure));
        assert_int_equal(step.is_output_cut, missing == 0);
        assert_int_equal(strlen(step.output), COMMAND_API_OUTPUT - missing);
    }
    command_api_step_free(&step);
}

/* A NUL, an escaped backslash before the same letters, and a NUL at the end. */
static void reads_what_is_no_text(void **state)
{
    (void)state;
    struct command_api_step step = {.output = NULL};
    struct service_failure failure;
    struct aws_reply given =
        reply(200, "{\"Status\":\"Success\",\"StandardOutputContent\":\"a\\u0000b\\\\u0000c\\u0000\"}");
    assert_ok(command_api_parse_invocation(&given, &step, &failure));
    assert_string_equal(step.output, "a\xef\xbf\xbd"
                                     "b\\u0000c\xef\xbf\xbd");
    command_api_step_free(&step);
    given = reply(200, "{\"Status\":\"Success\",\"StandardOutputContent\":\"\\u000\"}");
    assert_err(command_api_parse_invocation(&given, &step, &failure), ERR_MALFORMED);
}

/* As the list has it, both texts in one; `expected_cut` has a letter for each that is. */
static void check_list_output(const char *both, const char *output, const char *error, const char *expected_cut)
{
    AUTO_JSON json_t *object =
        json_pack("{s:[{s:s, s:[{s:s, s:s, s:s, s:i}]}]}", "CommandInvocations", "InstanceId", "i-1", "CommandPlugins",
                  "Name", "one", "Status", "Failed", "Output", both, "ResponseCode", 5);
    AUTO_FREE char *body = json_dumps(object, 0);
    struct command_api_invocations invocations = {.items = NULL};
    struct service_failure failure;
    struct aws_reply given = reply(200, body);
    assert_ok(command_api_parse_invocations(&given, &invocations, &failure));
    assert_int_equal(invocations.count, 1);
    assert_int_equal(invocations.items[0].step_count, 1);
    const struct command_api_step *step = &invocations.items[0].steps[0];
    assert_string_equal(step->output, output);
    assert_string_equal(step->error, error);
    assert_int_equal(step->is_output_cut, strchr(expected_cut, 'o') != NULL);
    assert_int_equal(step->is_error_cut, strchr(expected_cut, 'e') != NULL);
    assert_int_equal(step->response_code, 5);
    assert_int_equal(step->status, COMMAND_API_FAILED);
    command_api_invocations_free(&invocations);
}

static void takes_both_texts_apart(void **state)
{
    (void)state;
    check_list_output("", "", "", "");
    check_list_output("hi\n", "hi\n", "", "");
    check_list_output("hi\n\n----------ERROR-------\noops\n", "hi\n", "oops\n", "");
    check_list_output("\n----------ERROR-------\noops", "", "oops", "");
    check_list_output("a\n---Output truncated---", "a", "", "o");
    check_list_output("a\n---Output truncated---\n----------ERROR-------\nb\n---Error truncated----", "a", "b", "oe");
    check_list_output("a\n----------ERROR-------\nb\n---Error truncated----", "a", "b", "e");
    char full[COMMAND_API_LIST_OUTPUT + 1];
    memset(full, 'x', sizeof full - 1);
    full[sizeof full - 1] = '\0';
    check_list_output(full, full, "", "o");
    full[sizeof full - 2] = '\0';
    check_list_output(full, full, "", "");
}

static void reads_a_page(void **state)
{
    (void)state;
    AUTO(command_api_invocations_free) struct command_api_invocations page = {.items = NULL};
    struct service_failure failure;
    struct aws_reply given = reply(
        200, "{\"CommandInvocations\":[{\"InstanceId\":\"i-1\",\"InstanceName\":\"web\\u001b\",\"Status\":\"Pending\","
             "\"StatusDetails\":\"Pending\",\"CommandPlugins\":[]},{\"InstanceId\":\"mi-2\",\"CommandPlugins\":"
             "[{\"Name\":\"a\",\"ResponseCode\":0},{\"Name\":\"b\",\"ResponseCode\":1e300}]}],\"NextToken\":\"n\"}");
    assert_ok(command_api_parse_invocations(&given, &page, &failure));
    assert_int_equal(page.count, 2);
    assert_string_equal(page.next_token, "n");
    assert_string_equal(page.items[0].node_id, "i-1");
    assert_string_equal(page.items[0].node_name, "web?");
    assert_int_equal(page.items[0].status, COMMAND_API_PENDING);
    assert_int_equal(page.items[0].step_count, 0);
    assert_int_equal(page.items[1].step_count, 2);
    assert_string_equal(page.items[1].steps[1].name, "b");
    assert_int_equal(page.items[1].steps[0].response_code, 0);
    assert_int_equal(page.items[1].steps[1].response_code, -1);
    given = reply(200, "{}");
    assert_ok(command_api_parse_invocations(&given, &page, &failure));
    assert_int_equal(page.count, 0);
    assert_null(page.next_token);
}

/* ---- words of a person ---- */

static void judges_words(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",  "0",  "00",  "01",  "101%",     "200%",
                                        "%", "-1", "1.5", "10 ", "12345678", "5%%"};
    static const char *const right[] = {"1", "50", "1000", "1234567", "1%", "99%", "100%"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(command_api_is_rate(wrong[i], false));
    }
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_true(command_api_is_rate(right[i], false));
        assert_true(command_api_is_rate(right[i], true));
    }
    assert_true(command_api_is_rate("0", true));
    assert_true(command_api_is_rate("0%", true));
    assert_true(command_api_is_id(ID));
    assert_false(command_api_is_id(ID "0"));
    assert_false(command_api_is_id("12345678-9abc-def0-1234-56789abcdeg0"));
    assert_false(command_api_is_id("1234567809abc-def0-1234-56789abcdef0"));
    assert_false(command_api_is_id(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_the_service_would),
        cmocka_unit_test(writes_a_command),
        cmocka_unit_test(writes_questions),
        cmocka_unit_test(refuses_replies_that_are_none),
        cmocka_unit_test(reads_a_command),
        cmocka_unit_test(tells_the_statuses),
        cmocka_unit_test(reads_what_a_node_wrote),
        cmocka_unit_test(reads_what_is_no_text),
        cmocka_unit_test(takes_both_texts_apart),
        cmocka_unit_test(reads_a_page),
        cmocka_unit_test(judges_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
