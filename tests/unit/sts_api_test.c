#include "tests/support/unit.h"

#include "proxy/core/sts_api.h"
#include "tests/unit/given_reply.h"

#define HUB "arn:aws:iam::123456789012:role/hub"
#define RESULT(action, credentials)                                                                                    \
    "<" action "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" action "Result><AssumedRoleUser>"      \
    "<AssumedRoleId>AROA1:me</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/hub/me</Arn></AssumedRoleUser>"           \
    "<Credentials>" credentials "</Credentials></" action "Result><ResponseMetadata><RequestId>r</RequestId>"          \
    "</ResponseMetadata></" action "Response>"
#define KEYS "<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s&amp;t</SecretAccessKey>"
#define TOKEN "<SessionToken>to/ken==</SessionToken>"
#define UNTIL "<Expiration>2024-02-29T12:00:00Z</Expiration>"

/* ---- refused ---- */

static void refuses_a_reply_without_credentials(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "{\"Credentials\": {}}",
        "<html>captive portal</html>",
        RESULT("AssumeRole", ""),
        RESULT("AssumeRole", KEYS TOKEN),
        RESULT("AssumeRole", KEYS UNTIL),
        RESULT("AssumeRole", KEYS "<SessionToken/>" UNTIL),
        RESULT("AssumeRole", TOKEN UNTIL),
        RESULT("AssumeRole", KEYS TOKEN "<Expiration>soon</Expiration>"),
        RESULT("AssumeRole", KEYS "<SessionToken>a b</SessionToken>" UNTIL),
        RESULT("GetSessionToken", KEYS TOKEN UNTIL),
        "<!DOCTYPE x>" RESULT("AssumeRole", KEYS TOKEN UNTIL),
        RESULT("AssumeRole", KEYS TOKEN UNTIL) "<more/>",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct aws_reply ok = given_reply(200, bodies[i]);
        AUTO(sts_api_assumed_role_wipe) struct sts_api_assumed_role role = {.id = ""};
        struct service_failure failure = {.http_status = 0};
        if (sts_api_parse_assumed_role(&ok, &role, &failure) != ERR_MALFORMED) {
            fail_msg("taken: %s", bodies[i]);
        }
        assert_string_equal(failure.message, "the reply lacks credentials, or has unusable ones");
        assert_string_equal(role.credentials.access_key_id, "");
    }
}

static void tells_errors_apart(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum err err;
        const char *type;
        const char *message;
    } cases[] = {
        {403,
         "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
         "<Code>AccessDenied</Code><Message>User: x is not authorized</Message></Error>"
         "<RequestId>r</RequestId></ErrorResponse>",
         ERR_DENIED, "AccessDenied", "User: x is not authorized"},
        {403, "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>old</Message></Error></ErrorResponse>",
         ERR_CREDENTIALS, "ExpiredToken", "old"},
        {400, "<ErrorResponse><Error><Code>ExpiredTokenException</Code></Error></ErrorResponse>", ERR_CREDENTIALS,
         "ExpiredTokenException", ""},
        {400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>", ERR_CREDENTIALS,
         "InvalidIdentityToken", ""},
        {403, "<ErrorResponse><Error><Code>IDPRejectedClaim</Code></Error></ErrorResponse>", ERR_CREDENTIALS,
         "IDPRejectedClaim", ""},
        {400, "<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error></ErrorResponse>", ERR_SERVICE,
         "IDPCommunicationError", ""},
        {403,
         "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>It does not match.\n\nThe Canonical "
         "String was x-amz-security-token:SECRET</Message></Error></ErrorResponse>",
         ERR_CREDENTIALS, "SignatureDoesNotMatch", "It does not match."},
        {400, "<ErrorResponse><Error><Code>ValidationError</Code><Message>no\x01t</Message></Error></ErrorResponse>",
         ERR_UNREACHABLE, "", "the reply is not one of AWS's"},
        {400, "<ErrorResponse><Error><Code>ValidationError</Code><Message>a\tb</Message></Error></ErrorResponse>",
         ERR_CONFIG, "ValidationError", "a?b"},
        {400,
         "<Response><Errors><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></Errors></Response>",
         ERR_THROTTLED, "Throttling", "Rate exceeded"},
        {503, "<ErrorResponse/>", ERR_SERVICE, "", "the reply names no error type"},
        {502, "Bad Gateway", ERR_SERVICE, "", "the reply is not one of AWS's"},
        {302, "", ERR_UNREACHABLE, "", "the reply is not one of AWS's"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_reply refusal = given_reply(cases[i].status, cases[i].body);
        AUTO(sts_api_assumed_role_wipe) struct sts_api_assumed_role role = {.id = ""};
        struct service_failure failure = {.http_status = 0};
        enum err err = sts_api_parse_assumed_role(&refusal, &role, &failure);
        if (err != cases[i].err) {
            fail_msg("%s is %s", cases[i].body, err_text(err));
        }
        assert_int_equal(failure.http_status, cases[i].status);
        assert_string_equal(failure.type, cases[i].type);
        assert_string_equal(failure.message, cases[i].message);
    }
}

/* ---- taken ---- */

static void reads_credentials(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        RESULT("AssumeRole", KEYS TOKEN UNTIL),
        "<?xml version=\"1.0\"?>\n" RESULT("AssumeRoleWithWebIdentity", UNTIL TOKEN KEYS "<New/>"),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct aws_reply ok = given_reply(200, bodies[i]);
        AUTO(sts_api_assumed_role_wipe) struct sts_api_assumed_role role = {.id = ""};
        struct service_failure failure = {.http_status = 0};
        assert_ok(sts_api_parse_assumed_role(&ok, &role, &failure));
        assert_string_equal(role.credentials.access_key_id, "ASIA1");
        assert_string_equal(role.credentials.secret_access_key.reveal, "s&t");
        assert_string_equal(role.credentials.session_token.reveal, "to/ken==");
        assert_int_equal(role.credentials.expires_unix_s, 1709208000);
        assert_string_equal(role.id, "AROA1:me");
        assert_string_equal(role.arn, "arn:aws:sts::1:assumed-role/hub/me");
    }
}

static void writes_requests(void **state)
{
    (void)state;
    struct endpoint_url endpoint;
    assert_ok(endpoint_parse(bytes_of_text("https://sts.eu-west-1.amazonaws.com/"), &endpoint));
    static const struct {
        struct sts_api_role role;
        const char *body;
    } cases[] = {
        {{.role_arn = HUB, .role_session_name = "me"},
         "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fhub"
         "&RoleSessionName=me"},
        {{.role_arn = "r",
          .role_session_name = "m+e@x",
          .external_id = "a b\xc3\xa9",
          .serial_number = "arn:mfa/x",
          .token_code = "123456",
          .duration_seconds = 900},
         "Action=AssumeRole&Version=2011-06-15&RoleArn=r&RoleSessionName=m%2Be%40x&ExternalId=a%20b%C3%A9"
         "&SerialNumber=arn%3Amfa%2Fx&TokenCode=123456&DurationSeconds=900"},
        {{.role_arn = "r", .role_session_name = "me", .web_identity_token = "ey.J~-_="},
         "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=r&RoleSessionName=me"
         "&WebIdentityToken=ey.J~-_%3D"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(aws_request_free) struct aws_request request = {.method = NULL};
        assert_ok(sts_api_assume_role(&endpoint, "eu-west-1", &cases[i].role, &request));
        assert_string_equal(request.method, "POST");
        assert_string_equal(request.url.host, "sts.eu-west-1.amazonaws.com");
        assert_string_equal(request.region, "eu-west-1");
        assert_string_equal(request.body, cases[i].body);
        assert_int_equal(request.body_len, strlen(cases[i].body));
        assert_int_equal(request.header_count, 1);
        assert_string_equal(request.headers[0].name, "Content-Type");
        if (cases[i].role.web_identity_token != NULL) {
            assert_null(request.signing_name);
        } else {
            assert_string_equal(request.signing_name, "sts");
        }
    }
}

static void knows_who_calls(void **state)
{
    (void)state;
#define IDENTITY(result) "<GetCallerIdentityResponse>" result "</GetCallerIdentityResponse>"
    static const char *const bodies[] = {"", "{}", IDENTITY(""),
                                         IDENTITY("<GetCallerIdentityResult><Arn/></GetCallerIdentityResult>")};
    char arn[LIMIT_ARN + 1] = "";
    struct service_failure failure = {.http_status = 0};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct aws_reply wrong = given_reply(200, bodies[i]);
        assert_err(sts_api_parse_caller_identity(&wrong, arn, &failure), ERR_MALFORMED);
        assert_string_equal(arn, "");
    }
    struct aws_reply right = given_reply(
        200, IDENTITY("<GetCallerIdentityResult><Arn>arn:aws:iam::1:user/a</Arn></GetCallerIdentityResult>"));
    assert_ok(sts_api_parse_caller_identity(&right, arn, &failure));
    assert_string_equal(arn, "arn:aws:iam::1:user/a");
    struct endpoint_url endpoint = {.host = "sts.example"};
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    assert_ok(sts_api_caller_identity(&endpoint, "eu-west-1", &request));
    assert_string_equal(request.body, "Action=GetCallerIdentity&Version=2011-06-15");
    assert_string_equal(request.signing_name, "sts");
    assert_string_equal(request.region, "eu-west-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_reply_without_credentials),
        cmocka_unit_test(tells_errors_apart),
        cmocka_unit_test(reads_credentials),
        cmocka_unit_test(writes_requests),
        cmocka_unit_test(knows_who_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
