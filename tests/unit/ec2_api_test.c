#include "tests/support/unit.h"

#include "common/auto.h"
#include "common/limits.h"
#include "proxy/core/ec2_api.h"
#include "tests/unit/given_reply.h"

static struct endpoint_url endpoint(void)
{
    struct endpoint_url url;
    assert_ok(endpoint_parse(bytes_of_text("https://ec2.eu-west-1.amazonaws.com/"), &url));
    return url;
}

/* ---- requests ---- */

static void asks_for_instances(void **state)
{
    (void)state;
    struct endpoint_url url = endpoint();
    struct ec2_api_place place = {&url, "eu-west-1"};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    struct ec2_api_describe describe = {
        .filters = {{"network-interface.addresses.private-ip-address", "10.0.0.12"},
                    {"instance-state-name", "running"}},
        .next_token = "a+b/c=",
    };
    assert_ok(ec2_api_describe_instances(&place, &describe, &request));
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.url.host, "ec2.eu-west-1.amazonaws.com");
    assert_string_equal(request.signing_name, "ec2");
    assert_string_equal(request.region, "eu-west-1");
    assert_int_equal(request.header_count, 1);
    assert_string_equal(request.headers[0].name, "Content-Type");
    assert_string_equal(request.headers[0].value, "application/x-www-form-urlencoded; charset=utf-8");
    assert_string_equal(request.body,
                        "Action=DescribeInstances&Version=2016-11-15&MaxResults=50"
                        "&Filter.1.Name=network-interface.addresses.private-ip-address&Filter.1.Value.1=10.0.0.12"
                        "&Filter.2.Name=instance-state-name&Filter.2.Value.1=running&NextToken=a%2Bb%2Fc%3D");
}

static void asks_for_instances_by_their_ids(void **state)
{
    (void)state;
    static const char *const ids[] = {"i-01", "i-02"};
    struct endpoint_url url = endpoint();
    struct ec2_api_place place = {&url, "eu-west-1"};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    struct ec2_api_describe describe = {
        .filters = {{"tag:a", "b"}}, .instance_ids = ids, .instance_id_count = 2, .next_token = "n"};
    assert_ok(ec2_api_describe_instances(&place, &describe, &request));
    assert_string_equal(strstr(request.body, "&Filter"),
                        "&Filter.1.Name=tag%3Aa&Filter.1.Value.1=b"
                        "&Filter.2.Name=instance-id&Filter.2.Value.1=i-01&Filter.2.Value.2=i-02&NextToken=n");
}

/* A Name of "*" must not fit every instance, and one with "&" must not become a parameter. */
static void takes_values_literally(void **state)
{
    (void)state;
    struct endpoint_url url = endpoint();
    struct ec2_api_place place = {&url, "eu-west-1"};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    struct ec2_api_describe describe = {.filters = {{"tag:Name", "w?b*\\&Action=x größe"}}};
    assert_ok(ec2_api_describe_instances(&place, &describe, &request));
    assert_string_equal(
        strstr(request.body, "&Filter"),
        "&Filter.1.Name=tag%3AName&Filter.1.Value.1=w%5C%3Fb%5C%2A%5C%5C%26Action%3Dx%20gr%C3%B6%C3%9Fe");
}

static void starts_one_instance(void **state)
{
    (void)state;
    struct endpoint_url url = endpoint();
    struct ec2_api_place place = {&url, "eu-west-1"};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    assert_ok(ec2_api_start_instance(&place, "i-0123456789abcdef0", &request));
    assert_string_equal(request.body, "Action=StartInstances&Version=2016-11-15&InstanceId.1=i-0123456789abcdef0");
}

static void asks_for_the_console_of_one_instance(void **state)
{
    (void)state;
    struct endpoint_url url = endpoint();
    struct ec2_api_place place = {&url, "eu-west-1"};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    assert_ok(ec2_api_get_console_output(&place, "i-0123456789abcdef0", &request));
    assert_string_equal(request.body, "Action=GetConsoleOutput&Version=2016-11-15&InstanceId=i-0123456789abcdef0");
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    struct endpoint_url url = endpoint();
    struct ec2_api_place place = {&url, "eu-west-1"};
    struct aws_request request = {.method = NULL};
    AUTO_FREE char *token = calloc(1, 8 * LIMIT_API_NEXT_TOKEN);
    assert_non_null(token);
    memset(token, '+', 8 * LIMIT_API_NEXT_TOKEN - 1);
    struct ec2_api_describe describe = {.next_token = token};
    assert_err(ec2_api_describe_instances(&place, &describe, &request), ERR_TOO_LONG);
}

/* ---- replies ---- */

#define PAGE(list, more)                                                                                               \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                                     \
    "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>"           \
    "<reservationSet>" list "</reservationSet>" more "</DescribeInstancesResponse>"

static void reads_instances_of_every_reservation(void **state)
{
    (void)state;
    struct service_failure failure;
    AUTO(ec2_api_instances_free) struct ec2_api_instances instances = {.items = NULL};
    struct aws_reply page = given_reply(
        200,
        PAGE("<item><reservationId>r-1</reservationId><instancesSet>"
             "<item><instanceId>i-01</instanceId><instanceState><code>16</code><name>running</name></instanceState>"
             "<privateDnsName>ip-10-0-0-1</privateDnsName><privateIpAddress>10.0.0.1</privateIpAddress>"
             "<launchTime>2026-03-01T08:15:30.000Z</launchTime>"
             "<ipAddress>203.0.113.1</ipAddress><iamInstanceProfile><arn>arn:x</arn></iamInstanceProfile><tagSet>"
             "<item><key>Owner</key><value>me</value></item><item><key>Name</key><value>web &lt;1&gt;</value></item>"
             "</tagSet></item>"
             "<item><instanceId>i-02</instanceId><instanceState><name>stopped</name></instanceState><launchTime>soon</"
             "launchTime>"
             "<ipv6Address>2001:db8::2</ipv6Address></item></instancesSet></item>"
             "<item><instancesSet><item><instanceId>i-03</instanceId></item></instancesSet></item>",
             "<nextToken>more</nextToken>"));
    assert_ok(ec2_api_parse_instances(&page, &instances, &failure));
    assert_int_equal(instances.count, 3);
    assert_string_equal(instances.items[0].id, "i-01");
    assert_string_equal(instances.items[0].name, "web <1>");
    assert_string_equal(instances.items[0].state, "running");
    assert_string_equal(instances.items[0].address, "10.0.0.1");
    assert_true(instances.items[0].has_role);
    assert_int_equal(instances.items[0].launched_unix_s, 1772352930);
    assert_int_equal(instances.items[1].launched_unix_s, 0);
    assert_int_equal(instances.items[2].launched_unix_s, 0);
    assert_int_equal(instances.items[0].tag_count, 2);
    assert_string_equal(instances.items[0].tags[0].key, "Owner");
    assert_string_equal(instances.items[0].tags[1].value, "web <1>");
    assert_int_equal(instances.items[1].tag_count, 0);
    assert_string_equal(instances.items[1].id, "i-02");
    assert_string_equal(instances.items[1].name, "");
    assert_string_equal(instances.items[1].state, "stopped");
    assert_string_equal(instances.items[1].address, "2001:db8::2");
    assert_false(instances.items[1].has_role);
    assert_string_equal(instances.items[2].id, "i-03");
    assert_string_equal(instances.items[2].state, "");
    assert_string_equal(instances.next_token, "more");

    struct aws_reply last = given_reply(200, PAGE("", "<nextToken/>"));
    assert_ok(ec2_api_parse_instances(&last, &instances, &failure));
    assert_int_equal(instances.count, 0);
    assert_null(instances.next_token);
}

static void assert_unusable(const char *body, enum err expected, const char *words)
{
    struct service_failure failure;
    AUTO(ec2_api_instances_free) struct ec2_api_instances instances = {.items = NULL};
    struct aws_reply page = given_reply(200, body);
    assert_err(ec2_api_parse_instances(&page, &instances, &failure), expected);
    assert_string_equal(failure.message, words);
    assert_int_equal(instances.count, 0);
}

static void refuses_what_is_no_list(void **state)
{
    (void)state;
    assert_unusable("", ERR_MALFORMED, "the reply is not one of EC2's");
    assert_unusable("{}", ERR_MALFORMED, "the reply is not one of EC2's");
    assert_unusable("<html><body/></html>", ERR_MALFORMED, "the reply is not one of EC2's");
    assert_unusable("<StartInstancesResponse/>", ERR_MALFORMED, "the reply is not one of EC2's");
    assert_unusable(PAGE("<item><instancesSet><item/></instancesSet></item>", ""), ERR_MALFORMED,
                    "the reply has an unusable list of instances");
    /* An id is sent back and shown: never in parts. */
    assert_unusable(PAGE("<item><instancesSet><item><instanceId>i-\t1</instanceId></item></instancesSet></item>", ""),
                    ERR_MALFORMED, "the reply has an unusable list of instances");
}

static void bounds_a_page(void **state)
{
    (void)state;
    static const char item[] = "<item><instanceId>i</instanceId></item>";
    size_t size = sizeof PAGE("", "") + 64 + (LIMIT_API_INSTANCES + 1) * sizeof item;
    AUTO_FREE char *body = malloc(size);
    assert_non_null(body);
    struct text text = text_in(body, size);
    text_put(&text, "<DescribeInstancesResponse><reservationSet><item><instancesSet>");
    for (size_t i = 0; i <= LIMIT_API_INSTANCES; i++) {
        text_put(&text, item);
    }
    text_put(&text, "</instancesSet></item></reservationSet></DescribeInstancesResponse>");
    assert_unusable(body, ERR_TOO_LONG, "the reply has an unusable list of instances");
}

static void assert_refusal(int status, const char *body, enum err expected, const char *type, const char *message)
{
    struct service_failure failure;
    struct aws_reply refused = given_reply(status, body);
    assert_err(ec2_api_parse_started(&refused, &failure), expected);
    assert_string_equal(failure.type, type);
    assert_string_equal(failure.message, message);
    assert_int_equal(failure.http_status, status);
}

#define REFUSAL(code, message)                                                                                         \
    "<?xml version=\"1.0\"?><Response><Errors><Error><Code>" code "</Code><Message>" message                           \
    "</Message></Error></Errors><RequestID>r</RequestID></Response>"

static void reads_refusals(void **state)
{
    (void)state;
    assert_refusal(403,
                   REFUSAL("UnauthorizedOperation", "You are not authorized to perform this operation. Encoded "
                                                    "authorization failure message: 4JZ-secret"),
                   ERR_DENIED, "UnauthorizedOperation", "You are not authorized to perform this operation.");
    assert_refusal(400, REFUSAL("InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist"), ERR_NO_TARGET,
                   "InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist");
    assert_refusal(503, REFUSAL("RequestLimitExceeded", "Request limit exceeded."), ERR_THROTTLED,
                   "RequestLimitExceeded", "Request limit exceeded.");
    assert_refusal(500, REFUSAL("InsufficientInstanceCapacity", "x"), ERR_SERVICE, "InsufficientInstanceCapacity", "x");
    assert_refusal(401, REFUSAL("AuthFailure", "no\n\nThe Canonical String: token"), ERR_CREDENTIALS, "AuthFailure",
                   "no");
    /* STS's form. */
    assert_refusal(403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code></Error></ErrorResponse>",
                   ERR_DENIED, "AccessDenied", "");
    assert_refusal(502, "<html>bad gateway", ERR_SERVICE, "", "the reply is not one of AWS's");
    assert_refusal(404, "<Response/>", ERR_UNREACHABLE, "", "the reply names no error type");
}

static void reads_a_start(void **state)
{
    (void)state;
    struct service_failure failure;
    struct aws_reply started = given_reply(200, "<StartInstancesResponse><instancesSet/></StartInstancesResponse>");
    assert_ok(ec2_api_parse_started(&started, &failure));
}

#define CONSOLE(id, output)                                                                                            \
    "<GetConsoleOutputResponse><instanceId>" id "</instanceId><timestamp>2026-03-01T08:15:30Z</timestamp>" output      \
    "</GetConsoleOutputResponse>"

static void reads_a_console(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "<GetConsoleOutputResponse/>",
        CONSOLE("i-02", "<output>YQ==</output>"),
        CONSOLE("i-01", "<output>YQ=</output>"),
        CONSOLE("i-01", "<output>a\xc3\xa4=</output>"),
        "<DescribeInstancesResponse/>",
    };
    struct service_failure failure;
    uint8_t *output = NULL;
    size_t len = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct aws_reply given = given_reply(200, wrong[i]);
        if (ec2_api_parse_console_output(&given, "i-01", &output, &len, &failure) != ERR_MALFORMED) {
            fail_msg("taken: %s", wrong[i]);
        }
        assert_null(output);
    }
    static const char *const empty[] = {CONSOLE("i-01", ""), CONSOLE("i-01", "<output/>")};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct aws_reply given = given_reply(200, empty[i]);
        assert_ok(ec2_api_parse_console_output(&given, "i-01", &output, &len, &failure));
        assert_int_equal(len, 0);
        free(output);
        output = NULL;
    }
    struct aws_reply given = given_reply(200, CONSOLE("i-01", "<output>AAEC\nb2s=\r\n</output>"));
    assert_ok(ec2_api_parse_console_output(&given, "i-01", &output, &len, &failure));
    assert_int_equal(len, 5);
    assert_memory_equal(output, "\x00\x01\x02ok", 5);
    free(output);
    output = NULL;
    given = given_reply(403, REFUSAL("UnauthorizedOperation", "no"));
    assert_err(ec2_api_parse_console_output(&given, "i-01", &output, &len, &failure), ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_for_instances),
        cmocka_unit_test(takes_values_literally),
        cmocka_unit_test(starts_one_instance),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(refuses_what_is_no_list),
        cmocka_unit_test(bounds_a_page),
        cmocka_unit_test(reads_refusals),
        cmocka_unit_test(reads_instances_of_every_reservation),
        cmocka_unit_test(asks_for_the_console_of_one_instance),
        cmocka_unit_test(reads_a_console),
        cmocka_unit_test(reads_a_start),
        cmocka_unit_test(asks_for_instances_by_their_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
