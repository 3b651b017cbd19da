#include "tests/unit/chain_script.h"

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = secret-" id "\n"

/* ---- refused: keys ---- */

static void refuses_keys(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        const char *words;
    } cases[] = {
        {{.environment = {{"AWS_EC2_METADATA_DISABLED", "true"}}},
         "AWS_ACCESS_KEY_ID is not set and profile \"default\" has no keys in"},
        {{.flags = {.profile = "p"}, .config = "[profile p]\n", .environment = {{"AWS_EC2_METADATA_DISABLED", "true"}}},
         "profile \"p\" has no keys"},
        {{.environment = {{"AWS_ACCESS_KEY_ID", "A"}}}, "half a pair of keys in the environment"},
        {{.environment = {{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", ""}}}, "without AWS_SECRET_ACCESS_KEY"},
        {{.environment = {{"AWS_SECRET_ACCESS_KEY", "hunter2"}, {"AWS_EC2_METADATA_DISABLED", "true"}}},
         "AWS_SECRET_ACCESS_KEY without AWS_ACCESS_KEY_ID"},
        {{.environment = {{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "hunter2 "}}}, "has blanks"},
        {{.environment = {{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "hunter2\r"}}}, "control"},
        {{.credentials = "[default]\naws_access_key_id = A\n"}, "half a pair of keys in " GIVEN_CREDENTIALS_PATH},
        {{.credentials = "[default]\naws_access_key_id = A\n",
          .config = "[default]\naws_secret_access_key = hunter2\n"},
         "half a pair of keys in " GIVEN_CREDENTIALS_PATH},
        {{.config = "[default]\naws_access_key_id = A\naws_secret_access_key =\n"},
         "half a pair of keys in " GIVEN_CONFIG_PATH},
        {{.flags = {.profile = "p"},
          .environment = {{"AWS_ACCESS_KEY_ID", "A"},
                          {"AWS_SECRET_ACCESS_KEY", "hunter2"},
                          {"AWS_EC2_METADATA_DISABLED", "true"}},
          .config = "[profile p]\n"},
         "profile \"p\" has no keys"},
        {{.environment = {{"AWS_ACCESS_KEY_ID",
                           "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
                           "12345678901234567890123456789012345678"},
                          {"AWS_SECRET_ACCESS_KEY", "hunter2"}}},
         "is too long"},
        {{.environment = {{"AWS_ACCESS_KEY_ID", "A"},
                          {"AWS_SECRET_ACCESS_KEY", "hunter2"},
                          {"AWS_CREDENTIAL_EXPIRATION", "tomorrow"}}},
         "AWS_CREDENTIAL_EXPIRATION is not a time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refused(cases[i].given, &nothing_wanted, ERR_NO_CREDENTIALS, cases[i].words);
    }
    struct given_config expired = {.environment = {{"AWS_ACCESS_KEY_ID", "A"},
                                                   {"AWS_SECRET_ACCESS_KEY", "hunter2"},
                                                   {"AWS_CREDENTIAL_EXPIRATION", "2024-02-29T12:00:00Z"}}};
    assert_refused(expired, &nothing_wanted, ERR_CREDENTIALS, "were good until 2024-02-29T12:00:00Z");
}

/* ---- keys ---- */

static void finds_keys(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        enum aws_credentials_source source;
        const char *id;
        const char *token; /* NULL: none */
    } cases[] = {
        {{.environment = {{"AWS_ACCESS_KEY_ID", "E"}, {"AWS_SECRET_ACCESS_KEY", "secret-E"}},
          .config = "[default]\nrole_arn = arn:x\n",
          .credentials = "[default]\n" KEYS("S")},
         AWS_CREDENTIALS_ENVIRONMENT,
         "E",
         NULL},
        {{.environment = {{"AWS_ACCESS_KEY_ID", "E"},
                          {"AWS_SECRET_ACCESS_KEY", "secret-E"},
                          {"AWS_SESSION_TOKEN", "T"},
                          {"AWS_PROFILE", "p"}},
          .credentials = "[p]\n" KEYS("S")},
         AWS_CREDENTIALS_ENVIRONMENT,
         "E",
         "T"},
        {{.environment = {{"AWS_ACCESS_KEY_ID", "E"}, {"AWS_SECRET_ACCESS_KEY", "secret-E"}},
          .flags = {.profile = "p"},
          .credentials = "[p]\n" KEYS("S")},
         AWS_CREDENTIALS_SHARED_FILE,
         "S",
         NULL},
        {{.environment = {{"AWS_PROFILE", "p"}, {"AWS_DEFAULT_PROFILE", "q"}},
          .credentials = "[p]\n" KEYS("P") "[q]\n" KEYS("Q")},
         AWS_CREDENTIALS_SHARED_FILE,
         "P",
         NULL},
        {{.environment = {{"AWS_PROFILE", ""}}, .credentials = "[default]\n" KEYS("S") "aws_session_token = T\n"},
         AWS_CREDENTIALS_SHARED_FILE,
         "S",
         "T"},
        {{.config = "[default]\n" KEYS("C"), .credentials = "[default]\n" KEYS("S")},
         AWS_CREDENTIALS_SHARED_FILE,
         "S",
         NULL},
        {{.config = "[default]\n" KEYS("C") "aws_session_token = T\n", .credentials = "[other]\n" KEYS("S")},
         AWS_CREDENTIALS_CONFIG_FILE,
         "C",
         "T"},
        {{.config = "[default]\ncredential_process = x\n", .credentials = "[default]\n" KEYS("S")},
         AWS_CREDENTIALS_SHARED_FILE,
         "S",
         NULL},
        {{.flags = {.profile = "p"}, .config = "[profile \"p\"]\n" KEYS("1") "[profile p]\n" KEYS("2")},
         AWS_CREDENTIALS_CONFIG_FILE,
         "2",
         NULL},
        {{.flags = {.profile = "sp ace"}, .config = "[profile\tsp\\ ace]\n" KEYS("1")},
         AWS_CREDENTIALS_CONFIG_FILE,
         "1",
         NULL},
        {{.flags = {.profile = "a\"b"}, .config = "[profile   \"a\\\"b\"]\n" KEYS("1")},
         AWS_CREDENTIALS_CONFIG_FILE,
         "1",
         NULL},
        {{.credentials = "[DEFAULT]\naws_secret_access_key = secret-S\n[default]\naws_access_key_id = S\n"},
         AWS_CREDENTIALS_SHARED_FILE,
         "S",
         NULL},
        {{.config = "[default]\nrole_arn = r\nweb_identity_token_file =\n", .credentials = "[default]\n" KEYS("S")},
         AWS_CREDENTIALS_SHARED_FILE,
         "S",
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.source = AWS_CREDENTIALS_NONE};
        assert_ok(resolve(cases[i].given, &nothing_wanted, &credentials));
        assert_int_equal(credentials.source, cases[i].source);
        assert_string_equal(credentials.access_key_id, cases[i].id);
        char secret[32];
        snprintf(secret, sizeof secret, "secret-%s", cases[i].id);
        assert_string_equal(credentials.secret_access_key.reveal, secret);
        assert_int_equal(secret_is_set(&credentials.session_token), cases[i].token != NULL);
        if (cases[i].token != NULL) {
            assert_string_equal(credentials.session_token.reveal, cases[i].token);
        }
    }
}

static void keys_in_the_environment_may_expire(void **state)
{
    (void)state;
    struct given_config given = {.environment = {{"AWS_ACCESS_KEY_ID", "E"},
                                                 {"AWS_SECRET_ACCESS_KEY", "secret-E"},
                                                 {"AWS_CREDENTIAL_EXPIRATION", "2024-02-29T12:00:01+00:00"}}};
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    assert_ok(resolve(given, &nothing_wanted, &credentials));
    assert_int_equal(credentials.expires_unix_s, NOW + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_keys),
        cmocka_unit_test(finds_keys),
        cmocka_unit_test(keys_in_the_environment_may_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
