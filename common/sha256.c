#include "common/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct sha256 {
    EVP_MD *algorithm;
    EVP_MD_CTX *context;
};

enum err sha256_new(struct sha256 **ret_hash)
{
    struct sha256 *hash = calloc(1, sizeof *hash);
    if (hash == NULL) {
        return ERR_MEMORY;
    }
    hash->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    hash->context = EVP_MD_CTX_new();
    if (hash->algorithm == NULL || hash->context == NULL) {
        sha256_free(&hash);
        return ERR_MEMORY;
    }
    *ret_hash = hash;
    return ERR_OK;
}

void sha256_free(struct sha256 **hash)
{
    if (*hash != NULL) {
        EVP_MD_CTX_free((*hash)->context);
        EVP_MD_free((*hash)->algorithm);
        free(*hash);
        *hash = NULL;
    }
}

enum err sha256_digest(struct sha256 *hash, struct bytes message, uint8_t *ret_digest)
{
    bool ok = EVP_DigestInit_ex2(hash->context, hash->algorithm, NULL) == 1 &&
              EVP_DigestUpdate(hash->context, message.data, message.len) == 1 &&
              EVP_DigestFinal_ex(hash->context, ret_digest, NULL) == 1;
    return ok ? ERR_OK : ERR_MEMORY;
}
