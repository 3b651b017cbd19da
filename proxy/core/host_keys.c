#include "proxy/core/host_keys.h"

#define BLOCK_BEGIN "-----BEGIN SSH HOST KEY KEYS-----"
#define BLOCK_END "-----END SSH HOST KEY KEYS-----"

/* ---- lines ---- */

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\r';
}

/* The next line, without its end; false at the end of all. A serial console ends lines with CR LF. */
static bool take_line(struct bytes *rest, struct bytes *ret_line)
{
    if (rest->len == 0) {
        return false;
    }
    const uint8_t *newline = memchr(rest->data, '\n', rest->len);
    size_t len = newline != NULL ? (size_t)(newline - rest->data) : rest->len;
    *ret_line = bytes_of(rest->data, len);
    *rest = bytes_from(*rest, len + 1);
    while (ret_line->len > 0 && is_blank(ret_line->data[ret_line->len - 1])) {
        ret_line->len--;
    }
    return true;
}

static bool ends_with(struct bytes line, const char *word)
{
    size_t len = strlen(word);
    return line.len >= len && memcmp(line.data + line.len - len, word, len) == 0;
}

/* ---- keys ---- */

bool host_keys_has(const struct host_keys *keys, const struct public_key *key)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->keys[i].base64, key->base64) == 0) {
            return true;
        }
    }
    return false;
}

/* A prefix ("[   31.5] cloud-init[612]: ") may stand before the key: it is looked for behind each blank. */
static bool find_key(struct bytes line, struct public_key *ret_key)
{
    char memory[1];
    while (line.len > 0) {
        struct text nothing = text_in(memory, sizeof memory);
        struct bytes rest = line;
        if (public_key_take(&rest, ret_key, &nothing) == ERR_OK && !public_key_is_security_key(ret_key)) {
            return true;
        }
        const uint8_t *blank = memchr(line.data, ' ', line.len);
        line = blank != NULL ? bytes_from(line, (size_t)(blank - line.data) + 1) : bytes_of(NULL, 0);
    }
    return false;
}

static enum err add_key_of(struct bytes line, struct host_keys *keys)
{
    struct public_key key;
    if (!find_key(line, &key) || host_keys_has(keys, &key)) {
        return ERR_OK;
    }
    if (keys->count == HOST_KEYS_MAX) {
        return ERR_TOO_LONG;
    }
    keys->keys[keys->count++] = key;
    return ERR_OK;
}

static enum err say(enum err err, const char *why, struct text *ret_why)
{
    text_put(ret_why, err == ERR_TOO_LONG ? "more host keys than any sshd has" : why);
    return err;
}

enum err host_keys_parse_lines(struct bytes output, struct host_keys *ret_keys, struct text *ret_why)
{
    struct bytes line;
    ret_keys->count = 0;
    while (take_line(&output, &line)) {
        enum err err = add_key_of(line, ret_keys);
        if (err != ERR_OK) {
            return say(err, "", ret_why);
        }
    }
    return ret_keys->count > 0 ? ERR_OK : say(ERR_MALFORMED, "no host key in what it printed", ret_why);
}

bool host_keys_equal(const struct host_keys *a, const struct host_keys *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (!host_keys_has(b, &a->keys[i])) {
            return false;
        }
    }
    return a->count == b->count;
}

/* ---- the console ---- */

/* From behind a BEGIN to the next END. ERR_AGAIN: there is no END, or another BEGIN comes first. */
static enum err read_block(struct bytes *rest, struct host_keys *ret_keys)
{
    struct bytes line;
    ret_keys->count = 0;
    while (take_line(rest, &line)) {
        if (ends_with(line, BLOCK_END)) {
            return ERR_OK;
        }
        if (ends_with(line, BLOCK_BEGIN)) {
            ret_keys->count = 0;
        }
        TRY(add_key_of(line, ret_keys));
    }
    return ERR_AGAIN;
}

enum err host_keys_parse_console(struct bytes output, struct host_keys *ret_keys, struct text *ret_why)
{
    struct host_keys block;
    struct bytes line;
    ret_keys->count = 0;
    while (take_line(&output, &line)) {
        if (!ends_with(line, BLOCK_BEGIN)) {
            continue;
        }
        enum err err = read_block(&output, &block);
        if (err == ERR_TOO_LONG) {
            return say(err, "", ret_why);
        }
        if (err == ERR_OK && ret_keys->count > 0 && !host_keys_equal(&block, ret_keys)) {
            return say(ERR_MALFORMED, "the console shows host keys twice, and not the same ones", ret_why);
        }
        if (err == ERR_OK) {
            *ret_keys = block;
        }
    }
    return ret_keys->count > 0 ? ERR_OK : say(ERR_MALFORMED, "no host keys in the console's output", ret_why);
}

/* ---- known_hosts ---- */

/* No pattern, no hash, no marker, no second name: the letters of names and addresses, and of "[NAME]:PORT". */
static bool stands_for_itself(const char *host)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:=+/@[]";
    return host[0] != '\0' && host[0] != '@' && host[strspn(host, plain)] == '\0';
}

void host_keys_put_known_hosts(const struct host_keys *keys, const char *host, struct text *text)
{
    for (size_t i = 0; i < keys->count; i++) {
        text_put(text, stands_for_itself(host) ? host : "*");
        text_format(text, " %s %s\n", keys->keys[i].type, keys->keys[i].base64);
    }
}
