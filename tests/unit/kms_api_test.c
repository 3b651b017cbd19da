#include "tests/support/unit.h"

#include "common/json_view.h"
#include "proxy/core/kms_api.h"
#include "tests/unit/given_reply.h"

#define KEY "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define SESSION "alice-0a1b2c3d4e5f67890"
#define NODE "i-0123456789abcdef0"
/* 64 bytes, and 63 */
#define PLAINTEXT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
#define NO_BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P*=="
#define TOO_SHORT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+"

/* ---- refused ---- */

static void refuses_a_reply_without_a_key(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "<html>captive portal</html>",
        "{\"Plaintext\":\"" PLAINTEXT "\"}",
        "{\"CiphertextBlob\":\"Zm9v\"}",
        "{\"CiphertextBlob\":\"\",\"Plaintext\":\"" PLAINTEXT "\"}",
        "{\"CiphertextBlob\":\"Zm9\",\"Plaintext\":\"" PLAINTEXT "\"}",
        "{\"CiphertextBlob\":\"Zm9\\\"\",\"Plaintext\":\"" PLAINTEXT "\"}",
        "{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\":\"" TOO_SHORT "\"}",
        "{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\":\"" PLAINTEXT "\",\"Plaintext\":\"" PLAINTEXT "\"}",
        "{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\":null}",
        "{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\":",
        "{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\"",
        "{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\":\"" PLAINTEXT,
        "{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\":\"" PLAINTEXT "\"",
        "{\"CiphertextBlob\":\"Zm9v\",\"x\":{\"Plaintext\":\"" PLAINTEXT "\"}}",
        "{\"CiphertextBlob\":\"Zm9v\",\"x\":{\"Plaintext\":\"" PLAINTEXT "\"},\"Plaintext\":\"" PLAINTEXT "\"}",
        "{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\":\"" NO_BASE64 "\"}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct aws_reply ok = given_reply(200, bodies[i]);
        struct kms_api_data_key key = {.ciphertext = "before"};
        struct service_failure failure = {.http_status = 0};
        if (kms_api_parse_data_key(&ok, &key, &failure) != ERR_MALFORMED) {
            fail_msg("taken: %s", bodies[i]);
        }
        assert_string_equal(failure.message, "the reply has no data key of 64 bytes");
        assert_string_equal(key.ciphertext, "before");
    }
}

static void refuses_a_key_of_another_size(void **state)
{
    (void)state;
    static char body[BASE64_LEN(LIMIT_KMS_CIPHERTEXT) + 256];
    struct text text = text_in(body, sizeof body);
    text_put(&text, "{\"CiphertextBlob\":\"");
    for (size_t i = 0; i < BASE64_LEN(LIMIT_KMS_CIPHERTEXT) + 4; i++) {
        text_put_char(&text, 'A');
    }
    text_put(&text, "\",\"Plaintext\":\"" PLAINTEXT "\"}");
    struct kms_api_data_key key;
    struct service_failure failure;
    struct aws_reply long_blob = given_reply(200, body);
    struct aws_reply long_key = given_reply(200, "{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\":\"" PLAINTEXT "AAAA\"}");
    assert_err(kms_api_parse_data_key(&long_blob, &key, &failure), ERR_TOO_LONG);
    assert_err(kms_api_parse_data_key(&long_key, &key, &failure), ERR_MALFORMED);
    assert_string_equal(failure.message, "the reply has no data key of 64 bytes");
}

static void tells_refusals_apart(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum err err;
    } cases[] = {
        {400, "{\"__type\":\"AccessDeniedException\",\"Message\":\"not authorized\"}", ERR_DENIED},
        {400, "{\"__type\":\"NotFoundException\",\"message\":\"Key does not exist\"}", ERR_CONFIG},
        {400, "{\"__type\":\"DisabledException\"}", ERR_CONFIG},
        {400, "{\"__type\":\"KMSInvalidStateException\"}", ERR_CONFIG},
        {400, "{\"__type\":\"ThrottlingException\"}", ERR_THROTTLED},
        {500, "{\"__type\":\"KeyUnavailableException\"}", ERR_SERVICE},
        {500, "{\"__type\":\"DependencyTimeoutException\"}", ERR_SERVICE},
        {500, "{\"__type\":\"KMSInternalException\"}", ERR_SERVICE},
        {400, "{\"__type\":\"ExpiredTokenException\"}", ERR_CREDENTIALS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_reply refusal = given_reply(cases[i].status, cases[i].body);
        struct kms_api_data_key key;
        struct service_failure failure;
        enum err err = kms_api_parse_data_key(&refusal, &key, &failure);
        if (err != cases[i].err) {
            fail_msg("%s is %s", cases[i].body, err_text(err));
        }
    }
}

static void refuses_words_that_no_request_can_carry(void **state)
{
    (void)state;
    struct endpoint_url endpoint;
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    assert_ok(endpoint_parse(bytes_of_text("https://kms.us-east-1.amazonaws.com/"), &endpoint));
    struct kms_api_want want = {.key_id = "key\xff", .session_id = SESSION, .target_id = NODE};
    assert_err(kms_api_generate_data_key(&endpoint, "us-east-1", &want, &request), ERR_MALFORMED);
    want.key_id = KEY;
    char region[LIMIT_REGION + 2] = "";
    memset(region, 'r', sizeof region - 1);
    assert_err(kms_api_generate_data_key(&endpoint, region, &want, &request), ERR_TOO_LONG);
    assert_null(request.body);
}

/* ---- taken ---- */

static void reads_and_wipes_the_key(void **state)
{
    (void)state;
    struct aws_reply ok =
        given_reply(200, "{\"CiphertextBlob\":\"Zm9v\",\"Plaintext\" :\n\"" PLAINTEXT "\",\"KeyId\":\"" KEY "\"}");
    struct kms_api_data_key key = {.ciphertext = ""};
    struct kms_api_data_key none = {.ciphertext = ""};
    struct service_failure failure;
    assert_ok(kms_api_parse_data_key(&ok, &key, &failure));
    assert_string_equal(key.ciphertext, "Zm9v");
    for (size_t i = 0; i < sizeof key.plaintext; i++) {
        assert_int_equal(key.plaintext[i], i);
    }
    kms_api_data_key_wipe(&key);
    assert_memory_equal(&key, &none, sizeof key);
}

static void make(const char *challenge, struct aws_request *ret_request)
{
    struct endpoint_url endpoint;
    struct kms_api_want want = {.key_id = KEY, .session_id = SESSION, .target_id = NODE, .challenge = challenge};
    assert_ok(endpoint_parse(bytes_of_text("https://kms.us-east-1.amazonaws.com/"), &endpoint));
    assert_ok(kms_api_generate_data_key(&endpoint, "us-east-1", &want, ret_request));
}

static void asks_for_a_key(void **state)
{
    (void)state;
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    make("Q2hhbGxlbmdl", &request);
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.signing_name, "kms");
    assert_string_equal(request.region, "us-east-1");
    assert_string_equal(request.headers[0].name, "X-Amz-Target");
    assert_string_equal(request.headers[0].value, "TrentService.GenerateDataKey");
    assert_string_equal(request.headers[1].value, "application/x-amz-json-1.1");
    assert_string_equal(request.body,
                        "{\"KeyId\":\"" KEY
                        "\",\"NumberOfBytes\":64,\"EncryptionContext\":{\"aws:ssm:SessionId\":\"" SESSION
                        "\",\"aws:ssm:TargetId\":\"" NODE "\",\"aws:ssm:RandomChallenge\":\"Q2hhbGxlbmdl\"}}");
}

/* Without a challenge, as the plugin does it. */
static void agrees_with_the_plugin(void **state)
{
    (void)state;
    char path[4096];
    const char *vectors = getenv("SSM_VECTORS");
    snprintf(path, sizeof path, "%s/wire.json", vectors != NULL ? vectors : "");
    AUTO_JSON json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL) {
        printf("SKIP: wire.json is not beside the checkout (%s)\n", path);
        skip();
    }
    const json_t *expected =
        json_object_get(json_object_get(root, "encryption"), "generate_data_key_request_as_sent_by_plugin");
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    make(NULL, &request);
    AUTO_JSON json_t *made = NULL;
    assert_ok(json_view_parse_object(bytes_of_text(request.body), &made));
    assert_true(json_equal(made, expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_reply_without_a_key), cmocka_unit_test(refuses_a_key_of_another_size),
        cmocka_unit_test(tells_refusals_apart),          cmocka_unit_test(refuses_words_that_no_request_can_carry),
        cmocka_unit_test(reads_and_wipes_the_key),       cmocka_unit_test(asks_for_a_key),
        cmocka_unit_test(agrees_with_the_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
