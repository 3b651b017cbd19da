#include "proxy/core/sso_api.h"

#include "proxy/core/aws_service.h"
#include "proxy/core/percent_encoding.h"

#define CLIENT_NAME "ssm-proxy" /* what the person reads when asked to allow access */
#define GRANT_DEVICE_CODE "urn:ietf:params:oauth:grant-type:device_code"
#define GRANT_REFRESH_TOKEN "refresh_token"
#define DEFAULT_INTERVAL_S 5                          /* RFC 8628, 3.2 */
#define LONGEST_INTERVAL_S 300                        /* nobody waits longer for what they have confirmed */
#define LONGEST_LIFE_S (INT64_C(3650) * 24 * 60 * 60) /* of a token; AWS's longest is 90 days. More cannot be meant */

/* ---- requests ---- */

/* `request` begins anew; its path is that of the endpoint and `path`. */
static enum err begin(const struct aws_config *config, enum aws_service service, const char *region, const char *path,
                      struct aws_request *request, struct text *ret_why)
{
    aws_request_free(request);
    TRY(aws_service_endpoint(config, service, region, &request->url, ret_why));
    size_t len = strlen(request->url.path);
    len -= len > 0 && request->url.path[len - 1] == '/';
    struct text rest = text_in(request->url.path + len, sizeof request->url.path - len);
    text_put(&rest, path);
    TRY(text_finish(&rest));
    struct text copy = text_in(request->region, sizeof request->region);
    text_put(&copy, region);
    return text_finish(&copy);
}

/* Borrows `body`; when it is NULL, `error` says why. */
static enum err post(const struct aws_config *config, const struct sso_session *session, const char *path,
                     const json_t *body, struct aws_request *ret_request, struct text *ret_why)
{
    TRY(begin(config, AWS_SERVICE_SSO_OIDC, session->region, path, ret_request, ret_why));
    ret_request->method = "POST";
    char *text = json_dumps(body, JSON_COMPACT);
    if (text == NULL) {
        return ERR_MEMORY;
    }
    enum err err = aws_request_set_body(ret_request, "application/json", bytes_of_text(text));
    explicit_bzero(text, strlen(text));
    free(text);
    return err;
}

enum err sso_api_register_client(const struct aws_config *config, const struct sso_session *session,
                                 struct aws_request *ret_request, struct text *ret_why)
{
    AUTO_JSON json_t *scopes = NULL;
    TRY(sso_profile_scopes(session, &scopes));
    json_error_t error;
    AUTO_JSON json_t *body =
        json_pack_ex(&error, 0, "{s:s++, s:s, s:O*}", "clientName", CLIENT_NAME, session->name != NULL ? "-" : "",
                     session->name != NULL ? session->name : "", "clientType", "public", "scopes",
                     json_array_size(scopes) > 0 ? scopes : NULL);
    TRY(body == NULL ? json_view_error(&error) : ERR_OK);
    return post(config, session, "/client/register", body, ret_request, ret_why);
}

enum err sso_api_start_authorization(const struct aws_config *config, const struct sso_session *session,
                                     const struct sso_client *client, struct aws_request *ret_request,
                                     struct text *ret_why)
{
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(&error, 0, "{s:s, s:s, s:s}", "clientId", client->id.reveal, "clientSecret",
                                          client->secret.reveal, "startUrl", session->start_url);
    TRY(body == NULL ? json_view_error(&error) : ERR_OK);
    return post(config, session, "/device_authorization", body, ret_request, ret_why);
}

enum err sso_api_create_token(const struct aws_config *config, const struct sso_session *session,
                              const struct sso_api_grant *grant, struct aws_request *ret_request, struct text *ret_why)
{
    bool is_device = grant->device_code != NULL;
    const struct secret *proof = is_device ? grant->device_code : grant->refresh_token;
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(&error, 0, "{s:s, s:s, s:s, s:s}", "grantType",
                                          is_device ? GRANT_DEVICE_CODE : GRANT_REFRESH_TOKEN, "clientId",
                                          grant->client->id.reveal, "clientSecret", grant->client->secret.reveal,
                                          is_device ? "deviceCode" : "refreshToken", proof->reveal);
    TRY(body == NULL ? json_view_error(&error) : ERR_OK);
    return post(config, session, "/token", body, ret_request, ret_why);
}

enum err sso_api_get_role_credentials(const struct aws_config *config, const struct sso_profile *profile,
                                      const struct secret *access_token, struct aws_request *ret_request,
                                      struct text *ret_why)
{
    char memory[LIMIT_STREAM_URL + 1];
    struct text path = text_in(memory, sizeof memory);
    text_put(&path, "/federation/credentials?role_name=");
    percent_encoding_put(profile->role_name, &path);
    text_put(&path, "&account_id=");
    percent_encoding_put(profile->account_id, &path);
    TRY(text_finish(&path));
    TRY(begin(config, AWS_SERVICE_SSO, profile->session.region, memory, ret_request, ret_why));
    ret_request->method = "GET";
    return aws_request_add_header(ret_request, "x-amz-sso_bearer_token", access_token->reveal);
}

/* ---- replies ---- */

bool sso_api_is_refusal(const struct service_failure *failure, const char *exception, const char *oauth_error)
{
    return strcmp(failure->type, exception) == 0 || strcmp(failure->type, oauth_error) == 0;
}

static enum err take_seconds(const json_t *object, const char *member, int64_t max, int64_t *ret_seconds)
{
    const json_t *value = json_object_get(object, member);
    int64_t seconds = json_integer_value(value);
    if (!json_is_integer(value) || seconds <= 0 || seconds > max) {
        return ERR_MALFORMED;
    }
    *ret_seconds = seconds;
    return ERR_OK;
}

static enum err read_client(const json_t *object, struct sso_client *client)
{
    TRY(json_view_secret(object, "clientId", &client->id));
    TRY(json_view_secret(object, "clientSecret", &client->secret));
    return take_seconds(object, "clientSecretExpiresAt", INT64_C(253402300799), &client->expires_unix_s);
}

enum err sso_api_parse_client(const struct aws_reply *reply, struct sso_client *ret_client,
                              struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    sso_token_wipe_client(ret_client);
    TRY(service_failure_read_object(reply, &object, ret_failure));
    enum err err = read_client(object, ret_client);
    if (err != ERR_OK) {
        sso_token_wipe_client(ret_client);
        return service_failure_say(reply, err, "the reply has an unusable clientId, clientSecret or their expiry",
                                   ret_failure);
    }
    return ERR_OK;
}

void sso_api_wipe_authorization(struct sso_authorization *authorization)
{
    secret_wipe(&authorization->device_code);
    *authorization = (struct sso_authorization){.user_code = ""};
}

static enum err take_shown(const json_t *object, const char *member, char *ret_text, size_t size)
{
    const char *value = json_view_text(object, member);
    if (value == NULL || strlen(value) >= size) {
        return ERR_MALFORMED;
    }
    for (const char *at = value; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') {
            return ERR_MALFORMED;
        }
    }
    memcpy(ret_text, value, strlen(value) + 1);
    return ERR_OK;
}

/* A browser may be given it: neither a file nor a script nor an option. */
static enum err take_uri(const json_t *object, const char *member, char ret_uri[SSO_API_URI_MAX + 1])
{
    TRY(take_shown(object, member, ret_uri, SSO_API_URI_MAX + 1));
    bool is_web = strncmp(ret_uri, "https://", 8) == 0 || strncmp(ret_uri, "http://", 7) == 0;
    return is_web ? ERR_OK : ERR_MALFORMED;
}

static enum err read_authorization(const json_t *object, struct sso_authorization *authorization)
{
    TRY(json_view_secret(object, "deviceCode", &authorization->device_code));
    TRY(take_shown(object, "userCode", authorization->user_code, sizeof authorization->user_code));
    TRY(take_uri(object, "verificationUri", authorization->verification_uri));
    if (json_object_get(object, "verificationUriComplete") != NULL) {
        TRY(take_uri(object, "verificationUriComplete", authorization->verification_uri_complete));
    }
    TRY(take_seconds(object, "expiresIn", LONGEST_LIFE_S, &authorization->expires_in_s));
    authorization->interval_s = DEFAULT_INTERVAL_S;
    bool has_interval = json_object_get(object, "interval") != NULL;
    return has_interval ? take_seconds(object, "interval", LONGEST_INTERVAL_S, &authorization->interval_s) : ERR_OK;
}

enum err sso_api_parse_authorization(const struct aws_reply *reply, struct sso_authorization *ret_authorization,
                                     struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    sso_api_wipe_authorization(ret_authorization);
    TRY(service_failure_read_object(reply, &object, ret_failure));
    enum err err = read_authorization(object, ret_authorization);
    if (err != ERR_OK) {
        sso_api_wipe_authorization(ret_authorization);
        return service_failure_say(reply, err, "the reply has an unusable code, address or expiry", ret_failure);
    }
    return ERR_OK;
}

static enum err read_token(const json_t *object, int64_t unix_seconds, struct sso_token *token)
{
    int64_t expires_in_s = 0;
    TRY(json_view_secret(object, "accessToken", &token->access_token));
    TRY(take_seconds(object, "expiresIn", LONGEST_LIFE_S, &expires_in_s));
    token->expires_unix_s = unix_seconds + expires_in_s;
    bool has_refresh_token = text_is_given(json_view_text(object, "refreshToken"));
    return has_refresh_token ? json_view_secret(object, "refreshToken", &token->refresh_token) : ERR_OK;
}

enum err sso_api_parse_token(const struct aws_reply *reply, int64_t unix_seconds, struct sso_token *ret_token,
                             struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    sso_token_wipe(ret_token);
    TRY(service_failure_read_object(reply, &object, ret_failure));
    enum err err = read_token(object, unix_seconds, ret_token);
    if (err != ERR_OK) {
        sso_token_wipe(ret_token);
        return service_failure_say(reply, err, "the reply has an unusable token or expiry", ret_failure);
    }
    return ERR_OK;
}

static enum err read_role_credentials(const json_t *object, struct aws_credentials *credentials)
{
    const json_t *role = json_object_get(object, "roleCredentials");
    const char *access_key_id = json_view_text(role, "accessKeyId");
    const char *secret = json_view_text(role, "secretAccessKey");
    const char *session_token = json_view_text(role, "sessionToken");
    int64_t expires_ms = 0;
    if (!text_is_given(access_key_id) || !text_is_given(secret) || !text_is_given(session_token)) {
        return ERR_MALFORMED;
    }
    TRY(take_seconds(role, "expiration", INT64_C(253402300799) * 1000, &expires_ms));
    TRY(aws_credentials_set(credentials, access_key_id, secret, session_token));
    credentials->source = AWS_CREDENTIALS_SSO;
    credentials->expires_unix_s = expires_ms / 1000;
    return ERR_OK;
}

enum err sso_api_parse_role_credentials(const struct aws_reply *reply, struct aws_credentials *ret_credentials,
                                        struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(service_failure_read_object(reply, &object, ret_failure));
    enum err err = read_role_credentials(object, ret_credentials);
    if (err != ERR_OK) {
        aws_credentials_wipe(ret_credentials);
        return service_failure_say(reply, err, "the reply has unusable credentials", ret_failure);
    }
    return ERR_OK;
}
