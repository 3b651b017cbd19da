/* sso: AWS IAM Identity Center: its OIDC service, which registers clients and gives tokens for devices (RFC 8628), and
 * its portal, which gives the credentials of a role for such a token. Both speak REST with JSON, unsigned, at the API
 * port; their paths tell them from the rest.
 *
 * One instance: its start URL, one account, and two roles (permission sets) that its one user is assigned to. */
#ifndef SSM_LAB_SSO_H
#define SSM_LAB_SSO_H

#include <jansson.h>

#include "tests/emulator/http_exchange.h"
#include "tests/emulator/lab_limits.h"

#define SSO_START_URL "https://lab.awsapps.com/start"
#define SSO_SCOPE "sso:account:access"

/* The real ones are as long: nobody should find out only at AWS that a buffer is too short. */
#define SSO_TOKEN_LEN 1200
#define SSO_SECRET_LEN 900

struct sso_client {
    char id[23], secret[SSO_SECRET_LEN + 1];
    time_t expires_unix_s;
    bool may_refresh; /* registered with SSO_SCOPE */
};

enum sso_decision { SSO_PENDING, SSO_APPROVED, SSO_DENIED, SSO_USED };

struct sso_device {
    char device_code[87], user_code[10], client_id[23];
    time_t expires_unix_s;
    enum sso_decision decision;
};

struct sso_token {
    char access[SSO_TOKEN_LEN + 1], refresh[SSO_TOKEN_LEN + 1]; /* refresh "": cannot be refreshed */
    char client_id[23];
    time_t expires_unix_s;
};

struct sso_settings {
    int64_t access_token_seconds, device_code_seconds, client_seconds, credential_seconds, interval_s;
    int64_t slow_down_next;    /* so many polls are told to slow down */
    bool auto_approve;         /* device codes need nobody's word */
    bool reuse_refresh_tokens; /* a refresh token stays good after it was used */
};

struct sso_counters {
    uint64_t register_client, start_device_authorization, create_token_by_device, create_token_by_refresh;
    uint64_t get_role_credentials, list_accounts, list_account_roles, logout;
};

/* The oldest entry of a full table makes room for the next. */
struct sso {
    struct sso_settings settings;
    struct sso_counters counters;
    struct sso_client clients[LAB_LIMIT_SSO_ENTRIES];
    struct sso_device devices[LAB_LIMIT_SSO_ENTRIES];
    struct sso_token tokens[LAB_LIMIT_SSO_ENTRIES];
    size_t client_count, device_count, token_count; /* ever made */
};

enum err sso_new(struct sso **ret_sso) SSM_MUST_USE;
void sso_free(struct sso *sso);

/* New entries, and those that a request names: NULL when unknown. */
struct sso_client *sso_add_client(struct lab *lab, bool may_refresh);
struct sso_device *sso_add_device(struct lab *lab, const char *client_id);
struct sso_token *sso_add_token(struct lab *lab, const struct sso_client *client);
struct sso_client *sso_find_client(struct sso *sso, const char *id);
struct sso_device *sso_find_device(struct sso *sso, const char *device_code);
struct sso_token *sso_find_access_token(struct sso *sso, const char *access);
struct sso_token *sso_find_refresh_token(struct sso *sso, const char *refresh);

/* The member "sso" of the ready line's "identity". */
json_t *sso_describe(const struct lab *lab);

/* GET (`object` is NULL) and POST of /lab/sso, as identity_control. */
json_t *sso_control(struct lab *lab, json_t *object, int *ret_status);

/* Steals `body`. `error_type` NULL or "XException", which goes into x-amzn-ErrorType with the service's name space. */
void sso_answer(struct http_exchange *exchange, int http_status, const char *error_type, const char *name_space,
                json_t *body);

/* False, and nothing done, when the request is not theirs. */
bool sso_oidc_request(struct http_exchange *exchange);
bool sso_portal_request(struct http_exchange *exchange);

#endif
