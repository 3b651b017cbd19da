#include "proxy/core/credential_document.h"

#include "proxy/core/calendar.h"

/* A refusal's words are shown up to here. */
#define REFUSAL_MAX 300

static enum err no_member(const char *member, struct text *ret_why)
{
    text_format(ret_why, "has no %s", member);
    return ERR_NO_CREDENTIALS;
}

/* 0 when it is not there and need not be. */
static enum err read_expiration(const json_t *object, bool is_needed, int64_t *ret_unix_seconds, struct text *ret_why)
{
    const json_t *expiration = json_object_get(object, "Expiration");
    *ret_unix_seconds = 0;
    if (expiration == NULL || json_is_null(expiration)) {
        return is_needed ? no_member("Expiration", ret_why) : ERR_OK;
    }
    const char *text = json_string_value(expiration);
    if (text == NULL || calendar_parse_timestamp(text, ret_unix_seconds) != ERR_OK) {
        text_put(ret_why, "has an Expiration that is no time");
        return ERR_NO_CREDENTIALS;
    }
    if (*ret_unix_seconds <= 0) {
        *ret_unix_seconds = 1; /* as good as 1970's beginning, which would mean never */
    }
    return ERR_OK;
}

enum err credential_document_parse(struct bytes document, json_t **ret_object, struct text *ret_why)
{
    enum err err = json_view_parse_object(document, ret_object);
    if (err == ERR_MALFORMED || err == ERR_TOO_LONG) {
        text_put(ret_why, "is no JSON object");
        return ERR_NO_CREDENTIALS;
    }
    return err;
}

enum err credential_document_read(const json_t *object, const struct credential_document_form *form,
                                  struct aws_credentials *ret_credentials, struct text *ret_why)
{
    const char *access_key_id = json_view_text(object, "AccessKeyId");
    const char *secret_access_key = json_view_text(object, "SecretAccessKey");
    const char *session_token = json_view_text(object, form->token_member);
    const json_t *token = json_object_get(object, form->token_member);
    if (!text_is_given(access_key_id)) {
        return no_member("AccessKeyId", ret_why);
    }
    if (!text_is_given(secret_access_key)) {
        return no_member("SecretAccessKey", ret_why);
    }
    if (session_token == NULL && (form->needs_all || (token != NULL && !json_is_null(token)))) {
        return no_member(form->token_member, ret_why);
    }
    int64_t expires_unix_s;
    TRY(read_expiration(object, form->needs_all, &expires_unix_s, ret_why));
    enum err err = aws_credentials_set(ret_credentials, access_key_id, secret_access_key, session_token);
    if (err == ERR_MALFORMED || err == ERR_TOO_LONG) {
        text_format(ret_why, "has a key or a token that %s",
                    err == ERR_TOO_LONG ? "is too long" : "has blanks, control or non-ASCII characters");
        return ERR_NO_CREDENTIALS;
    }
    TRY(err);
    ret_credentials->source = form->source;
    ret_credentials->expires_unix_s = expires_unix_s;
    return ERR_OK;
}

enum err credential_document_check_age(const struct aws_credentials *credentials, int64_t unix_seconds,
                                       struct text *ret_why)
{
    if (credentials->expires_unix_s == 0 || credentials->expires_unix_s > unix_seconds) {
        return ERR_OK;
    }
    text_put(ret_why, "has expired at ");
    calendar_put_rfc3339(credentials->expires_unix_s, ret_why);
    return ERR_CREDENTIALS;
}

static void put_for_display(const char *from, struct text *text)
{
    char shown[REFUSAL_MAX + 1];
    text_copy_for_display(from, shown, sizeof shown);
    text_put(text, shown);
}

void credential_document_put_refusal(struct bytes document, struct text *text)
{
    AUTO_JSON json_t *object = NULL;
    if (json_view_parse_object(document, &object) != ERR_OK) {
        return;
    }
    const char *code = json_view_text(object, "Code");
    const char *message = json_view_text(object, "Message");
    code = code != NULL ? code : json_view_text(object, "code");
    message = message != NULL ? message : json_view_text(object, "message");
    if (code != NULL) {
        put_for_display(code, text);
    }
    if (message != NULL) {
        text_put(text, code != NULL ? ": " : "");
        put_for_display(message, text);
    }
}
