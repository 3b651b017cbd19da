#include "tests/support/unit.h"
#include "tests/unit/given_config.h"

#include "proxy/core/credential_cache.h"

#define NOW INT64_C(1709208000) /* 2024-02-29T12:00:00Z */

static enum err path_of(const char *home, enum credential_cache_form form,
                        const struct credential_cache_parameter *parameters, size_t count,
                        char ret_path[LIMIT_PATH + 1])
{
    struct given_config given = {.environment = {{"HOME", home}}};
    AUTO(aws_config_free) struct aws_config *config = NULL;
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    TRY(given_config_open(&given, &config, &why));
    return credential_cache_path(config, form, parameters, count, ret_path);
}

/* ---- names ---- */

static void needs_a_home_and_utf8(void **state)
{
    (void)state;
    char path[LIMIT_PATH + 1];
    assert_err(path_of("", CREDENTIAL_CACHE_SPACED, NULL, 0, path), ERR_CONFIG);
    static const struct credential_cache_parameter not_utf8[] = {{"ExternalId", "\xe9", false}};
    assert_err(path_of("/home/a", CREDENTIAL_CACHE_SPACED, not_utf8, 1, path), ERR_MALFORMED);
    char home[LIMIT_PATH];
    memset(home, 'h', sizeof home - 1);
    home[sizeof home - 1] = '\0';
    assert_err(path_of(home, CREDENTIAL_CACHE_SPACED, NULL, 0, path), ERR_TOO_LONG);
}

/* The hashes are Python's: hashlib.sha1(json.dumps(parameters, sort_keys=True).encode()). */
static void names_are_the_cli_s(void **state)
{
    (void)state;
    static const struct {
        enum credential_cache_form form;
        struct credential_cache_parameter parameters[5];
        const char *name;
    } cases[] = {
        {CREDENTIAL_CACHE_SPACED,
         {{"DurationSeconds", NULL, true}, {"RoleArn", "arn:aws:iam::123456789012:role/admin", false}},
         "85df843ebbf3964c64e26d66d796d302b1a7a5ff"},
        {CREDENTIAL_CACHE_SPACED,
         {{"DurationSeconds", "3600", true},
          {"ExternalId", "a/b:c", false},
          {"RoleArn", "arn:aws:iam::123456789012:role/admin", false},
          {"RoleSessionName", "me", false},
          {"SerialNumber", "arn:aws:iam::1:mfa/x", false}},
         "9152dec0067a07fc9010a5d5d2a6d48f83e75372"},
        {CREDENTIAL_CACHE_SPACED,
         {{"ExternalId", "\"\\/\b\f\n\r\t\x01\x7f \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", false},
          {"RoleArn", "x", false}},
         "613051ddcd6e1a2871bb201c8ac67f039da8ca6f"},
        {CREDENTIAL_CACHE_MINIFIED,
         {{"accountId", "123456789012", false},
          {"roleName", "Admin", false},
          {"startUrl", "https://x.example/#/start", false}},
         "8ef09bcf6fe7e53493ca8d50b1c99566a6a59f7c"},
        {CREDENTIAL_CACHE_MINIFIED,
         {{"accountId", "123456789012", false}, {"roleName", "Admin", false}, {"sessionName", "my-sso", false}},
         "c30b99aca80d8f5b3178e353f05b2abcc9a4ccd3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[LIMIT_PATH + 1];
        char expected[128];
        snprintf(expected, sizeof expected, "/home/a/.aws/cli/cache/%s.json", cases[i].name);
        size_t count = 0;
        while (count < 5 && cases[i].parameters[count].name != NULL) {
            count++;
        }
        assert_ok(path_of("/home/a", cases[i].form, cases[i].parameters, count, path));
        assert_string_equal(path, expected);
    }
}

/* ---- documents ---- */

#define KEYS "\"AccessKeyId\": \"ASIA1\", \"SecretAccessKey\": \"s\", \"SessionToken\": \"t\""
#define UNTIL(time) ", \"Expiration\": \"" time "\""

static void a_document_that_is_not_whole_is_a_miss(void **state)
{
    (void)state;
    static const char *const misses[] = {
        "",
        "garbage",
        "null",
        "[]",
        "{}",
        "{\"Credentials\": {" KEYS UNTIL("2024-02-29T13:00:00Z"),
        "{\"Credentials\": {" KEYS UNTIL("2024-02-29T13:00:00Z") "}",
        "{\"Credentials\": {" KEYS UNTIL("2024-02-29T13:00:00Z") "}}}",
        "{\"Credentials\": null}",
        "{\"Credentials\": [{" KEYS UNTIL("2024-02-29T13:00:00Z") "}]}",
        "{\"Credentials\": {" KEYS "}}",
        "{\"Credentials\": {" KEYS ", \"Expiration\": 1709211600}}",
        "{\"Credentials\": {" KEYS ", \"Expiration\": null}}",
        "{\"Credentials\": {" KEYS UNTIL("soon") "}}",
        "{\"Credentials\": {" KEYS UNTIL("2024-02-29T13:00:00") "}}",
        "{\"Credentials\": {\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"s\"" UNTIL("2024-02-29T13:00:00Z") "}}",
        "{\"Credentials\": {\"AccessKeyId\": \"A\", \"SessionToken\": \"t\"" UNTIL("2024-02-29T13:00:00Z") "}}",
        "{\"Credentials\": {\"SecretAccessKey\": \"A\", \"SessionToken\": \"t\"" UNTIL("2024-02-29T13:00:00Z") "}}",
        "{\"Credentials\": {\"AccessKeyId\": 1, \"SecretAccessKey\": \"s\", \"SessionToken\": "
        "\"t\"" UNTIL("2024-02-29T13:00:00Z") "}}",
        "{\"Credentials\": {\"AccessKeyId\": \"A\\nB\", \"SecretAccessKey\": \"s\", \"SessionToken\": "
        "\"t\"" UNTIL("2024-02-29T13:00:00Z") "}}",
        "{\"Credentials\": {\"AccessKeyId\": \"\", \"SecretAccessKey\": \"s\", \"SessionToken\": "
        "\"t\"" UNTIL("2024-02-29T13:00:00Z") "}}",
        "{\"Credentials\": {" KEYS UNTIL("2024-02-29T12:14:59Z") "}}",
        "{\"Credentials\": {" KEYS UNTIL("2024-02-29T11:00:00Z") "}}",
    };
    for (size_t i = 0; i < sizeof misses / sizeof misses[0]; i++) {
        AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
        if (credential_cache_read(bytes_of_text(misses[i]), NOW, &credentials)) {
            fail_msg("taken: %s", misses[i]);
        }
        assert_string_equal(credentials.access_key_id, "");
    }
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    assert_false(credential_cache_read(bytes_of(NULL, 0), NOW, &credentials));
}

static void a_hit_is_good_for_a_quarter_of_an_hour(void **state)
{
    (void)state;
    static const char *const hits[] = {
        "{\"Credentials\": {" KEYS UNTIL("2024-02-29T12:15:00Z") "}}",
        "{\"Credentials\": {" KEYS UNTIL(
            "2024-02-29T12:15:00+00:00") "}, \"AssumedRoleUser\": {}, "
                                         "\"ResponseMetadata\": {\"RequestId\": \"x\", \"HTTPStatusCode\": 200}}\n",
        "{\"ProviderType\":\"sso\",\"Credentials\":{" KEYS UNTIL("2024-02-29T12:15:00UTC") ", \"More\": 1}}",
    };
    for (size_t i = 0; i < sizeof hits / sizeof hits[0]; i++) {
        AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
        assert_true(credential_cache_read(bytes_of_text(hits[i]), NOW, &credentials));
        assert_string_equal(credentials.access_key_id, "ASIA1");
        assert_string_equal(credentials.secret_access_key.reveal, "s");
        assert_string_equal(credentials.session_token.reveal, "t");
        assert_int_equal(credentials.expires_unix_s, NOW + 900);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    assert_ok(aws_credentials_set(&credentials, "ASIA1", "se\"cr\\et", "to/ken+="));
    credentials.expires_unix_s = NOW + 3600;
    struct credential_cache_entry entry = {.credentials = &credentials,
                                           .assumed_role_id = "AROA1:me",
                                           .assumed_role_arn = "arn:aws:sts::1:assumed-role/r/me"};
    AUTO_SECRET struct secret document = {0};
    assert_ok(credential_cache_write(&entry, &document));
    assert_string_equal(document.reveal,
                        "{\"Credentials\": {\"AccessKeyId\": \"ASIA1\", \"SecretAccessKey\": \"se\\\"cr\\\\et\", "
                        "\"SessionToken\": \"to/ken+=\", \"Expiration\": \"2024-02-29T13:00:00Z\"}, "
                        "\"AssumedRoleUser\": {\"AssumedRoleId\": \"AROA1:me\", "
                        "\"Arn\": \"arn:aws:sts::1:assumed-role/r/me\"}}");
    assert_int_equal(document.len, strlen(document.reveal));
    AUTO(aws_credentials_wipe) struct aws_credentials again = {.expires_unix_s = 0};
    assert_true(credential_cache_read(secret_bytes(&document), NOW, &again));
    assert_string_equal(again.secret_access_key.reveal, "se\"cr\\et");
    assert_int_equal(again.expires_unix_s, NOW + 3600);
    secret_wipe(&document);
    assert_null(document.reveal);
    struct credential_cache_entry of_sso = {.credentials = &credentials, .provider_type = "sso"};
    assert_ok(credential_cache_write(&of_sso, &document));
    assert_non_null(strstr(document.reveal, "{\"ProviderType\": \"sso\", \"Credentials\": {"));
    assert_null(strstr(document.reveal, "AssumedRoleUser"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needs_a_home_and_utf8),
        cmocka_unit_test(names_are_the_cli_s),
        cmocka_unit_test(a_document_that_is_not_whole_is_a_miss),
        cmocka_unit_test(a_hit_is_good_for_a_quarter_of_an_hour),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
