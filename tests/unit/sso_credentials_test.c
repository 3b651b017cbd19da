#include "tests/unit/sso_script.h"

#include "proxy/core/sso_credentials.h"

#define TOKEN_FILE "/home/a/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
#define ROLE_FILE "/home/a/.aws/cli/cache/20985b56d713cfd135648cadc68a6115ca80d9a5.json"
#define LEGACY_TOKEN_FILE "/home/a/.aws/sso/cache/a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json"
#define LEGACY_ROLE_FILE "/home/a/.aws/cli/cache/ed0df17d2171efb64e41540b485b3004238a633e.json"

#define PORTAL                                                                                                         \
    "GET https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?role_name=Dev&account_id=111122223333"
#define OIDC "POST https://oidc.eu-west-1.amazonaws.com/token"

#define TOKEN(name, expires)                                                                                           \
    "{\"accessToken\": \"" name "\", \"expiresAt\": \"" expires "\", \"clientId\": \"id\", \"clientSecret\": "         \
    "\"cs-SECRET\", \"registrationExpiresAt\": \"2027-01-01T00:00:00Z\", \"refreshToken\": \"rt-SECRET\"}"
#define GOOD_TOKEN TOKEN("at-SECRET", "2026-11-21T15:33:47Z") /* 15 minutes left */
#define OLD_TOKEN TOKEN("at-SECRET", "2026-11-21T15:33:46Z")  /* a second less */
#define OVER_TOKEN TOKEN("at-SECRET", "2026-11-21T15:18:47Z")
#define OVER_AND_LAST "{\"accessToken\": \"at-SECRET\", \"expiresAt\": \"2026-11-21T15:18:47Z\"}"
#define NEW_TOKEN                                                                                                      \
    "{\"accessToken\": \"new-SECRET\", \"expiresIn\": 3600, \"refreshToken\": \"rt2-SECRET\", \"tokenType\": "         \
    "\"Bearer\"}"

#define ROLE_REPLY                                                                                                     \
    "{\"roleCredentials\": {\"accessKeyId\": \"ASIA1\", \"secretAccessKey\": \"sk-SECRET\", \"sessionToken\": "        \
    "\"st-SECRET\", \"expiration\": 1795277927999}}"
#define ROLE_DOCUMENT(expires)                                                                                         \
    "{\"ProviderType\": \"sso\", \"Credentials\": {\"AccessKeyId\": \"ASIA1\", \"SecretAccessKey\": \"sk-SECRET\", "   \
    "\"SessionToken\": \"st-SECRET\", \"Expiration\": \"" expires "\"}}"
#define REFUSED "{\"error\": \"invalid_grant\", \"error_description\": \"Invalid grant provided\"}"

#define NO_ROLE_FILE                                                                                                   \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_FILE, .about = ROLE_FILE                                                               \
    }
#define READ_TOKEN(document)                                                                                           \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_FILE, .about = TOKEN_FILE, .answer = (document)                                        \
    }
#define READ_AGAIN(document)                                                                                           \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_FILE, .about = TOKEN_FILE, .answer = (document), .has_pause = true                     \
    }
#define GET_ROLE(token)                                                                                                \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_CALL, .about = PORTAL, .content = (token), .status = 200, .answer = ROLE_REPLY         \
    }
#define STORE_ROLE                                                                                                     \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_STORE, .about = ROLE_FILE, .content = ROLE_DOCUMENT("2026-11-21T16:18:47Z")            \
    }
#define RENEW(code, body)                                                                                              \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_CALL, .about = OIDC, .content = "\"grantType\":\"refresh_token\"", .status = (code),   \
        .answer = (body)                                                                                               \
    }
#define NO_RENEWAL(why_err, why)                                                                                       \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_CALL, .about = OIDC, .err = (why_err), .answer = (why)                                 \
    }

#define LOGIN "; run: aws sso login --profile 'a p' (without the AWS CLI: ssm-proxy login --profile 'a p')"

static const char sessions[] =
    "[profile 'a p']\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Dev\n"
    "[profile legacy]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
    "sso_account_id = 111122223333\nsso_role_name = Dev\n"
    "[profile odd]\nsso_session = corp\nsso_account_id = 1&x=y\nsso_role_name = A/b c\n"
    "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n";

static enum err next(void *machine, const struct credential_answer *answer, struct credential_want *ret_want,
                     struct aws_credentials *ret_credentials, struct text *ret_why)
{
    return sso_credentials_next(machine, answer, ret_want, ret_credentials, ret_why);
}

struct outcome {
    char why[1024];
    struct aws_credentials credentials;
};

static enum err play(const char *profile, const struct script_step *steps, struct outcome *outcome)
{
    struct text why = text_in(outcome->why, sizeof outcome->why);
    struct given_config given = {
        .environment = {{"HOME", "/home/a"}}, .flags = {.profile = profile}, .config = sessions};
    AUTO(aws_config_free) struct aws_config *config = NULL;
    assert_ok(given_config_open(&given, &config, &why));
    AUTO(sso_credentials_free) struct sso_credentials *machine = NULL;
    assert_ok(sso_credentials_new(config, profile, &machine, &why));
    return script_play(next, machine, steps, 0, &outcome->credentials, &why);
}

static void check_refusals(const struct script_step steps[][SCRIPT_STEPS_MAX], const enum err *errs,
                           const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct outcome outcome = {.why = ""};
        enum err err = play("a p", steps[i], &outcome);
        if (err != errs[i] || strstr(outcome.why, words[i]) == NULL) {
            fail_msg("case %zu: %d: %s", i, (int)err, outcome.why);
        }
        assert_false(secret_is_set(&outcome.credentials.secret_access_key));
    }
}

/* ---- refused ---- */

static void says_how_to_log_in(void **state)
{
    (void)state;
    static const struct script_step steps[][SCRIPT_STEPS_MAX] = {
        {NO_ROLE_FILE, READ_TOKEN(NULL)},
        {NO_ROLE_FILE, READ_TOKEN("{\"accessToken\": \"at-SECR")},
        {NO_ROLE_FILE, READ_TOKEN(OVER_AND_LAST)},
        {NO_ROLE_FILE, READ_TOKEN(OVER_TOKEN), RENEW(400, REFUSED), READ_AGAIN(OVER_TOKEN)},
        {NO_ROLE_FILE, READ_TOKEN(OVER_TOKEN), RENEW(401, "{\"error\": \"invalid_client\"}"), READ_AGAIN(NULL)},
        {NO_ROLE_FILE,
         READ_TOKEN(GOOD_TOKEN),
         {.kind = CREDENTIAL_WANT_CALL,
          .about = PORTAL,
          .status = 401,
          .error_type = "UnauthorizedException",
          .answer = "{\"message\": \"Session token not found or invalid\"}"}},
    };
    static const enum err errs[] = {ERR_CREDENTIALS, ERR_CREDENTIALS, ERR_CREDENTIALS,
                                    ERR_CREDENTIALS, ERR_CREDENTIALS, ERR_CREDENTIALS};
    static const char *const words[] = {
        "nobody is logged in to IAM Identity Center for profile \"a p\"" LOGIN,
        "the IAM Identity Center session of profile \"a p\" cannot be read" LOGIN,
        "the IAM Identity Center session of profile \"a p\" has expired" LOGIN,
        "the IAM Identity Center session of profile \"a p\" has expired" LOGIN,
        "the IAM Identity Center session of profile \"a p\" has expired" LOGIN,
        "the IAM Identity Center session of profile \"a p\" has expired or is not valid" LOGIN,
    };
    check_refusals(steps, errs, words, sizeof steps / sizeof steps[0]);
}

#define PORTAL_SAYS(code, type, message)                                                                               \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_CALL, .about = PORTAL, .status = (code), .error_type = (type),                         \
        .answer = "{\"message\": \"" message "\"}"                                                                     \
    }

static void names_role_and_account(void **state)
{
    (void)state;
    static const struct script_step steps[][SCRIPT_STEPS_MAX] = {
        {NO_ROLE_FILE, READ_TOKEN(GOOD_TOKEN), PORTAL_SAYS(403, "ForbiddenException", "No access")},
        {NO_ROLE_FILE, READ_TOKEN(GOOD_TOKEN), PORTAL_SAYS(404, "ResourceNotFoundException", "Account not found")},
        {NO_ROLE_FILE, READ_TOKEN(GOOD_TOKEN), PORTAL_SAYS(400, "InvalidRequestException", "bad account")},
        {NO_ROLE_FILE, READ_TOKEN(GOOD_TOKEN), PORTAL_SAYS(429, "TooManyRequestsException", "HTTP 429")},
        {NO_ROLE_FILE, READ_TOKEN(GOOD_TOKEN), PORTAL_SAYS(500, NULL, "")},
        {NO_ROLE_FILE, READ_TOKEN(GOOD_TOKEN), PORTAL_SAYS(200, NULL, "no credentials at all")},
        {NO_ROLE_FILE,
         READ_TOKEN(GOOD_TOKEN),
         {.kind = CREDENTIAL_WANT_CALL, .about = PORTAL, .err = ERR_TIMEOUT, .answer = "no reply in time"}},
        {NO_ROLE_FILE,
         READ_TOKEN(GOOD_TOKEN),
         {.kind = CREDENTIAL_WANT_CALL, .about = PORTAL, .status = 401, .answer = "<html>"}},
        {NO_ROLE_FILE,
         READ_TOKEN(GOOD_TOKEN),
         {.kind = CREDENTIAL_WANT_CALL, .about = PORTAL, .status = 403, .answer = "<html>"}},
    };
    static const enum err errs[] = {ERR_DENIED,    ERR_DENIED,  ERR_CONFIG,      ERR_THROTTLED, ERR_SERVICE,
                                    ERR_MALFORMED, ERR_TIMEOUT, ERR_UNREACHABLE, ERR_DENIED};
    static const char *const words[] = {
        "of role Dev in account 111122223333: ForbiddenException: No access; is the role assigned to you there? See",
        "of role Dev in account 111122223333: ResourceNotFoundException: Account not found; is the role",
        "of role Dev in account 111122223333: InvalidRequestException: bad account",
        "TooManyRequestsException",
        "of role Dev in account 111122223333: HTTP status 500 without a reason",
        "of role Dev in account 111122223333: the reply has unusable credentials",
        "the portal of IAM Identity Center: no reply in time",
        "in account 111122223333: the reply is not one of AWS's",
        "in account 111122223333: the reply is not one of AWS's",
    };
    check_refusals(steps, errs, words, sizeof steps / sizeof steps[0]);
}

static void tells_no_answer_from_a_refusal(void **state)
{
    (void)state;
    static const struct script_step steps[][SCRIPT_STEPS_MAX] = {
        {NO_ROLE_FILE, READ_TOKEN(OVER_TOKEN), NO_RENEWAL(ERR_UNREACHABLE, "nobody answers"), READ_AGAIN(OVER_TOKEN)},
        {NO_ROLE_FILE, READ_TOKEN(OVER_TOKEN), RENEW(500, "{}"), READ_AGAIN(OVER_TOKEN)},
        {NO_ROLE_FILE, READ_TOKEN(OVER_TOKEN), RENEW(403, "<html>"), READ_AGAIN(OVER_TOKEN)},
        {NO_ROLE_FILE,
         {.kind = CREDENTIAL_WANT_FILE, .about = TOKEN_FILE, .err = ERR_SYSTEM, .answer = "no permission"}},
    };
    static const enum err errs[] = {ERR_UNREACHABLE, ERR_SERVICE, ERR_DENIED, ERR_SYSTEM};
    static const char *const words[] = {"session of profile \"a p\" could not be renewed: nobody answers",
                                        "could not be renewed: ", "could not be renewed: the reply is not one of AWS's",
                                        "no permission"};
    check_refusals(steps, errs, words, sizeof steps / sizeof steps[0]);
}

/* ---- given ---- */

static void gives_credentials(void **state)
{
    (void)state;
    static const struct script_step steps[][SCRIPT_STEPS_MAX] = {
        /* as they lie in the cache; another process of the AWS CLI may have left them */
        {{.kind = CREDENTIAL_WANT_FILE, .about = ROLE_FILE, .answer = ROLE_DOCUMENT("2026-11-21T16:18:47UTC")}},
        /* what is in the cache is over soon, or half written, or may not be read */
        {{.kind = CREDENTIAL_WANT_FILE, .about = ROLE_FILE, .answer = ROLE_DOCUMENT("2026-11-21T15:33:46Z")},
         READ_TOKEN(GOOD_TOKEN),
         GET_ROLE("at-SECRET"),
         STORE_ROLE},
        {{.kind = CREDENTIAL_WANT_FILE, .about = ROLE_FILE, .answer = "{\"Provider"},
         READ_TOKEN(GOOD_TOKEN),
         GET_ROLE("at-SECRET"),
         STORE_ROLE},
        {{.kind = CREDENTIAL_WANT_FILE, .about = ROLE_FILE, .err = ERR_SYSTEM, .answer = "no"},
         READ_TOKEN(GOOD_TOKEN),
         GET_ROLE("at-SECRET"),
         STORE_ROLE},
        /* a cache that cannot be written */
        {NO_ROLE_FILE,
         READ_TOKEN(GOOD_TOKEN),
         GET_ROLE("at-SECRET"),
         {.kind = CREDENTIAL_WANT_STORE, .about = ROLE_FILE, .err = ERR_SYSTEM, .answer = "read only"}},
        /* renewed */
        {NO_ROLE_FILE,
         READ_TOKEN(OLD_TOKEN),
         RENEW(200, NEW_TOKEN),
         {.kind = CREDENTIAL_WANT_STORE,
          .about = TOKEN_FILE,
          .content = "{\"startUrl\": \"https://corp.awsapps.com/start\", \"region\": \"eu-west-1\", \"accessToken\": "
                     "\"new-SECRET\", \"expiresAt\": \"2026-11-21T16:18:47Z\", \"clientId\": \"id\", \"clientSecret\": "
                     "\"cs-SECRET\", \"registrationExpiresAt\": \"2027-01-01T00:00:00Z\", \"refreshToken\": "
                     "\"rt2-SECRET\"}"},
         GET_ROLE("new-SECRET"),
         STORE_ROLE},
        {NO_ROLE_FILE,
         READ_TOKEN(OVER_TOKEN),
         RENEW(200, NEW_TOKEN),
         {.kind = CREDENTIAL_WANT_STORE, .about = TOKEN_FILE, .err = ERR_SYSTEM, .answer = "read only"},
         GET_ROLE("new-SECRET"),
         STORE_ROLE},
        /* not renewed, and still good */
        {NO_ROLE_FILE, READ_TOKEN(OLD_TOKEN), RENEW(400, REFUSED), GET_ROLE("at-SECRET"), STORE_ROLE},
        {NO_ROLE_FILE, READ_TOKEN(OLD_TOKEN), RENEW(200, "{\"accessToken\": \"x-SECRET\"}"), GET_ROLE("at-SECRET"),
         STORE_ROLE},
        {NO_ROLE_FILE, READ_TOKEN(OLD_TOKEN), NO_RENEWAL(ERR_UNREACHABLE, "no"), GET_ROLE("at-SECRET"), STORE_ROLE},
        /* renewed by another process meanwhile */
        {NO_ROLE_FILE, READ_TOKEN(OVER_TOKEN), RENEW(400, REFUSED),
         READ_AGAIN(TOKEN("other-SECRET", "2026-11-21T16:18:47Z")), GET_ROLE("other-SECRET"), STORE_ROLE},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
        struct outcome outcome = {.why = ""};
        enum err err = play("a p", steps[i], &outcome);
        if (err != ERR_OK) {
            fail_msg("case %zu: %d: %s", i, (int)err, outcome.why);
        }
        credentials = outcome.credentials;
        assert_string_equal(credentials.access_key_id, "ASIA1");
        assert_string_equal(credentials.secret_access_key.reveal, "sk-SECRET");
        assert_string_equal(credentials.session_token.reveal, "st-SECRET");
        assert_int_equal(credentials.source, AWS_CREDENTIALS_SSO);
        assert_int_equal(credentials.expires_unix_s, 1795277927);
    }
}

static void legacy_profiles_have_other_files(void **state)
{
    (void)state;
    static const struct script_step steps[] = {
        {.kind = CREDENTIAL_WANT_FILE, .about = LEGACY_ROLE_FILE},
        {.kind = CREDENTIAL_WANT_FILE,
         .about = LEGACY_TOKEN_FILE,
         .answer = "{\"startUrl\": \"https://corp.awsapps.com/start\", \"region\": \"eu-west-1\", \"accessToken\": "
                   "\"at-SECRET\", \"expiresAt\": \"2026-11-21T15:18:48UTC\"}"},
        GET_ROLE("at-SECRET"),
        {.kind = CREDENTIAL_WANT_STORE, .about = LEGACY_ROLE_FILE},
        {.kind = CREDENTIAL_WANT_NOTHING},
    };
    struct outcome outcome = {.why = ""};
    assert_ok(play("legacy", steps, &outcome));
    aws_credentials_wipe(&outcome.credentials);
}

/* What could wait must not cost the time of the connection. */
static void an_early_renewal_is_short(void **state)
{
    (void)state;
    static const char *const tokens[] = {OLD_TOKEN, OVER_TOKEN};
    for (size_t i = 0; i < 2; i++) {
        char memory[256];
        struct text why = text_in(memory, sizeof memory);
        struct given_config given = {.environment = {{"HOME", "/home/a"}}, .config = sessions};
        AUTO(aws_config_free) struct aws_config *config = NULL;
        assert_ok(given_config_open(&given, &config, &why));
        AUTO(sso_credentials_free) struct sso_credentials *machine = NULL;
        assert_ok(sso_credentials_new(config, "a p", &machine, &why));
        struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
        struct credential_answer answer = {.unix_seconds = SCRIPT_NOW};
        assert_err(sso_credentials_next(machine, &answer, &want, NULL, &why), ERR_AGAIN);
        assert_err(sso_credentials_next(machine, &answer, &want, NULL, &why), ERR_AGAIN);
        answer.text = bytes_of_text(tokens[i]);
        assert_err(sso_credentials_next(machine, &answer, &want, NULL, &why), ERR_AGAIN);
        assert_int_equal(want.kind, CREDENTIAL_WANT_CALL);
        assert_int_equal(want.tries, i == 0 ? 1 : 0);
        assert_true(i == 0 ? want.timeout_us > 0 && want.timeout_us <= 5000000 : want.timeout_us == 0);
    }
}

static void a_query_is_percent_encoded(void **state)
{
    (void)state;
    static const struct script_step steps[] = {
        {.kind = CREDENTIAL_WANT_FILE, .about = ".json"},
        READ_TOKEN(GOOD_TOKEN),
        {.kind = CREDENTIAL_WANT_CALL,
         .about = "GET https://portal.sso.eu-west-1.amazonaws.com/federation/"
                  "credentials?role_name=A%2Fb%20c&account_id=1%26x%3Dy",
         .err = ERR_UNREACHABLE,
         .answer = "enough"},
        {.kind = CREDENTIAL_WANT_NOTHING},
    };
    struct outcome outcome = {.why = ""};
    assert_err(play("odd", steps, &outcome), ERR_UNREACHABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_how_to_log_in),
        cmocka_unit_test(names_role_and_account),
        cmocka_unit_test(tells_no_answer_from_a_refusal),
        cmocka_unit_test(gives_credentials),
        cmocka_unit_test(legacy_profiles_have_other_files),
        cmocka_unit_test(an_early_renewal_is_short),
        cmocka_unit_test(a_query_is_percent_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
