#include "proxy/core/session_crypt.h"

#include "common/base64.h"
#include "common/json_view.h"
#include "common/limits.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define HALF_LEN (SESSION_CRYPT_KEY_LEN / 2)
#define CHALLENGE_PAYLOAD_MAX (SESSION_CRYPT_CHALLENGE_MAX + SESSION_CRYPT_OVERHEAD)
#define CHALLENGE_PAYLOAD_SIZE BASE64_DECODED_SIZE(BASE64_LEN(CHALLENGE_PAYLOAD_MAX))

struct session_crypt {
    EVP_CIPHER_CTX *ours;   /* encrypts */
    EVP_CIPHER_CTX *agents; /* decrypts */
    uint8_t plain[LIMIT_WEBSOCKET_MESSAGE];
};

static enum err set_keys(struct session_crypt *crypt, const uint8_t *data_key)
{
    bool ok = crypt->ours != NULL && crypt->agents != NULL &&
              EVP_DecryptInit_ex2(crypt->agents, EVP_aes_256_gcm(), data_key, NULL, NULL) == 1 &&
              EVP_EncryptInit_ex2(crypt->ours, EVP_aes_256_gcm(), data_key + HALF_LEN, NULL, NULL) == 1;
    return ok ? ERR_OK : ERR_MEMORY;
}

enum err session_crypt_new(const uint8_t data_key[SESSION_CRYPT_KEY_LEN], struct session_crypt **ret_crypt)
{
    AUTO(session_crypt_free) struct session_crypt *crypt = calloc(1, sizeof *crypt);
    if (crypt == NULL) {
        return ERR_MEMORY;
    }
    crypt->ours = EVP_CIPHER_CTX_new();
    crypt->agents = EVP_CIPHER_CTX_new();
    TRY(set_keys(crypt, data_key));
    *ret_crypt = crypt;
    crypt = NULL;
    return ERR_OK;
}

void session_crypt_free(struct session_crypt **crypt)
{
    if (*crypt != NULL) {
        EVP_CIPHER_CTX_free((*crypt)->ours);
        EVP_CIPHER_CTX_free((*crypt)->agents);
        explicit_bzero((*crypt)->plain, sizeof(*crypt)->plain);
        free(*crypt);
        *crypt = NULL;
    }
}

enum err session_crypt_seal(struct session_crypt *crypt, const uint8_t nonce[SESSION_CRYPT_NONCE_LEN],
                            struct bytes plain, uint8_t *ret_payload)
{
    uint8_t *sealed = ret_payload + SESSION_CRYPT_NONCE_LEN;
    int len;
    if (plain.len > LIMIT_WEBSOCKET_MESSAGE) {
        return ERR_TOO_LONG;
    }
    bool ok = EVP_EncryptInit_ex2(crypt->ours, NULL, NULL, nonce, NULL) == 1 &&
              EVP_EncryptUpdate(crypt->ours, sealed, &len, plain.data, (int)plain.len) == 1 &&
              EVP_EncryptFinal_ex(crypt->ours, sealed + plain.len, &len) == 1 &&
              EVP_CIPHER_CTX_ctrl(crypt->ours, EVP_CTRL_AEAD_GET_TAG, SESSION_CRYPT_TAG_LEN, sealed + plain.len) == 1;
    memcpy(ret_payload, nonce, SESSION_CRYPT_NONCE_LEN);
    return ok ? ERR_OK : ERR_MEMORY;
}

enum err session_crypt_open(struct session_crypt *crypt, struct bytes payload, struct bytes *ret_plain)
{
    if (payload.len < SESSION_CRYPT_OVERHEAD || payload.len - SESSION_CRYPT_OVERHEAD > sizeof crypt->plain) {
        return ERR_MALFORMED;
    }
    struct bytes sealed = bytes_of(payload.data + SESSION_CRYPT_NONCE_LEN, payload.len - SESSION_CRYPT_OVERHEAD);
    uint8_t tag[SESSION_CRYPT_TAG_LEN]; /* OpenSSL takes no constant one */
    memcpy(tag, sealed.data + sealed.len, sizeof tag);
    int len;
    bool ok = EVP_DecryptInit_ex2(crypt->agents, NULL, NULL, payload.data, NULL) == 1 &&
              EVP_DecryptUpdate(crypt->agents, crypt->plain, &len, sealed.data, (int)sealed.len) == 1 &&
              EVP_CIPHER_CTX_ctrl(crypt->agents, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1;
    if (!ok) {
        return ERR_MEMORY;
    }
    uint8_t none[SESSION_CRYPT_TAG_LEN]; /* a stream cipher keeps nothing back */
    if (EVP_DecryptFinal_ex(crypt->agents, none, &len) != 1) {
        return ERR_DIGEST;
    }
    *ret_plain = bytes_of(crypt->plain, sealed.len);
    return ERR_OK;
}

static enum err decode_challenge(struct bytes request, uint8_t ret_payload[CHALLENGE_PAYLOAD_SIZE], size_t *ret_len)
{
    AUTO_JSON json_t *root = NULL;
    TRY(json_view_parse_object(request, &root));
    const char *challenge = json_view_text(root, "Challenge");
    if (challenge == NULL) {
        return ERR_MALFORMED;
    }
    if (strlen(challenge) > BASE64_LEN(CHALLENGE_PAYLOAD_MAX)) {
        return ERR_TOO_LONG;
    }
    TRY(base64_decode(bytes_of_text(challenge), ret_payload, ret_len));
    return *ret_len <= CHALLENGE_PAYLOAD_MAX ? ERR_OK : ERR_TOO_LONG;
}

enum err session_crypt_answer_challenge(struct session_crypt *crypt, const uint8_t nonce[SESSION_CRYPT_NONCE_LEN],
                                        struct bytes request, struct text *ret_response)
{
    uint8_t payload[CHALLENGE_PAYLOAD_SIZE];
    struct bytes plain;
    size_t len;
    TRY(decode_challenge(request, payload, &len));
    TRY(session_crypt_open(crypt, bytes_of(payload, len), &plain));
    TRY(session_crypt_seal(crypt, nonce, plain, payload));
    text_clear(ret_response);
    text_put(ret_response, "{\"Challenge\":\"");
    base64_put(bytes_of(payload, len), ret_response);
    text_put(ret_response, "\"}");
    return text_finish(ret_response);
}
