/* key_value: the files in which the host's side keeps its state, lines of KEY="value" as in os-release(5), so that an
 * admin can read them and a shell can source them.
 *
 *     # a comment
 *     SESSION_ID="alice-0a1b2c3d4e5f67890"
 *
 * A value may hold any bytes but control characters; '"', '\', '$' and '`' are written with a backslash before them. */
#ifndef SSM_HOST_CORE_KEY_VALUE_H
#define SSM_HOST_CORE_KEY_VALUE_H

#include "common/err.h"
#include "common/text.h"

/* One file has at most so many keys; ours have ten. */
#define KEY_VALUE_MAX 32

struct key_value_file {
    size_t count;
    struct {
        const char *key, *value; /* borrowed from the memory that was parsed */
    } entries[KEY_VALUE_MAX];
};

/* Cuts `memory`, which is `len` long with a terminator behind it, into strings. ERR_MALFORMED: a line that is neither
 * empty, nor a comment, nor KEY="value"; a key given twice; a control character; too many keys. */
enum err key_value_parse(char *memory, size_t len, struct key_value_file *ret_file) SSM_MUST_USE;

/* The value; NULL when the key is absent. */
const char *key_value_get(const struct key_value_file *file, const char *key);

/* A value of decimal digits, with a '-' before them where negative: ERR_MALFORMED for anything else, and when the key
 * is absent. */
enum err key_value_get_number(const struct key_value_file *file, const char *key, int64_t *ret_number) SSM_MUST_USE;

/* Copies a value of at most size - 1 characters; an absent key gives "". ERR_TOO_LONG. */
enum err key_value_get_text(const struct key_value_file *file, const char *key, char *ret_text,
                            size_t size) SSM_MUST_USE;

/* Appends a line. A control character in the value is written as '?'. */
void key_value_put(struct text *text, const char *key, const char *value);
void key_value_put_number(struct text *text, const char *key, int64_t number);

#endif
