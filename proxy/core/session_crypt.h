/* session_crypt: the encryption of a session's data by a data key of KMS that both ends have.
 *
 *     data key     bytes 0..31 are the agent's key (we decrypt with it), bytes 32..63 are ours
 *     payload      nonce (12) || ciphertext || tag (16), AES-256-GCM, no additional data
 *
 * Before the data flows, the agent proves that both ends have the same key: EncChallengeRequest is {"Challenge": base64
 * of such a payload}; the bytes in it go back the same way under our own key in EncChallengeResponse.
 *
 * What it holds are the keys, which OpenSSL keeps and wipes, and what was last decrypted; the nonces come from the
 * caller, who never gives the same one twice. Source: amazon-ssm-agent agent/session/crypto, session-manager-plugin
 * src/encryption. */
#ifndef SSM_PROXY_CORE_SESSION_CRYPT_H
#define SSM_PROXY_CORE_SESSION_CRYPT_H

#include "common/auto.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/text.h"

#define SESSION_CRYPT_KEY_LEN 64
#define SESSION_CRYPT_NONCE_LEN 12
#define SESSION_CRYPT_TAG_LEN 16
#define SESSION_CRYPT_OVERHEAD (SESSION_CRYPT_NONCE_LEN + SESSION_CRYPT_TAG_LEN)

/* The agent's challenge has 64 bytes. */
#define SESSION_CRYPT_CHALLENGE_MAX 256

struct session_crypt; /* owned by its creator; not for two threads at once */

/* The key stays the caller's, who wipes it. ERR_MEMORY. */
enum err session_crypt_new(const uint8_t data_key[SESSION_CRYPT_KEY_LEN],
                           struct session_crypt **ret_crypt) SSM_MUST_USE;
void session_crypt_free(struct session_crypt **crypt); /* NULL inside is fine; usable with AUTO() */

/* `ret_payload` has plain.len + SESSION_CRYPT_OVERHEAD bytes. ERR_MEMORY. */
enum err session_crypt_seal(struct session_crypt *crypt, const uint8_t nonce[SESSION_CRYPT_NONCE_LEN],
                            struct bytes plain, uint8_t *ret_payload) SSM_MUST_USE;

/* `ret_plain` is borrowed until the next call. ERR_MALFORMED: too short, or longer than any message;
 * ERR_DIGEST: not what the agent encrypted with this key; ERR_MEMORY. */
enum err session_crypt_open(struct session_crypt *crypt, struct bytes payload, struct bytes *ret_plain) SSM_MUST_USE;

/* The text of EncChallengeResponse for that of an EncChallengeRequest. ERR_MALFORMED, ERR_TOO_LONG (over
 * SESSION_CRYPT_CHALLENGE_MAX), ERR_DIGEST, ERR_MEMORY. */
enum err session_crypt_answer_challenge(struct session_crypt *crypt, const uint8_t nonce[SESSION_CRYPT_NONCE_LEN],
                                        struct bytes request, struct text *ret_response) SSM_MUST_USE;

/* Any answer and its terminator fit. */
#define SESSION_CRYPT_RESPONSE_SIZE 512

#endif
