#include "tests/emulator/command_text.h"

#include <ctype.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 64

static const char *member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value == NULL ? "" : value;
}

/* ---- declarations ---- */

/* Patterns stand for the whole value. NULL: it does not compile. */
static bool compile(const char *pattern, regex_t *ret_expression)
{
    size_t size = strlen(pattern) + 8;
    char *whole = malloc(size);
    if (whole == NULL) {
        return false;
    }
    snprintf(whole, size, "^(%s)$", pattern);
    bool is_compiled = regcomp(ret_expression, whole, REG_EXTENDED | REG_NOSUB) == 0;
    free(whole);
    return is_compiled;
}

static bool is_declaration(const json_t *declaration)
{
    const char *type = member(declaration, "type"), *pattern = member(declaration, "allowedPattern");
    regex_t expression;
    if (strcmp(type, "String") != 0 && strcmp(type, "StringList") != 0) {
        return false;
    }
    if (pattern[0] == '\0') {
        return true;
    }
    bool is_compiled = compile(pattern, &expression);
    if (is_compiled) {
        regfree(&expression);
    }
    return is_compiled;
}

enum err command_text_judge(json_t *declared, struct service_error *ret_error)
{
    const char *name = NULL;
    json_t *declaration = NULL;
    json_object_foreach(declared, name, declaration)
    {
        size_t len = strlen(name);
        if (len == 0 || len > NAME_MAX_LEN || !is_declaration(declaration)) {
            service_error_set(ret_error, "InvalidDocumentContent",
                              "Parameter \"%.100s\" is not declared in a way that the lab knows", name);
            return ERR_MALFORMED;
        }
    }
    return ERR_OK;
}

/* ---- values ---- */

static bool fits_pattern(const json_t *declaration, const char *value)
{
    const char *pattern = member(declaration, "allowedPattern");
    regex_t expression;
    if (pattern[0] == '\0') {
        return true;
    }
    if (!compile(pattern, &expression)) {
        return false;
    }
    bool is_match = regexec(&expression, value, 0, NULL, 0) == 0;
    regfree(&expression);
    return is_match;
}

static bool is_among(const json_t *allowed, const char *value)
{
    bool is_listed = allowed == NULL;
    for (size_t i = 0; i < json_array_size(allowed); i++) {
        const char *one = json_string_value(json_array_get(allowed, i));
        is_listed = is_listed || (one != NULL && strcmp(one, value) == 0);
    }
    return is_listed;
}

static bool is_within(const json_t *declaration, const char *least, const char *most, size_t size)
{
    const json_t *min = json_object_get(declaration, least), *max = json_object_get(declaration, most);
    return (!json_is_integer(min) || size >= (size_t)json_integer_value(min)) &&
           (!json_is_integer(max) || size <= (size_t)json_integer_value(max));
}

static enum err check_value(const char *name, const json_t *declaration, const json_t *item,
                            struct service_error *error)
{
    const char *value = json_string_value(item);
    if (value == NULL || !is_within(declaration, "minChars", "maxChars", strlen(value))) {
        service_error_set(error, "InvalidParameters", "Parameter \"%.100s\" has a value of a wrong length", name);
    } else if (!fits_pattern(declaration, value)) {
        service_error_set(error, "InvalidParameters",
                          "Parameter \"%.100s\" has value \"%.100s\" not match the regular expression pattern: %.200s.",
                          name, value, member(declaration, "allowedPattern"));
    } else if (!is_among(json_object_get(declaration, "allowedValues"), value)) {
        service_error_set(error, "InvalidParameters",
                          "Parameter \"%.100s\" has value \"%.100s\" not in the allowed values.", name, value);
    } else {
        return ERR_OK;
    }
    return ERR_MALFORMED;
}

static enum err check_values(const char *name, const json_t *declaration, const json_t *values,
                             struct service_error *error)
{
    size_t count = json_array_size(values);
    bool is_list = strcmp(member(declaration, "type"), "StringList") == 0;
    if (count == 0 || (count > 1 && !is_list) || !is_within(declaration, "minItems", "maxItems", count)) {
        service_error_set(error, "InvalidParameters", "Parameter \"%.100s\" has the wrong number of values", name);
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(check_value(name, declaration, json_array_get(values, i), error));
    }
    return ERR_OK;
}

enum err command_text_check(json_t *declared, json_t *given, struct service_error *ret_error)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(given, name, value)
    {
        const json_t *declaration = json_object_get(declared, name);
        if (declaration == NULL) {
            service_error_set(ret_error, "InvalidParameters", "Parameter \"%.100s\" is not defined in the document.",
                              name);
            return ERR_MALFORMED;
        }
        TRY(check_values(name, declaration, value, ret_error));
    }
    json_object_foreach(declared, name, value)
    {
        if (json_object_get(value, "default") == NULL && json_object_get(given, name) == NULL) {
            service_error_set(ret_error, "InvalidParameters", "Parameter \"%.100s\" requires a value.", name);
            return ERR_MALFORMED;
        }
    }
    return ERR_OK;
}

/* ---- rendering ---- */

/* A text that grows; NULL data: out of memory. */
struct growing {
    char *data;
    size_t len, size;
};

static void put(struct growing *text, const char *data, size_t len)
{
    if (text->data != NULL && text->len + len >= text->size) {
        size_t size = (text->len + len + 1) * 2;
        char *bigger = realloc(text->data, size);
        if (bigger == NULL) {
            free(text->data);
        }
        text->data = bigger;
        text->size = size;
    }
    if (text->data != NULL) {
        memmove(text->data + text->len, len == 0 ? "" : data, len);
        text->len += len;
        text->data[text->len] = '\0';
    }
}

/* The one value of a String; the values of a StringList, each a line. */
static void put_value(struct growing *text, const json_t *value, bool is_list)
{
    const json_t *items = json_is_array(value) ? value : NULL;
    size_t count = items == NULL ? 1 : json_array_size(items);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = items == NULL ? value : json_array_get(items, i);
        put(text, json_string_value(item), json_string_length(item));
        put(text, "\n", is_list ? 1 : 0);
    }
}

/* Puts the value for "{{ name }}" at `at`, and returns what follows; NULL when it is no such thing. */
static const char *put_parameter(struct growing *text, const json_t *declared, const json_t *given, const char *at)
{
    char name[NAME_MAX_LEN + 1];
    const char *begin = at + 2 + strspn(at + 2, " ");
    size_t len = 0;
    while (isalnum((unsigned char)begin[len]) || begin[len] == '_' || begin[len] == '-') {
        len++;
    }
    const char *end = begin + len + strspn(begin + len, " ");
    if (len == 0 || len > NAME_MAX_LEN || strncmp(end, "}}", 2) != 0) {
        return NULL;
    }
    snprintf(name, sizeof name, "%.*s", (int)len, begin);
    const json_t *declaration = json_object_get(declared, name), *value = json_object_get(given, name);
    value = value != NULL ? value : json_object_get(declaration, "default");
    if (value == NULL) {
        return NULL;
    }
    put_value(text, value, strcmp(member(declaration, "type"), "StringList") == 0);
    return end + 2;
}

static void put_text(struct growing *text, const json_t *declared, const json_t *given, const char *source)
{
    while (*source != '\0') {
        size_t plain = strcspn(source, "{");
        put(text, source, plain);
        source += plain;
        const char *end = strncmp(source, "{{", 2) == 0 ? put_parameter(text, declared, given, source) : NULL;
        if (end != NULL) {
            source = end;
        } else if (*source != '\0') {
            put(text, source++, 1);
        }
    }
}

char *command_text_render(const json_t *declared, const json_t *given, const json_t *value)
{
    struct growing text = {.data = calloc(1, 1), .size = 1};
    if (json_is_string(value)) {
        put_text(&text, declared, given, json_string_value(value));
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *line = json_string_value(json_array_get(value, i));
        put_text(&text, declared, given, line == NULL ? "" : line);
        bool is_ended = text.len > 0 && text.data != NULL && text.data[text.len - 1] == '\n';
        put(&text, "\n", is_ended ? 0 : 1);
    }
    return text.data;
}
