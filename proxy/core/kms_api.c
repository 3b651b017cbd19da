#include "proxy/core/kms_api.h"

#include "proxy/core/json_call.h"

enum err kms_api_generate_data_key(const struct endpoint_url *endpoint, const char *region,
                                   const struct kms_api_want *want, struct aws_request *ret_request)
{
    json_error_t error;
    AUTO_JSON json_t *body =
        json_pack_ex(&error, 0, "{s:s, s:i, s:{s:s, s:s, s:s*}}", "KeyId", want->key_id, "NumberOfBytes",
                     SESSION_CRYPT_KEY_LEN, "EncryptionContext", "aws:ssm:SessionId", want->session_id,
                     "aws:ssm:TargetId", want->target_id, "aws:ssm:RandomChallenge", want->challenge);
    struct json_call call = {AWS_SERVICE_KMS, "TrentService.GenerateDataKey", endpoint, region};
    return json_call_make(&call, body, &error, ret_request);
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

#define PLAINTEXT_LEN BASE64_LEN(SESSION_CRYPT_KEY_LEN)

/* The JSON reader gives memory back as it is, and so the key must not get there: it reads a copy of the reply in which
 * another text stands in the key's place. That it finds this text shows that the place was the right one. */
static const char mask[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
_Static_assert(sizeof mask - 1 == PLAINTEXT_LEN, "as long as the key");

static size_t skip_blanks(struct bytes text, size_t at)
{
    while (at < text.len && memchr(" \t\r\n", text.data[at], 4) != NULL) {
        at++;
    }
    return at;
}

/* The value of the first member of that name, when it is a text as long as the key. */
static struct bytes find_plaintext(struct bytes body)
{
    static const char name[] = "\"Plaintext\"";
    const uint8_t *found = body.len == 0 ? NULL : memmem(body.data, body.len, name, sizeof name - 1);
    if (found == NULL) {
        return bytes_of(NULL, 0);
    }
    size_t at = skip_blanks(body, (size_t)(found - body.data) + sizeof name - 1);
    if (at == body.len || body.data[at] != ':') {
        return bytes_of(NULL, 0);
    }
    at = skip_blanks(body, at + 1) + 1;
    bool is_text = at < body.len && body.data[at - 1] == '"' && body.len - at > PLAINTEXT_LEN &&
                   body.data[at + PLAINTEXT_LEN] == '"';
    return is_text ? bytes_of(body.data + at, PLAINTEXT_LEN) : bytes_of(NULL, 0);
}

/* The caller drops the object. */
static enum err parse_masked(struct bytes body, struct bytes plaintext, json_t **ret_object)
{
    if (body.len > LIMIT_API_REPLY) {
        return ERR_TOO_LONG;
    }
    AUTO_FREE uint8_t *copy = malloc(body.len);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    size_t at = (size_t)(plaintext.data - body.data);
    struct bytes rest = bytes_from(body, at + plaintext.len);
    memcpy(copy, body.data, at);
    memcpy(copy + at, mask, plaintext.len);
    memcpy(copy + at + plaintext.len, rest.data, rest.len);
    TRY(json_view_parse_object(bytes_of(copy, body.len), ret_object));
    const char *masked = json_view_text(*ret_object, "Plaintext");
    return masked != NULL && strcmp(masked, mask) == 0 ? ERR_OK : ERR_MALFORMED;
}

static enum err read_plaintext(struct bytes text, struct kms_api_data_key *key)
{
    uint8_t plaintext[BASE64_DECODED_SIZE(PLAINTEXT_LEN)];
    size_t len = 0;
    enum err err = base64_decode(text, plaintext, &len);
    if (err == ERR_OK && len == SESSION_CRYPT_KEY_LEN) {
        memcpy(key->plaintext, plaintext, SESSION_CRYPT_KEY_LEN);
    }
    explicit_bzero(plaintext, sizeof plaintext);
    return len == SESSION_CRYPT_KEY_LEN ? err : ERR_MALFORMED;
}

static enum err read_data_key(struct bytes body, struct kms_api_data_key *key)
{
    AUTO_JSON json_t *object = NULL;
    struct bytes plaintext = find_plaintext(body);
    if (plaintext.len == 0) {
        return ERR_MALFORMED;
    }
    TRY(parse_masked(body, plaintext, &object));
    TRY(read_ciphertext(json_view_text(object, "CiphertextBlob"), key));
    return read_plaintext(plaintext, key);
}

enum err kms_api_parse_data_key(const struct aws_reply *reply, struct kms_api_data_key *ret_key,
                                struct service_failure *ret_failure)
{
    if (reply->http_status != 200) {
        return service_failure_read_json(reply, ret_failure);
    }
    AUTO(kms_api_data_key_wipe) struct kms_api_data_key key = {.ciphertext = ""};
    enum err err = read_data_key(reply->body, &key);
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "the reply has no data key of 64 bytes", ret_failure);
    }
    *ret_key = key;
    return ERR_OK;
}
