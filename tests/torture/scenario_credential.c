/* Where credentials come from: each machine with answers that are always the same. */
#include "tests/torture/scenario.h"

#include "common/auto.h"
#include "proxy/core/container_credentials.h"
#include "proxy/core/credential_chain.h"
#include "proxy/core/imds.h"
#include "proxy/core/process_credentials.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW INT64_C(1709208000) /* 2024-02-29T12:00:00Z */
#define DOCUMENT(token)                                                                                                \
    "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s3cret\",\"" token                                     \
    "\":\"t\",\"Expiration\":\"2024-02-29T13:00:00Z\"}"

static char why_memory[1024];

static struct text why(void)
{
    return text_in(why_memory, sizeof why_memory);
}

static const char *look_up(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") == 0   ? "/role"
           : strcmp(name, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") == 0 ? "/token"
                                                                         : NULL;
}

static enum err open_config(struct aws_config **ret_config)
{
    struct text words = why();
    struct aws_config_input input = {
        .environment = {look_up, NULL},
        .config = {"config", bytes_of(NULL, 0)},
        .credentials = {"credentials", bytes_of(NULL, 0)},
    };
    return aws_config_open(&input, ret_config, &words);
}

/* A machine that is halfway must not have come to an end. */
static enum err halfway(enum err err)
{
    return err == ERR_AGAIN ? ERR_OK : err == ERR_OK ? ERR_SYSTEM : err;
}

static enum err demand_keys(const struct aws_credentials *credentials)
{
    scenario_demand(strcmp(credentials->access_key_id, "A") == 0, "the key");
    scenario_demand(strcmp(credentials->session_token.reveal, "t") == 0, "the token");
    scenario_demand(credentials->expires_unix_s == NOW + 3600, "the end");
    return ERR_OK;
}

static struct credential_answer reply_of(const char *body)
{
    return (struct credential_answer){
        .unix_seconds = NOW,
        .reply = {.http_status = 200, .body = bytes_of_text(body)},
    };
}

static enum err run_process(void)
{
    AUTO(process_credentials_free) struct process_credentials *process = NULL;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    struct text words = why();
    struct credential_answer answer = {.unix_seconds = NOW};
    struct credential_want want;
    TRY(process_credentials_new("tool 'a b'", "default", &process, &words));
    TRY(halfway(process_credentials_next(process, &answer, &want, &credentials, &words)));
    answer.text = bytes_of_text(DOCUMENT("SessionToken"));
    TRY(process_credentials_next(process, &answer, &want, &credentials, &words));
    return demand_keys(&credentials);
}

static enum err ask_container(void)
{
    AUTO(aws_config_free) struct aws_config *config = NULL;
    AUTO(container_credentials_free) struct container_credentials *container = NULL;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    struct text words = why();
    struct credential_answer answer = {.unix_seconds = NOW};
    struct credential_want want;
    TRY(open_config(&config));
    TRY(container_credentials_new(config, &container, &words));
    TRY(halfway(container_credentials_next(container, &answer, &want, &credentials, &words)));
    answer.text = bytes_of_text("a-token");
    TRY(halfway(container_credentials_next(container, &answer, &want, &credentials, &words)));
    answer = reply_of(DOCUMENT("Token"));
    TRY(container_credentials_next(container, &answer, &want, &credentials, &words));
    return demand_keys(&credentials);
}

static enum err ask_instance(void)
{
    AUTO(aws_config_free) struct aws_config *config = NULL;
    AUTO(imds_free) struct imds *imds = NULL;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    struct text words = why();
    struct credential_answer answer = {.unix_seconds = NOW};
    struct credential_want want;
    TRY(open_config(&config));
    TRY(imds_new(config, IMDS_CREDENTIALS, &imds));
    static const char *const bodies[] = {"a-token", "a-role", DOCUMENT("Token")};
    for (size_t i = 0; i < COUNT(bodies); i++) {
        TRY(halfway(imds_next(imds, &answer, &want, &credentials, &words)));
        answer = reply_of(bodies[i]);
    }
    TRY(imds_next(imds, &answer, &want, &credentials, &words));
    return demand_keys(&credentials);
}

/* ---- roles ---- */

static const char chain_of_roles[] = "[default]\nregion = eu-west-1\nrole_arn = outer\nsource_profile = a\n"
                                     "mfa_serial = device\n[profile a]\nrole_arn = inner\nsource_profile = me\n";
static const char reply_of_sts[] =
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s3cret"
    "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2024-02-29T13:00:00Z</Expiration></Credentials>"
    "</AssumeRoleResult></AssumeRoleResponse>";

static const char *look_up_home(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "HOME") == 0 ? "/home/a" : NULL;
}

/* Nothing is cached; STS gives the same to everybody. */
static enum err assume_roles(void)
{
    AUTO(aws_config_free) struct aws_config *config = NULL;
    AUTO(credential_chain_free) struct credential_chain *chain = NULL;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    struct text words = why();
    struct aws_config_input input = {
        .environment = {look_up_home, NULL},
        .config = {"config", bytes_of_text(chain_of_roles)},
        .credentials = {"credentials", bytes_of_text("[me]\naws_access_key_id = M\naws_secret_access_key = s3cret\n")},
    };
    TRY(aws_config_open(&input, &config, &words));
    TRY(credential_chain_new(config, &chain));
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    enum err err = ERR_AGAIN;
    while (err == ERR_AGAIN) {
        struct credential_answer answer = reply_of(reply_of_sts);
        answer.kind = want.kind;
        answer.text = want.kind == CREDENTIAL_WANT_CODE ? bytes_of_text("123456") : bytes_of(NULL, 0);
        err = credential_chain_next(chain, &answer, &want, &credentials, &words);
    }
    TRY(err);
    return demand_keys(&credentials);
}

const struct scenario credential_scenarios[] = {
    {"roles", NULL, assume_roles},
    {"process credentials", NULL, run_process},
    {"container credentials", NULL, ask_container},
    {"instance credentials", NULL, ask_instance},
};
const size_t credential_scenario_count = COUNT(credential_scenarios);
