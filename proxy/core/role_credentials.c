#include "proxy/core/role_credentials.h"

#include "proxy/core/aws_settings.h"
#include "proxy/core/credential_cache.h"
#include "proxy/core/sts_api.h"

#define MFA_CODE_LEN 6 /* STS: TokenCode */

/* STS has no endpoint of its own without a region; the AWS CLI then signs for this one. */
#define FALLBACK_REGION "us-east-1"

enum step { STEP_BEGIN, STEP_PROOF, STEP_CALL, STEP_STORE };

struct role_credentials {
    const struct aws_config *config;
    const struct credential_role *role;
    const struct aws_credentials *signer;
    const char *signer_profile;
    enum step step;                  /* what the next answer is for */
    char cache_path[LIMIT_PATH + 1]; /* "": there is no cache */
    char session_name[48];           /* generated, where none is configured */
    char prompt[320];
    struct secret proof; /* the MFA code, or the web identity token */
    struct aws_request request;
    struct sts_api_assumed_role assumed;
    struct secret document; /* to be stored */
};

/* ---- construction ---- */

/* What the AWS CLI names the file after: of a generated session name nothing, of an MFA code neither. */
static enum err find_cache(const struct aws_config *config, const struct credential_role *role,
                           char ret_path[LIMIT_PATH + 1])
{
    char duration[24];
    struct text seconds = text_in(duration, sizeof duration);
    text_format(&seconds, "%lld", (long long)role->duration_seconds);
    const struct credential_cache_parameter parameters[] = {
        {"DurationSeconds", role->duration_seconds == 0 ? NULL : duration, true},
        {"ExternalId", role->external_id, false},
        {"RoleArn", role->role_arn, false},
        {"RoleSessionName", role->role_session_name, false},
        {"SerialNumber", role->mfa_serial, false},
    };
    return credential_cache_path(config, CREDENTIAL_CACHE_SPACED, parameters, sizeof parameters / sizeof parameters[0],
                                 ret_path);
}

enum err role_credentials_new(const struct aws_config *config, const struct credential_role *role,
                              struct role_credentials **ret_role, struct text *ret_why)
{
    AUTO(role_credentials_free) struct role_credentials *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_MEMORY;
    }
    made->config = config;
    made->role = role;
    enum err err = find_cache(config, role, made->cache_path);
    if (err == ERR_MALFORMED) {
        text_format(ret_why, "a setting of the role in profile \"%s\" is not UTF-8", role->profile);
        return ERR_NO_CREDENTIALS;
    }
    if (err == ERR_MEMORY) {
        return err;
    }
    if (err != ERR_OK) {
        made->cache_path[0] = '\0';
    }
    *ret_role = MOVE(made);
    return ERR_OK;
}

void role_credentials_free(struct role_credentials **role)
{
    if (*role != NULL) {
        secret_wipe(&(*role)->proof);
        aws_request_free(&(*role)->request);
        sts_api_assumed_role_wipe(&(*role)->assumed);
        secret_wipe(&(*role)->document);
        free(*role);
        *role = NULL;
    }
}

/* ---- the cache ---- */

static enum aws_credentials_source source_of(const struct role_credentials *role)
{
    return role->role->web_identity_token_file != NULL ? AWS_CREDENTIALS_WEB_IDENTITY : AWS_CREDENTIALS_ASSUME_ROLE;
}

bool role_credentials_look_up(struct role_credentials *role, struct credential_want *ret_want)
{
    if (role->cache_path[0] == '\0') {
        return false;
    }
    *ret_want = (struct credential_want){.kind = CREDENTIAL_WANT_FILE, .path = role->cache_path};
    return true;
}

bool role_credentials_take_cached(struct role_credentials *role, const struct credential_answer *answer,
                                  struct aws_credentials *ret_credentials)
{
    if (answer->err != ERR_OK || !credential_cache_read(answer->text, answer->unix_seconds, ret_credentials)) {
        return false;
    }
    ret_credentials->source = source_of(role);
    return true;
}

/* ---- what proves that we may: an MFA code, a web identity token ---- */

void role_credentials_begin(struct role_credentials *role, const struct aws_credentials *signer,
                            const char *signer_profile)
{
    role->signer = signer;
    role->signer_profile = signer_profile;
}

static struct bytes without_blanks(struct bytes text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]) != NULL) {
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r\n", text.data[0]) != NULL) {
        text = bytes_from(text, 1);
    }
    return text;
}

static enum err take_code(struct role_credentials *role, const struct credential_answer *answer, struct text *ret_why)
{
    if (answer->err != ERR_OK) {
        text_format(ret_why, "no MFA code for %.256s: %s", role->role->mfa_serial, answer->why);
        if (answer->err == ERR_NO_PROMPT) {
            text_put(ret_why, "; run first: aws sts get-caller-identity --profile ");
            text_put_shell_word(ret_why, role->config->profile_name);
            text_put(ret_why, " (without the AWS CLI: ssh to a node, at a terminal)");
        }
        return answer->err;
    }
    struct bytes code = without_blanks(answer->text);
    bool is_code = code.len == MFA_CODE_LEN;
    for (size_t i = 0; i < code.len; i++) {
        is_code = is_code && code.data[i] >= '0' && code.data[i] <= '9';
    }
    if (!is_code) {
        text_format(ret_why, "what was entered is no MFA code for %.256s, which is %d digits", role->role->mfa_serial,
                    MFA_CODE_LEN);
        return ERR_DENIED;
    }
    return secret_set(&role->proof, code);
}

static enum err take_token(struct role_credentials *role, const struct credential_answer *answer, struct text *ret_why)
{
    const char *path = role->role->web_identity_token_file;
    struct bytes token = without_blanks(answer->text);
    enum err err = answer->err;
    if (err != ERR_OK) {
        text_format(ret_why, "the web identity token cannot be read: %s", answer->why);
        return err;
    }
    if (token.len == 0) {
        text_format(ret_why, "%s, the web identity token of profile \"%s\", is %s", path, role->role->profile,
                    answer->text.data == NULL ? "not there" : "empty");
        return ERR_NO_CREDENTIALS;
    }
    err = secret_set(&role->proof, token);
    if (err == ERR_TOO_LONG || err == ERR_MALFORMED) {
        text_format(ret_why, "%s, the web identity token of profile \"%s\", is no token", path, role->role->profile);
        return ERR_NO_CREDENTIALS;
    }
    return err;
}

/* True: there is something to ask for first. */
static bool wants_proof(struct role_credentials *role, struct credential_want *ret_want)
{
    if (role->role->web_identity_token_file != NULL) {
        *ret_want = (struct credential_want){.kind = CREDENTIAL_WANT_FILE, .path = role->role->web_identity_token_file};
        return true;
    }
    if (role->role->mfa_serial != NULL) {
        char serial[sizeof role->prompt - sizeof "MFA code for "];
        struct text prompt = text_in(role->prompt, sizeof role->prompt);
        text_copy_for_display(role->role->mfa_serial, serial, sizeof serial);
        text_format(&prompt, "MFA code for %s", serial);
        *ret_want = (struct credential_want){.kind = CREDENTIAL_WANT_CODE, .prompt = role->prompt};
        return true;
    }
    return false;
}

/* ---- the call ---- */

static const char *session_name(struct role_credentials *role, int64_t unix_seconds)
{
    if (role->role->role_session_name != NULL) {
        return role->role->role_session_name;
    }
    struct text name = text_in(role->session_name, sizeof role->session_name);
    text_format(&name, "ssm-proxy-%lld", (long long)unix_seconds);
    return role->session_name;
}

static enum err make_request(struct role_credentials *role, int64_t unix_seconds, struct text *ret_why)
{
    bool is_web_identity = role->role->web_identity_token_file != NULL;
    char region[LIMIT_REGION + 1] = FALLBACK_REGION;
    if (aws_settings_has_region(role->config)) {
        TRY(aws_settings_region(role->config, region, ret_why));
    }
    struct endpoint_url endpoint;
    TRY(aws_service_endpoint(role->config, AWS_SERVICE_STS, region, &endpoint, ret_why));
    struct sts_api_role request = {
        .role_arn = role->role->role_arn,
        .role_session_name = session_name(role, unix_seconds),
        .external_id = role->role->external_id,
        .serial_number = role->role->mfa_serial,
        .token_code = is_web_identity ? NULL : role->proof.reveal,
        .web_identity_token = is_web_identity ? role->proof.reveal : NULL,
        .duration_seconds = role->role->duration_seconds,
    };
    return sts_api_assume_role(&endpoint, region, &request, &role->request);
}

static enum err want_call(struct role_credentials *role, int64_t unix_seconds, struct credential_want *ret_want,
                          struct text *ret_why)
{
    TRY(make_request(role, unix_seconds, ret_why));
    role->step = STEP_CALL;
    *ret_want =
        (struct credential_want){.kind = CREDENTIAL_WANT_CALL, .request = &role->request, .signer = role->signer};
    return ERR_AGAIN;
}

/* ---- why it failed ---- */

/* STS repeats what it finds wrong; what proves that we may is not for a message. */
static bool repeats_proof(const struct service_failure *failure)
{
    return strstr(failure->message, "webIdentityToken") != NULL || strstr(failure->message, "tokenCode") != NULL;
}

static void put_failure(const struct service_failure *failure, struct text *why)
{
    text_put(why, ": ");
    if (repeats_proof(failure)) {
        text_format(why, "%s about the token", failure->type);
    } else {
        service_failure_put(failure, why);
    }
}

static enum err explain(const struct role_credentials *role, enum err err, const struct service_failure *failure,
                        struct text *ret_why)
{
    const struct credential_role *of = role->role;
    bool is_mfa = strstr(failure->message, "MultiFactorAuthentication") != NULL && of->mfa_serial != NULL;
    if (is_mfa) {
        text_format(ret_why, "the MFA code for %.256s was not taken (each is good once, for 30 s; wait for the next)",
                    of->mfa_serial);
        err = ERR_DENIED;
    } else if (err == ERR_CREDENTIALS && of->web_identity_token_file != NULL) {
        text_format(ret_why, "the web identity token in %s was not taken for %s", of->web_identity_token_file,
                    of->role_arn);
    } else if (err == ERR_CREDENTIALS) {
        text_format(ret_why, "the credentials of profile \"%s\", which assume %s, were not taken", role->signer_profile,
                    of->role_arn);
    } else if (err == ERR_DENIED) {
        text_format(ret_why, "%s of %s (profile \"%s\") is not allowed",
                    of->web_identity_token_file != NULL ? "sts:AssumeRoleWithWebIdentity" : "sts:AssumeRole",
                    of->role_arn, of->profile);
    } else {
        text_format(ret_why, "assuming %s (profile \"%s\") failed", of->role_arn, of->profile);
    }
    put_failure(failure, ret_why);
    return err;
}

/* ---- steps ---- */

static enum err finish(struct role_credentials *role, struct aws_credentials *ret_credentials)
{
    aws_credentials_move(&role->assumed.credentials, ret_credentials);
    ret_credentials->source = source_of(role);
    return ERR_OK;
}

static enum err store(struct role_credentials *role, struct credential_want *ret_want,
                      struct aws_credentials *ret_credentials)
{
    if (role->cache_path[0] == '\0') {
        return finish(role, ret_credentials);
    }
    struct credential_cache_entry entry = {
        .credentials = &role->assumed.credentials,
        .assumed_role_id = role->assumed.id,
        .assumed_role_arn = role->assumed.arn,
    };
    TRY(credential_cache_write(&entry, &role->document));
    role->step = STEP_STORE;
    *ret_want = (struct credential_want){
        .kind = CREDENTIAL_WANT_STORE, .path = role->cache_path, .text = secret_bytes(&role->document)};
    return ERR_AGAIN;
}

static enum err take_reply(struct role_credentials *role, const struct credential_answer *answer, struct text *ret_why)
{
    if (answer->err != ERR_OK) {
        text_format(ret_why, "assuming %s (profile \"%s\") failed: %s", role->role->role_arn, role->role->profile,
                    answer->why);
        return answer->err;
    }
    struct service_failure failure;
    enum err err = sts_api_parse_assumed_role(&answer->reply, &role->assumed, &failure);
    return err == ERR_OK ? ERR_OK : explain(role, err, &failure, ret_why);
}

enum err role_credentials_next(struct role_credentials *role, const struct credential_answer *answer,
                               struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                               struct text *ret_why)
{
    switch (role->step) {
    case STEP_BEGIN:
        if (wants_proof(role, ret_want)) {
            role->step = STEP_PROOF;
            return ERR_AGAIN;
        }
        return want_call(role, answer->unix_seconds, ret_want, ret_why);
    case STEP_PROOF:
        TRY(role->role->web_identity_token_file != NULL ? take_token(role, answer, ret_why)
                                                        : take_code(role, answer, ret_why));
        return want_call(role, answer->unix_seconds, ret_want, ret_why);
    case STEP_CALL:
        TRY(take_reply(role, answer, ret_why));
        return store(role, ret_want, ret_credentials);
    case STEP_STORE:
        break;
    }
    return finish(role, ret_credentials);
}
