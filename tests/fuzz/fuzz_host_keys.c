/* host_keys, host_key_cache, connection_note: any output of a node, any file. What comes out is lines of one name and
 * one key each, and reads back the same. */
#include "tests/fuzz/fuzz_support.h"

#include "proxy/core/connection_note.h"
#include "proxy/core/host_key_cache.h"

static char words[256];

/* Nothing of a node's gets between the blanks but a key. */
static void check_lines(const struct host_keys *keys, const char *host, size_t host_len)
{
    static char memory[HOST_KEYS_LINES(LIMIT_TARGET)];
    struct text text = text_in(memory, sizeof memory);
    host_keys_put_known_hosts(keys, host, &text);
    MUST(text_finish(&text) == ERR_OK);
    struct bytes rest = text_bytes(&text);
    size_t count = 0;
    for (; rest.len > 0; count++) {
        struct bytes line = fuzz_take_until(&rest, '\n');
        struct bytes name = fuzz_take_until(&line, ' ');
        MUST(bytes_equal(name, bytes_of(host, host_len)) || bytes_equal_text(name, "*"));
        struct bytes type = fuzz_take_until(&line, ' ');
        MUST(bytes_equal_text(type, keys->keys[count].type) && bytes_equal_text(line, keys->keys[count].base64));
        MUST(memchr(line.data, ' ', line.len) == NULL);
    }
    MUST(count == keys->count);
}

static void check_keys(const struct host_keys *keys)
{
    MUST(keys->count > 0 && keys->count <= HOST_KEYS_MAX && host_keys_equal(keys, keys));
    static char memory[HOST_KEY_CACHE_FILE];
    static struct host_key_cache cache, again;
    cache = (struct host_key_cache){.node_id = "i-0a", .born_unix_s = 1800000000, .keys = *keys};
    struct text text = text_in(memory, sizeof memory);
    host_key_cache_put(&cache, &text);
    MUST(text_finish(&text) == ERR_OK);
    MUST(host_key_cache_parse(text_bytes(&text), &again) == ERR_OK);
    MUST(host_keys_equal(&again.keys, keys) && host_key_cache_is_of(&again, "i-0a", 1800000000));
}

static void check_note(struct bytes input)
{
    static struct connection_note note, again;
    static char memory[CONNECTION_NOTE_FILE];
    if (connection_note_parse(input, &note) != ERR_OK) {
        return;
    }
    struct text text = text_in(memory, sizeof memory);
    connection_note_put(&note, &text);
    MUST(text_finish(&text) == ERR_OK && connection_note_parse(text_bytes(&text), &again) == ERR_OK);
    MUST(strcmp(again.node_id, note.node_id) == 0 && connection_note_is_of(&again, note.name, note.port, note.user));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host_keys keys;
    static struct host_key_cache cache;
    struct bytes input = bytes_of(data, size);
    struct text why = text_in(words, sizeof words);
    if (host_keys_parse_lines(input, &keys, &why) == ERR_OK) {
        check_keys(&keys);
        struct bytes name = bytes_of(data, size < LIMIT_TARGET ? size : LIMIT_TARGET);
        char *host = fuzz_string(name);
        check_lines(&keys, host, strlen(host));
        free(host);
    }
    why = text_in(words, sizeof words);
    enum err err = host_keys_parse_console(input, &keys, &why);
    if (err == ERR_OK) {
        check_keys(&keys);
    }
    MUST((err == ERR_OK) == (why.len == 0));
    if (host_key_cache_parse(input, &cache) == ERR_OK) {
        MUST(host_key_cache_is_for(cache.node_id));
        check_keys(&cache.keys);
    }
    check_note(input);
    return 0;
}
