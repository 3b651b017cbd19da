#include "proxy/core/sso_credentials.h"

#include "proxy/core/credential_cache.h"
#include "proxy/core/sso_api.h"

/* A renewal that could wait must not cost the connection's time: the token goes on for some minutes. */
#define EARLY_RENEWAL_US (3 * 1000 * 1000)

/* Between the answers of the token service to two processes, and for the one that was given a token to store it. */
#define OTHERS_RENEWAL_US (500 * 1000)

/* What the answer of the next step is about. */
enum step {
    STEP_BEGIN,
    STEP_ROLE_CACHE,
    STEP_TOKEN,
    STEP_RENEWAL,
    STEP_TOKEN_STORED,
    STEP_TOKEN_AGAIN, /* as another process may have left it meanwhile */
    STEP_ROLE,
    STEP_ROLE_STORED,
};

struct sso_credentials {
    const struct aws_config *config;
    struct sso_profile profile;
    enum step step;
    char role_path[LIMIT_PATH + 1]; /* "": there is no cache of roles */
    char token_path[LIMIT_PATH + 1];
    struct sso_token token;
    struct aws_request request;         /* under way */
    struct secret document;             /* to be stored */
    struct aws_credentials credentials; /* of the role */
    enum err renewal_err;               /* why the token was not renewed */
    bool is_renewal_refused;            /* the service has judged, and will judge so again */
    char renewal_memory[512];
    struct text renewal_why;
};

/* ---- construction ---- */

static enum err find_role_path(struct sso_credentials *machine)
{
    const struct sso_profile *profile = &machine->profile;
    bool has_name = text_is_given(profile->session.name);
    const struct credential_cache_parameter parameters[] = {
        {.name = "accountId", .value = profile->account_id},
        {.name = "roleName", .value = profile->role_name},
        {.name = "sessionName", .value = has_name ? profile->session.name : NULL},
        {.name = "startUrl", .value = has_name ? NULL : profile->session.start_url},
    };
    enum err err = credential_cache_path(machine->config, CREDENTIAL_CACHE_MINIFIED, parameters, 4, machine->role_path);
    if (err != ERR_OK && err != ERR_MEMORY) {
        machine->role_path[0] = '\0';
        return ERR_OK;
    }
    return err;
}

enum err sso_credentials_new(const struct aws_config *config, const char *profile,
                             struct sso_credentials **ret_credentials, struct text *ret_why)
{
    AUTO(sso_credentials_free) struct sso_credentials *machine = calloc(1, sizeof *machine);
    if (machine == NULL) {
        return ERR_MEMORY;
    }
    machine->config = config;
    machine->renewal_why = text_in(machine->renewal_memory, sizeof machine->renewal_memory);
    TRY(sso_profile_read(config, profile, &machine->profile, ret_why));
    TRY(sso_token_path(config, &machine->profile.session, machine->token_path, ret_why));
    TRY(find_role_path(machine));
    *ret_credentials = MOVE(machine);
    return ERR_OK;
}

void sso_credentials_free(struct sso_credentials **machine)
{
    if (*machine != NULL) {
        sso_token_wipe(&(*machine)->token);
        aws_request_free(&(*machine)->request);
        secret_wipe(&(*machine)->document);
        aws_credentials_wipe(&(*machine)->credentials);
        free(*machine);
        *machine = NULL;
    }
}

/* ---- what is wanted ---- */

static enum err want_file(struct sso_credentials *machine, enum step step, const char *path,
                          struct credential_want *ret_want)
{
    machine->step = step;
    *ret_want = (struct credential_want){.kind = CREDENTIAL_WANT_FILE, .path = path};
    return ERR_AGAIN;
}

static enum err want_store(struct sso_credentials *machine, enum step step, const char *path,
                           struct credential_want *ret_want)
{
    machine->step = step;
    *ret_want =
        (struct credential_want){.kind = CREDENTIAL_WANT_STORE, .path = path, .text = secret_bytes(&machine->document)};
    return ERR_AGAIN;
}

static enum err want_call(struct sso_credentials *machine, enum step step, struct credential_want *ret_want)
{
    machine->step = step;
    *ret_want = (struct credential_want){.kind = CREDENTIAL_WANT_CALL, .request = &machine->request};
    return ERR_AGAIN;
}

/* ---- failures in words ---- */

static enum err put_login(const struct sso_credentials *machine, struct text *ret_why)
{
    text_put(ret_why, "; run: ");
    sso_profile_put_login(machine->profile.name, ret_why);
    return ERR_CREDENTIALS;
}

static enum err session_is(const struct sso_credentials *machine, const char *what, struct text *ret_why)
{
    text_format(ret_why, "the IAM Identity Center session of profile \"%s\" %s", machine->profile.name, what);
    return put_login(machine, ret_why);
}

/* A status without an error type is not the portal's: something between us has answered. */
static enum err role_refused(const struct sso_credentials *machine, enum err err, const struct service_failure *failure,
                             struct text *ret_why)
{
    const struct sso_profile *profile = &machine->profile;
    int status = failure->type[0] != '\0' ? failure->http_status : 0;
    if (status == 401) {
        return session_is(machine, "has expired or is not valid", ret_why);
    }
    text_format(ret_why, "IAM Identity Center gives no credentials of role %s in account %s: ", profile->role_name,
                profile->account_id);
    service_failure_put(failure, ret_why);
    if (status == 403 || status == 404) {
        text_format(ret_why,
                    "; is the role assigned to you there? See sso_role_name and sso_account_id of profile \"%s\"",
                    profile->name);
        return ERR_DENIED;
    }
    return err;
}

/* ---- the role ---- */

static enum err ask_for_role(struct sso_credentials *machine, struct credential_want *ret_want, struct text *ret_why)
{
    TRY(sso_api_get_role_credentials(machine->config, &machine->profile, &machine->token.access_token,
                                     &machine->request, ret_why));
    return want_call(machine, STEP_ROLE, ret_want);
}

static enum err finish(struct sso_credentials *machine, struct aws_credentials *ret_credentials)
{
    aws_credentials_move(&machine->credentials, ret_credentials);
    return ERR_OK;
}

static enum err take_role(struct sso_credentials *machine, const struct credential_answer *answer,
                          struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                          struct text *ret_why)
{
    if (answer->err != ERR_OK) {
        text_format(ret_why, "the portal of IAM Identity Center: %s", answer->why);
        return answer->err;
    }
    struct service_failure failure;
    enum err err = sso_api_parse_role_credentials(&answer->reply, &machine->credentials, &failure);
    if (err != ERR_OK) {
        return role_refused(machine, err, &failure, ret_why);
    }
    struct credential_cache_entry entry = {.credentials = &machine->credentials, .provider_type = "sso"};
    if (machine->role_path[0] == '\0' || credential_cache_write(&entry, &machine->document) != ERR_OK) {
        return finish(machine, ret_credentials);
    }
    return want_store(machine, STEP_ROLE_STORED, machine->role_path, ret_want);
}

/* ---- the token ---- */

static bool is_good(const struct sso_token *token, int64_t unix_seconds)
{
    return secret_is_set(&token->access_token) && token->expires_unix_s > unix_seconds;
}

/* Without hurry only when nothing else is left. */
static enum err renew(struct sso_credentials *machine, bool is_still_good, struct credential_want *ret_want,
                      struct text *ret_why)
{
    struct sso_api_grant grant = {.client = &machine->token.client, .refresh_token = &machine->token.refresh_token};
    TRY(sso_api_create_token(machine->config, &machine->profile.session, &grant, &machine->request, ret_why));
    enum err err = want_call(machine, STEP_RENEWAL, ret_want);
    if (is_still_good) {
        ret_want->timeout_us = EARLY_RENEWAL_US;
        ret_want->tries = 1;
    }
    return err;
}

static enum err take_token(struct sso_credentials *machine, const struct credential_answer *answer,
                           struct credential_want *ret_want, struct text *ret_why)
{
    if (answer->err != ERR_OK) {
        text_put(ret_why, answer->why);
        return answer->err;
    }
    if (answer->text.data == NULL) {
        text_format(ret_why, "nobody is logged in to IAM Identity Center for profile \"%s\"", machine->profile.name);
        return put_login(machine, ret_why);
    }
    enum err err = sso_token_read(answer->text, &machine->token);
    if (err == ERR_MALFORMED) {
        return session_is(machine, "cannot be read", ret_why);
    }
    TRY(err);
    int64_t now = answer->unix_seconds;
    bool can_renew = machine->profile.session.name != NULL && sso_token_can_renew(&machine->token, now);
    if (machine->token.expires_unix_s - now < SSO_TOKEN_RENEW_S && can_renew) {
        return renew(machine, is_good(&machine->token, now), ret_want, ret_why);
    }
    if (!is_good(&machine->token, now)) {
        return session_is(machine, "has expired", ret_why);
    }
    return ask_for_role(machine, ret_want, ret_why);
}

/* ERR_OK: machine->token is the new one. */
static enum err read_renewal(struct sso_credentials *machine, const struct credential_answer *answer)
{
    struct text *why = &machine->renewal_why;
    if (answer->err != ERR_OK) {
        text_put(why, answer->why);
        return answer->err;
    }
    AUTO(sso_token_wipe) struct sso_token token = {.expires_unix_s = 0};
    struct service_failure failure;
    enum err err = sso_api_parse_token(&answer->reply, answer->unix_seconds, &token, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, why);
        machine->is_renewal_refused =
            failure.type[0] != '\0' && (err == ERR_CONFIG || err == ERR_CREDENTIALS || err == ERR_DENIED);
        return err;
    }
    token.client = machine->token.client;
    machine->token.client = (struct sso_client){.expires_unix_s = 0};
    sso_token_wipe(&machine->token);
    machine->token = token;
    token = (struct sso_token){.expires_unix_s = 0};
    return ERR_OK;
}

/* Several processes renew at once when many connections begin together. The service may take the refresh token from one
 * of them only, and that one's token then lies in the file. */
static enum err take_renewal(struct sso_credentials *machine, const struct credential_answer *answer,
                             struct credential_want *ret_want, struct text *ret_why)
{
    machine->renewal_err = read_renewal(machine, answer);
    if (machine->renewal_err == ERR_OK) {
        if (sso_token_write(&machine->token, &machine->profile.session, &machine->document) != ERR_OK) {
            return ask_for_role(machine, ret_want, ret_why);
        }
        return want_store(machine, STEP_TOKEN_STORED, machine->token_path, ret_want);
    }
    if (is_good(&machine->token, answer->unix_seconds)) {
        return ask_for_role(machine, ret_want, ret_why);
    }
    enum err err = want_file(machine, STEP_TOKEN_AGAIN, machine->token_path, ret_want);
    ret_want->pause_us = OTHERS_RENEWAL_US;
    return err;
}

static enum err take_token_again(struct sso_credentials *machine, const struct credential_answer *answer,
                                 struct credential_want *ret_want, struct text *ret_why)
{
    if (answer->err == ERR_OK && sso_token_read(answer->text, &machine->token) == ERR_OK &&
        is_good(&machine->token, answer->unix_seconds)) {
        return ask_for_role(machine, ret_want, ret_why);
    }
    if (machine->is_renewal_refused) {
        return session_is(machine, "has expired", ret_why);
    }
    text_format(ret_why, "the IAM Identity Center session of profile \"%s\" could not be renewed: %s",
                machine->profile.name, machine->renewal_memory);
    return machine->renewal_err;
}

/* ---- the step ---- */

static enum err begin(struct sso_credentials *machine, struct credential_want *ret_want)
{
    if (machine->role_path[0] == '\0') {
        return want_file(machine, STEP_TOKEN, machine->token_path, ret_want);
    }
    return want_file(machine, STEP_ROLE_CACHE, machine->role_path, ret_want);
}

static enum err take_cached_role(struct sso_credentials *machine, const struct credential_answer *answer,
                                 struct credential_want *ret_want, struct aws_credentials *ret_credentials)
{
    if (answer->err == ERR_OK && answer->text.data != NULL &&
        credential_cache_read(answer->text, answer->unix_seconds, &machine->credentials)) {
        machine->credentials.source = AWS_CREDENTIALS_SSO;
        return finish(machine, ret_credentials);
    }
    return want_file(machine, STEP_TOKEN, machine->token_path, ret_want);
}

enum err sso_credentials_next(struct sso_credentials *machine, const struct credential_answer *answer,
                              struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                              struct text *ret_why)
{
    switch (machine->step) {
    case STEP_BEGIN:
        return begin(machine, ret_want);
    case STEP_ROLE_CACHE:
        return take_cached_role(machine, answer, ret_want, ret_credentials);
    case STEP_TOKEN:
        return take_token(machine, answer, ret_want, ret_why);
    case STEP_RENEWAL:
        return take_renewal(machine, answer, ret_want, ret_why);
    case STEP_TOKEN_STORED: /* or not: the token is good for this time, either way */
        return ask_for_role(machine, ret_want, ret_why);
    case STEP_TOKEN_AGAIN:
        return take_token_again(machine, answer, ret_want, ret_why);
    case STEP_ROLE:
        return take_role(machine, answer, ret_want, ret_credentials, ret_why);
    case STEP_ROLE_STORED:
        break;
    }
    return finish(machine, ret_credentials);
}
