#include "tests/support/unit.h"

#include "proxy/core/session_list.h"
#include "tests/unit/given_reply.h"

static void refuses_what_is_no_list(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{\"Sessions\":[{}]}",
        "{\"Sessions\":[{\"SessionId\":\"a-1\"}]}",
        "{\"Sessions\":[{\"Target\":\"i-1\"}]}",
        "{\"Sessions\":[{\"SessionId\":\"\",\"Target\":\"i-1\"}]}",
        "{\"Sessions\":[{\"SessionId\":\"a\\u001b[2J\",\"Target\":\"i-1\"}]}",
        "{\"Sessions\":[{\"SessionId\":\"a-1\",\"Target\":\"i\\n1\"}]}",
        "{\"Sessions\":[7]}",
    };
    struct session_list list = {.items = NULL};
    struct service_failure failure;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct aws_reply given = given_reply(200, bodies[i]);
        if (session_list_parse(&given, &list, &failure) != ERR_MALFORMED) {
            fail_msg("taken: %s", bodies[i]);
        }
        assert_null(list.items);
    }
    char body[8192];
    struct text text = text_in(body, sizeof body);
    text_put(&text, "{\"Sessions\":[");
    for (int i = 0; i <= LIMIT_API_PAGE; i++) {
        text_format(&text, "%s{\"SessionId\":\"a-%d\",\"Target\":\"i-1\"}", i == 0 ? "" : ",", i);
    }
    text_put(&text, "]}");
    struct aws_reply given = given_reply(200, body);
    assert_err(session_list_parse(&given, &list, &failure), ERR_TOO_LONG);
    given = given_reply(400, "{\"__type\":\"AccessDeniedException\",\"Message\":\"no\"}");
    assert_err(session_list_parse(&given, &list, &failure), ERR_DENIED);
    assert_string_equal(failure.message, "no");
}

static void reads_a_list(void **state)
{
    (void)state;
    AUTO(session_list_free) struct session_list list = {.items = NULL};
    struct service_failure failure;
    struct aws_reply given = given_reply(200, "{}");
    assert_ok(session_list_parse(&given, &list, &failure));
    assert_int_equal(list.count, 0);
    given =
        given_reply(200, "{\"Sessions\":[{\"SessionId\":\"alice-1\",\"Target\":\"i-1\",\"Status\":\"Connected\","
                         "\"StartDate\":1440938160.5,\"DocumentName\":\"AWS-StartSSHSession\",\"Owner\":\"arn:a\","
                         "\"Reason\":\"St\xc3\xb6rung\\t42\",\"New\":{}},"
                         "{\"SessionId\":\"bob-1\",\"Target\":\"mi-1\",\"StartDate\":1e300}],\"NextToken\":\"more\"}");
    assert_ok(session_list_parse(&given, &list, &failure));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.next_token, "more");
    assert_string_equal(list.items[0].session_id, "alice-1");
    assert_string_equal(list.items[0].target, "i-1");
    assert_string_equal(list.items[0].status, "Connected");
    assert_string_equal(list.items[0].document_name, "AWS-StartSSHSession");
    assert_string_equal(list.items[0].owner, "arn:a");
    assert_string_equal(list.items[0].reason, "St\xc3\xb6rung?42");
    assert_int_equal(list.items[0].start_unix_s, 1440938160);
    assert_string_equal(list.items[1].reason, "");
    assert_int_equal(list.items[1].start_unix_s, -1);
}

static void writes_requests(void **state)
{
    (void)state;
    struct ssm_api_request request = {0};
    struct session_list_query query = {.owner = "\xff"};
    assert_err(session_list_request(&query, &request), ERR_MALFORMED);
    query = (struct session_list_query){.next_token = "\xff"};
    assert_err(session_list_request(&query, &request), ERR_MALFORMED);
    query = (struct session_list_query){.owner = NULL};
    assert_ok(session_list_request(&query, &request));
    assert_string_equal(request.x_amz_target, "AmazonSSM.DescribeSessions");
    assert_string_equal(request.body, "{\"State\":\"Active\",\"MaxResults\":50}");
    ssm_api_request_free(&request);
    query = (struct session_list_query){.owner = "arn:aws:iam::1:user/a", .next_token = "n"};
    assert_ok(session_list_request(&query, &request));
    assert_string_equal(request.body, "{\"State\":\"Active\",\"MaxResults\":50,\"NextToken\":\"n\","
                                      "\"Filters\":[{\"key\":\"Owner\",\"value\":\"arn:aws:iam::1:user/a\"}]}");
    assert_int_equal(request.body_len, strlen(request.body));
    ssm_api_request_free(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_list),
        cmocka_unit_test(reads_a_list),
        cmocka_unit_test(writes_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
