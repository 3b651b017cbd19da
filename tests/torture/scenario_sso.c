/* IAM Identity Center: a renewal with the role behind it, and a login, in a world that answers whatever is wanted. */
#include "tests/torture/scenario.h"

#include "proxy/core/sso_credentials.h"
#include "proxy/core/sso_login.h"

#include <string.h>

#define NOW INT64_C(1795274327) /* 2026-11-21T15:18:47Z */

static const char configuration[] = "[default]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n"
                                    "[sso-session corp]\nsso_start_url = https://corp/start\nsso_region = eu-west-1\n"
                                    "sso_registration_scopes = a, b\n";

/* Matched against the end of a path, or a part of a URL's. */
static const struct {
    enum credential_want_kind kind;
    const char *about;
    const char *answer;
} world[] = {
    {CREDENTIAL_WANT_FILE, "ee0bfd2552fbd840c02cc48b6e823320543c450f.json", /* the token, which is over */
     "{\"accessToken\": \"t\", \"expiresAt\": \"2026-11-21T15:18:47Z\", \"clientId\": \"i\", \"clientSecret\": \"s\", "
     "\"registrationExpiresAt\": \"2027-01-01T00:00:00Z\", \"refreshToken\": \"r\"}"},
    {CREDENTIAL_WANT_CALL, "/client/register",
     "{\"clientId\": \"i\", \"clientSecret\": \"s\", \"clientSecretExpiresAt\": 1798761600}"},
    {CREDENTIAL_WANT_CALL, "/device_authorization",
     "{\"deviceCode\": \"d\", \"userCode\": \"u\", \"verificationUri\": \"https://d/\", \"expiresIn\": 600}"},
    {CREDENTIAL_WANT_CALL, "/token", "{\"accessToken\": \"new\", \"expiresIn\": 3600, \"refreshToken\": \"r\"}"},
    {CREDENTIAL_WANT_CALL, "/federation/credentials",
     "{\"roleCredentials\": {\"accessKeyId\": \"A\", \"secretAccessKey\": \"s\", \"sessionToken\": \"t\", "
     "\"expiration\": 1795277927000}}"},
};

static bool is_about(const struct credential_want *want, size_t i)
{
    const char *text = want->kind == CREDENTIAL_WANT_CALL ? want->request->url.path : want->path;
    return want->kind == world[i].kind && text != NULL && strstr(text, world[i].about) != NULL;
}

static struct credential_answer answer_to(const struct credential_want *want)
{
    struct credential_answer answer = {
        .kind = want->kind, .unix_seconds = NOW, .why = "", .reply = {.http_status = 200}};
    for (size_t i = 0; i < sizeof world / sizeof world[0]; i++) {
        if (is_about(want, i)) {
            answer.text = answer.reply.body = bytes_of_text(world[i].answer);
        }
    }
    return answer;
}

static const char *look_up(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "HOME") == 0 ? "/home/a" : NULL;
}

static enum err open_config(struct aws_config **ret_config, struct text *why)
{
    struct aws_config_input input = {
        .environment = {look_up, NULL},
        .config = {"config", bytes_of_text(configuration)},
        .credentials = {"credentials", bytes_of(NULL, 0)},
    };
    return aws_config_open(&input, ret_config, why);
}

static enum err renew_and_get_role(void)
{
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aws_config_free) struct aws_config *config = NULL;
    TRY(open_config(&config, &why));
    AUTO(sso_credentials_free) struct sso_credentials *machine = NULL;
    TRY(sso_credentials_new(config, "default", &machine, &why));
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    enum err err = ERR_AGAIN;
    while (err == ERR_AGAIN) {
        struct credential_answer answer = answer_to(&want);
        err = sso_credentials_next(machine, &answer, &want, &credentials, &why);
    }
    TRY(err);
    scenario_demand(strcmp(credentials.access_key_id, "A") == 0 && credentials.expires_unix_s == NOW + 3600,
                    "the role's credentials");
    return ERR_OK;
}

static enum err log_in(void)
{
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aws_config_free) struct aws_config *config = NULL;
    TRY(open_config(&config, &why));
    AUTO(sso_login_free) struct sso_login *login = NULL;
    TRY(sso_login_new(config, NULL, &login, &why));
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    while (!sso_login_progress(login).is_done) {
        struct credential_answer answer = answer_to(&want);
        want.kind = CREDENTIAL_WANT_NOTHING;
        enum err err = sso_login_next(login, &answer, &want, NULL, &why);
        TRY(err == ERR_AGAIN ? ERR_OK : err);
    }
    return ERR_OK;
}

const struct scenario sso_scenarios[] = {
    {"sso role", NULL, renew_and_get_role},
    {"sso login", NULL, log_in},
};
const size_t sso_scenario_count = sizeof sso_scenarios / sizeof sso_scenarios[0];
