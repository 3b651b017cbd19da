/* kms_api: the one call of the Key Management Service (AWS JSON 1.1, API version 2014-11-01) that an encrypted session
 * needs: GenerateDataKey. KMS gives a key twice, in the clear for us and encrypted for the agent, which asks KMS to
 * decrypt it and must name the same encryption context.
 *
 *     {"KeyId": "arn:aws:kms:...", "NumberOfBytes": 64,
 *      "EncryptionContext": {"aws:ssm:SessionId": "...", "aws:ssm:TargetId": "i-...",
 *                            "aws:ssm:RandomChallenge": "..."}}
 *     {"CiphertextBlob": "...", "Plaintext": "...", "KeyId": "arn:aws:kms:..."}
 *
 * Source: the API reference of KMS; session-manager-plugin src/encryption; amazon-ssm-agent agent/session/crypto. */
#ifndef SSM_PROXY_CORE_KMS_API_H
#define SSM_PROXY_CORE_KMS_API_H

#include "common/base64.h"
#include "common/limits.h"
#include "proxy/core/aws_request.h"
#include "proxy/core/service_failure.h"
#include "proxy/core/session_crypt.h"

/* All borrowed. The agent names its own id as the target: it must be the text that StartSession was given. */
struct kms_api_want {
    const char *key_id;
    const char *session_id;
    const char *target_id;
    const char *challenge; /* of the HandshakeRequest; NULL: it had none */
};

/* ERR_MALFORMED when a text is not UTF-8; ERR_TOO_LONG, ERR_MEMORY. The caller frees ret_request. */
enum err kms_api_generate_data_key(const struct endpoint_url *endpoint, const char *region,
                                   const struct kms_api_want *want, struct aws_request *ret_request) SSM_MUST_USE;

struct kms_api_data_key {
    uint8_t plaintext[SESSION_CRYPT_KEY_LEN]; /* a secret */
    char ciphertext[BASE64_LEN(LIMIT_KMS_CIPHERTEXT) + 1];
};

void kms_api_data_key_wipe(struct kms_api_data_key *key); /* safe to repeat; usable with AUTO() */

/* Errors of aws_error.h, ERR_MALFORMED and ERR_TOO_LONG (200 with something else in it), each with ret_failure;
 * ERR_MEMORY. */
enum err kms_api_parse_data_key(const struct aws_reply *reply, struct kms_api_data_key *ret_key,
                                struct service_failure *ret_failure) SSM_MUST_USE;

#endif
