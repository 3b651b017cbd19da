#include "proxy/core/sigv4.h"

#include "proxy/core/calendar.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define KEY_LEN 32
#define SCOPE_SIZE (9 + LIMIT_REGION + 64 + sizeof TERMINATOR)
#define SIGNED_NAMES_SIZE 1024

/* ---- stage 2: string to sign (stage 1 is in sigv4_canonical.c) ---- */

enum err sigv4_payload_hash(struct bytes body, char ret_hash[SIGV4_HASH_SIZE])
{
    uint8_t digest[KEY_LEN];
    if (EVP_Digest(body.len == 0 ? "" : (const void *)body.data, body.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return ERR_MEMORY;
    }
    bytes_to_hex(bytes_of(digest, sizeof digest), ret_hash);
    return ERR_OK;
}

enum err sigv4_date(int64_t unix_seconds, char ret_date[SIGV4_DATE_SIZE])
{
    struct calendar at;
    TRY(calendar_from_unix(unix_seconds, &at));
    struct text text = text_in(ret_date, SIGV4_DATE_SIZE);
    text_format(&text, "%04u%02u%02uT%02u%02u%02uZ", at.year, at.month, at.day, at.hour, at.minute, at.second);
    return text_finish(&text);
}

/* "20150830/us-east-1/service/aws4_request". */
static enum err put_scope(const struct sigv4_scope *scope, struct text *text)
{
    char date[SIGV4_DATE_SIZE];
    TRY(sigv4_date(scope->unix_seconds, date));
    text_format(text, "%.8s/%s/%s/" TERMINATOR, date, scope->region, scope->service);
    return text_finish(text);
}

enum err sigv4_string_to_sign(const struct sigv4_scope *scope, struct bytes canonical_request,
                              struct text *ret_string_to_sign)
{
    char date[SIGV4_DATE_SIZE];
    char hash[SIGV4_HASH_SIZE];
    TRY(sigv4_date(scope->unix_seconds, date));
    TRY(sigv4_payload_hash(canonical_request, hash));
    text_format(ret_string_to_sign, ALGORITHM "\n%s\n", date);
    TRY(put_scope(scope, ret_string_to_sign));
    text_format(ret_string_to_sign, "\n%s", hash);
    return text_finish(ret_string_to_sign);
}

/* ---- stage 3: signature ---- */

static enum err hmac(struct bytes key, struct bytes message, uint8_t ret_mac[KEY_LEN])
{
    unsigned len = 0;
    const unsigned char *mac = HMAC(EVP_sha256(), key.data, (int)key.len, message.data, message.len, ret_mac, &len);
    return mac != NULL && len == KEY_LEN ? ERR_OK : ERR_MEMORY;
}

/* Each step's key is the step before's result: date, region, service, terminator, string to sign. */
static enum err derive(struct bytes secret_key, const struct bytes *steps, size_t count, uint8_t ret_mac[KEY_LEN])
{
    uint8_t keys[2][KEY_LEN];
    enum err err = ERR_OK;
    struct bytes key = secret_key;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        uint8_t *mac = i + 1 == count ? ret_mac : keys[i % 2];
        err = hmac(key, steps[i], mac);
        key = bytes_of(mac, KEY_LEN);
    }
    OPENSSL_cleanse(keys, sizeof keys);
    return err;
}

enum err sigv4_signature(const struct sigv4_scope *scope, const struct secret *secret_access_key,
                         struct bytes string_to_sign, char ret_signature[SIGV4_HASH_SIZE])
{
    char date[SIGV4_DATE_SIZE];
    TRY(sigv4_date(scope->unix_seconds, date));
    size_t size = secret_access_key->len + sizeof "AWS4";
    char *memory = malloc(size);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text key = text_in(memory, size);
    text_put(&key, "AWS4");
    text_put_bytes(&key, secret_bytes(secret_access_key));
    const struct bytes steps[] = {bytes_of(date, 8), bytes_of_text(scope->region), bytes_of_text(scope->service),
                                  bytes_of_text(TERMINATOR), string_to_sign};
    uint8_t signature[KEY_LEN];
    enum err err = derive(text_bytes(&key), steps, sizeof steps / sizeof steps[0], signature);
    OPENSSL_cleanse(memory, size);
    free(memory);
    TRY(err);
    bytes_to_hex(bytes_of(signature, sizeof signature), ret_signature);
    return ERR_OK;
}

/* ---- all of it ---- */

/* The request's headers with the signer's own behind them. */
static enum err add_headers(const struct sigv4_request *request, const struct aws_credentials *credentials,
                            const char *date, struct sigv4_header *headers, struct sigv4_request *ret_complete)
{
    if (request->header_count + 2 > LIMIT_SIGNED_HEADERS) {
        return ERR_TOO_LONG;
    }
    size_t count = request->header_count;
    if (count > 0) {
        memcpy(headers, request->headers, count * sizeof *headers);
    }
    headers[count++] = (struct sigv4_header){"X-Amz-Date", date};
    if (secret_is_set(&credentials->session_token)) {
        headers[count++] = (struct sigv4_header){"X-Amz-Security-Token", credentials->session_token.reveal};
    }
    *ret_complete = *request;
    ret_complete->headers = headers;
    ret_complete->header_count = count;
    return ERR_OK;
}

static enum err sign(const struct sigv4_request *complete, const struct sigv4_scope *scope,
                     const struct aws_credentials *credentials, struct text *canonical, struct text *ret_value)
{
    char names_memory[SIGNED_NAMES_SIZE];
    struct text names = text_in(names_memory, sizeof names_memory);
    TRY(sigv4_canonical_request(complete, canonical, &names));

    char string_memory[SCOPE_SIZE + 128];
    struct text string_to_sign = text_in(string_memory, sizeof string_memory);
    TRY(sigv4_string_to_sign(scope, text_bytes(canonical), &string_to_sign));

    char signature[SIGV4_HASH_SIZE];
    TRY(sigv4_signature(scope, &credentials->secret_access_key, text_bytes(&string_to_sign), signature));

    text_format(ret_value, ALGORITHM " Credential=%s/", credentials->access_key_id);
    TRY(put_scope(scope, ret_value));
    text_format(ret_value, ", SignedHeaders=%s, Signature=%s", names.data, signature);
    return text_finish(ret_value);
}

enum err sigv4_authorize(const struct sigv4_request *request, const struct sigv4_scope *scope,
                         const struct aws_credentials *credentials, struct sigv4_authorization *ret_authorization)
{
    if (credentials->access_key_id[0] == '\0' || !secret_is_set(&credentials->secret_access_key)) {
        return ERR_NO_CREDENTIALS;
    }
    struct sigv4_authorization authorization;
    TRY(sigv4_date(scope->unix_seconds, authorization.date));
    struct sigv4_header headers[LIMIT_SIGNED_HEADERS];
    struct sigv4_request complete;
    TRY(add_headers(request, credentials, authorization.date, headers, &complete));

    char *memory = malloc(LIMIT_CANONICAL_REQUEST);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text canonical = text_in(memory, LIMIT_CANONICAL_REQUEST);
    struct text value = text_in(authorization.value, sizeof authorization.value);
    enum err err = sign(&complete, scope, credentials, &canonical, &value);
    OPENSSL_cleanse(memory, canonical.len); /* the session token is in it */
    free(memory);
    TRY(err);
    *ret_authorization = authorization;
    return ERR_OK;
}
