#include "proxy/core/sso_token.h"

#include "proxy/core/cache_name.h"
#include "proxy/core/calendar.h"

#define DIRECTORY "/.aws/sso/cache/"
#define MOST_PARAMETERS (16 * 1024) /* a start URL, a name and scopes, escaped */

/* ---- tokens and clients ---- */

void sso_token_wipe_client(struct sso_client *client)
{
    secret_wipe(&client->id);
    secret_wipe(&client->secret);
    client->expires_unix_s = 0;
}

void sso_token_wipe(struct sso_token *token)
{
    secret_wipe(&token->access_token);
    secret_wipe(&token->refresh_token);
    sso_token_wipe_client(&token->client);
    token->expires_unix_s = 0;
}

bool sso_token_can_renew(const struct sso_token *token, int64_t unix_seconds)
{
    const struct sso_client *client = &token->client;
    return secret_is_set(&token->refresh_token) && secret_is_set(&client->id) && secret_is_set(&client->secret) &&
           client->expires_unix_s > unix_seconds;
}

/* ---- names ---- */

static enum err make_path(const struct aws_config *config, struct bytes named_after, char ret_path[LIMIT_PATH + 1],
                          struct text *ret_why)
{
    const char *home = aws_config_variable(config, "HOME");
    if (home == NULL) {
        text_put(ret_why, "HOME is not set, and so nobody can tell where ~" DIRECTORY " is");
        return ERR_CONFIG;
    }
    char name[CACHE_NAME_LEN + 1];
    TRY(cache_name_make(named_after, name));
    struct text path = text_in(ret_path, LIMIT_PATH + 1);
    text_put(&path, home);
    text_put(&path, DIRECTORY);
    text_put(&path, name);
    text_put(&path, ".json");
    if (path.overflowed) {
        text_put(ret_why, "the path in HOME is too long");
        return ERR_CONFIG;
    }
    return ERR_OK;
}

enum err sso_token_path(const struct aws_config *config, const struct sso_session *session,
                        char ret_path[LIMIT_PATH + 1], struct text *ret_why)
{
    const char *named_after = session->name != NULL ? session->name : session->start_url;
    return make_path(config, bytes_of_text(named_after), ret_path, ret_why);
}

static enum err put_string_or_null(const char *string, struct text *text)
{
    if (string == NULL) {
        text_put(text, "null");
        return ERR_OK;
    }
    return cache_name_put_string(string, text);
}

static enum err put_scopes(const json_t *scopes, struct text *text)
{
    if (scopes == NULL) {
        text_put(text, "null");
        return ERR_OK;
    }
    text_put_char(text, '[');
    for (size_t i = 0; i < json_array_size(scopes); i++) {
        text_put(text, i > 0 ? ", " : "");
        TRY(cache_name_put_string(json_string_value(json_array_get(scopes, i)), text));
    }
    text_put_char(text, ']');
    return ERR_OK;
}

/* "tool" is botocore for us, too: the file is shared. */
static enum err put_parameters(const struct sso_session *session, struct text *text)
{
    AUTO_JSON json_t *scopes = NULL;
    TRY(sso_profile_scopes(session, &scopes));
    text_put(text, "{\"region\": ");
    TRY(cache_name_put_string(session->region, text));
    text_put(text, ", \"scopes\": ");
    TRY(put_scopes(scopes, text));
    text_put(text, ", \"session_name\": ");
    TRY(put_string_or_null(session->name, text));
    text_put(text, ", \"startUrl\": ");
    TRY(cache_name_put_string(session->start_url, text));
    text_put(text, ", \"tool\": \"botocore\"}");
    return text_finish(text);
}

enum err sso_token_client_path(const struct aws_config *config, const struct sso_session *session,
                               char ret_path[LIMIT_PATH + 1], struct text *ret_why)
{
    char memory[MOST_PARAMETERS];
    struct text parameters = text_in(memory, sizeof memory);
    enum err err = put_parameters(session, &parameters);
    if (err != ERR_OK) {
        text_format(ret_why, "sso_start_url, sso_registration_scopes or the name of the sso-session %s",
                    err == ERR_TOO_LONG ? "is too long" : "cannot be right");
        return err == ERR_MEMORY ? err : ERR_CONFIG;
    }
    return make_path(config, text_bytes(&parameters), ret_path, ret_why);
}

/* ---- reading ---- */

/* One that is not there stays unset. */
static enum err take_secret(const json_t *object, const char *member, struct secret *ret_secret)
{
    if (!text_is_given(json_view_text(object, member))) {
        return ERR_OK;
    }
    enum err err = json_view_secret(object, member, ret_secret);
    return err == ERR_TOO_LONG ? ERR_MALFORMED : err;
}

static int64_t take_time(const json_t *object, const char *member)
{
    const char *value = json_view_text(object, member);
    int64_t unix_seconds = 0;
    return value != NULL && calendar_parse_timestamp(value, &unix_seconds) == ERR_OK ? unix_seconds : 0;
}

static enum err take_client(const json_t *object, const char *expires_member, struct sso_client *client)
{
    TRY(take_secret(object, "clientId", &client->id));
    TRY(take_secret(object, "clientSecret", &client->secret));
    client->expires_unix_s = take_time(object, expires_member);
    return ERR_OK;
}

static enum err take_token(const json_t *object, struct sso_token *token)
{
    TRY(take_secret(object, "accessToken", &token->access_token));
    TRY(take_secret(object, "refreshToken", &token->refresh_token));
    TRY(take_client(object, "registrationExpiresAt", &token->client));
    token->expires_unix_s = take_time(object, "expiresAt");
    return secret_is_set(&token->access_token) && token->expires_unix_s != 0 ? ERR_OK : ERR_MALFORMED;
}

static enum err parse(struct bytes document, json_t **ret_object)
{
    enum err err = json_view_parse_object(document, ret_object);
    return err == ERR_TOO_LONG ? ERR_MALFORMED : err;
}

enum err sso_token_read(struct bytes document, struct sso_token *ret_token)
{
    AUTO_JSON json_t *object = NULL;
    sso_token_wipe(ret_token);
    TRY(parse(document, &object));
    enum err err = take_token(object, ret_token);
    if (err != ERR_OK) {
        sso_token_wipe(ret_token);
    }
    return err;
}

enum err sso_token_read_client(struct bytes document, struct sso_client *ret_client)
{
    AUTO_JSON json_t *object = NULL;
    sso_token_wipe_client(ret_client);
    TRY(parse(document, &object));
    enum err err = take_client(object, "expiresAt", ret_client);
    if (err == ERR_OK && (!secret_is_set(&ret_client->id) || !secret_is_set(&ret_client->secret))) {
        err = ERR_MALFORMED;
    }
    if (err != ERR_OK) {
        sso_token_wipe_client(ret_client);
    }
    return err;
}

/* ---- writing ---- */

static enum err finish(const json_t *object, struct secret *ret_document)
{
    char *text = json_dumps(object, JSON_ENSURE_ASCII);
    if (text == NULL) {
        return ERR_MEMORY;
    }
    secret_wipe(ret_document);
    *ret_document = (struct secret){text, strlen(text)};
    return ERR_OK;
}

/* What a document without this member is to be. */
static const char *reveal_or_null(const struct secret *secret)
{
    return secret_is_set(secret) ? secret->reveal : NULL;
}

struct timestamp {
    char text[32];
};

static struct timestamp timestamp_of(int64_t unix_seconds)
{
    struct timestamp timestamp;
    struct text text = text_in(timestamp.text, sizeof timestamp.text);
    calendar_put_rfc3339(unix_seconds, &text);
    return timestamp;
}

enum err sso_token_write(const struct sso_token *token, const struct sso_session *session, struct secret *ret_document)
{
    struct timestamp expires = timestamp_of(token->expires_unix_s);
    struct timestamp client_expires = timestamp_of(token->client.expires_unix_s);
    json_error_t error;
    AUTO_JSON json_t *object = json_pack_ex(
        &error, 0, "{s:s, s:s, s:s, s:s, s:s*, s:s*, s:s, s:s*}", "startUrl", session->start_url, "region",
        session->region, "accessToken", token->access_token.reveal, "expiresAt", expires.text, "clientId",
        reveal_or_null(&token->client.id), "clientSecret", reveal_or_null(&token->client.secret),
        "registrationExpiresAt", client_expires.text, "refreshToken", reveal_or_null(&token->refresh_token));
    return object == NULL ? json_view_error(&error) : finish(object, ret_document);
}

enum err sso_token_write_client(const struct sso_client *client, const struct sso_session *session,
                                struct secret *ret_document)
{
    struct timestamp expires = timestamp_of(client->expires_unix_s);
    AUTO_JSON json_t *scopes = NULL;
    TRY(sso_profile_scopes(session, &scopes));
    json_t *shown_scopes = json_array_size(scopes) > 0 ? scopes : NULL;
    json_error_t error;
    AUTO_JSON json_t *object =
        json_pack_ex(&error, 0, "{s:s, s:s, s:s, s:O*}", "clientId", client->id.reveal, "clientSecret",
                     client->secret.reveal, "expiresAt", expires.text, "scopes", shown_scopes);
    return object == NULL ? json_view_error(&error) : finish(object, ret_document);
}
