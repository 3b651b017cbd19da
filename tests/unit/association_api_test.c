#include "tests/support/unit.h"

#include "proxy/core/association_api.h"

#define ID "12345678-9abc-def0-1234-56789abcdef0"

static void writes_requests(void **state)
{
    (void)state;
    struct ssm_api_request request = {0};
    struct association_api_create create = {.document_name = "D", .association_name = "n", .schedule = "rate(1 day)"};
    assert_ok(association_api_create(&create, &request));
    assert_string_equal(request.x_amz_target, "AmazonSSM.CreateAssociation");
    assert_string_equal(request.body,
                        "{\"Name\":\"D\",\"AssociationName\":\"n\",\"ScheduleExpression\":\"rate(1 day)\","
                        "\"Targets\":[{\"Key\":\"InstanceIds\",\"Values\":[\"*\"]}]}");
    ssm_api_request_free(&request);

    AUTO_JSON json_t *parameters = json_pack("{s:[s]}", "version", "3.3.1.0");
    struct command_api_target targets[] = {{"tag:Env", {"a", "b"}, 2}, {"tag:Role", {"db"}, 1}};
    create.targets = targets;
    create.target_count = 2;
    create.parameters = parameters;
    create.max_concurrency = "10%";
    create.max_errors = "0";
    assert_ok(association_api_create(&create, &request));
    assert_string_equal(request.body,
                        "{\"Name\":\"D\",\"AssociationName\":\"n\",\"ScheduleExpression\":\"rate(1 day)\",\"Targets\":["
                        "{\"Key\":\"tag:Env\",\"Values\":[\"a\",\"b\"]},{\"Key\":\"tag:Role\",\"Values\":[\"db\"]}],"
                        "\"Parameters\":{\"version\":[\"3.3.1.0\"]},\"MaxConcurrency\":\"10%\",\"MaxErrors\":\"0\"}");
    ssm_api_request_free(&request);

    const char *ids[] = {"i-1", "\xff"};
    create = (struct association_api_create){
        .document_name = "D", .association_name = "n", .schedule = "at(x)", .node_ids = ids, .node_count = 2};
    assert_err(association_api_create(&create, &request), ERR_MALFORMED);
    ids[1] = "mi-2";
    assert_ok(association_api_create(&create, &request));
    assert_non_null(strstr(request.body, "\"Values\":[\"i-1\",\"mi-2\"]"));
    ssm_api_request_free(&request);
    create.node_count = COMMAND_API_NODES_MAX + 1;
    assert_err(association_api_create(&create, &request), ERR_TOO_LONG);

    assert_ok(association_api_find("n", &request));
    assert_string_equal(request.x_amz_target, "AmazonSSM.ListAssociations");
    assert_string_equal(request.body, "{\"AssociationFilterList\":[{\"key\":\"AssociationName\",\"value\":\"n\"}]}");
    ssm_api_request_free(&request);
}

static struct aws_reply reply(int status, const char *body)
{
    return (struct aws_reply){.http_status = status, .body = bytes_of_text(body)};
}

static void reads_replies(void **state)
{
    (void)state;
    char id[COMMAND_API_ID_LEN + 1];
    struct service_failure failure;
    static const char *const wrong[] = {"", "[]", "{}", "{\"AssociationDescription\":{\"AssociationId\":\"x\"}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct aws_reply given = reply(200, wrong[i]);
        assert_err(association_api_parse_created(&given, id, &failure), ERR_MALFORMED);
    }
    struct aws_reply given = reply(400, "{\"__type\":\"AccessDeniedException\"}");
    assert_err(association_api_parse_created(&given, id, &failure), ERR_DENIED);
    assert_err(association_api_parse_found(&given, id, &failure), ERR_DENIED);
    given = reply(200, "{\"AssociationDescription\":{\"AssociationId\":\"" ID "\"}}");
    assert_ok(association_api_parse_created(&given, id, &failure));
    assert_string_equal(id, ID);
    given = reply(200, "{\"Associations\":[]}");
    assert_ok(association_api_parse_found(&given, id, &failure));
    assert_string_equal(id, "");
    given = reply(200, "{\"Associations\":[{\"AssociationId\":\"" ID "\"}]}");
    assert_ok(association_api_parse_found(&given, id, &failure));
    assert_string_equal(id, ID);
    given = reply(200, "{\"Associations\":[{}]}");
    assert_err(association_api_parse_found(&given, id, &failure), ERR_MALFORMED);
}

static void judges_schedules(void **state)
{
    (void)state;
    assert_true(association_api_is_schedule("rate(14 days)"));
    assert_true(association_api_is_schedule("cron(0 2 ? * SUN *)"));
    assert_true(association_api_is_schedule("at(2026-01-01T00:00:00)"));
    static const char *const wrong[] = {"", "rate", "rate()", "rate(1 day", "14 days", " rate(1 day)", "every(1 day)"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(association_api_is_schedule(wrong[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_requests),
        cmocka_unit_test(reads_replies),
        cmocka_unit_test(judges_schedules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
