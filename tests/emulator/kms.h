/* kms: the keys of the lab's account in its region, and what the Key Management Service does with them for sessions:
 * GenerateDataKey and Decrypt. A ciphertext says which key it is under; it opens under that key, with the encryption
 * context that it was made with, byte for byte, and with nothing else. The keys are made afresh at every start. */
#ifndef SSM_LAB_KMS_H
#define SSM_LAB_KMS_H

#include <jansson.h>
#include <stdbool.h>

#include "tests/emulator/aes_gcm.h"
#include "tests/emulator/lab.h"
#include "tests/emulator/service_error.h"

#define KMS_DATA_KEY_MAX 1024
#define KMS_CIPHERTEXT_MAX (KMS_DATA_KEY_MAX + 128)

struct kms_key {
    char id[37], alias[40], arn[120];
    bool is_disabled;
    bool is_denied_to_nodes; /* no node's role may decrypt with it */
    uint8_t material[AES_GCM_KEY_LEN];
};

struct kms;

enum err kms_new(struct lab *lab, struct kms **ret_kms) SSM_MUST_USE;
void kms_free(struct kms *kms);

/* The member "kms" of the ready line. */
json_t *kms_describe(const struct kms *kms);

/* By id, ARN, alias or ARN of the alias. NULL with *ret_error set: there is none, or it is disabled. */
const struct kms_key *kms_find(const struct kms *kms, const char *name, struct service_error *ret_error);

/* A ciphertext of `plain` (up to KMS_DATA_KEY_MAX) under the key. `context` is an object of texts, or NULL. */
enum err kms_encrypt(struct kms *kms, const struct kms_key *key, struct bytes plain, const json_t *context,
                     uint8_t ret_ciphertext[KMS_CIPHERTEXT_MAX], size_t *ret_len) SSM_MUST_USE;

struct kms_decryption {
    struct bytes ciphertext;
    const json_t *context;
    const char *key; /* that it must be under; "": whichever it names */
    bool is_by_node; /* with the credentials of a node's role */
    const char *principal;
};

/* ERR_DENIED with *ret_error in KMS's words. *ret_key is the key that it was under. */
enum err kms_decrypt(const struct kms *kms, const struct kms_decryption *wanted, uint8_t ret_plain[KMS_DATA_KEY_MAX],
                     size_t *ret_len, const struct kms_key **ret_key, struct service_error *ret_error) SSM_MUST_USE;

/* "... is not authorized to perform: kms:Decrypt on resource: ..." */
void kms_deny(const char *principal, const char *action, const struct kms_key *key, struct service_error *ret_error);

#endif
