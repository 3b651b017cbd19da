#include "tests/emulator/kms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the ciphertexts of this lab begin with; the id of the key follows. */
static const uint8_t magic[4] = {1, 2, 2, 0};

#define ID_LEN 36
#define HEAD_LEN (sizeof magic + ID_LEN)

enum { KEY_SESSIONS, KEY_OTHER, KEY_DISABLED, KEY_NO_NODE, KEY_COUNT };

struct kms {
    struct chance *chance; /* borrowed */
    const char *region;
    struct kms_key keys[KEY_COUNT];
};

/* ---- keys ---- */

static const struct {
    const char *id, *name; /* alias/NAME */
} names[KEY_COUNT] = {
    [KEY_SESSIONS] = {"1234abcd-12ab-34cd-56ef-1234567890ab", "lab-sessions"},
    [KEY_OTHER] = {"0987dcba-09fe-87dc-65ba-ab0987654321", "lab-other"},
    [KEY_DISABLED] = {"d15ab1ed-0000-4000-8000-000000000001", "lab-disabled"},
    [KEY_NO_NODE] = {"de21ed00-0000-4000-8000-000000000002", "lab-denied-to-nodes"},
};

static void fill(struct chance *chance, uint8_t *ret_bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ret_bytes[i] = (uint8_t)chance_next(chance);
    }
}

enum err kms_new(struct lab *lab, struct kms **ret_kms)
{
    struct kms *kms = calloc(1, sizeof *kms);
    if (kms == NULL) {
        return ERR_MEMORY;
    }
    kms->chance = &lab->chance;
    kms->region = lab->options.region;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct kms_key *key = &kms->keys[i];
        snprintf(key->id, sizeof key->id, "%s", names[i].id);
        snprintf(key->alias, sizeof key->alias, "alias/%s", names[i].name);
        snprintf(key->arn, sizeof key->arn, "arn:aws:kms:%.40s:" LAB_ACCOUNT ":key/%s", kms->region, names[i].id);
        key->is_disabled = i == KEY_DISABLED;
        key->is_denied_to_nodes = i == KEY_NO_NODE;
        fill(kms->chance, key->material, sizeof key->material);
    }
    *ret_kms = kms;
    return ERR_OK;
}

void kms_free(struct kms *kms)
{
    free(kms);
}

json_t *kms_describe(const struct kms *kms)
{
    json_t *keys = json_object();
    for (size_t i = 0; i < KEY_COUNT; i++) {
        json_object_set_new(
            keys, names[i].name,
            json_pack("{s:s,s:s,s:s}", "id", kms->keys[i].id, "arn", kms->keys[i].arn, "alias", kms->keys[i].alias));
    }
    return keys;
}

static bool is_named(const struct kms *kms, const struct kms_key *key, const char *name)
{
    char alias_arn[160];
    snprintf(alias_arn, sizeof alias_arn, "arn:aws:kms:%.40s:" LAB_ACCOUNT ":%s", kms->region, key->alias);
    return strcmp(name, key->id) == 0 || strcmp(name, key->arn) == 0 || strcmp(name, key->alias) == 0 ||
           strcmp(name, alias_arn) == 0;
}

static void fail_unknown(const struct kms *kms, const char *name, struct service_error *ret_error)
{
    bool is_arn = strncmp(name, "arn:", 4) == 0;
    const char *what = strstr(name, "alias/") != NULL ? "Alias" : "Key";
    char arn[200];
    snprintf(arn, sizeof arn, "arn:aws:kms:%.40s:" LAB_ACCOUNT ":%s%.80s", kms->region, what[0] == 'K' ? "key/" : "",
             name);
    const char *shown = is_arn ? name : arn;
    if (what[0] == 'A') {
        service_error_set(ret_error, "NotFoundException", "Alias %.200s is not found.", shown);
    } else {
        service_error_set(ret_error, "NotFoundException", "Key '%.200s' does not exist", shown);
    }
}

const struct kms_key *kms_find(const struct kms *kms, const char *name, struct service_error *ret_error)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct kms_key *key = &kms->keys[i];
        if (!is_named(kms, key, name)) {
            continue;
        }
        if (!key->is_disabled) {
            return key;
        }
        service_error_set(ret_error, "DisabledException", "%s is disabled.", key->arn);
        return NULL;
    }
    fail_unknown(kms, name, ret_error);
    return NULL;
}

void kms_deny(const char *principal, const char *action, const struct kms_key *key, struct service_error *ret_error)
{
    service_error_set(ret_error, "AccessDeniedException",
                      "User: %s is not authorized to perform: %s on resource: %s because no identity-based policy "
                      "allows the %s action",
                      principal, action, key->arn, action);
}

/* ---- ciphertexts ---- */

/* What is authenticated with a ciphertext: the same pairs give the same text. To be freed. */
static char *context_text(const json_t *context)
{
    return context == NULL ? strdup("{}") : json_dumps(context, JSON_COMPACT | JSON_SORT_KEYS);
}

enum err kms_encrypt(struct kms *kms, const struct kms_key *key, struct bytes plain, const json_t *context,
                     uint8_t ret_ciphertext[KMS_CIPHERTEXT_MAX], size_t *ret_len)
{
    uint8_t nonce[AES_GCM_NONCE_LEN];
    char *text = context_text(context);
    if (text == NULL || plain.len > KMS_DATA_KEY_MAX) {
        free(text);
        return ERR_TOO_LONG;
    }
    fill(kms->chance, nonce, sizeof nonce);
    memcpy(ret_ciphertext, magic, sizeof magic);
    memcpy(ret_ciphertext + sizeof magic, key->id, ID_LEN);
    enum err err = aes_gcm_seal(key->material, nonce, plain, bytes_of_text(text), ret_ciphertext + HEAD_LEN);
    free(text);
    *ret_len = HEAD_LEN + plain.len + AES_GCM_EXTRA_LEN;
    return err;
}

/* NULL with *ret_error set. */
static const struct kms_key *key_of(const struct kms *kms, const struct kms_decryption *wanted,
                                    struct service_error *ret_error)
{
    char id[ID_LEN + 1];
    if (wanted->ciphertext.len < HEAD_LEN + AES_GCM_EXTRA_LEN ||
        wanted->ciphertext.len > HEAD_LEN + AES_GCM_EXTRA_LEN + KMS_DATA_KEY_MAX ||
        memcmp(wanted->ciphertext.data, magic, sizeof magic) != 0) {
        service_error_set(ret_error, "InvalidCiphertextException", "%s", "");
        return NULL;
    }
    snprintf(id, sizeof id, "%.*s", ID_LEN, (const char *)wanted->ciphertext.data + sizeof magic);
    const struct kms_key *key = kms_find(kms, id, ret_error);
    const struct kms_key *named = key == NULL || wanted->key[0] == '\0' ? key : kms_find(kms, wanted->key, ret_error);
    if (named != NULL && named != key) {
        service_error_set(ret_error, "IncorrectKeyException",
                          "The key ID in the request does not identify a CMK that can perform this operation.");
        return NULL;
    }
    return named;
}

enum err kms_decrypt(const struct kms *kms, const struct kms_decryption *wanted, uint8_t ret_plain[KMS_DATA_KEY_MAX],
                     size_t *ret_len, const struct kms_key **ret_key, struct service_error *ret_error)
{
    const struct kms_key *key = key_of(kms, wanted, ret_error);
    if (key == NULL) {
        return ERR_DENIED;
    }
    if (wanted->is_by_node && key->is_denied_to_nodes) {
        kms_deny(wanted->principal, "kms:Decrypt", key, ret_error);
        return ERR_DENIED;
    }
    struct bytes sealed = bytes_from(wanted->ciphertext, HEAD_LEN);
    char *text = context_text(wanted->context);
    enum err err = text == NULL ? ERR_MEMORY : aes_gcm_open(key->material, sealed, bytes_of_text(text), ret_plain);
    free(text);
    if (err != ERR_OK) {
        service_error_set(ret_error, "InvalidCiphertextException", "%s", "");
        return ERR_DENIED;
    }
    *ret_len = sealed.len - AES_GCM_EXTRA_LEN;
    *ret_key = key;
    return ERR_OK;
}
