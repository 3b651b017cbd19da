#include "tests/emulator/command_output.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_MARK "--output truncated--"
#define OUTPUT_MARK "\n---Output truncated---"
#define ERROR_MARK "\n---Error truncated----"
#define HEADING "\n----------ERROR-------\n"
#define REPLACEMENT "\xef\xbf\xbd"

void command_output_cut(char *data, size_t len, size_t limit)
{
    data[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\0') {
            data[i] = ' ';
        }
    }
    if (len >= limit) {
        memcpy(data + limit - strlen(PREFIX_MARK), PREFIX_MARK, strlen(PREFIX_MARK));
    }
}

/* Bytes of the character of UTF-8 at the beginning; 0: there is none. jansson judges the rest (overlong, surrogates).
 */
static size_t character_len(const char *data, size_t len)
{
    uint8_t first = (uint8_t)data[0];
    size_t need = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (need > len) {
        return 0;
    }
    json_t *one = json_stringn(data, need);
    bool is_one = one != NULL;
    json_decref(one);
    return is_one ? need : 0;
}

json_t *command_output_text(const char *data, size_t len)
{
    json_t *text = json_stringn(data, len);
    char *copy = text != NULL ? NULL : malloc(len * strlen(REPLACEMENT) + 1);
    size_t copy_len = 0;
    if (copy == NULL) {
        return text;
    }
    while (len > 0) {
        size_t step = character_len(data, len);
        const char *from = step == 0 ? REPLACEMENT : data;
        size_t from_len = step == 0 ? strlen(REPLACEMENT) : step;
        memcpy(copy + copy_len, from, from_len);
        copy_len += from_len;
        step = step == 0 ? 1 : step;
        data += step;
        len -= step;
    }
    text = json_stringn(copy, copy_len);
    free(copy);
    return text;
}

static size_t put(char *place, size_t at, const char *data, size_t len)
{
    memcpy(place + at, data, len);
    return at + len;
}

static size_t put_part(char *place, size_t at, const char *data, size_t keep, const char *mark)
{
    size_t len = strlen(data);
    at = put(place, at, data, len < keep ? len : keep);
    return len > keep ? put(place, at, mark, strlen(mark)) : at;
}

json_t *command_output_join(const char *output, const char *error)
{
    char joined[COMMAND_PLUGIN_OUTPUT_LIMIT + 1];
    size_t output_len = strlen(output), error_len = strlen(error), len = 0;
    size_t space = COMMAND_PLUGIN_OUTPUT_LIMIT - (error_len > 0 ? strlen(HEADING) : 0);
    size_t keep_output = output_len, keep_error = error_len;
    if (output_len + error_len >= space) {
        size_t half = (space - strlen(OUTPUT_MARK) - strlen(ERROR_MARK)) / 2;
        size_t one = space - strlen(OUTPUT_MARK);
        bool is_error_short = error_len <= half, is_output_short = output_len <= half;
        keep_output = is_error_short ? one - error_len : is_output_short ? output_len : half;
        keep_error = is_error_short ? error_len : is_output_short ? one - output_len : half;
    }
    len = put_part(joined, len, output, keep_output, OUTPUT_MARK);
    if (error_len > 0) {
        len = put(joined, len, HEADING, strlen(HEADING));
        len = put_part(joined, len, error, keep_error, ERROR_MARK);
    }
    return command_output_text(joined, len);
}
