/* aes_gcm: AES-256-GCM as a sealed payload: nonce of 12 bytes, ciphertext, tag of 16. Source: docs/protocol.md, 10.
 */
#ifndef SSM_LAB_AES_GCM_H
#define SSM_LAB_AES_GCM_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

#define AES_GCM_KEY_LEN 32
#define AES_GCM_NONCE_LEN 12
#define AES_GCM_TAG_LEN 16
#define AES_GCM_EXTRA_LEN (AES_GCM_NONCE_LEN + AES_GCM_TAG_LEN)

/* ret_sealed has room for plain.len + AES_GCM_EXTRA_LEN. `with` is authenticated, too; it may be empty. */
enum err aes_gcm_seal(const uint8_t key[AES_GCM_KEY_LEN], const uint8_t nonce[AES_GCM_NONCE_LEN], struct bytes plain,
                      struct bytes with, uint8_t *ret_sealed) SSM_MUST_USE;

/* ret_plain has room for sealed.len - AES_GCM_EXTRA_LEN. ERR_DIGEST: another key, or not what was sealed. */
enum err aes_gcm_open(const uint8_t key[AES_GCM_KEY_LEN], struct bytes sealed, struct bytes with,
                      uint8_t *ret_plain) SSM_MUST_USE;

#endif
