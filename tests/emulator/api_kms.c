/* KMS: GenerateDataKey and Decrypt. */
#include <string.h>

#include "common/base64.h"
#include "tests/emulator/api.h"
#include "tests/emulator/kms.h"
#include "tests/emulator/permission.h"

/* Base64 of KMS_CIPHERTEXT_MAX bytes, and its end. */
#define TEXT_SIZE ((KMS_CIPHERTEXT_MAX + 2) / 3 * 4 + 1)

/* ---- input ---- */

/* The context may be missing; its values are texts. False after having failed the call. */
static bool get_context(const struct api_call *call, const json_t **ret_context)
{
    json_t *context = json_object_get(call->input, "EncryptionContext");
    const char *name = NULL;
    json_t *value = NULL;
    bool is_right = context == NULL || json_is_null(context) || json_is_object(context);
    json_object_foreach(context, name, value)
    {
        is_right = is_right && json_is_string(value);
    }
    if (!is_right) {
        api_fail(call, "SerializationException", "EncryptionContext is not a map of strings");
    }
    *ret_context = json_is_object(context) ? context : NULL;
    return is_right;
}

static bool is_permitted(const struct api_call *call, const char *action, const struct kms_key *key)
{
    const struct permission_request request = {.action = action, .resource = key->arn};
    struct service_error error = {0};
    if (call->caller->is_denied) {
        kms_deny(call->caller->principal, action, key, &error);
        api_fail_error(call, &error);
        return false;
    }
    return api_allows(call, &request);
}

/* So many bytes are wanted; 0 after having failed the call. */
static size_t get_length(const struct api_call *call)
{
    const json_t *number = json_object_get(call->input, "NumberOfBytes");
    const char *spec = api_optional(call->input, "KeySpec");
    size_t of_spec = strcmp(spec, "AES_256") == 0 ? 32 : strcmp(spec, "AES_128") == 0 ? 16 : 0;
    if ((number != NULL) == (spec[0] != '\0') || (number == NULL && of_spec == 0)) {
        api_fail(call, "ValidationException", "Please specify either number of bytes or key spec.");
        return 0;
    }
    json_int_t wanted = number == NULL ? (json_int_t)of_spec : json_integer_value(number);
    if (wanted < 1 || wanted > KMS_DATA_KEY_MAX) {
        api_fail(call, "ValidationException",
                 "1 validation error detected: Value '%lld' at 'numberOfBytes' failed to satisfy constraint: Member "
                 "must have value %s than or equal to %d",
                 (long long)wanted, wanted < 1 ? "greater" : "less", wanted < 1 ? 1 : KMS_DATA_KEY_MAX);
        return 0;
    }
    return (size_t)wanted;
}

/* ---- operations ---- */

static json_t *text_of(struct bytes bytes)
{
    char memory[TEXT_SIZE];
    struct text text = text_in(memory, sizeof memory);
    base64_put(bytes, &text);
    return text_finish(&text) == ERR_OK ? json_string(memory) : NULL;
}

void api_kms_generate_data_key(const struct api_call *call)
{
    uint8_t plain[KMS_DATA_KEY_MAX], ciphertext[KMS_CIPHERTEXT_MAX];
    size_t len = 0;
    const json_t *context = NULL;
    struct service_error error = {0};
    const char *name = api_text(call, "KeyId", 1, 2048);
    const struct kms_key *key = name == NULL ? NULL : kms_find(call->lab->kms, name, &error);
    if (name != NULL && key == NULL) {
        api_fail_error(call, &error);
    }
    if (key == NULL || !is_permitted(call, "kms:GenerateDataKey", key) || !get_context(call, &context)) {
        return;
    }
    size_t wanted = get_length(call);
    if (wanted == 0) {
        return;
    }
    for (size_t i = 0; i < wanted; i++) {
        plain[i] = (uint8_t)chance_next(&call->lab->chance);
    }
    enum err err = kms_encrypt(call->lab->kms, key, bytes_of(plain, wanted), context, ciphertext, &len);
    api_reply(call, err != ERR_OK ? NULL
                                  : json_pack("{s:o,s:o,s:s}", "CiphertextBlob", text_of(bytes_of(ciphertext, len)),
                                              "Plaintext", text_of(bytes_of(plain, wanted)), "KeyId", key->arn));
}

void api_kms_decrypt(const struct api_call *call)
{
    uint8_t ciphertext[KMS_CIPHERTEXT_MAX], plain[KMS_DATA_KEY_MAX];
    size_t len = 0, plain_len = 0;
    const struct kms_key *key = NULL;
    struct service_error error = {0};
    struct kms_decryption wanted = {.key = api_optional(call->input, "KeyId"),
                                    .is_by_node = call->caller->node_id[0] != '\0',
                                    .principal = call->caller->principal};
    const char *text = api_text(call, "CiphertextBlob", 1, TEXT_SIZE - 1);
    if (text == NULL || !get_context(call, &wanted.context)) {
        return;
    }
    if (base64_decode(bytes_of_text(text), ciphertext, &len) != ERR_OK) {
        api_fail(call, "SerializationException", "CiphertextBlob is not base64");
        return;
    }
    wanted.ciphertext = bytes_of(ciphertext, len);
    if (kms_decrypt(call->lab->kms, &wanted, plain, &plain_len, &key, &error) != ERR_OK) {
        api_fail_error(call, &error);
    } else if (is_permitted(call, "kms:Decrypt", key)) {
        api_reply(call, json_pack("{s:o,s:s,s:s}", "Plaintext", text_of(bytes_of(plain, plain_len)), "KeyId", key->arn,
                                  "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"));
    }
}
