#include "tests/emulator/sso.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/emulator/identity.h"
#include "tests/emulator/settings.h"

static const struct sso_settings defaults = {.access_token_seconds = 8 * 3600,
                                             .device_code_seconds = 600,
                                             .client_seconds = 90 * 24 * 3600,
                                             .credential_seconds = 3600,
                                             .interval_s = 1};

enum err sso_new(struct sso **ret_sso)
{
    struct sso *sso = calloc(1, sizeof *sso);
    if (sso == NULL) {
        return ERR_MEMORY;
    }
    sso->settings = defaults;
    *ret_sso = sso;
    return ERR_OK;
}

void sso_free(struct sso *sso)
{
    free(sso);
}

/* ---- entries ---- */

struct sso_client *sso_add_client(struct lab *lab, bool may_refresh)
{
    struct sso *sso = lab->identity->sso;
    struct sso_client *client = &sso->clients[sso->client_count++ % LAB_LIMIT_SSO_ENTRIES];
    *client = (struct sso_client){.expires_unix_s = lab_time(lab) + (time_t)sso->settings.client_seconds,
                                  .may_refresh = may_refresh};
    credential_store_random_text(&lab->chance, sizeof client->id - 1, client->id);
    credential_store_random_text(&lab->chance, SSO_SECRET_LEN, client->secret);
    return client;
}

struct sso_device *sso_add_device(struct lab *lab, const char *client_id)
{
    struct sso *sso = lab->identity->sso;
    struct sso_device *device = &sso->devices[sso->device_count++ % LAB_LIMIT_SSO_ENTRIES];
    *device = (struct sso_device){.expires_unix_s = lab_time(lab) + (time_t)sso->settings.device_code_seconds,
                                  .decision = sso->settings.auto_approve ? SSO_APPROVED : SSO_PENDING};
    snprintf(device->client_id, sizeof device->client_id, "%s", client_id);
    credential_store_random_text(&lab->chance, sizeof device->device_code - 1, device->device_code);
    for (size_t i = 0; i < 9; i++) {
        device->user_code[i] = i == 4 ? '-' : "BCDFGHJKLMNPQRSTVWXZ"[chance_below(&lab->chance, 20)];
    }
    return device;
}

static void make_token(struct lab *lab, const char *prefix, char ret_token[SSO_TOKEN_LEN + 1])
{
    strcpy(ret_token, prefix);
    credential_store_random_text(&lab->chance, SSO_TOKEN_LEN - strlen(prefix), ret_token + strlen(prefix));
}

struct sso_token *sso_add_token(struct lab *lab, const struct sso_client *client)
{
    struct sso *sso = lab->identity->sso;
    struct sso_token *token = &sso->tokens[sso->token_count++ % LAB_LIMIT_SSO_ENTRIES];
    *token = (struct sso_token){.expires_unix_s = lab_time(lab) + (time_t)sso->settings.access_token_seconds};
    snprintf(token->client_id, sizeof token->client_id, "%s", client->id);
    make_token(lab, "aoaAAAAA", token->access);
    if (client->may_refresh) {
        make_token(lab, "aorAAAAA", token->refresh);
    }
    return token;
}

/* Entries that were never made have empty texts, which nothing is compared with. */
struct sso_client *sso_find_client(struct sso *sso, const char *id)
{
    for (size_t i = 0; i < LAB_LIMIT_SSO_ENTRIES && id[0] != '\0'; i++) {
        if (strcmp(sso->clients[i].id, id) == 0) {
            return &sso->clients[i];
        }
    }
    return NULL;
}

struct sso_device *sso_find_device(struct sso *sso, const char *device_code)
{
    for (size_t i = 0; i < LAB_LIMIT_SSO_ENTRIES && device_code[0] != '\0'; i++) {
        if (strcmp(sso->devices[i].device_code, device_code) == 0) {
            return &sso->devices[i];
        }
    }
    return NULL;
}

struct sso_token *sso_find_access_token(struct sso *sso, const char *access)
{
    for (size_t i = 0; i < LAB_LIMIT_SSO_ENTRIES && access[0] != '\0'; i++) {
        if (strcmp(sso->tokens[i].access, access) == 0) {
            return &sso->tokens[i];
        }
    }
    return NULL;
}

struct sso_token *sso_find_refresh_token(struct sso *sso, const char *refresh)
{
    for (size_t i = 0; i < LAB_LIMIT_SSO_ENTRIES && refresh[0] != '\0'; i++) {
        if (strcmp(sso->tokens[i].refresh, refresh) == 0) {
            return &sso->tokens[i];
        }
    }
    return NULL;
}

/* ---- answers ---- */

void sso_answer(struct http_exchange *exchange, int http_status, const char *error_type, const char *name_space,
                json_t *body)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (error_type != NULL) {
        exchange->lab->counters.api_errors++;
        snprintf(exchange->error_type, sizeof exchange->error_type, "%s:http://internal.amazon.com/coral/%s/",
                 error_type, name_space);
        log_debug("%s: %s", name_space, error_type);
    }
    http_exchange_reply(exchange, text == NULL ? 500 : http_status, "application/json", text == NULL ? "{}" : text);
    free(text);
}

json_t *sso_describe(const struct lab *lab)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "start_url", SSO_START_URL, "region", lab->options.region,
                     "registration_scopes", SSO_SCOPE, "account_id", LAB_ACCOUNT, "role_name", "LabAccess",
                     "denied_role_name", "LabReadOnly");
}

/* ---- control ---- */

#define NUMBER(name)                                                                                                   \
    {                                                                                                                  \
#name, SETTING_NUMBER, offsetof(struct sso_settings, name)                                                     \
    }
#define BOOLEAN(name)                                                                                                  \
    {                                                                                                                  \
#name, SETTING_BOOLEAN, offsetof(struct sso_settings, name)                                                    \
    }
static const struct setting members[] = {
    NUMBER(access_token_seconds),
    NUMBER(device_code_seconds),
    NUMBER(client_seconds),
    NUMBER(credential_seconds),
    NUMBER(interval_s),
    NUMBER(slow_down_next),
    BOOLEAN(auto_approve),
    BOOLEAN(reuse_refresh_tokens),
    {"reset", ACTION_BOOLEAN, 0},
    {"approve", ACTION_TEXT, 0},
    {"deny", ACTION_TEXT, 0},
    {"expire_access_tokens", ACTION_BOOLEAN, 0},
    {"revoke_refresh_tokens", ACTION_BOOLEAN, 0},
    {"expire_clients", ACTION_BOOLEAN, 0},
    {"expire_device_codes", ACTION_BOOLEAN, 0},
    {"issue_token", ACTION_OBJECT, 0},
};

static void decide(struct sso *sso, const char *user_code, enum sso_decision decision)
{
    for (size_t i = 0; i < LAB_LIMIT_SSO_ENTRIES && user_code != NULL; i++) {
        struct sso_device *device = &sso->devices[i];
        bool is_named = strcmp(user_code, "all") == 0 || strcmp(user_code, device->user_code) == 0;
        if (device->user_code[0] != '\0' && device->decision == SSO_PENDING && is_named) {
            device->decision = decision;
        }
    }
}

static void expire(struct sso *sso, const json_t *object)
{
    bool access = json_is_true(json_object_get(object, "expire_access_tokens"));
    bool refresh = json_is_true(json_object_get(object, "revoke_refresh_tokens"));
    bool clients = json_is_true(json_object_get(object, "expire_clients"));
    bool devices = json_is_true(json_object_get(object, "expire_device_codes"));
    for (size_t i = 0; i < LAB_LIMIT_SSO_ENTRIES; i++) {
        sso->tokens[i].expires_unix_s = access ? 0 : sso->tokens[i].expires_unix_s;
        sso->clients[i].expires_unix_s = clients ? 0 : sso->clients[i].expires_unix_s;
        sso->devices[i].expires_unix_s = devices ? 0 : sso->devices[i].expires_unix_s;
        if (refresh) {
            sso->tokens[i].refresh[0] = '\0';
        }
    }
}

static void set_time(json_t *object, const char *name, time_t time)
{
    char text[LAB_TIME_TEXT_SIZE];
    lab_time_text(time, text);
    json_object_set_new(object, name, json_string(text));
}

/* A token as the AWS CLI keeps it in its cache, without anybody having to log in. */
static json_t *issue_token(struct lab *lab, const json_t *wanted)
{
    const json_t *seconds = json_object_get(wanted, "expires_in_s");
    struct sso_client *client = sso_add_client(lab, !json_is_true(json_object_get(wanted, "without_refresh")));
    struct sso_token *token = sso_add_token(lab, client);
    if (seconds != NULL) {
        token->expires_unix_s = lab_time(lab) + (time_t)json_integer_value(seconds);
    }
    json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:s}", "startUrl", SSO_START_URL, "region", lab->options.region,
                               "accessToken", token->access, "clientId", client->id, "clientSecret", client->secret);
    set_time(object, "expiresAt", token->expires_unix_s);
    set_time(object, "registrationExpiresAt", client->expires_unix_s);
    if (token->refresh[0] != '\0') {
        json_object_set_new(object, "refreshToken", json_string(token->refresh));
    }
    return object;
}

static json_t *describe_counters(const struct sso_counters *counters)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "register_client", (json_int_t)counters->register_client,
                     "start_device_authorization", (json_int_t)counters->start_device_authorization,
                     "create_token_by_device", (json_int_t)counters->create_token_by_device, "create_token_by_refresh",
                     (json_int_t)counters->create_token_by_refresh, "get_role_credentials",
                     (json_int_t)counters->get_role_credentials, "list_accounts", (json_int_t)counters->list_accounts,
                     "list_account_roles", (json_int_t)counters->list_account_roles, "logout",
                     (json_int_t)counters->logout);
}

static json_t *show(const struct sso *sso)
{
    json_t *waiting = json_array();
    for (size_t i = 0; i < LAB_LIMIT_SSO_ENTRIES; i++) {
        if (sso->devices[i].user_code[0] != '\0' && sso->devices[i].decision == SSO_PENDING) {
            json_array_append_new(waiting, json_string(sso->devices[i].user_code));
        }
    }
    return json_pack("{s:o,s:o}", "pending_user_codes", waiting, "counters", describe_counters(&sso->counters));
}

json_t *sso_control(struct lab *lab, json_t *object, int *ret_status)
{
    struct sso *sso = lab->identity->sso;
    const struct settings settings = {members, sizeof members / sizeof members[0], "member"};
    const json_t *wanted = json_object_get(object, "issue_token");
    char memory[200];
    struct text problem = text_in(memory, sizeof memory);
    *ret_status = 200;
    if (json_is_true(json_object_get(object, "reset"))) {
        sso->settings = defaults;
    }
    if (object != NULL && settings_apply(&settings, &sso->settings, object, &problem) != ERR_OK) {
        *ret_status = 400;
        return json_pack("{s:s}", "error", memory);
    }
    decide(sso, json_string_value(json_object_get(object, "approve")), SSO_APPROVED);
    decide(sso, json_string_value(json_object_get(object, "deny")), SSO_DENIED);
    expire(sso, object);
    json_t *answer = show(sso);
    if (wanted != NULL) {
        json_object_set_new(answer, "token", issue_token(lab, wanted));
    }
    return answer;
}
