#include "common/json_view.h"

#include "common/limits.h"

void json_view_drop(json_t **json)
{
    json_decref(*json);
}

enum err json_view_error(const json_error_t *error)
{
    return json_error_code(error) == json_error_out_of_memory ? ERR_MEMORY : ERR_MALFORMED;
}

enum err json_view_parse_object(struct bytes document, json_t **ret_object)
{
    if (document.len > LIMIT_API_REPLY) {
        return ERR_TOO_LONG;
    }
    json_error_t error;
    json_t *root = json_loadb((const char *)document.data, document.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return json_view_error(&error);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return ERR_MALFORMED;
    }
    *ret_object = root;
    return ERR_OK;
}

const char *json_view_text(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

enum err json_view_secret(const json_t *object, const char *member, struct secret *ret_secret)
{
    const char *value = json_view_text(object, member);
    if (!text_is_given(value)) {
        return ERR_MALFORMED;
    }
    for (const char *at = value; *at != '\0'; at++) {
        if (text_is_control(*at)) {
            return ERR_MALFORMED;
        }
    }
    return secret_set(ret_secret, bytes_of_text(value));
}

void json_view_quote(struct bytes raw, struct text *text)
{
    text_put_char(text, '"');
    for (size_t i = 0; i < raw.len; i++) {
        char c = (char)raw.data[i];
        if (c == '"' || c == '\\') {
            text_put_char(text, '\\');
            text_put_char(text, c);
        } else if (raw.data[i] < 0x20) {
            text_format(text, "\\u%04x", raw.data[i]);
        } else {
            text_put_char(text, c);
        }
    }
    text_put_char(text, '"');
}
