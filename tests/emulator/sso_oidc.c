/* The OIDC service of IAM Identity Center: RegisterClient, StartDeviceAuthorization, CreateToken. */
#include <stdio.h>
#include <string.h>

#include "tests/emulator/call_fault.h"
#include "tests/emulator/fault.h"
#include "tests/emulator/identity.h"
#include "tests/emulator/sso.h"

#define NAME_SPACE "com.amazonaws.sso.oidc"
#define DEVICE_GRANT "urn:ietf:params:oauth:grant-type:device_code"

struct oidc_call {
    struct lab *lab;
    struct sso *sso;
    struct http_exchange *exchange;
    const json_t *input;
};

/* Type, the "error" of OAuth that belongs to it, and words. The status is 400 for all but invalid_client. */
static void fail(const struct oidc_call *call, const char *type, const char *error, const char *description)
{
    sso_answer(call->exchange, strcmp(error, "invalid_client") == 0 ? 401 : 400, type, NAME_SPACE,
               json_pack("{s:s,s:s}", "error", error, "error_description", description));
}

static const char *input_text(const struct oidc_call *call, const char *name)
{
    const char *value = json_string_value(json_object_get(call->input, name));
    return value == NULL ? "" : value;
}

/* NULL after having failed. */
static const struct sso_client *check_client(const struct oidc_call *call)
{
    struct sso_client *client = sso_find_client(call->sso, input_text(call, "clientId"));
    if (client == NULL || strcmp(client->secret, input_text(call, "clientSecret")) != 0 ||
        lab_time(call->lab) >= client->expires_unix_s) {
        fail(call, "InvalidClientException", "invalid_client", "Invalid client provided");
        return NULL;
    }
    return client;
}

/* ---- RegisterClient ---- */

static void register_client(const struct oidc_call *call)
{
    const json_t *scopes = json_object_get(call->input, "scopes");
    bool may_refresh = false;
    call->sso->counters.register_client++;
    if (input_text(call, "clientName")[0] == '\0' || input_text(call, "clientType")[0] == '\0') {
        fail(call, "InvalidRequestException", "invalid_request", "clientName and clientType are required");
        return;
    }
    if (strcmp(input_text(call, "clientType"), "public") != 0) {
        fail(call, "InvalidClientMetadataException", "invalid_client_metadata", "Invalid client type");
        return;
    }
    for (size_t i = 0; i < json_array_size(scopes); i++) {
        const char *scope = json_string_value(json_array_get(scopes, i));
        if (scope == NULL || strcmp(scope, SSO_SCOPE) != 0) {
            fail(call, "InvalidScopeException", "invalid_scope", "Invalid scope provided");
            return;
        }
        may_refresh = true;
    }
    const struct sso_client *client = sso_add_client(call->lab, may_refresh);
    sso_answer(call->exchange, 200, NULL, NAME_SPACE,
               json_pack("{s:n,s:s,s:I,s:s,s:I,s:n}", "authorizationEndpoint", "clientId", client->id,
                         "clientIdIssuedAt", (json_int_t)lab_time(call->lab), "clientSecret", client->secret,
                         "clientSecretExpiresAt", (json_int_t)client->expires_unix_s, "tokenEndpoint"));
}

/* ---- StartDeviceAuthorization ---- */

static void start_device_authorization(const struct oidc_call *call)
{
    char page[128], complete[160];
    call->sso->counters.start_device_authorization++;
    const struct sso_client *client = check_client(call);
    if (client == NULL) {
        return;
    }
    if (strcmp(input_text(call, "startUrl"), SSO_START_URL) != 0) {
        fail(call, "InvalidRequestException", "invalid_request", "Invalid start url provided");
        return;
    }
    const struct sso_device *device = sso_add_device(call->lab, client->id);
    snprintf(page, sizeof page, "https://device.sso.%s.amazonaws.com/", call->lab->options.region);
    snprintf(complete, sizeof complete, "%s?user_code=%s", page, device->user_code);
    sso_answer(call->exchange, 200, NULL, NAME_SPACE,
               json_pack("{s:s,s:I,s:I,s:s,s:s,s:s}", "deviceCode", device->device_code, "expiresIn",
                         (json_int_t)call->sso->settings.device_code_seconds, "interval",
                         (json_int_t)call->sso->settings.interval_s, "userCode", device->user_code, "verificationUri",
                         page, "verificationUriComplete", complete));
}

/* ---- CreateToken ---- */

static void give_token(const struct oidc_call *call, const struct sso_client *client)
{
    const struct sso_token *token = sso_add_token(call->lab, client);
    sso_answer(call->exchange, 200, NULL, NAME_SPACE,
               json_pack("{s:s,s:I,s:n,s:s?,s:s}", "accessToken", token->access, "expiresIn",
                         (json_int_t)call->sso->settings.access_token_seconds, "idToken", "refreshToken",
                         token->refresh[0] == '\0' ? NULL : token->refresh, "tokenType", "Bearer"));
}

static void by_device(const struct oidc_call *call, const struct sso_client *client)
{
    struct sso_device *device = sso_find_device(call->sso, input_text(call, "deviceCode"));
    call->sso->counters.create_token_by_device++;
    if (device == NULL || device->decision == SSO_USED || strcmp(device->client_id, client->id) != 0) {
        fail(call, "InvalidGrantException", "invalid_grant", "Invalid device code provided");
    } else if (lab_time(call->lab) >= device->expires_unix_s) {
        fail(call, "ExpiredTokenException", "expired_token", "Device code has expired");
    } else if (fault_take(&call->sso->settings.slow_down_next)) {
        fail(call, "SlowDownException", "slow_down", "Slow down");
    } else if (device->decision == SSO_PENDING) {
        fail(call, "AuthorizationPendingException", "authorization_pending", "Authorization is still pending");
    } else if (device->decision == SSO_DENIED) {
        fail(call, "AccessDeniedException", "access_denied", "Access denied");
    } else {
        device->decision = SSO_USED;
        give_token(call, client);
    }
}

static void by_refresh(const struct oidc_call *call, const struct sso_client *client)
{
    struct sso_token *token = sso_find_refresh_token(call->sso, input_text(call, "refreshToken"));
    call->sso->counters.create_token_by_refresh++;
    if (token == NULL || strcmp(token->client_id, client->id) != 0) {
        fail(call, "InvalidGrantException", "invalid_grant", "Invalid refresh token provided");
        return;
    }
    if (!call->sso->settings.reuse_refresh_tokens) {
        token->refresh[0] = '\0';
    }
    give_token(call, client);
}

static void create_token(const struct oidc_call *call)
{
    const char *grant = input_text(call, "grantType");
    const struct sso_client *client = check_client(call);
    if (client == NULL) {
        return;
    }
    if (strcmp(grant, DEVICE_GRANT) == 0) {
        by_device(call, client);
    } else if (strcmp(grant, "refresh_token") == 0) {
        by_refresh(call, client);
    } else {
        fail(call, "UnsupportedGrantTypeException", "unsupported_grant_type", "Unsupported grant type");
    }
}

/* ---- dispatch ---- */

static const struct {
    const char *path, *action;
    void (*run)(const struct oidc_call *call);
} operations[] = {
    {"/client/register", "sso-oauth:RegisterClient", register_client},
    {"/device_authorization", "sso-oauth:StartDeviceAuthorization", start_device_authorization},
    {"/token", "sso-oauth:CreateToken", create_token},
};

#define OPERATION_COUNT (sizeof operations / sizeof operations[0])

bool sso_oidc_request(struct http_exchange *exchange)
{
    struct lab *lab = exchange->lab;
    size_t i = 0;
    while (i < OPERATION_COUNT && strcmp(operations[i].path, exchange->request->path) != 0) {
        i++;
    }
    if (i == OPERATION_COUNT || strcmp(exchange->request->method, "POST") != 0) {
        return false;
    }
    struct bytes body = byte_queue_bytes(&exchange->request->body);
    json_t *input = body.len == 0 ? NULL : json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    struct oidc_call call = {.lab = lab, .sso = lab->identity->sso, .exchange = exchange, .input = input};
    struct service_error error = {0};
    if (call_fault_strikes(exchange, operations[i].action, NULL, &error)) {
        sso_answer(exchange, error.http_status, error.type, NAME_SPACE,
                   json_pack("{s:s,s:s}", "error", error.message, "error_description", "Refused, as a fault demands"));
    } else if (!json_is_object(input)) {
        fail(&call, "InvalidRequestException", "invalid_request", "The body is not a JSON object");
    } else {
        operations[i].run(&call);
    }
    json_decref(input);
    return true;
}
