#include "tests/emulator/agent_crypt.h"

#include <jansson.h>
#include <string.h>

#include "common/base64.h"

static void fill(struct chance *chance, uint8_t *ret_bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ret_bytes[i] = (uint8_t)chance_next(chance);
    }
}

void agent_crypt_set_key(struct agent_crypt *crypt, const uint8_t data_key[AGENT_CRYPT_DATA_KEY_LEN],
                         struct chance *chance)
{
    memcpy(crypt->encrypt_key, data_key, sizeof crypt->encrypt_key);
    memcpy(crypt->decrypt_key, data_key + sizeof crypt->encrypt_key, sizeof crypt->decrypt_key);
    fill(chance, crypt->nonce, sizeof crypt->nonce);
    crypt->has_key = true;
}

enum err agent_crypt_seal(struct agent_crypt *crypt, struct bytes plain, uint8_t *ret_sealed)
{
    TRY(aes_gcm_seal(crypt->encrypt_key, crypt->nonce, plain, bytes_of(NULL, 0), ret_sealed));
    for (size_t i = 0; i < sizeof crypt->nonce && ++crypt->nonce[i] == 0; i++) {
    }
    return ERR_OK;
}

enum err agent_crypt_open(const struct agent_crypt *crypt, struct bytes sealed, uint8_t *ret_plain)
{
    return aes_gcm_open(crypt->decrypt_key, sealed, bytes_of(NULL, 0), ret_plain);
}

char *agent_crypt_challenge(struct agent_crypt *crypt, struct chance *chance)
{
    uint8_t sealed[AGENT_CRYPT_CHALLENGE_LEN + AES_GCM_EXTRA_LEN];
    char memory[(sizeof sealed + 2) / 3 * 4 + 1];
    struct text text = text_in(memory, sizeof memory);
    fill(chance, crypt->challenge, sizeof crypt->challenge);
    if (agent_crypt_seal(crypt, bytes_of(crypt->challenge, sizeof crypt->challenge), sealed) != ERR_OK) {
        return NULL;
    }
    base64_put(bytes_of(sealed, sizeof sealed), &text);
    json_t *request = json_pack("{s:s}", "Challenge", memory);
    char *dump = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);
    json_decref(request);
    return dump;
}

static enum err check_text(const struct agent_crypt *crypt, const char *text)
{
    uint8_t sealed[AGENT_CRYPT_CHALLENGE_LEN + AES_GCM_EXTRA_LEN + 2], plain[sizeof sealed];
    size_t len = 0;
    if (strlen(text) > sizeof sealed / 3 * 4) {
        return ERR_DIGEST;
    }
    TRY(base64_decode(bytes_of_text(text), sealed, &len));
    if (len != AGENT_CRYPT_CHALLENGE_LEN + AES_GCM_EXTRA_LEN) {
        return ERR_DIGEST;
    }
    TRY(agent_crypt_open(crypt, bytes_of(sealed, len), plain));
    return memcmp(plain, crypt->challenge, sizeof crypt->challenge) == 0 ? ERR_OK : ERR_DIGEST;
}

enum err agent_crypt_check_answer(const struct agent_crypt *crypt, struct bytes payload)
{
    json_t *answer = payload.len == 0 ? NULL : json_loadb((const char *)payload.data, payload.len, 0, NULL);
    const char *text = json_string_value(json_object_get(answer, "Challenge"));
    enum err err = text == NULL ? ERR_MALFORMED : check_text(crypt, text);
    json_decref(answer);
    return err;
}
