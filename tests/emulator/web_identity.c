#include "tests/emulator/web_identity.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define INVALID "InvalidIdentityToken"

struct web_identity web_identity_new(struct chance *chance)
{
    struct web_identity identity = {0};
    for (size_t i = 0; i < sizeof identity.key; i++) {
        identity.key[i] = (uint8_t)chance_below(chance, 256);
    }
    return identity;
}

/* ---- base64url without padding (RFC 7515, appendix C) ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put_base64url(struct text *text, struct bytes bytes)
{
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | bytes.data[i];
        for (held += 8; held >= 6; held -= 6) {
            text_put_char(text, alphabet[bits >> (held - 6) & 63]);
        }
    }
    if (held > 0) {
        text_put_char(text, alphabet[bits << (6 - held) & 63]);
    }
}

/* ret_data has room for `len`; false for a foreign character. */
static bool get_base64url(const char *from, size_t len, uint8_t *ret_data, size_t *ret_len)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        const char *at = strchr(alphabet, from[i]);
        if (from[i] == '\0' || at == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(at - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            ret_data[count++] = (uint8_t)(bits >> held);
        }
    }
    *ret_len = count;
    return true;
}

/* ---- tokens ---- */

static void put_json(struct text *text, json_t *object)
{
    char *json = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (json == NULL) {
        text->overflowed = true;
        return;
    }
    put_base64url(text, bytes_of_text(json));
    free(json);
}

static void put_signature(const struct web_identity *identity, struct text *text, size_t signed_len)
{
    uint8_t mac[32];
    unsigned int len = 0;
    HMAC(EVP_sha256(), identity->key, (int)sizeof identity->key, (const unsigned char *)text->data, signed_len, mac,
         &len);
    text_put_char(text, '.');
    put_base64url(text, bytes_of(mac, sizeof mac));
}

enum err web_identity_token(const struct web_identity *identity, const struct web_identity_claims *claims,
                            char ret_token[WEB_IDENTITY_TOKEN_SIZE])
{
    struct text text = text_in(ret_token, WEB_IDENTITY_TOKEN_SIZE);
    put_json(&text, json_pack("{s:s,s:s,s:s}", "alg", "HS256", "typ", "JWT", "kid", "lab"));
    text_put_char(&text, '.');
    put_json(&text,
             json_pack("{s:[s],s:I,s:I,s:s,s:s}", "aud",
                       claims->audience == NULL ? WEB_IDENTITY_AUDIENCE : claims->audience, "exp",
                       (json_int_t)claims->expires_unix_s, "iat", (json_int_t)claims->issued_unix_s, "iss",
                       claims->issuer == NULL ? WEB_IDENTITY_ISSUER : claims->issuer, "sub", WEB_IDENTITY_SUBJECT));
    put_signature(identity, &text, text.len);
    return text_finish(&text);
}

static json_t *parse_claims(const char *token)
{
    uint8_t data[WEB_IDENTITY_TOKEN_SIZE];
    size_t len = 0;
    const char *first = strchr(token, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');
    if (second == NULL || strchr(second + 1, '.') != NULL || strlen(token) >= sizeof data ||
        !get_base64url(first + 1, (size_t)(second - first - 1), data, &len)) {
        return NULL;
    }
    json_t *claims = json_loadb((const char *)data, len, 0, NULL);
    if (!json_is_object(claims)) {
        json_decref(claims);
        return NULL;
    }
    return claims;
}

static bool is_signature_right(const struct web_identity *identity, const char *token)
{
    char memory[64];
    struct text text = text_in(memory, sizeof memory);
    const char *signature = strrchr(token, '.') + 1;
    uint8_t mac[32];
    unsigned int len = 0;
    HMAC(EVP_sha256(), identity->key, (int)sizeof identity->key, (const unsigned char *)token,
         (size_t)(signature - 1 - token), mac, &len);
    put_base64url(&text, bytes_of(mac, sizeof mac));
    return strlen(signature) == text.len && CRYPTO_memcmp(signature, memory, text.len) == 0;
}

static enum err check_claims(const struct web_identity *identity, const char *token, const json_t *claims, time_t now,
                             struct service_error *error)
{
    const char *issuer = json_string_value(json_object_get(claims, "iss"));
    const char *audience = json_string_value(json_array_get(json_object_get(claims, "aud"), 0));
    long long expires = json_integer_value(json_object_get(claims, "exp"));
    if (issuer == NULL || strcmp(issuer, WEB_IDENTITY_ISSUER) != 0) {
        service_error_set(error, INVALID, "No OpenIDConnect provider found in your account for %.300s",
                          issuer == NULL ? "" : issuer);
    } else if (!is_signature_right(identity, token)) {
        service_error_set(error, INVALID,
                          "Couldn't retrieve verification key from your identity provider,  please reference "
                          "AssumeRoleWithWebIdentity documentation for requirements");
    } else if (audience == NULL || strcmp(audience, WEB_IDENTITY_AUDIENCE) != 0) {
        service_error_set(error, INVALID, "Incorrect token audience");
    } else if (now >= expires) {
        /* The missing blank is AWS's. */
        service_error_set(error, "ExpiredTokenException",
                          "Token expired: current date/time %lld must be before the expiration date/time%lld",
                          (long long)now, expires);
    } else {
        return ERR_OK;
    }
    return ERR_CREDENTIALS;
}

enum err web_identity_check(const struct web_identity *identity, const char *token, time_t now,
                            struct service_error *ret_error)
{
    json_t *claims = parse_claims(token);
    if (claims == NULL) {
        service_error_set(ret_error, INVALID,
                          "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access "
                          "Token)");
        return ERR_CREDENTIALS;
    }
    enum err err = check_claims(identity, token, claims, now, ret_error);
    json_decref(claims);
    return err;
}
