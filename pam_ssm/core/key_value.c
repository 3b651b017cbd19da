#include "pam_ssm/core/key_value.h"

#include <inttypes.h>

static bool is_key_character(char character)
{
    return (character >= 'A' && character <= 'Z') || (character >= '0' && character <= '9') || character == '_';
}

static bool is_escaped(char character)
{
    return character == '"' || character == '\\' || character == '$' || character == '`';
}

/* `at` is behind the opening quote. Unescapes in place; returns where the closing quote stood, now a terminator, and
 * NULL when the value is wrong. */
static char *cut_value(char *at)
{
    char *to = at;
    for (; *at != '"'; at++) {
        if (text_is_control(*at)) {
            return NULL; /* the terminator, too */
        }
        if (*at == '\\') {
            at++;
            if (!is_escaped(*at)) {
                return NULL;
            }
        }
        *to++ = *at;
    }
    *to = '\0';
    return at;
}

static enum err parse_line(char *line, struct key_value_file *file)
{
    if (*line == '\0' || *line == '#') {
        return ERR_OK;
    }
    char *end = line;
    while (is_key_character(*end)) {
        end++;
    }
    if (end == line || end[0] != '=' || end[1] != '"') {
        return ERR_MALFORMED;
    }
    *end = '\0';
    char *value = end + 2;
    char *quote = cut_value(value);
    if (quote == NULL || quote[1] != '\0' || key_value_get(file, line) != NULL || file->count == KEY_VALUE_MAX) {
        return ERR_MALFORMED;
    }
    file->entries[file->count].key = line;
    file->entries[file->count].value = value;
    file->count++;
    return ERR_OK;
}

enum err key_value_parse(char *memory, size_t len, struct key_value_file *ret_file)
{
    struct key_value_file file = {0};
    if (memchr(memory, '\0', len) != NULL) {
        return ERR_MALFORMED;
    }
    char *line = memory;
    while (line < memory + len) {
        char *end = strchrnul(line, '\n');
        bool is_last = *end == '\0';
        *end = '\0';
        TRY(parse_line(line, &file));
        line = is_last ? end : end + 1;
    }
    *ret_file = file;
    return ERR_OK;
}

const char *key_value_get(const struct key_value_file *file, const char *key)
{
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->entries[i].key, key) == 0) {
            return file->entries[i].value;
        }
    }
    return NULL;
}

enum err key_value_get_number(const struct key_value_file *file, const char *key, int64_t *ret_number)
{
    const char *value = key_value_get(file, key);
    return value == NULL ? ERR_MALFORMED : text_parse_decimal(value, INT64_MIN + 1, INT64_MAX, ret_number);
}

enum err key_value_get_text(const struct key_value_file *file, const char *key, char *ret_text, size_t size)
{
    const char *value = key_value_get(file, key);
    struct text text = text_in(ret_text, size);
    text_put(&text, value != NULL ? value : "");
    return text_finish(&text);
}

void key_value_put(struct text *text, const char *key, const char *value)
{
    text_put(text, key);
    text_put(text, "=\"");
    for (; *value != '\0'; value++) {
        if (is_escaped(*value)) {
            text_put_char(text, '\\');
        }
        text_put_char(text, (char)(text_is_control(*value) ? '?' : *value));
    }
    text_put(text, "\"\n");
}

void key_value_put_number(struct text *text, const char *key, int64_t number)
{
    text_format(text, "%s=\"%" PRId64 "\"\n", key, number);
}
