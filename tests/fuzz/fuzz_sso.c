/* IAM Identity Center: its two machines in a world that answers anything. The first byte says which machine; then each
 * line is an answer, a file's or a service's: its first byte says what kind, the rest is the text. Whatever comes, they
 * end, want things that can be done, keep what they store readable, and fail in words that a terminal can show. */
#include "tests/fuzz/fuzz_support.h"

#include "proxy/core/credential_cache.h"
#include "proxy/core/sso_credentials.h"
#include "proxy/core/sso_login.h"

#define NOW INT64_C(1795274327) /* 2026-11-21T15:18:47Z */
#define STEPS_MAX 64            /* a login polls as long as it is told to wait */

static const char configuration[] =
    "[default]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Dev\n"
    "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n";

static const char *look_up(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "HOME") == 0 ? "/home/a" : NULL;
}

static struct aws_config *open_config(struct text *why)
{
    struct aws_config_input input = {
        .environment = {look_up, NULL},
        .config = {"config", bytes_of_text(configuration)},
        .credentials = {"credentials", bytes_of(NULL, 0)},
    };
    struct aws_config *config = NULL;
    MUST(aws_config_open(&input, &config, why) == ERR_OK);
    return config;
}

/* ---- what is wanted ---- */

static void check_call(const struct aws_request *request)
{
    AUTO_JSON json_t *body = NULL;
    MUST(request->signing_name == NULL && request->url.scheme == ENDPOINT_HTTPS);
    MUST((request->body != NULL) == (strcmp(request->method, "POST") == 0));
    MUST(request->body == NULL || json_view_parse_object(bytes_of(request->body, request->body_len), &body) == ERR_OK);
    for (size_t i = 0; i < request->header_count; i++) {
        MUST(strpbrk(request->headers[i].value, "\r\n") == NULL);
    }
}

/* Whatever is stored can be read again: a role, a token or a client. */
static void check_stored(struct bytes text)
{
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    AUTO(sso_token_wipe) struct sso_token token = {.expires_unix_s = 0};
    AUTO(sso_token_wipe_client) struct sso_client client = {.expires_unix_s = 0};
    MUST(credential_cache_read(text, 0, &credentials) || sso_token_read(text, &token) == ERR_OK ||
         sso_token_read_client(text, &client) == ERR_OK);
}

static void check_want(const struct credential_want *want)
{
    if (want->kind == CREDENTIAL_WANT_CALL) {
        check_call(want->request);
        return;
    }
    MUST(want->kind == CREDENTIAL_WANT_FILE || want->kind == CREDENTIAL_WANT_STORE);
    MUST(strncmp(want->path, "/home/a/.aws/", strlen("/home/a/.aws/")) == 0);
    if (want->kind == CREDENTIAL_WANT_STORE) {
        check_stored(want->text);
    }
}

/* ---- what it is answered ---- */

static struct credential_answer take_answer(struct bytes *input, enum credential_want_kind kind)
{
    static const int statuses[] = {200, 400, 401, 403, 404, 429, 500};
    struct bytes line = fuzz_take_until(input, '\n');
    uint8_t how = line.len > 0 ? line.data[0] : 0;
    struct credential_answer answer = {
        .kind = kind, .unix_seconds = NOW, .why = "fuzzed", .reply = {.http_status = statuses[how % 7]}};
    if ((how & 0x40) != 0 && (how & 0x20) == 0) { /* '@', 'A', ... */
        answer.err = how % 2 == 0 ? ERR_UNREACHABLE : ERR_SYSTEM;
        return answer;
    }
    answer.text = answer.reply.body = line.len > 1 ? bytes_from(line, 1) : bytes_of(NULL, 0);
    return answer;
}

static void check_failure(enum err err, const struct text *why)
{
    MUST(err != ERR_OK && err != ERR_AGAIN && err < ERR_COUNT);
    MUST(why->len > 0 || err == ERR_MEMORY || err == ERR_MALFORMED || err == ERR_TOO_LONG);
    for (size_t i = 0; i < why->len; i++) {
        MUST(!text_is_control(why->data[i]));
    }
}

/* ---- the machines ---- */

static void get_role(const struct aws_config *config, struct bytes input, struct text *why)
{
    AUTO(sso_credentials_free) struct sso_credentials *machine = NULL;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.expires_unix_s = 0};
    MUST(sso_credentials_new(config, "default", &machine, why) == ERR_OK);
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    struct credential_answer answer = {.unix_seconds = NOW};
    enum err err = ERR_AGAIN;
    for (int step = 0; err == ERR_AGAIN; step++) {
        MUST(step < STEPS_MAX);
        err = sso_credentials_next(machine, &answer, &want, &credentials, why);
        if (err == ERR_AGAIN) {
            check_want(&want);
            answer = take_answer(&input, want.kind);
        }
    }
    if (err == ERR_OK) {
        MUST(secret_is_set(&credentials.secret_access_key) && credentials.expires_unix_s > 0);
    } else {
        check_failure(err, why);
        MUST(!secret_is_set(&credentials.secret_access_key));
    }
}

static void log_in(const struct aws_config *config, struct bytes input, struct text *why)
{
    AUTO(sso_login_free) struct sso_login *login = NULL;
    MUST(sso_login_new(config, NULL, &login, why) == ERR_OK);
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    struct credential_answer answer = {.unix_seconds = NOW};
    for (int step = 0; step < STEPS_MAX && !sso_login_progress(login).is_done; step++) {
        enum err err = sso_login_next(login, &answer, &want, NULL, why);
        if (err == ERR_AGAIN) {
            check_want(&want);
            answer = take_answer(&input, want.kind);
        } else if (err == ERR_OK) {
            struct sso_login_progress progress = sso_login_progress(login);
            MUST(progress.is_done || (progress.pause_s > 0 && progress.pause_s < 3600));
            MUST(progress.is_done || strncmp(progress.authorization->verification_uri, "http", 4) == 0);
            answer = (struct credential_answer){.unix_seconds = NOW};
        } else {
            check_failure(err, why);
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    char memory[2048];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aws_config_free) struct aws_config *config = open_config(&why);
    struct bytes input = bytes_of(data + 1, size - 1);
    if (data[0] % 2 == 0) {
        get_role(config, input, &why);
    } else {
        log_in(config, input, &why);
    }
    return 0;
}
