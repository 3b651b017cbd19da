#include "proxy/core/kms_api.h"

#include "common/json_view.h"
#include "proxy/core/aws_service.h"

#define CONTENT_TYPE "application/x-amz-json-1.1"

/* ---- the request ---- */

static enum err set_body(struct aws_request *request, const struct kms_api_want *want)
{
    json_error_t error;
    AUTO_JSON json_t *body =
        json_pack_ex(&error, 0, "{s:s, s:i, s:{s:s, s:s, s:s*}}", "KeyId", want->key_id, "NumberOfBytes",
                     SESSION_CRYPT_KEY_LEN, "EncryptionContext", "aws:ssm:SessionId", want->session_id,
                     "aws:ssm:TargetId", want->target_id, "aws:ssm:RandomChallenge", want->challenge);
    if (body == NULL) {
        return json_view_error(&error);
    }
    AUTO_FREE char *text = json_dumps(body, JSON_COMPACT);
    if (text == NULL) {
        return ERR_MEMORY;
    }
    return aws_request_set_body(request, CONTENT_TYPE, bytes_of_text(text));
}

enum err kms_api_generate_data_key(const struct endpoint_url *endpoint, const char *region,
                                   const struct kms_api_want *want, struct aws_request *ret_request)
{
    AUTO(aws_request_free) struct aws_request request = {.method = "POST", .url = *endpoint};
    request.signing_name = aws_service_signing_name(AWS_SERVICE_KMS);
    struct text signed_for = text_in(request.region, sizeof request.region);
    text_put(&signed_for, region);
    TRY(text_finish(&signed_for));
    TRY(aws_request_add_header(&request, "X-Amz-Target", "TrentService.GenerateDataKey"));
    TRY(set_body(&request, want));
    *ret_request = request;
    request = (struct aws_request){.method = NULL};
    return ERR_OK;
}

/* ---- the reply ---- */

void kms_api_data_key_wipe(struct kms_api_data_key *key)
{
    explicit_bzero(key, sizeof *key);
}

/* What is decoded is only judged: the agent gets the text as it came. */
static enum err read_ciphertext(const char *text, struct kms_api_data_key *key)
{
    uint8_t blob[BASE64_DECODED_SIZE(BASE64_LEN(LIMIT_KMS_CIPHERTEXT))];
    size_t len;
    if (text == NULL) {
        return ERR_MALFORMED;
    }
    if (strlen(text) > BASE64_LEN(LIMIT_KMS_CIPHERTEXT)) {
        return ERR_TOO_LONG;
    }
    TRY(base64_decode(bytes_of_text(text), blob, &len));
    memcpy(key->ciphertext, text, strlen(text) + 1);
    return ERR_OK;
}

static enum err read_plaintext(const char *text, struct kms_api_data_key *key)
{
    uint8_t plaintext[BASE64_DECODED_SIZE(BASE64_LEN(SESSION_CRYPT_KEY_LEN))];
    size_t len = 0;
    bool is_long_enough = text != NULL && strlen(text) == BASE64_LEN(SESSION_CRYPT_KEY_LEN);
    enum err err = is_long_enough ? base64_decode(bytes_of_text(text), plaintext, &len) : ERR_MALFORMED;
    if (err == ERR_OK && len == SESSION_CRYPT_KEY_LEN) {
        memcpy(key->plaintext, plaintext, SESSION_CRYPT_KEY_LEN);
    }
    explicit_bzero(plaintext, sizeof plaintext);
    return len == SESSION_CRYPT_KEY_LEN ? err : ERR_MALFORMED;
}

enum err kms_api_parse_data_key(const struct aws_reply *reply, struct kms_api_data_key *ret_key,
                                struct service_failure *ret_failure)
{
    if (reply->http_status != 200) {
        return service_failure_read_json(reply, ret_failure);
    }
    AUTO_JSON json_t *object = NULL;
    AUTO(kms_api_data_key_wipe) struct kms_api_data_key key = {.ciphertext = ""};
    enum err err = json_view_parse_object(reply->body, &object);
    if (err == ERR_OK) {
        err = read_ciphertext(json_view_text(object, "CiphertextBlob"), &key);
    }
    if (err == ERR_OK) {
        err = read_plaintext(json_view_text(object, "Plaintext"), &key);
    }
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "the reply has no data key of 64 bytes", ret_failure);
    }
    *ret_key = key;
    return ERR_OK;
}
