/* accepted_key: any public key, any file of keys. What is accepted is one line without surprises, and reads back the
 * same. */
#include "tests/fuzz/fuzz_support.h"

#include "common/auto.h"
#include "pam_ssm/core/accepted_key.h"

static void check_file(struct bytes file)
{
    static struct accepted_keys keys, again;
    static char memory[ACCEPTED_KEY_FILE], second[ACCEPTED_KEY_FILE];
    accepted_key_read(file, &keys);
    struct text text = text_in(memory, sizeof memory);
    accepted_key_render(&keys, &text);
    MUST(text_finish(&text) == ERR_OK);
    accepted_key_read(text_bytes(&text), &again);
    MUST(again.count == keys.count);
    struct text twice = text_in(second, sizeof second);
    accepted_key_render(&again, &twice);
    MUST(bytes_equal(text_bytes(&text), text_bytes(&twice)));
    (void)accepted_key_sweep(&keys, 1800000000);
    for (size_t i = 0; i < keys.count; i++) {
        MUST(keys.keys[i].not_after_unix_s > 1800000000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char words[256];
    struct text why = text_in(words, sizeof words);
    struct accepted_key key = {.not_after_unix_s = 1800000000, .expiry = "20270115080000Z"};
    if (accepted_key_parse(bytes_of(data, size), &key, &why) == ERR_OK) {
        size_t len = strlen(key.public.base64);
        MUST(strspn(key.public.base64, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == len);
        uint8_t blob[PUBLIC_KEY_BLOB];
        MUST(len % 4 == 0 && public_key_blob(&key.public, blob) > 32);
    } else {
        MUST(words[0] != '\0');
    }
    check_file(bytes_of(data, size));
    return 0;
}
