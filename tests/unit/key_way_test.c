#include "tests/support/unit.h"

#include "common/auto.h"
#include "proxy/core/instance_connect_api.h"
#include "proxy/core/key_way.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGeP4m8udlXQo/83PGwaS3xov12FjSuqvLcX8B++oTM8"

/* ---- what may enter a parameter ---- */

static void users(void **state)
{
    (void)state;
    static const char *const never[] = {
        "",     " ",   "a b",  "-a",  "1a",       "a'b", "a\"b", "a;b",      "$(id)",
        "a\nb", "a/b", "../a", "a{b", "{{user}}", "a`b", "a\\b", "\xc3\xa9", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (key_way_takes_user(KEY_WAY_INSTANCE_CONNECT, never[i]) ||
            key_way_takes_user(KEY_WAY_SEND_COMMAND, never[i]) ||
            key_way_takes_user(KEY_WAY_RUN_SHELL_SCRIPT, never[i])) {
            fail_msg("taken: %s", never[i]);
        }
    }
    static const char *const connect_alone[] = {"Admin", "a.b", "a@b.c", "machine$", "A"};
    for (size_t i = 0; i < sizeof connect_alone / sizeof connect_alone[0]; i++) {
        assert_true(key_way_takes_user(KEY_WAY_INSTANCE_CONNECT, connect_alone[i]));
        assert_false(key_way_takes_user(KEY_WAY_SEND_COMMAND, connect_alone[i]));
        assert_false(key_way_takes_user(KEY_WAY_RUN_SHELL_SCRIPT, connect_alone[i]));
    }
    static const char *const everywhere[] = {"a",        "_",   "ec2-user",
                                             "ssm-user", "a_1", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
    for (size_t i = 0; i < sizeof everywhere / sizeof everywhere[0]; i++) {
        assert_true(key_way_takes_user(KEY_WAY_INSTANCE_CONNECT, everywhere[i]));
        assert_true(key_way_takes_user(KEY_WAY_SEND_COMMAND, everywhere[i]));
    }
    assert_false(key_way_takes_user(KEY_WAY_INSTANCE_CONNECT, "a."));
    assert_false(key_way_takes_user(KEY_WAY_INSTANCE_CONNECT, "$"));
    assert_false(key_way_takes_user(KEY_WAY_NONE, "a"));
    assert_false(key_way_takes_user(KEY_WAY_AUTO, "a"));
}

static void keys(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "ssh-ed25519",
        KEY "\n",
        KEY " comment",
        KEY " ",
        KEY "\n" KEY,
        " " KEY,
        "command=\"id\" " KEY,
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIGeP4m8udlXQo/83PGwaS3xov12FjSuqvLcX8B++oTM8",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGeP4m8udlXQo/83PGwaS3xov12FjSuqvLcX8B++oTM'"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (key_way_takes_key(wrong[i])) {
            fail_msg("taken: %s", wrong[i]);
        }
    }
    assert_true(key_way_takes_key(KEY));
}

/* ---- which way ---- */

static void ways(void **state)
{
    (void)state;
    enum key_way way = KEY_WAY_NONE;
    static const char *const words[] = {"none", "instance-connect", "send-command", "AWS-RunShellScript", "auto"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_ok(key_way_read(words[i], &way));
        assert_string_equal(key_way_word(way), words[i]);
    }
    assert_err(key_way_read("", &way), ERR_USAGE);
    assert_err(key_way_read("Auto", &way), ERR_USAGE);
    assert_err(key_way_read("aws-runshellscript", &way), ERR_USAGE);
    assert_int_equal(key_way_first(KEY_WAY_AUTO, "i-0123456789abcdef0"), KEY_WAY_INSTANCE_CONNECT);
    assert_int_equal(key_way_first(KEY_WAY_AUTO, "mi-0123456789abcdef0"), KEY_WAY_SEND_COMMAND);
    assert_int_equal(key_way_first(KEY_WAY_AUTO, "ecs:cluster_task_runtime"), KEY_WAY_NONE);
    assert_int_equal(key_way_first(KEY_WAY_INSTANCE_CONNECT, "mi-0123456789abcdef0"), KEY_WAY_NONE);
    assert_int_equal(key_way_first(KEY_WAY_RUN_SHELL_SCRIPT, "i-0123456789abcdef0"), KEY_WAY_RUN_SHELL_SCRIPT);
    assert_int_equal(key_way_first(KEY_WAY_SEND_COMMAND, "ecs:cluster_task_runtime"), KEY_WAY_NONE);
}

/* What failed for another reason than that it is not allowed fails; and nobody becomes root by the way. */
static void what_comes_next(void **state)
{
    (void)state;
    for (int err = ERR_OK; err < ERR_COUNT; err++) {
        for (int wanted = KEY_WAY_NONE; wanted <= KEY_WAY_AUTO; wanted++) {
            for (int tried = KEY_WAY_NONE; tried <= KEY_WAY_AUTO; tried++) {
                enum key_way next = key_way_next((enum key_way)wanted, (enum key_way)tried, (enum err)err);
                bool is_refused = err == ERR_DENIED || err == ERR_CONFIG || err == ERR_NO_TARGET;
                bool goes_on = wanted == KEY_WAY_AUTO && tried == KEY_WAY_INSTANCE_CONNECT && is_refused;
                assert_int_equal(next, goes_on ? KEY_WAY_SEND_COMMAND : KEY_WAY_NONE);
            }
        }
    }
}

static void parameters(void **state)
{
    (void)state;
    AUTO_JSON json_t *document = NULL;
    AUTO_JSON json_t *script = NULL;
    AUTO_FREE char *text = NULL;
    assert_string_equal(key_way_document(KEY_WAY_SEND_COMMAND), "ssm-bridge-accept-key");
    assert_ok(key_way_parameters(KEY_WAY_SEND_COMMAND, "admin", KEY, &document));
    text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"publicKey\":[\"" KEY "\"],\"seconds\":[\"120\"],\"user\":[\"admin\"]}");
    free(text);
    assert_string_equal(key_way_document(KEY_WAY_RUN_SHELL_SCRIPT), "AWS-RunShellScript");
    assert_ok(key_way_parameters(KEY_WAY_RUN_SHELL_SCRIPT, "admin", KEY, &script));
    text = json_dumps(script, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"commands\":[\"PATH=/usr/sbin:/usr/local/sbin:/usr/bin:/bin\","
                              "\"exec ssm-userctl key accept --user='admin' --for='120' '" KEY "'\"],"
                              "\"executionTimeout\":[\"30\"]}");
}

/* ---- EC2 Instance Connect ---- */

static void asks_instance_connect(void **state)
{
    (void)state;
    struct endpoint_url url;
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    struct instance_connect_api_push push = {"i-0123456789abcdef0", "admin", KEY};
    assert_ok(endpoint_parse(bytes_of_text("https://ec2-instance-connect.eu-west-1.amazonaws.com/"), &url));
    assert_ok(instance_connect_api_push(&url, "eu-west-1", &push, &request));
    assert_string_equal(request.signing_name, "ec2-instance-connect");
    assert_string_equal(request.region, "eu-west-1");
    assert_string_equal(request.headers[0].value, "AWSEC2InstanceConnectService.SendSSHPublicKey");
    assert_string_equal(request.body, "{\"InstanceId\":\"i-0123456789abcdef0\",\"InstanceOSUser\":\"admin\","
                                      "\"SSHPublicKey\":\"" KEY "\"}");
    struct aws_request none = {.method = NULL};
    struct instance_connect_api_push bad = {"i-\xff", "admin", KEY};
    assert_err(instance_connect_api_push(&url, "eu-west-1", &bad, &none), ERR_MALFORMED);
    assert_null(none.method);
}

static void believes_success_alone(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum err err;
    } replies[] = {
        {200, "{\"Success\":true}", ERR_OK},
        {200, "{\"RequestId\":\"x\",\"Success\":true,\"More\":1}", ERR_OK},
        {200, "{\"Success\":false}", ERR_DENIED},
        {200, "{\"Success\":\"true\"}", ERR_MALFORMED},
        {200, "{\"Success\":1}", ERR_MALFORMED},
        {200, "{}", ERR_MALFORMED},
        {200, "[true]", ERR_MALFORMED},
        {200, "", ERR_MALFORMED},
        {400, "{\"__type\":\"AuthException\",\"Message\":\"no\"}", ERR_DENIED},
        {400, "{\"__type\":\"com.amazon.aws.sshaccessproxyservice#EC2InstanceNotFoundException\"}", ERR_NO_TARGET},
        {400, "{\"__type\":\"EC2InstanceStateInvalidException\"}", ERR_OFFLINE},
        {400, "{\"__type\":\"InvalidArgsException\"}", ERR_CONFIG},
        {400, "{\"__type\":\"ThrottlingException\"}", ERR_THROTTLED},
        {500, "{\"__type\":\"ServiceException\"}", ERR_SERVICE},
        {503, "{\"__type\":\"EC2InstanceUnavailableException\"}", ERR_SERVICE},
        {400, "{\"Success\":true}", ERR_UNREACHABLE},
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        struct aws_reply reply = {.http_status = replies[i].status, .body = bytes_of_text(replies[i].body)};
        struct service_failure failure = {.type = ""};
        enum err err = instance_connect_api_parse_push(&reply, &failure);
        if (err != replies[i].err) {
            fail_msg("%s: %s", replies[i].body, err_text(err));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users),
        cmocka_unit_test(keys),
        cmocka_unit_test(ways),
        cmocka_unit_test(what_comes_next),
        cmocka_unit_test(parameters),
        cmocka_unit_test(asks_instance_connect),
        cmocka_unit_test(believes_success_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
