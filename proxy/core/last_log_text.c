#include "proxy/core/last_log_text.h"

#include <string.h>

/* What stands before the first `end`, which is taken off, too; all of it where there is none. */
static struct bytes take_until(struct bytes *rest, char end)
{
    const uint8_t *found = rest->len > 0 ? memchr(rest->data, end, rest->len) : NULL;
    size_t len = found != NULL ? (size_t)(found - rest->data) : rest->len;
    struct bytes piece = bytes_of(rest->data, len);
    *rest = bytes_from(*rest, found != NULL ? len + 1 : len);
    return piece;
}

static bool is_number(struct bytes piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.data[i] < '0' || piece.data[i] > '9') {
            return false;
        }
    }
    return piece.len > 0;
}

bool last_log_text_take(struct bytes *rest, struct last_log_line *ret_line)
{
    while (rest->len > 0) {
        struct bytes line = take_until(rest, '\n');
        struct last_log_line parts;
        parts.time = take_until(&line, ' ');
        parts.process_id = take_until(&line, ' ');
        parts.words = line;
        if (parts.time.len > 0 && is_number(parts.process_id) && parts.words.len > 0) {
            *ret_line = parts;
            return true;
        }
    }
    return false;
}

bool last_log_text_last(struct bytes file, struct last_log_line *ret_line)
{
    bool is_found = false;
    while (last_log_text_take(&file, ret_line)) {
        is_found = true;
    }
    return is_found;
}
