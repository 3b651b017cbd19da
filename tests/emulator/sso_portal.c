/* The portal of IAM Identity Center: GetRoleCredentials, ListAccounts, ListAccountRoles, Logout. */
#include <string.h>

#include "tests/emulator/call_fault.h"
#include "tests/emulator/identity.h"
#include "tests/emulator/role.h"
#include "tests/emulator/sso.h"

#define NAME_SPACE "com.amazonaws.switchboard.portal"

/* Permission sets, and the roles that Identity Center makes of them in the account. */
static const struct {
    const char *name, *role;
} assignments[] = {
    {"LabAccess", "AWSReservedSSO_LabAccess_0123456789abcdef"},
    {"LabReadOnly", "AWSReservedSSO_LabReadOnly_0123456789abcdef"},
};

#define ASSIGNMENT_COUNT (sizeof assignments / sizeof assignments[0])

static void fail(struct http_exchange *exchange, int http_status, const char *type, const char *message)
{
    sso_answer(exchange, http_status, type, NAME_SPACE, json_pack("{s:s}", "message", message));
}

static struct sso_token *check_token(struct http_exchange *exchange)
{
    const char *access = http_request_header(exchange->request, "x-amz-sso_bearer_token");
    struct sso_token *token = access == NULL ? NULL : sso_find_access_token(exchange->lab->identity->sso, access);
    if (token == NULL || lab_time(exchange->lab) >= token->expires_unix_s) {
        fail(exchange, 401, "UnauthorizedException", "Session token not found or invalid");
        return NULL;
    }
    return token;
}

static const struct role *assigned_role(const char *account, const char *name)
{
    for (size_t i = 0; i < ASSIGNMENT_COUNT; i++) {
        if (strcmp(account, LAB_ACCOUNT) == 0 && strcmp(name, assignments[i].name) == 0) {
            return role_find(assignments[i].role);
        }
    }
    return NULL;
}

static void get_role_credentials(struct http_exchange *exchange, struct sso *sso)
{
    struct lab *lab = exchange->lab;
    const char *account = http_request_query(exchange->request, "account_id");
    const char *name = http_request_query(exchange->request, "role_name");
    const struct credential *credential = NULL;
    sso->counters.get_role_credentials++;
    if (check_token(exchange) == NULL) {
        return;
    }
    if (account == NULL || name == NULL) {
        fail(exchange, 400, "InvalidRequestException", "Both account_id and role_name are required");
        return;
    }
    const struct role *role = assigned_role(account, name);
    if (role == NULL) {
        fail(exchange, 403, "ForbiddenException", "No access");
        return;
    }
    time_t expires = lab_time(lab) + (time_t)sso->settings.credential_seconds;
    if (role_issue(lab->credentials, role, "lab-user", expires, &credential) != ERR_OK) {
        fail(exchange, 500, "InternalServerException", "An internal error occurred.");
        return;
    }
    sso_answer(exchange, 200, NULL, NAME_SPACE,
               json_pack("{s:{s:s,s:s,s:s,s:I}}", "roleCredentials", "accessKeyId", credential->access_key_id,
                         "secretAccessKey", credential->secret_access_key, "sessionToken", credential->session_token,
                         "expiration", (json_int_t)expires * 1000));
}

static void list_accounts(struct http_exchange *exchange, struct sso *sso)
{
    sso->counters.list_accounts++;
    if (check_token(exchange) != NULL) {
        sso_answer(exchange, 200, NULL, NAME_SPACE,
                   json_pack("{s:[{s:s,s:s,s:s}],s:n}", "accountList", "accountId", LAB_ACCOUNT, "accountName", "lab",
                             "emailAddress", "lab@example.com", "nextToken"));
    }
}

static void list_account_roles(struct http_exchange *exchange, struct sso *sso)
{
    const char *account = http_request_query(exchange->request, "account_id");
    sso->counters.list_account_roles++;
    if (check_token(exchange) == NULL) {
        return;
    }
    if (account == NULL || strcmp(account, LAB_ACCOUNT) != 0) {
        fail(exchange, 403, "ForbiddenException", "No access");
        return;
    }
    json_t *roles = json_array();
    for (size_t i = 0; i < ASSIGNMENT_COUNT; i++) {
        json_array_append_new(roles, json_pack("{s:s,s:s}", "accountId", account, "roleName", assignments[i].name));
    }
    sso_answer(exchange, 200, NULL, NAME_SPACE, json_pack("{s:n,s:o}", "nextToken", "roleList", roles));
}

static void logout(struct http_exchange *exchange, struct sso *sso)
{
    sso->counters.logout++;
    struct sso_token *token = check_token(exchange);
    if (token != NULL) {
        *token = (struct sso_token){0};
        http_exchange_reply(exchange, 200, "application/json", "");
    }
}

static const struct {
    const char *method, *path, *action;
    void (*run)(struct http_exchange *exchange, struct sso *sso);
} operations[] = {
    {"GET", "/federation/credentials", "sso:GetRoleCredentials", get_role_credentials},
    {"GET", "/assignment/accounts", "sso:ListAccounts", list_accounts},
    {"GET", "/assignment/roles", "sso:ListAccountRoles", list_account_roles},
    {"POST", "/logout", "sso:Logout", logout},
};

static void run(struct http_exchange *exchange, size_t operation)
{
    struct service_error error = {0};
    if (call_fault_strikes(exchange, operations[operation].action, NULL, &error)) {
        fail(exchange, error.http_status, error.type, error.message);
    } else {
        operations[operation].run(exchange, exchange->lab->identity->sso);
    }
}

bool sso_portal_request(struct http_exchange *exchange)
{
    const struct http_request *request = exchange->request;
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (strcmp(request->path, operations[i].path) == 0 && strcmp(request->method, operations[i].method) == 0) {
            run(exchange, i);
            return true;
        }
    }
    return false;
}
