#include "tests/emulator/session_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "tests/emulator/agent_handshake.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/pattern.h"

/* ---- content ---- */

static const char *text_member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value == NULL ? "" : value;
}

static bool is_object_or_absent(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    return member == NULL || json_is_object(member);
}

enum err session_document_judge(const json_t *content, enum agent_session_type *ret_type)
{
    bool is_right = json_is_object(content) && strcmp(text_member(content, "schemaVersion"), "1.0") == 0 &&
                    is_object_or_absent(content, "inputs") && is_object_or_absent(content, "parameters") &&
                    is_object_or_absent(content, "properties");
    return is_right ? agent_handshake_parse_type(text_member(content, "sessionType"), ret_type) : ERR_MALFORMED;
}

/* ---- parameters ---- */

static const json_t *find_parameter(const struct document *document, const char *name)
{
    return json_object_get(json_object_get(document->content, "parameters"), name);
}

static bool is_allowed(const json_t *definition, const char *value)
{
    const json_t *allowed = json_object_get(definition, "allowedValues");
    size_t i = 0;
    const json_t *one = NULL;
    json_array_foreach(allowed, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), value) == 0) {
            return true;
        }
    }
    return allowed == NULL && pattern_fits(json_string_value(json_object_get(definition, "allowedPattern")), value);
}

static enum err check_parameter(const struct document *document, const char *name, const json_t *values,
                                json_t *scalars, struct service_error *error)
{
    const json_t *definition = find_parameter(document, name);
    const char *value = json_string_value(json_array_get(values, 0));
    if (definition == NULL) {
        service_error_set(error, "InvalidParameters", "Parameter \"%s\" is not defined in the document.", name);
        return ERR_MALFORMED;
    }
    if (json_array_size(values) != 1 || value == NULL) {
        service_error_set(error, "InvalidParameters", "Parameter \"%s\" must have exactly one value.", name);
        return ERR_MALFORMED;
    }
    if (!is_allowed(definition, value)) {
        service_error_set(error, "InvalidParameters",
                          "Parameter \"%s\" has value \"%.100s\" not match the regular expression pattern: %s.", name,
                          value, text_member(definition, "allowedPattern"));
        return ERR_MALFORMED;
    }
    return json_object_set_new(scalars, name, json_string(value)) == 0 ? ERR_OK : ERR_MEMORY;
}

enum err session_document_check(const struct document *document, json_t *parameters, json_t **ret_scalars,
                                struct service_error *ret_error)
{
    json_t *scalars = json_object(), *values = NULL, *definition = NULL;
    json_t *definitions = json_object_get(document->content, "parameters");
    const char *name = NULL;
    enum err err = ERR_OK;
    json_object_foreach(parameters, name, values)
    {
        err = err == ERR_OK ? check_parameter(document, name, values, scalars, ret_error) : err;
    }
    json_object_foreach(definitions, name, definition)
    {
        if (err == ERR_OK && json_object_get(definition, "default") == NULL && json_object_get(scalars, name) == NULL) {
            service_error_set(ret_error, "InvalidParameters", "Parameter \"%s\" requires a value.", name);
            err = ERR_MALFORMED;
        }
    }
    if (err != ERR_OK) {
        json_decref(scalars);
        return err;
    }
    *ret_scalars = scalars;
    return ERR_OK;
}

/* ---- placeholders ---- */

struct resolver {
    const struct document *document;
    const json_t *scalars;
};

/* The name in the placeholder that begins at `at`, and what comes after it; NULL when there is none. */
static const char *read_placeholder(const char *at, char ret_name[64])
{
    int len = 0;
    return sscanf(at, "{{ %63[a-zA-Z0-9] }}%n", ret_name, &len) == 1 && len > 0 ? at + len : NULL;
}

/* Borrowed; NULL: the name is not known, and stays as it stands. */
static json_t *value_of(const struct resolver *resolver, const char *name)
{
    json_t *value = json_object_get(resolver->scalars, name);
    return value != NULL ? value : json_object_get(find_parameter(resolver->document, name), "default");
}

static void put_value(struct text *text, const json_t *value)
{
    char *dump = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    text_put(text, json_is_string(value) ? json_string_value(value) : dump == NULL ? "" : dump);
    free(dump);
}

static json_t *resolve_text(const struct resolver *resolver, const char *source)
{
    static char memory[2 * LAB_LIMIT_DOCUMENT_BYTES]; /* one thread */
    struct text text = text_in(memory, sizeof memory);
    for (const char *at = source; *at != '\0';) {
        char name[64];
        const char *end = read_placeholder(at, name);
        json_t *value = end == NULL ? NULL : value_of(resolver, name);
        if (value != NULL && at == source && *end == '\0') {
            return json_deep_copy(value);
        }
        if (value != NULL) {
            put_value(&text, value);
            at = end;
        } else {
            text_put_char(&text, *at++);
        }
    }
    return text_finish(&text) == ERR_OK ? json_string(memory) : NULL;
}

/* In place. ERR_TOO_LONG: a text has become too long. */
static enum err resolve(const struct resolver *resolver, json_t *value)
{
    const char *key = NULL;
    size_t i = 0;
    json_t *member = NULL;
    json_object_foreach(value, key, member)
    {
        json_t *text = json_is_string(member) ? resolve_text(resolver, json_string_value(member)) : json_incref(member);
        if (text == NULL || json_object_set_new(value, key, text) != 0) {
            return ERR_TOO_LONG;
        }
        TRY(resolve(resolver, text));
    }
    json_array_foreach(value, i, member)
    {
        json_t *text = json_is_string(member) ? resolve_text(resolver, json_string_value(member)) : json_incref(member);
        if (text == NULL || json_array_set_new(value, i, text) != 0) {
            return ERR_TOO_LONG;
        }
        TRY(resolve(resolver, text));
    }
    return ERR_OK;
}

json_t *session_document_resolve(const struct document *document, const json_t *scalars, const char *member)
{
    const struct resolver resolver = {document, scalars};
    const json_t *source = json_object_get(document->content, member);
    json_t *copy = source == NULL ? json_object() : json_deep_copy(source);
    if (resolve(&resolver, copy) != ERR_OK) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}
