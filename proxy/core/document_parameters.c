#include "proxy/core/document_parameters.h"

/* json_object_set_new takes the value in any case, and fails when it is NULL. */
static enum err set_list(json_t *parameters, const char *name, json_t *list)
{
    return json_object_set_new(parameters, name, list) == 0 ? ERR_OK : ERR_MEMORY;
}

static enum err parse_pair(const char *text, json_t **ret_parameters, struct text *ret_why)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        text_put(ret_why, "neither NAME=VALUE nor a JSON object");
        return ERR_USAGE;
    }
    json_error_t error;
    AUTO_JSON json_t *parameters = json_pack_ex(&error, 0, "{s%:[s]}", text, (size_t)(equals - text), equals + 1);
    if (parameters == NULL) {
        text_put(ret_why, "not UTF-8");
        return json_view_error(&error) == ERR_MEMORY ? ERR_MEMORY : ERR_USAGE;
    }
    *ret_parameters = MOVE(parameters);
    return ERR_OK;
}

static bool is_list_of_texts(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!json_is_string(json_array_get(value, i))) {
            return false;
        }
    }
    return json_array_size(value) > 0;
}

static enum err add_value(json_t *parameters, const char *name, json_t *value, struct text *ret_why)
{
    bool is_text = json_is_string(value);
    if (name[0] == '\0' || (!is_text && !is_list_of_texts(value))) {
        text_format(ret_why, "the value of \"%s\" is neither a text nor a list of texts", name);
        return ERR_USAGE;
    }
    json_error_t error;
    return set_list(parameters, name, is_text ? json_pack_ex(&error, 0, "[O]", value) : json_incref(value));
}

static enum err parse_object(const char *text, json_t **ret_parameters, struct text *ret_why)
{
    AUTO_JSON json_t *given = NULL;
    enum err err = json_view_parse_object(bytes_of_text(text), &given);
    if (err != ERR_OK) {
        text_put(ret_why, "not a JSON object");
        return err == ERR_MEMORY ? err : ERR_USAGE;
    }
    AUTO_JSON json_t *parameters = json_object();
    if (parameters == NULL) {
        return ERR_MEMORY;
    }
    const char *name;
    json_t *value;
    json_object_foreach(given, name, value)
    {
        TRY(add_value(parameters, name, value, ret_why));
    }
    *ret_parameters = MOVE(parameters);
    return ERR_OK;
}

enum err document_parameters_parse(const char *text, json_t **ret_parameters, struct text *ret_why)
{
    return text[0] == '{' ? parse_object(text, ret_parameters, ret_why) : parse_pair(text, ret_parameters, ret_why);
}
