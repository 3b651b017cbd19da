#include "tests/emulator/aes_gcm.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

enum err aes_gcm_seal(const uint8_t key[AES_GCM_KEY_LEN], const uint8_t nonce[AES_GCM_NONCE_LEN], struct bytes plain,
                      struct bytes with, uint8_t *ret_sealed)
{
    int len = 0;
    uint8_t *body = ret_sealed + AES_GCM_NONCE_LEN;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool is_sealed = context != NULL && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
                     EVP_EncryptUpdate(context, NULL, &len, with.data, (int)with.len) == 1 &&
                     EVP_EncryptUpdate(context, body, &len, plain.data, (int)plain.len) == 1 &&
                     EVP_EncryptFinal_ex(context, body + plain.len, &len) == 1 &&
                     EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, AES_GCM_TAG_LEN, body + plain.len) == 1;
    EVP_CIPHER_CTX_free(context);
    memcpy(ret_sealed, nonce, AES_GCM_NONCE_LEN);
    return is_sealed ? ERR_OK : ERR_MEMORY;
}

enum err aes_gcm_open(const uint8_t key[AES_GCM_KEY_LEN], struct bytes sealed, struct bytes with, uint8_t *ret_plain)
{
    int len = 0;
    uint8_t tag[AES_GCM_TAG_LEN];
    if (sealed.len < AES_GCM_EXTRA_LEN) {
        return ERR_DIGEST;
    }
    size_t plain_len = sealed.len - AES_GCM_EXTRA_LEN;
    const uint8_t *body = sealed.data + AES_GCM_NONCE_LEN;
    memcpy(tag, body + plain_len, sizeof tag);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool is_open = context != NULL && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, sealed.data) == 1 &&
                   EVP_DecryptUpdate(context, NULL, &len, with.data, (int)with.len) == 1 &&
                   EVP_DecryptUpdate(context, ret_plain, &len, body, (int)plain_len) == 1 &&
                   EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, AES_GCM_TAG_LEN, tag) == 1 &&
                   EVP_DecryptFinal_ex(context, ret_plain + plain_len, &len) == 1;
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error(); /* or whoever uses TLS next would take it for his own */
    return is_open ? ERR_OK : ERR_DIGEST;
}
