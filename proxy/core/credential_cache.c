#include "proxy/core/credential_cache.h"

#include "common/json_view.h"
#include "proxy/core/cache_name.h"
#include "proxy/core/calendar.h"

#define DIRECTORY "/.aws/cli/cache/"
#define MOST_ESCAPED 6     /* \u001f: characters for one byte */
#define ENOUGH_S (15 * 60) /* botocore: DEFAULT_EXPIRY_WINDOW_SECONDS */

/* ---- names ---- */

static enum err put_parameters(enum credential_cache_form form, const struct credential_cache_parameter *parameters,
                               size_t count, struct text *text)
{
    const char *separator = "";
    text_put(text, "{");
    for (size_t i = 0; i < count; i++) {
        if (parameters[i].value == NULL) {
            continue;
        }
        text_put(text, separator);
        TRY(cache_name_put_string(parameters[i].name, text));
        text_put(text, form == CREDENTIAL_CACHE_SPACED ? ": " : ":");
        if (parameters[i].is_number) {
            text_put(text, parameters[i].value);
        } else {
            TRY(cache_name_put_string(parameters[i].value, text));
        }
        separator = form == CREDENTIAL_CACHE_SPACED ? ", " : ",";
    }
    text_put(text, "}");
    return text_finish(text);
}

static enum err make_name(enum credential_cache_form form, const struct credential_cache_parameter *parameters,
                          size_t count, char ret_name[CACHE_NAME_LEN + 1])
{
    size_t size = 3;
    for (size_t i = 0; i < count; i++) {
        const char *value = parameters[i].value;
        size +=
            strlen(parameters[i].name) + (value == NULL ? 0 : MOST_ESCAPED * strlen(value)) + strlen("\"\": \"\", ");
    }
    AUTO_FREE char *memory = malloc(size);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text text = text_in(memory, size);
    TRY(put_parameters(form, parameters, count, &text));
    return cache_name_make(text_bytes(&text), ret_name);
}

enum err credential_cache_path(const struct aws_config *config, enum credential_cache_form form,
                               const struct credential_cache_parameter *parameters, size_t count,
                               char ret_path[LIMIT_PATH + 1])
{
    const char *home = aws_config_variable(config, "HOME");
    if (home == NULL) {
        return ERR_CONFIG;
    }
    char name[CACHE_NAME_LEN + 1];
    TRY(make_name(form, parameters, count, name));
    struct text path = text_in(ret_path, LIMIT_PATH + 1);
    text_put(&path, home);
    text_put(&path, DIRECTORY);
    text_put(&path, name);
    text_put(&path, ".json");
    return text_finish(&path);
}

/* ---- documents ---- */

bool credential_cache_read(struct bytes document, int64_t unix_seconds, struct aws_credentials *ret_credentials)
{
    AUTO_JSON json_t *object = NULL;
    if (json_view_parse_object(document, &object) != ERR_OK) {
        return false;
    }
    const json_t *found = json_object_get(object, "Credentials");
    const char *access_key_id = json_view_text(found, "AccessKeyId");
    const char *secret = json_view_text(found, "SecretAccessKey");
    const char *token = json_view_text(found, "SessionToken");
    const char *expiration = json_view_text(found, "Expiration");
    int64_t expires = 0;
    if (access_key_id == NULL || secret == NULL || token == NULL || expiration == NULL ||
        calendar_parse_timestamp(expiration, &expires) != ERR_OK || expires - unix_seconds < ENOUGH_S ||
        aws_credentials_set(ret_credentials, access_key_id, secret, token) != ERR_OK) {
        return false;
    }
    ret_credentials->expires_unix_s = expires;
    return true;
}

static void put_member(struct text *text, const char *name, struct bytes value)
{
    text_format(text, "\"%s\": ", name);
    json_view_quote(value, text);
}

static void put_document(const struct credential_cache_entry *entry, struct text *text)
{
    char expiration[32];
    struct text expires = text_in(expiration, sizeof expiration);
    calendar_put_rfc3339(entry->credentials->expires_unix_s, &expires);
    text_put(text, "{");
    if (entry->provider_type != NULL) {
        put_member(text, "ProviderType", bytes_of_text(entry->provider_type));
        text_put(text, ", ");
    }
    text_put(text, "\"Credentials\": {");
    put_member(text, "AccessKeyId", bytes_of_text(entry->credentials->access_key_id));
    text_put(text, ", ");
    put_member(text, "SecretAccessKey", secret_bytes(&entry->credentials->secret_access_key));
    text_put(text, ", ");
    put_member(text, "SessionToken", secret_bytes(&entry->credentials->session_token));
    text_put(text, ", ");
    put_member(text, "Expiration", bytes_of_text(expiration));
    text_put(text, "}");
    if (entry->assumed_role_id != NULL && entry->assumed_role_arn != NULL) {
        text_put(text, ", \"AssumedRoleUser\": {");
        put_member(text, "AssumedRoleId", bytes_of_text(entry->assumed_role_id));
        text_put(text, ", ");
        put_member(text, "Arn", bytes_of_text(entry->assumed_role_arn));
        text_put(text, "}");
    }
    text_put(text, "}");
}

/* Names, braces and the time need less than 400. */
static size_t most_that_it_takes(const struct credential_cache_entry *entry)
{
    const struct aws_credentials *credentials = entry->credentials;
    size_t len =
        strlen(credentials->access_key_id) + credentials->secret_access_key.len + credentials->session_token.len;
    const char *others[] = {entry->provider_type, entry->assumed_role_id, entry->assumed_role_arn};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        len += others[i] == NULL ? 0 : strlen(others[i]);
    }
    return MOST_ESCAPED * len + 400;
}

enum err credential_cache_write(const struct credential_cache_entry *entry, struct secret *ret_document)
{
    size_t size = most_that_it_takes(entry);
    char *memory = malloc(size);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text text = text_in(memory, size);
    put_document(entry, &text);
    AUTO_SECRET struct secret document = {memory, text.len};
    TRY(text_finish(&text));
    secret_wipe(ret_document);
    *ret_document = document;
    document = (struct secret){0};
    return ERR_OK;
}
