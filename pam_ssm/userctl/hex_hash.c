#include "pam_ssm/userctl/hex_hash.h"

#include "common/auto.h"
#include "common/sha256.h"
#include "common/text.h"

enum err hex_hash_of(struct bytes bytes, char ret_hash[HEX_HASH_SIZE])
{
    AUTO(sha256_free) struct sha256 *hash = NULL;
    uint8_t digest[SHA256_LEN];
    TRY(sha256_new(&hash));
    TRY(sha256_digest(hash, bytes, digest));
    struct text text = text_in(ret_hash, HEX_HASH_SIZE);
    for (size_t i = 0; i < SHA256_LEN; i++) {
        text_format(&text, "%02x", digest[i]);
    }
    return text_finish(&text);
}
