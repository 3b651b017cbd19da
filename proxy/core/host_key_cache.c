#include "proxy/core/host_key_cache.h"

#include "proxy/core/calendar.h"

#define MAGIC "ssm-bridge-host-keys 1"
#define ID_DIGITS_MAX 64 /* instances have 8 or 17 */

bool host_key_cache_is_for(const char *node_id)
{
    size_t head = strncmp(node_id, "i-", 2) == 0 ? 2 : strncmp(node_id, "mi-", 3) == 0 ? 3 : 0;
    size_t digits = strspn(node_id + head, "0123456789abcdef");
    return head > 0 && digits > 0 && digits <= ID_DIGITS_MAX && node_id[head + digits] == '\0';
}

bool host_key_cache_is_of(const struct host_key_cache *cache, const char *node_id, int64_t born_unix_s)
{
    bool is_known = cache->born_unix_s != HOST_KEY_CACHE_BORN_UNKNOWN && born_unix_s != HOST_KEY_CACHE_BORN_UNKNOWN;
    return strcmp(cache->node_id, node_id) == 0 && (!is_known || cache->born_unix_s == born_unix_s);
}

void host_key_cache_put(const struct host_key_cache *cache, struct text *text)
{
    text_format(text, MAGIC "\nnode %s\n", cache->node_id);
    if (cache->born_unix_s != HOST_KEY_CACHE_BORN_UNKNOWN) {
        text_put(text, "born ");
        calendar_put_rfc3339(cache->born_unix_s, text);
        text_put_char(text, '\n');
    }
    host_keys_put_known_hosts(&cache->keys, "key", text);
}

/* ---- reading ---- */

static bool take_line(struct bytes *rest, struct bytes *ret_line)
{
    const uint8_t *newline = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    if (newline == NULL) {
        return false;
    }
    *ret_line = bytes_of(rest->data, (size_t)(newline - rest->data));
    *rest = bytes_from(*rest, ret_line->len + 1);
    return true;
}

static bool take_word(struct bytes *line, const char *word)
{
    size_t len = strlen(word);
    if (line->len <= len || memcmp(line->data, word, len) != 0 || line->data[len] != ' ') {
        return false;
    }
    *line = bytes_from(*line, len + 1);
    return true;
}

/* The rest of a line, as a string. */
static enum err copy(struct bytes line, char *ret_copy, size_t size)
{
    struct text text = text_in(ret_copy, size);
    text_put_bytes(&text, line);
    return text_finish(&text) == ERR_OK && strlen(ret_copy) == line.len ? ERR_OK : ERR_MALFORMED;
}

static enum err read_key(struct bytes line, struct host_keys *keys)
{
    char memory[1];
    struct text nothing = text_in(memory, sizeof memory);
    if (keys->count == HOST_KEYS_MAX) {
        return ERR_MALFORMED;
    }
    size_t whole = line.len;
    struct public_key *key = &keys->keys[keys->count];
    TRY(public_key_take(&line, key, &nothing));
    keys->count++;
    return line.len == 0 && strlen(key->type) + 1 + strlen(key->base64) == whole ? ERR_OK : ERR_MALFORMED;
}

static enum err read_line(struct bytes line, struct host_key_cache *cache)
{
    char born[40];
    if (take_word(&line, "node")) {
        return copy(line, cache->node_id, sizeof cache->node_id);
    }
    if (take_word(&line, "born")) {
        TRY(copy(line, born, sizeof born));
        return calendar_parse_timestamp(born, &cache->born_unix_s);
    }
    return take_word(&line, "key") ? read_key(line, &cache->keys) : ERR_OK;
}

enum err host_key_cache_parse(struct bytes file, struct host_key_cache *ret_cache)
{
    struct bytes line;
    *ret_cache = (struct host_key_cache){.born_unix_s = HOST_KEY_CACHE_BORN_UNKNOWN};
    if (!take_line(&file, &line) || !bytes_equal_text(line, MAGIC)) {
        return ERR_MALFORMED;
    }
    while (take_line(&file, &line)) {
        TRY(read_line(line, ret_cache));
    }
    bool is_whole = file.len == 0 && ret_cache->keys.count > 0 && host_key_cache_is_for(ret_cache->node_id);
    return is_whole ? ERR_OK : ERR_MALFORMED;
}
