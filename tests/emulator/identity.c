#include "tests/emulator/identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/emulator/metadata.h"
#include "tests/emulator/permission.h"
#include "tests/emulator/role.h"
#include "tests/emulator/settings.h"
#include "tests/emulator/sso.h"

#define WEB_TOKEN_SECONDS (24 * 3600) /* as EKS does by default */
/* Of users, in IAM. */
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-"

#define WEB_TOKEN_NAME "web-identity-token"

/* ---- the web identity token ---- */

enum err identity_write_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    bool is_written = write(fd, content, strlen(content)) == (ssize_t)strlen(content);
    return close(fd) == 0 && is_written ? ERR_OK : ERR_SYSTEM;
}

/* `wanted` may have issuer, audience, expires_in_s, or text: then the file holds just that. */
static enum err write_token(struct lab *lab, const json_t *wanted)
{
    struct identity *identity = lab->identity;
    const json_t *seconds = json_object_get(wanted, "expires_in_s");
    const char *text = json_string_value(json_object_get(wanted, "text"));
    struct web_identity_claims claims = {
        .issuer = json_string_value(json_object_get(wanted, "issuer")),
        .audience = json_string_value(json_object_get(wanted, "audience")),
        .issued_unix_s = lab_time(lab),
        .expires_unix_s = lab_time(lab) + (seconds == NULL ? WEB_TOKEN_SECONDS : (time_t)json_integer_value(seconds)),
    };
    char token[WEB_IDENTITY_TOKEN_SIZE];
    if (text == NULL) {
        TRY(web_identity_token(&identity->web, &claims, token));
    }
    return identity_write_file(identity->web_identity_token_file, text == NULL ? token : text);
}

/* ---- life ---- */

static enum err set_up(struct lab *lab, struct identity *identity)
{
    identity->mfa = mfa_device_new(&lab->chance);
    identity->web = web_identity_new(&lab->chance);
    TRY(sso_new(&identity->sso));
    TRY(metadata_new(lab, &identity->metadata));
    int len = snprintf(identity->web_identity_token_file, sizeof identity->web_identity_token_file, "%s/%s",
                       lab->state_dir, WEB_TOKEN_NAME);
    return len < 0 || (size_t)len >= sizeof identity->web_identity_token_file ? ERR_TOO_LONG : write_token(lab, NULL);
}

enum err identity_new(struct lab *lab, struct identity **ret_identity)
{
    struct identity *identity = calloc(1, sizeof *identity);
    if (identity == NULL) {
        return ERR_MEMORY;
    }
    *ret_identity = identity; /* before anything is set up, which goes through the lab */
    return set_up(lab, identity);
}

void identity_free(struct lab *lab, struct identity *identity)
{
    if (identity == NULL) {
        return;
    }
    if (lab->owns_state_dir) {
        unlink(identity->web_identity_token_file);
    }
    metadata_free(lab, identity->metadata);
    sso_free(identity->sso);
    free(identity);
}

json_t *identity_describe(const struct lab *lab)
{
    const struct identity *identity = lab->identity;
    json_t *object = json_pack("{s:s,s:o,s:s,s:s,s:s,s:o}", "account", LAB_ACCOUNT, "roles", role_describe_all(),
                               "mfa_serial", IDENTITY_MFA_SERIAL, "mfa_seed", identity->mfa.seed_base32,
                               "web_identity_token_file", identity->web_identity_token_file, "sso", sso_describe(lab));
    metadata_describe(lab, object);
    return object;
}

/* ---- control ---- */

static json_t *describe_counters(const struct identity_counters *counters)
{
    return json_pack("{s:I,s:I,s:I}", "assume_role", (json_int_t)counters->assume_role, "assume_role_with_web_identity",
                     (json_int_t)counters->assume_role_with_web_identity, "get_caller_identity",
                     (json_int_t)counters->get_caller_identity);
}

static json_t *show(const struct lab *lab)
{
    char code[MFA_DEVICE_CODE_SIZE];
    mfa_device_code(&lab->identity->mfa, lab_time(lab), code);
    return json_pack("{s:s,s:o}", "mfa_code", code, "counters", describe_counters(&lab->identity->counters));
}

static const struct setting members[] = {
    {"expire_issued", ACTION_BOOLEAN, 0},
    {"web_identity_token", ACTION_OBJECT, 0},
    {"issue_key", ACTION_OBJECT, 0},
};

/* {"name":...,"policy":{...}}: the key of a new user. NULL, with the reason. */
static json_t *issue_key(struct lab *lab, const json_t *wanted, struct text *problem)
{
    const char *name = json_string_value(json_object_get(wanted, "name"));
    const json_t *policy = json_object_get(wanted, "policy");
    const struct credential *key = NULL;
    if (name == NULL || name[0] == '\0' || strlen(name) > 64 || strspn(name, NAME_CHARACTERS) != strlen(name)) {
        text_put(problem, "issue_key needs a name of up to 64 letters, digits and +=,.@_-");
        return NULL;
    }
    if (permission_policy_check(policy, problem) != ERR_OK) {
        return NULL;
    }
    if (credential_store_issue_user(lab->credentials, name, policy, &key) != ERR_OK) {
        text_put(problem, "the key could not be made");
        return NULL;
    }
    return json_pack("{s:s,s:s,s:s}", "access_key_id", key->access_key_id, "secret_access_key", key->secret_access_key,
                     "principal", key->principal);
}

json_t *identity_control(struct lab *lab, json_t *object, int *ret_status)
{
    const struct settings settings = {members, sizeof members / sizeof members[0], "member"};
    const json_t *token = json_object_get(object, "web_identity_token");
    char memory[200];
    struct text problem = text_in(memory, sizeof memory);
    enum err err = object == NULL ? ERR_OK : settings_apply(&settings, lab->identity, object, &problem);
    if (err == ERR_OK && json_is_true(json_object_get(object, "expire_issued"))) {
        credential_store_expire_issued(lab->credentials);
    }
    if (err == ERR_OK && token != NULL) {
        err = write_token(lab, token);
        text_put(&problem, err == ERR_OK ? "" : "the web identity token could not be written");
    }
    json_t *key = NULL;
    if (err == ERR_OK && json_object_get(object, "issue_key") != NULL) {
        key = issue_key(lab, json_object_get(object, "issue_key"), &problem);
        err = key == NULL ? ERR_MALFORMED : ERR_OK;
    }
    *ret_status = err == ERR_OK ? 200 : 400;
    if (err != ERR_OK) {
        return json_pack("{s:s}", "error", memory);
    }
    json_t *answer = show(lab);
    if (key != NULL) {
        json_object_set_new(answer, "key", key);
    }
    return answer;
}
