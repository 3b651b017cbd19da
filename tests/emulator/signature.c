#include "tests/emulator/signature.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "tests/emulator/signature_text.h"

static enum err refuse(struct service_error *error, const char *type, const char *message)
{
    service_error_set(error, type, "%s", message);
    return ERR_CREDENTIALS;
}

static bool is_signed(const struct signature_text *authorization, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = authorization->signed_headers; *at != '\0';) {
        size_t part = strcspn(at, ";");
        if (part == len && strncmp(at, name, len) == 0) {
            return true;
        }
        at += part;
        at += *at == ';' ? 1 : 0;
    }
    return false;
}

static void hmac(struct bytes key, const char *text, uint8_t ret_mac[32])
{
    unsigned int len = 0;
    HMAC(EVP_sha256(), key.data, (int)key.len, (const unsigned char *)text, strlen(text), ret_mac, &len);
}

static void expected_signature(const char *secret, const struct signature_text *authorization, const char *to_sign,
                               char ret_hex[65])
{
    char first[64];
    snprintf(first, sizeof first, "AWS4%s", secret);
    uint8_t key[32];
    hmac(bytes_of_text(first), authorization->date, key);
    hmac(bytes_of(key, 32), authorization->region, key);
    hmac(bytes_of(key, 32), authorization->service, key);
    hmac(bytes_of(key, 32), authorization->terminator, key);
    hmac(bytes_of(key, 32), to_sign, key);
    bytes_to_hex(bytes_of(key, 32), ret_hex);
}

static void format_time(time_t time, char ret_text[17])
{
    struct tm tm;
    gmtime_r(&time, &tm);
    strftime(ret_text, 17, "%Y%m%dT%H%M%SZ", &tm);
}

static enum err check_time(const struct signature_scope *scope, const struct signature_text *authorization,
                           struct service_error *error)
{
    struct tm tm = {0};
    const char *end = strptime(authorization->amz_date, "%Y%m%dT%H%M%SZ", &tm);
    if (end == NULL || *end != '\0') {
        service_error_set(error, "IncompleteSignatureException",
                          "Date must be in ISO-8601 'basic format'. Got '%s'. See "
                          "http://en.wikipedia.org/wiki/ISO_8601",
                          authorization->amz_date);
        return ERR_CREDENTIALS;
    }
    time_t signed_at = timegm(&tm), skew = (time_t)scope->skew_minutes * 60;
    char now[17], limit[17];
    format_time(scope->now, now);
    if (signed_at < scope->now - skew) {
        format_time(scope->now - skew, limit);
        service_error_set(error, "InvalidSignatureException",
                          "Signature expired: %s is now earlier than %s (%s - %d min.)", authorization->amz_date, limit,
                          now, scope->skew_minutes);
        return ERR_CREDENTIALS;
    }
    if (signed_at > scope->now + skew) {
        format_time(scope->now + skew, limit);
        service_error_set(error, "InvalidSignatureException",
                          "Signature not yet current: %s is still later than %s (%s + %d min.)",
                          authorization->amz_date, limit, now, scope->skew_minutes);
        return ERR_CREDENTIALS;
    }
    return ERR_OK;
}

static enum err check_scope(const struct signature_scope *scope, const struct signature_text *authorization,
                            struct service_error *error)
{
    const char *type = "InvalidSignatureException";
    if (strcmp(authorization->region, scope->region) != 0) {
        service_error_set(error, type, "Credential should be scoped to a valid region, not '%s'. ",
                          authorization->region);
    } else if (strcmp(authorization->service, scope->service) != 0) {
        service_error_set(error, type, "Credential should be scoped to correct service: '%s'. ", scope->service);
    } else if (strcmp(authorization->terminator, "aws4_request") != 0) {
        service_error_set(error, type, "Credential should be scoped with a valid terminator: 'aws4_request', not '%s'.",
                          authorization->terminator);
    } else if (strncmp(authorization->date, authorization->amz_date, 8) != 0 || authorization->date[8] != '\0') {
        service_error_set(error, type,
                          "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                          "'%s' != '%.8s', from '%s'.",
                          authorization->date, authorization->amz_date, authorization->amz_date);
    } else {
        return ERR_OK;
    }
    return ERR_CREDENTIALS;
}

static enum err check_signed_headers(const struct http_request *request, const struct signature_text *authorization,
                                     struct service_error *error)
{
    if (!is_signed(authorization, "host")) {
        return refuse(error, "InvalidSignatureException",
                      "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    }
    if (!is_signed(authorization, "x-amz-date")) {
        return refuse(error, "InvalidSignatureException",
                      "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.");
    }
    if (http_request_header(request, "x-amz-security-token") != NULL &&
        !is_signed(authorization, "x-amz-security-token")) {
        return refuse(error, "InvalidSignatureException",
                      "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.");
    }
    return ERR_OK;
}

static enum err check_key(const struct signature_scope *scope, const struct credential_store *store,
                          const struct http_request *request, const struct signature_text *authorization,
                          const struct credential **ret_caller, struct service_error *error)
{
    const struct credential *caller = credential_store_find(store, authorization->access_key_id);
    const char *token = http_request_header(request, "x-amz-security-token");
    if (caller == NULL || strcmp(token == NULL ? "" : token, caller->session_token) != 0) {
        return refuse(error, "UnrecognizedClientException", "The security token included in the request is invalid.");
    }
    if (credential_store_is_expired(caller, scope->now)) {
        return refuse(error, "ExpiredTokenException", "The security token included in the request is expired");
    }
    *ret_caller = caller;
    return ERR_OK;
}

static bool is_mac_right(const char *secret, const struct http_request *request,
                         const struct signature_text *authorization)
{
    for (int rounds = 1; rounds <= 2; rounds++) {
        char to_sign[512], hex[65];
        struct text text = text_in(to_sign, sizeof to_sign);
        if (signature_text_to_sign(request, authorization, rounds, &text) != ERR_OK) {
            return false;
        }
        expected_signature(secret, authorization, to_sign, hex);
        if (strlen(authorization->signature) == 64 && CRYPTO_memcmp(hex, authorization->signature, 64) == 0) {
            return true;
        }
    }
    return false;
}

enum err signature_check(const struct signature_scope *scope, const struct credential_store *store,
                         const struct http_request *request, const struct credential **ret_caller,
                         struct service_error *ret_error)
{
    struct signature_text authorization = {0};
    const struct credential *caller = NULL;
    TRY(signature_text_parse(request, &authorization, ret_error));
    TRY(check_key(scope, store, request, &authorization, &caller, ret_error));
    TRY(check_scope(scope, &authorization, ret_error));
    TRY(check_signed_headers(request, &authorization, ret_error));
    TRY(check_time(scope, &authorization, ret_error));
    if (!is_mac_right(caller->secret_access_key, request, &authorization)) {
        return refuse(ret_error, "InvalidSignatureException",
                      "The request signature we calculated does not match the signature you provided. Check your AWS "
                      "Secret Access Key and signing method. Consult the service documentation for details.");
    }
    *ret_caller = caller;
    return ERR_OK;
}

void signature_region(const struct http_request *request, char ret_region[65])
{
    struct signature_text authorization = {0};
    struct service_error ignored;
    bool is_parsed = signature_text_parse(request, &authorization, &ignored) == ERR_OK;
    snprintf(ret_region, 65, "%s", is_parsed ? authorization.region : "");
}

void signature_node_id(const struct http_request *request, char ret_node_id[64])
{
    struct signature_text authorization = {0};
    struct service_error ignored;
    ret_node_id[0] = '\0';
    if (signature_text_parse(request, &authorization, &ignored) == ERR_OK &&
        strncmp(authorization.access_key_id, "mi-", 3) == 0 && strlen(authorization.access_key_id) < 64) {
        strcpy(ret_node_id, authorization.access_key_id);
    }
}

static bool is_pss_right(EVP_PKEY *key, const char *to_sign, const char *base64)
{
    uint8_t signature[768];
    size_t base64_len = strlen(base64);
    if (base64_len == 0 || base64_len % 4 != 0 || base64_len / 4 * 3 > sizeof signature) {
        return false;
    }
    int len = EVP_DecodeBlock(signature, (const unsigned char *)base64, (int)base64_len);
    for (size_t i = base64_len; i > 0 && base64[i - 1] == '='; i--) {
        len--; /* EVP_DecodeBlock counts the padding as zero bytes */
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL; /* owned by the context */
    bool is_right =
        context != NULL && len > 0 && EVP_DigestVerifyInit(context, &parameters, EVP_sha256(), NULL, key) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
        EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 32) == 1 &&
        EVP_DigestVerify(context, signature, (size_t)len, (const unsigned char *)to_sign, strlen(to_sign)) == 1;
    EVP_MD_CTX_free(context);
    return is_right;
}

enum err signature_check_rsa(const struct signature_scope *scope, EVP_PKEY *key, const struct http_request *request,
                             struct service_error *ret_error)
{
    struct signature_text authorization = {0};
    TRY(signature_text_parse(request, &authorization, ret_error));
    TRY(check_scope(scope, &authorization, ret_error));
    TRY(check_signed_headers(request, &authorization, ret_error));
    TRY(check_time(scope, &authorization, ret_error));
    char to_sign[512];
    struct text text = text_in(to_sign, sizeof to_sign);
    TRY(signature_text_to_sign(request, &authorization, 1, &text));
    if (!is_pss_right(key, to_sign, authorization.signature)) {
        return refuse(ret_error, "AccessDeniedException",
                      "The signature of the request is not that of the node's key.");
    }
    return ERR_OK;
}
