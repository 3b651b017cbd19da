/* agent_crypt: the agent's half of an encrypted session. Of a data key of 64 bytes the first half is the agent's, the
 * second the client's; its nonces begin at random and count up, as 96-bit little-endian numbers. Source:
 * docs/protocol.md, 10. */
#ifndef SSM_LAB_AGENT_CRYPT_H
#define SSM_LAB_AGENT_CRYPT_H

#include <stdbool.h>

#include "proxy/core/chance.h"
#include "tests/emulator/aes_gcm.h"

#define AGENT_CRYPT_DATA_KEY_LEN 64
#define AGENT_CRYPT_CHALLENGE_LEN 64 /* of random bytes, before they are encrypted */

struct agent_crypt {
    bool has_key;
    uint8_t encrypt_key[AES_GCM_KEY_LEN], decrypt_key[AES_GCM_KEY_LEN];
    uint8_t nonce[AES_GCM_NONCE_LEN]; /* of the next message */
    uint8_t challenge[AGENT_CRYPT_CHALLENGE_LEN];
};

void agent_crypt_set_key(struct agent_crypt *crypt, const uint8_t data_key[AGENT_CRYPT_DATA_KEY_LEN],
                         struct chance *chance);

/* As aes_gcm_seal and aes_gcm_open. */
enum err agent_crypt_seal(struct agent_crypt *crypt, struct bytes plain, uint8_t *ret_sealed) SSM_MUST_USE;
enum err agent_crypt_open(const struct agent_crypt *crypt, struct bytes sealed, uint8_t *ret_plain) SSM_MUST_USE;

/* {"Challenge":"..."} with a fresh challenge, for the client: to be freed. NULL without memory. */
char *agent_crypt_challenge(struct agent_crypt *crypt, struct chance *chance);
/* ERR_MALFORMED: not the JSON expected. ERR_DIGEST: not our challenge under the client's key. */
enum err agent_crypt_check_answer(const struct agent_crypt *crypt, struct bytes payload) SSM_MUST_USE;

#endif
