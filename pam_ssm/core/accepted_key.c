#include "pam_ssm/core/accepted_key.h"

#include "common/limits.h"

#include <inttypes.h>

#define OPTIONS_HEAD "from=\"127.0.0.1,::1\",expiry-time=\""
#define COMMENT_HEAD "ssm-bridge:"

/* ---- one key ---- */

/* Up to a blank; false when it does not fit. */
static bool take_word(struct bytes *rest, char *ret_word, size_t size)
{
    size_t len = 0;
    while (len < rest->len && rest->data[len] != ' ') {
        len++;
    }
    struct text word = text_in(ret_word, size);
    text_put_bytes(&word, bytes_of(rest->data, len));
    *rest = bytes_from(*rest, len + 1);
    return text_finish(&word) == ERR_OK && strlen(ret_word) == len;
}

enum err accepted_key_parse(struct bytes line, struct accepted_key *ret_key, struct text *ret_why)
{
    if (line.len > 0 && line.data[line.len - 1] == '\n') {
        line.len--;
    }
    for (size_t i = 0; i < line.len; i++) {
        if (text_is_control((char)line.data[i])) {
            text_put(ret_why, "a public key is one line of text");
            return ERR_MALFORMED;
        }
    }
    return public_key_take(&line, &ret_key->public, ret_why);
}

/* ---- the file ---- */

static bool take_literal(struct bytes *rest, const char *literal)
{
    size_t len = strlen(literal);
    if (rest->len < len || memcmp(rest->data, literal, len) != 0) {
        return false;
    }
    *rest = bytes_from(*rest, len);
    return true;
}

/* Digits, and perhaps a Z. */
static bool take_expiry(struct bytes *rest, char ret_expiry[16])
{
    size_t len = 0;
    while (len < rest->len && len < 14 && rest->data[len] >= '0' && rest->data[len] <= '9') {
        len++;
    }
    if (len != 14) {
        return false;
    }
    len += rest->len > 14 && rest->data[14] == 'Z';
    memcpy(ret_expiry, rest->data, len);
    ret_expiry[len] = '\0';
    *rest = bytes_from(*rest, len);
    return true;
}

static bool read_line(struct bytes line, struct accepted_key *ret_key)
{
    char number[24], words[256];
    struct text why = text_in(words, sizeof words);
    struct accepted_key key = {0};
    if (!take_literal(&line, OPTIONS_HEAD) || !take_expiry(&line, key.expiry) || !take_literal(&line, "\" ") ||
        accepted_key_parse(line, &key, &why) != ERR_OK) {
        return false;
    }
    line = bytes_from(line, strlen(key.public.type) + 1 + strlen(key.public.base64) + 1);
    if (!take_literal(&line, COMMENT_HEAD) || !take_word(&line, number, sizeof number) || line.len > 0 ||
        text_parse_decimal(number, 1, INT64_MAX, &key.not_after_unix_s) != ERR_OK) {
        return false;
    }
    *ret_key = key;
    return true;
}

void accepted_key_read(struct bytes file, struct accepted_keys *ret_keys)
{
    ret_keys->count = 0;
    while (file.len > 0 && ret_keys->count < ACCEPTED_KEYS) {
        const uint8_t *newline = memchr(file.data, '\n', file.len);
        size_t len = newline != NULL ? (size_t)(newline - file.data) : file.len;
        if (read_line(bytes_of(file.data, len), &ret_keys->keys[ret_keys->count])) {
            ret_keys->count++;
        }
        file = bytes_from(file, len + 1);
    }
}

void accepted_key_render(const struct accepted_keys *keys, struct text *text)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct accepted_key *key = &keys->keys[i];
        text_format(text, OPTIONS_HEAD "%s\" %s %s " COMMENT_HEAD "%" PRId64 "\n", key->expiry, key->public.type,
                    key->public.base64, key->not_after_unix_s);
    }
}

void accepted_key_take_out(struct accepted_keys *keys, size_t index)
{
    keys->count--;
    memmove(&keys->keys[index], &keys->keys[index + 1], (keys->count - index) * sizeof keys->keys[0]);
}

size_t accepted_key_sweep(struct accepted_keys *keys, int64_t now_unix_s)
{
    size_t before = keys->count;
    for (size_t i = keys->count; i-- > 0;) {
        if (keys->keys[i].not_after_unix_s <= now_unix_s) {
            accepted_key_take_out(keys, i);
        }
    }
    return before - keys->count;
}

enum err accepted_key_add(struct accepted_keys *keys, const struct accepted_key *key)
{
    size_t index = 0;
    while (index < keys->count && strcmp(keys->keys[index].public.base64, key->public.base64) != 0) {
        index++;
    }
    if (index == ACCEPTED_KEYS) {
        return ERR_TOO_LONG;
    }
    keys->keys[index] = *key;
    keys->count += index == keys->count;
    return ERR_OK;
}

bool accepted_key_is_account(const char *name)
{
    size_t len = strnlen(name, LIMIT_USER + 1);
    return len > 0 && len <= LIMIT_USER && name[0] != '.' && name[0] != '-' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-") == len;
}
