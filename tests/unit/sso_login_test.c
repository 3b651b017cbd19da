#include "tests/unit/sso_script.h"

#include "proxy/core/sso_login.h"

#define CLIENT_FILE "/home/a/.aws/sso/cache/281c20de0fe8df0efd570c949c69a95483e88b68.json"
#define TOKEN_FILE "/home/a/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
#define OIDC "POST https://oidc.eu-west-1.amazonaws.com"

#define CLIENT(expires) "{\"clientId\": \"id\", \"clientSecret\": \"cs-SECRET\", \"expiresAt\": \"" expires "\"}"
#define READ_CLIENT(document)                                                                                          \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_FILE, .about = CLIENT_FILE, .answer = (document)                                       \
    }
#define GOOD_CLIENT READ_CLIENT(CLIENT("2026-11-21T15:33:47Z")) /* 15 minutes left */
#define CALL(path, part, code, body)                                                                                   \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_CALL, .about = OIDC path, .content = (part), .status = (code), .answer = (body)        \
    }
#define NO_CALL(path, why_err, why)                                                                                    \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_CALL, .about = OIDC path, .err = (why_err), .answer = (why)                            \
    }
#define REGISTER                                                                                                       \
    CALL("/client/register",                                                                                           \
         "{\"clientName\":\"ssm-proxy-corp\",\"clientType\":\"public\",\"scopes\":[\"sso:account:access\",\"x:y\"]}",  \
         200, "{\"clientId\": \"id\", \"clientSecret\": \"cs-SECRET\", \"clientSecretExpiresAt\": 1798761600}")
#define STORE_CLIENT                                                                                                   \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_STORE, .about = CLIENT_FILE,                                                           \
        .content = "{\"clientId\": \"id\", \"clientSecret\": \"cs-SECRET\", \"expiresAt\": \"2027-01-01T00:00:00Z\", " \
                   "\"scopes\": [\"sso:account:access\", \"x:y\"]}"                                                    \
    }
#define AUTHORIZATION(members)                                                                                         \
    "{\"deviceCode\": \"dc-SECRET\", \"userCode\": \"ABCD-EFGH\", \"verificationUri\": \"https://device.sso/\", "      \
    "\"expiresIn\": 600" members "}"
#define AUTHORIZE                                                                                                      \
    CALL("/device_authorization",                                                                                      \
         "{\"clientId\":\"id\",\"clientSecret\":\"cs-SECRET\",\"startUrl\":\"https://corp.awsapps.com/start\"}", 200,  \
         AUTHORIZATION(", \"verificationUriComplete\": \"https://device.sso/?user_code=ABCD-EFGH\", \"interval\": 2"))
#define POLL(code, body)                                                                                               \
    CALL("/token",                                                                                                     \
         "{\"grantType\":\"urn:ietf:params:oauth:grant-type:device_code\",\"clientId\":\"id\",\"clientSecret\":"       \
         "\"cs-SECRET\",\"deviceCode\":\"dc-SECRET\"}",                                                                \
         code, body)
#define PENDING POLL(400, "{\"error\": \"authorization_pending\", \"error_description\": \"wait\"}")
#define TOKEN POLL(200, "{\"accessToken\": \"at-SECRET\", \"expiresIn\": 3600, \"refreshToken\": \"rt-SECRET\"}")
#define STORE_TOKEN                                                                                                    \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_STORE, .about = TOKEN_FILE,                                                            \
        .content =                                                                                                     \
            "{\"startUrl\": \"https://corp.awsapps.com/start\", \"region\": \"eu-west-1\", \"accessToken\": "          \
            "\"at-SECRET\", \"expiresAt\": \"2026-11-21T16:18:47Z\", \"clientId\": \"id\", \"clientSecret\": "         \
            "\"cs-SECRET\", \"registrationExpiresAt\": \"2026-11-21T15:33:47Z\", \"refreshToken\": \"rt-SECRET\"}"     \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_NOTHING                                                                                \
    }

static const char configuration[] =
    "[default]\nsso_session = corp\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n"
    "sso_region = eu-west-1\nsso_registration_scopes = sso:account:access, x:y\n";

struct world {
    struct given_config given;
    struct aws_config *config;
    struct sso_login *login;
    char memory[1024];
    struct text why;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->why = text_in(world->memory, sizeof world->memory);
    world->given = (struct given_config){.environment = {{"HOME", "/home/a"}}, .config = configuration};
    assert_ok(given_config_open(&world->given, &world->config, &world->why));
    assert_ok(sso_login_new(world->config, NULL, &world->login, &world->why));
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    sso_login_free(&world->login);
    aws_config_free(&world->config);
    free(world);
    return 0;
}

static enum err next(void *machine, const struct credential_answer *answer, struct credential_want *ret_want,
                     struct aws_credentials *ret_credentials, struct text *ret_why)
{
    return sso_login_next(machine, answer, ret_want, ret_credentials, ret_why);
}

static enum err play(struct world *world, int64_t later_s, const struct script_step *steps)
{
    return script_play(next, world->login, steps, later_s, NULL, &world->why);
}

#define PLAY(later_s, ...) play(world, later_s, (const struct script_step[]){__VA_ARGS__, END})

static void assert_waits(const struct world *world, int64_t pause_s)
{
    struct sso_login_progress progress = sso_login_progress(world->login);
    assert_false(progress.is_done);
    assert_int_equal(progress.pause_s, pause_s);
}

static void assert_says(const struct world *world, const char *words)
{
    if (strstr(world->memory, words) == NULL) {
        fail_msg("%s", world->memory);
    }
}

/* ---- refused ---- */

static void a_wrong_start_url_is_named(void **state)
{
    struct world *world = *state;
    assert_err(PLAY(0, GOOD_CLIENT,
                    CALL("/device_authorization", NULL, 400,
                         "{\"error\": \"invalid_request\", \"error_description\": \"Invalid start url provided\"}")),
               ERR_CONFIG);
    assert_says(world, "refuses the login: invalid_request: Invalid start url provided; are sso_start_url "
                       "(https://corp.awsapps.com/start) and sso_region (eu-west-1) right?");
}

static void an_unusable_address_is_not_shown(void **state)
{
    struct world *world = *state;
    assert_err(PLAY(0, GOOD_CLIENT,
                    CALL("/device_authorization", NULL, 200,
                         "{\"deviceCode\": \"dc-SECRET\", \"userCode\": \"A\", \"verificationUri\": \"file:///etc\", "
                         "\"expiresIn\": 600}")),
               ERR_MALFORMED);
    assert_string_equal(sso_login_progress(world->login).authorization->verification_uri, "");
}

static void a_registration_that_fails(void **state)
{
    struct world *world = *state;
    assert_err(PLAY(0, READ_CLIENT(NULL), NO_CALL("/client/register", ERR_UNREACHABLE, "nobody answers")),
               ERR_UNREACHABLE);
    assert_says(world, "IAM Identity Center: nobody answers");
}

static void the_person_refuses(void **state)
{
    struct world *world = *state;
    assert_ok(PLAY(0, GOOD_CLIENT, AUTHORIZE, PENDING));
    assert_err(PLAY(2, POLL(400, "{\"error\": \"access_denied\"}")), ERR_DENIED);
    assert_says(world, "refused in the browser");
}

static void nobody_confirms(void **state)
{
    struct world *world = *state;
    assert_ok(PLAY(0, GOOD_CLIENT, AUTHORIZE, PENDING));
    assert_ok(PLAY(599, PENDING));
    assert_err(PLAY(600, END), ERR_TIMEOUT);
    assert_says(world, "nobody has confirmed the code in time");
}

static void the_service_says_that_it_is_over(void **state)
{
    struct world *world = *state;
    assert_ok(PLAY(0, GOOD_CLIENT, AUTHORIZE, PENDING));
    assert_err(PLAY(2, POLL(400, "{\"error\": \"expired_token\"}")), ERR_TIMEOUT);
}

static void nobody_answers_until_it_is_over(void **state)
{
    struct world *world = *state;
    assert_ok(PLAY(0, GOOD_CLIENT, AUTHORIZE, PENDING));
    assert_ok(PLAY(2, NO_CALL("/token", ERR_UNREACHABLE, "no route")));
    assert_err(PLAY(600, END), ERR_UNREACHABLE);
    assert_says(world, "could not be completed before the code expired: no route");
}

static void a_token_that_cannot_be_stored(void **state)
{
    struct world *world = *state;
    assert_err(PLAY(0, GOOD_CLIENT, AUTHORIZE, TOKEN,
                    {.kind = CREDENTIAL_WANT_STORE, .about = TOKEN_FILE, .err = ERR_SYSTEM, .answer = "read only"}),
               ERR_SYSTEM);
    assert_says(world, "its token could not be stored: read only");
}

/* ---- done ---- */

static void registers_shows_polls_and_stores(void **state)
{
    struct world *world = *state;
    assert_ok(PLAY(0, READ_CLIENT(NULL), REGISTER, STORE_CLIENT, AUTHORIZE, PENDING));
    assert_waits(world, 2);
    struct sso_login_progress progress = sso_login_progress(world->login);
    assert_string_equal(progress.start_url, "https://corp.awsapps.com/start");
    assert_string_equal(progress.authorization->user_code, "ABCD-EFGH");
    assert_string_equal(progress.authorization->verification_uri, "https://device.sso/");
    assert_string_equal(progress.authorization->verification_uri_complete, "https://device.sso/?user_code=ABCD-EFGH");
    assert_ok(PLAY(2, PENDING));
    assert_waits(world, 2);
    assert_ok(PLAY(4, TOKEN, {.kind = CREDENTIAL_WANT_STORE, .about = TOKEN_FILE}));
    assert_true(sso_login_progress(world->login).is_done);
}

static void who_is_allowed_already_waits_for_nobody(void **state)
{
    struct world *world = *state;
    assert_ok(PLAY(0, GOOD_CLIENT, AUTHORIZE, TOKEN, STORE_TOKEN));
    assert_true(sso_login_progress(world->login).is_done);
}

static void asks_less_often_when_told(void **state)
{
    struct world *world = *state;
    assert_ok(PLAY(0, GOOD_CLIENT, CALL("/device_authorization", NULL, 200, AUTHORIZATION("")), PENDING));
    assert_waits(world, 5); /* RFC 8628 */
    assert_string_equal(sso_login_progress(world->login).authorization->verification_uri_complete, "");
    assert_ok(PLAY(5, POLL(400, "{\"error\": \"slow_down\"}")));
    assert_waits(world, 10);
    assert_ok(PLAY(15, NO_CALL("/token", ERR_TIMEOUT, "no reply")));
    assert_waits(world, 15);
    assert_ok(PLAY(30, POLL(503, "<html>")));
    assert_waits(world, 20);
    assert_ok(PLAY(50, PENDING));
    assert_waits(world, 20);
}

static void a_client_near_its_end_is_registered_anew(void **state)
{
    struct world *world = *state;
    assert_ok(PLAY(0, READ_CLIENT(CLIENT("2026-11-21T15:33:46Z")), REGISTER,
                   {.kind = CREDENTIAL_WANT_STORE, .about = CLIENT_FILE, .err = ERR_SYSTEM, .answer = "read only"},
                   AUTHORIZE, PENDING));
}

static void a_client_that_is_unknown_is_registered_anew_once(void **state)
{
    struct world *world = *state;
    assert_err(PLAY(0, GOOD_CLIENT, CALL("/device_authorization", NULL, 401, "{\"error\": \"invalid_client\"}"),
                    REGISTER, STORE_CLIENT,
                    CALL("/device_authorization", NULL, 401, "{\"error\": \"invalid_client\"}")),
               ERR_CONFIG);
    assert_says(world, "invalid_client");
}

#define LOGIN_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGIN_TEST(a_wrong_start_url_is_named),
        LOGIN_TEST(an_unusable_address_is_not_shown),
        LOGIN_TEST(a_registration_that_fails),
        LOGIN_TEST(the_person_refuses),
        LOGIN_TEST(nobody_confirms),
        LOGIN_TEST(the_service_says_that_it_is_over),
        LOGIN_TEST(nobody_answers_until_it_is_over),
        LOGIN_TEST(a_token_that_cannot_be_stored),
        LOGIN_TEST(registers_shows_polls_and_stores),
        LOGIN_TEST(who_is_allowed_already_waits_for_nobody),
        LOGIN_TEST(asks_less_often_when_told),
        LOGIN_TEST(a_client_near_its_end_is_registered_anew),
        LOGIN_TEST(a_client_that_is_unknown_is_registered_anew_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
