#include "proxy/core/cache_name.h"

#include "common/json_view.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

_Static_assert(CACHE_NAME_LEN == 2 * SHA_DIGEST_LENGTH, "two digits a byte");

/* Jansson's escapes are json.dumps's but for two things: it writes their digits in capitals, and DEL as it is. */
static void put_as_python(const char *escaped, struct text *text)
{
    for (const char *at = escaped; *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] == 'u') {
            text_put(text, "\\u");
            for (int i = 2; i < 6; i++) {
                text_put_char(text, text_lower(at[i]));
            }
            at += 5;
        } else if (at[0] == '\\') {
            text_put_bytes(text, bytes_of(at, 2));
            at++;
        } else if (*at == 0x7f) {
            text_put(text, "\\u007f");
        } else {
            text_put_char(text, *at);
        }
    }
}

enum err cache_name_put_string(const char *string, struct text *text)
{
    json_error_t error;
    AUTO_JSON json_t *json = json_pack_ex(&error, 0, "s", string);
    if (json == NULL) {
        return json_view_error(&error);
    }
    AUTO_FREE char *escaped = json_dumps(json, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (escaped == NULL) {
        return ERR_MEMORY;
    }
    put_as_python(escaped, text);
    return ERR_OK;
}

enum err cache_name_make(struct bytes text, char ret_name[CACHE_NAME_LEN + 1])
{
    uint8_t digest[SHA_DIGEST_LENGTH];
    const void *data = text.len == 0 ? "" : (const void *)text.data;
    if (EVP_Digest(data, text.len, digest, NULL, EVP_sha1(), NULL) != 1) {
        return ERR_MEMORY;
    }
    bytes_to_hex(bytes_of(digest, sizeof digest), ret_name);
    return ERR_OK;
}
