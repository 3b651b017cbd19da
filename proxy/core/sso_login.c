#include "proxy/core/sso_login.h"

#define SLOW_DOWN_S 5 /* RFC 8628, 3.5 */

/* What the answer of the next step is about. */
enum step {
    STEP_BEGIN,
    STEP_CLIENT_CACHE,
    STEP_CLIENT,
    STEP_CLIENT_STORED,
    STEP_AUTHORIZATION,
    STEP_TOKEN,
    STEP_PAUSE, /* between two polls */
    STEP_TOKEN_STORED,
    STEP_DONE,
};

struct sso_login {
    const struct aws_config *config;
    struct sso_session session;
    enum step step;
    char client_path[LIMIT_PATH + 1];
    char token_path[LIMIT_PATH + 1];
    struct sso_client client;
    bool is_client_cached;
    struct sso_authorization authorization;
    int64_t ends_unix_s; /* of the authorization */
    int64_t interval_s;
    struct aws_request request; /* under way */
    struct secret document;     /* for a file */
    enum err poll_err;          /* why the last poll had no answer; ERR_OK: it had one */
    char poll_memory[512];
    struct text poll_why;
};

/* ---- construction ---- */

enum err sso_login_new(const struct aws_config *config, const char *session_name, struct sso_login **ret_login,
                       struct text *ret_why)
{
    AUTO(sso_login_free) struct sso_login *login = calloc(1, sizeof *login);
    if (login == NULL) {
        return ERR_MEMORY;
    }
    login->config = config;
    login->poll_why = text_in(login->poll_memory, sizeof login->poll_memory);
    TRY(sso_profile_read_session(config, session_name, &login->session, ret_why));
    TRY(sso_token_path(config, &login->session, login->token_path, ret_why));
    TRY(sso_token_client_path(config, &login->session, login->client_path, ret_why));
    *ret_login = MOVE(login);
    return ERR_OK;
}

void sso_login_free(struct sso_login **login)
{
    if (*login != NULL) {
        sso_token_wipe_client(&(*login)->client);
        sso_api_wipe_authorization(&(*login)->authorization);
        aws_request_free(&(*login)->request);
        secret_wipe(&(*login)->document);
        free(*login);
        *login = NULL;
    }
}

struct sso_login_progress sso_login_progress(const struct sso_login *login)
{
    return (struct sso_login_progress){
        .is_done = login->step == STEP_DONE,
        .pause_s = login->interval_s,
        .start_url = login->session.start_url,
        .authorization = &login->authorization,
    };
}

/* ---- what is wanted ---- */

static enum err want_call(struct sso_login *login, enum step step, struct credential_want *ret_want)
{
    login->step = step;
    *ret_want = (struct credential_want){.kind = CREDENTIAL_WANT_CALL, .request = &login->request};
    return ERR_AGAIN;
}

static enum err want_store(struct sso_login *login, enum step step, const char *path, struct credential_want *ret_want)
{
    login->step = step;
    *ret_want = (struct credential_want){
        .kind = CREDENTIAL_WANT_STORE,
        .path = path,
        .text = secret_bytes(&login->document),
    };
    return ERR_AGAIN;
}

static enum err no_answer(const struct credential_answer *answer, struct text *ret_why)
{
    text_format(ret_why, "IAM Identity Center: %s", answer->why);
    return answer->err;
}

static enum err refused(const struct sso_login *login, enum err err, const struct service_failure *failure,
                        struct text *ret_why)
{
    text_put(ret_why, "IAM Identity Center refuses the login: ");
    service_failure_put(failure, ret_why);
    if (err == ERR_CONFIG) {
        text_format(ret_why, "; are sso_start_url (%.200s) and sso_region (%s) right?", login->session.start_url,
                    login->session.region);
    }
    return err;
}

/* ---- the client ---- */

static enum err register_client(struct sso_login *login, struct credential_want *ret_want, struct text *ret_why)
{
    login->is_client_cached = false;
    TRY(sso_api_register_client(login->config, &login->session, &login->request, ret_why));
    return want_call(login, STEP_CLIENT, ret_want);
}

static enum err start_authorization(struct sso_login *login, struct credential_want *ret_want, struct text *ret_why)
{
    TRY(sso_api_start_authorization(login->config, &login->session, &login->client, &login->request, ret_why));
    return want_call(login, STEP_AUTHORIZATION, ret_want);
}

static enum err take_cached_client(struct sso_login *login, const struct credential_answer *answer,
                                   struct credential_want *ret_want, struct text *ret_why)
{
    login->is_client_cached = answer->err == ERR_OK && sso_token_read_client(answer->text, &login->client) == ERR_OK &&
                              login->client.expires_unix_s - answer->unix_seconds >= SSO_TOKEN_RENEW_S;
    return login->is_client_cached ? start_authorization(login, ret_want, ret_why)
                                   : register_client(login, ret_want, ret_why);
}

static enum err take_client(struct sso_login *login, const struct credential_answer *answer,
                            struct credential_want *ret_want, struct text *ret_why)
{
    if (answer->err != ERR_OK) {
        return no_answer(answer, ret_why);
    }
    struct service_failure failure;
    enum err err = sso_api_parse_client(&answer->reply, &login->client, &failure);
    if (err != ERR_OK) {
        return refused(login, err, &failure, ret_why);
    }
    TRY(sso_token_write_client(&login->client, &login->session, &login->document));
    return want_store(login, STEP_CLIENT_STORED, login->client_path, ret_want);
}

/* ---- the authorization ---- */

static enum err ask_for_token(struct sso_login *login, struct credential_want *ret_want, struct text *ret_why)
{
    struct sso_api_grant grant = {.client = &login->client, .device_code = &login->authorization.device_code};
    TRY(sso_api_create_token(login->config, &login->session, &grant, &login->request, ret_why));
    enum err err = want_call(login, STEP_TOKEN, ret_want);
    ret_want->tries = 1; /* the next poll is the next try */
    return err;
}

/* A registration from the cache may have been withdrawn. */
static bool is_client_unknown(const struct service_failure *failure)
{
    return sso_api_is_refusal(failure, "InvalidClientException", "invalid_client") ||
           sso_api_is_refusal(failure, "UnauthorizedClientException", "unauthorized_client");
}

/* The first poll comes before anything is shown: a client may be allowed already. */
static enum err take_authorization(struct sso_login *login, const struct credential_answer *answer,
                                   struct credential_want *ret_want, struct text *ret_why)
{
    if (answer->err != ERR_OK) {
        return no_answer(answer, ret_why);
    }
    struct service_failure failure;
    enum err err = sso_api_parse_authorization(&answer->reply, &login->authorization, &failure);
    if (err != ERR_OK && login->is_client_cached && is_client_unknown(&failure)) {
        return register_client(login, ret_want, ret_why);
    }
    if (err != ERR_OK) {
        return refused(login, err, &failure, ret_why);
    }
    login->ends_unix_s = answer->unix_seconds + login->authorization.expires_in_s;
    login->interval_s = login->authorization.interval_s;
    return ask_for_token(login, ret_want, ret_why);
}

/* ---- the token ---- */

static enum err wait_for_person(struct sso_login *login)
{
    login->step = STEP_PAUSE;
    return ERR_OK;
}

static enum err too_late(const struct sso_login *login, struct text *ret_why)
{
    if (login->poll_err != ERR_OK) {
        text_format(ret_why, "the login could not be completed before the code expired: %s", login->poll_memory);
        return login->poll_err;
    }
    text_put(ret_why, "nobody has confirmed the code in time; log in again");
    return ERR_TIMEOUT;
}

static enum err poll_again(struct sso_login *login, const struct credential_answer *answer,
                           struct credential_want *ret_want, struct text *ret_why)
{
    if (answer->unix_seconds >= login->ends_unix_s) {
        return too_late(login, ret_why);
    }
    return ask_for_token(login, ret_want, ret_why);
}

/* The person is busy with the browser meanwhile. */
static enum err poll_failed(struct sso_login *login, enum err err, const char *why)
{
    login->poll_err = err;
    text_clear(&login->poll_why);
    text_put(&login->poll_why, why);
    login->interval_s += SLOW_DOWN_S;
    return wait_for_person(login);
}

static enum err token_refused(struct sso_login *login, enum err err, const struct service_failure *failure,
                              struct text *ret_why)
{
    login->poll_err = ERR_OK;
    if (sso_api_is_refusal(failure, "AuthorizationPendingException", "authorization_pending")) {
        return wait_for_person(login);
    }
    if (sso_api_is_refusal(failure, "SlowDownException", "slow_down")) {
        login->interval_s += SLOW_DOWN_S;
        return wait_for_person(login);
    }
    if (sso_api_is_refusal(failure, "ExpiredTokenException", "expired_token")) {
        return too_late(login, ret_why);
    }
    if (sso_api_is_refusal(failure, "AccessDeniedException", "access_denied")) {
        text_put(ret_why, "the login was refused in the browser");
        return ERR_DENIED;
    }
    if (err == ERR_SERVICE || err == ERR_THROTTLED || err == ERR_UNREACHABLE) {
        char memory[512];
        struct text words = text_in(memory, sizeof memory);
        service_failure_put(failure, &words);
        return poll_failed(login, err, memory);
    }
    return refused(login, err, failure, ret_why);
}

static enum err take_token(struct sso_login *login, const struct credential_answer *answer,
                           struct credential_want *ret_want, struct text *ret_why)
{
    if (answer->err != ERR_OK) {
        return poll_failed(login, answer->err, answer->why);
    }
    AUTO(sso_token_wipe) struct sso_token token = {.expires_unix_s = 0};
    struct service_failure failure;
    enum err err = sso_api_parse_token(&answer->reply, answer->unix_seconds, &token, &failure);
    if (err != ERR_OK) {
        return token_refused(login, err, &failure, ret_why);
    }
    token.client = login->client;
    login->client = (struct sso_client){.expires_unix_s = 0};
    TRY(sso_token_write(&token, &login->session, &login->document));
    return want_store(login, STEP_TOKEN_STORED, login->token_path, ret_want);
}

static enum err finish(struct sso_login *login, const struct credential_answer *answer, struct text *ret_why)
{
    if (answer->err != ERR_OK) {
        text_format(ret_why, "the login is done, but its token could not be stored: %s", answer->why);
        return answer->err;
    }
    login->step = STEP_DONE;
    return ERR_OK;
}

/* ---- the step ---- */

enum err sso_login_next(struct sso_login *login, const struct credential_answer *answer,
                        struct credential_want *ret_want, struct aws_credentials *ret_credentials, struct text *ret_why)
{
    (void)ret_credentials;
    switch (login->step) {
    case STEP_BEGIN:
        login->step = STEP_CLIENT_CACHE;
        *ret_want = (struct credential_want){.kind = CREDENTIAL_WANT_FILE, .path = login->client_path};
        return ERR_AGAIN;
    case STEP_CLIENT_CACHE:
        return take_cached_client(login, answer, ret_want, ret_why);
    case STEP_CLIENT:
        return take_client(login, answer, ret_want, ret_why);
    case STEP_CLIENT_STORED: /* or not: the next login registers another one */
        return start_authorization(login, ret_want, ret_why);
    case STEP_AUTHORIZATION:
        return take_authorization(login, answer, ret_want, ret_why);
    case STEP_TOKEN:
        return take_token(login, answer, ret_want, ret_why);
    case STEP_PAUSE:
        return poll_again(login, answer, ret_want, ret_why);
    case STEP_TOKEN_STORED:
        return finish(login, answer, ret_why);
    case STEP_DONE:
        break;
    }
    return ERR_OK;
}
