#include "tests/emulator/signature.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/text.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
/* A canonical request repeats the header block and the query. */
#define CANONICAL_SIZE (LAB_LIMIT_REQUEST_HEADERS + 16 * 1024)

struct authorization {
    char access_key_id[129];
    char date[16], region[65], service[33], terminator[33];
    char signed_headers[1024];
    char signature[1024];
    char amz_date[17];
};

/* ---- reading the Authorization header ---- */

/* "Name=value" up to a comma or blank. */
static bool copy_parameter(const char *header, const char *name, char *ret_value, size_t size)
{
    const char *at = strstr(header, name);
    if (at == NULL) {
        return false;
    }
    at += strlen(name);
    size_t len = strcspn(at, ", ");
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(ret_value, at, len);
    ret_value[len] = '\0';
    return true;
}

static bool copy_scope_part(const char **at, char *ret_part, size_t size)
{
    size_t len = strcspn(*at, "/");
    if (len >= size) {
        return false;
    }
    memcpy(ret_part, *at, len);
    ret_part[len] = '\0';
    *at += len;
    *at += **at == '/' ? 1 : 0;
    return true;
}

static bool split_credential(const char *credential, struct authorization *ret)
{
    const char *at = credential;
    return copy_scope_part(&at, ret->access_key_id, sizeof ret->access_key_id) &&
           copy_scope_part(&at, ret->date, sizeof ret->date) && copy_scope_part(&at, ret->region, sizeof ret->region) &&
           copy_scope_part(&at, ret->service, sizeof ret->service) &&
           copy_scope_part(&at, ret->terminator, sizeof ret->terminator) && *at == '\0' && ret->terminator[0] != '\0';
}

static enum err refuse(struct service_error *error, const char *type, const char *message)
{
    service_error_set(error, type, "%s", message);
    return ERR_CREDENTIALS;
}

static enum err parse_authorization(const struct http_request *request, struct authorization *ret,
                                    struct service_error *error)
{
    const char *header = http_request_header(request, "authorization");
    if (header == NULL) {
        return refuse(error, "MissingAuthenticationTokenException", "Missing Authentication Token");
    }
    char credential[512];
    if (strncmp(header, ALGORITHM, strlen(ALGORITHM)) != 0 || header[strlen(ALGORITHM)] != ' ') {
        return refuse(error, "IncompleteSignatureException", "Authorization header requires algorithm " ALGORITHM ".");
    }
    if (!copy_parameter(header, "Credential=", credential, sizeof credential)) {
        return refuse(error, "IncompleteSignatureException", "Authorization header requires 'Credential' parameter.");
    }
    if (!copy_parameter(header, "Signature=", ret->signature, sizeof ret->signature)) {
        return refuse(error, "IncompleteSignatureException", "Authorization header requires 'Signature' parameter.");
    }
    if (!copy_parameter(header, "SignedHeaders=", ret->signed_headers, sizeof ret->signed_headers)) {
        return refuse(error, "IncompleteSignatureException",
                      "Authorization header requires 'SignedHeaders' parameter.");
    }
    if (!split_credential(credential, ret)) {
        return refuse(error, "IncompleteSignatureException",
                      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term");
    }
    const char *date = http_request_header(request, "x-amz-date");
    if (date == NULL || strlen(date) != 16) {
        return refuse(error, "IncompleteSignatureException",
                      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
    }
    memcpy(ret->amz_date, date, sizeof ret->amz_date);
    return ERR_OK;
}

static bool is_signed(const struct authorization *authorization, const char *name)
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

/* ---- canonical request ---- */

static void put_encoded(struct text *text, const char *string, bool keep_slash)
{
    for (; *string != '\0'; string++) {
        unsigned char c = (unsigned char)*string;
        if (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash)) {
            text_put_char(text, (char)c);
        } else {
            text_format(text, "%%%02X", c);
        }
    }
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names and values encoded, then sorted. */
static enum err put_query(struct text *text, const struct http_request *request)
{
    char pairs[HTTP_REQUEST_QUERY_MAX][2048];
    char *order[HTTP_REQUEST_QUERY_MAX];
    for (size_t i = 0; i < request->query_count; i++) {
        char name[512];
        size_t len = strcspn(request->query[i], "=");
        const char *value = request->query[i][len] == '=' ? request->query[i] + len + 1 : "";
        if (len >= sizeof name) {
            return ERR_TOO_LONG;
        }
        memcpy(name, request->query[i], len);
        name[len] = '\0';
        struct text pair = text_in(pairs[i], sizeof pairs[i]);
        put_encoded(&pair, name, false);
        text_put_char(&pair, '=');
        put_encoded(&pair, value, false);
        TRY(text_finish(&pair));
        order[i] = pairs[i];
    }
    qsort(order, request->query_count, sizeof order[0], compare_text);
    for (size_t i = 0; i < request->query_count; i++) {
        text_put(text, i == 0 ? "" : "&");
        text_put(text, order[i]);
    }
    return ERR_OK;
}

/* Trimmed, with runs of blanks made one. */
static void put_header_value(struct text *text, const char *value)
{
    bool pending = false, begun = false;
    for (; *value != '\0'; value++) {
        if (*value == ' ' || *value == '\t') {
            pending = begun;
            continue;
        }
        if (pending) {
            text_put_char(text, ' ');
        }
        pending = false;
        begun = true;
        text_put_char(text, *value);
    }
}

static void put_headers(struct text *text, const struct http_request *request, const char *signed_headers)
{
    for (const char *at = signed_headers; *at != '\0';) {
        size_t len = strcspn(at, ";");
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)len, at);
        const char *value = http_request_header(request, name);
        text_format(text, "%s:", name);
        put_header_value(text, value == NULL ? "" : value);
        text_put_char(text, '\n');
        at += len;
        at += *at == ';' ? 1 : 0;
    }
}

static void digest_hex(struct bytes bytes, char ret_hex[65])
{
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};
    EVP_Digest(bytes.data, bytes.len, digest, NULL, EVP_sha256(), NULL);
    bytes_to_hex(bytes_of(digest, 32), ret_hex);
}

/* The path is encoded twice, except for S3. libwebsockets has undone the client's own encoding, which may or may not
 * have touched a character like ":"; hence one more or one less round, tried by the caller. */
static enum err put_path(struct text *text, const char *path, int rounds)
{
    char once[2048];
    struct text first = text_in(once, sizeof once);
    put_encoded(&first, path, true);
    TRY(text_finish(&first));
    put_encoded(text, rounds == 1 ? path : once, true);
    return ERR_OK;
}

static enum err string_to_sign(const struct http_request *request, const struct authorization *authorization,
                               int rounds, struct text *ret_text)
{
    AUTO_FREE char *canonical = malloc(CANONICAL_SIZE);
    if (canonical == NULL) {
        return ERR_MEMORY;
    }
    struct text text = text_in(canonical, CANONICAL_SIZE);
    text_format(&text, "%s\n", request->method);
    TRY(put_path(&text, request->path, rounds));
    text_put_char(&text, '\n');
    TRY(put_query(&text, request));
    text_put_char(&text, '\n');
    put_headers(&text, request, authorization->signed_headers);
    char hex[65];
    digest_hex(byte_queue_bytes(&request->body), hex);
    text_format(&text, "\n%s\n%s", authorization->signed_headers, hex);
    TRY(text_finish(&text));
    digest_hex(text_bytes(&text), hex);
    text_clear(ret_text);
    text_format(ret_text, ALGORITHM "\n%s\n%s/%s/%s/%s\n%s", authorization->amz_date, authorization->date,
                authorization->region, authorization->service, authorization->terminator, hex);
    return text_finish(ret_text);
}

/* ---- the checks ---- */

static void hmac(struct bytes key, const char *text, uint8_t ret_mac[32])
{
    unsigned int len = 0;
    HMAC(EVP_sha256(), key.data, (int)key.len, (const unsigned char *)text, strlen(text), ret_mac, &len);
}

static void expected_signature(const char *secret, const struct authorization *authorization, const char *to_sign,
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

static enum err check_time(const struct signature_scope *scope, const struct authorization *authorization,
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
    time_t signed_at = timegm(&tm);
    char now[17], limit[17];
    format_time(scope->now, now);
    if (signed_at < scope->now - SIGNATURE_SKEW_SECONDS) {
        format_time(scope->now - SIGNATURE_SKEW_SECONDS, limit);
        service_error_set(error, "InvalidSignatureException",
                          "Signature expired: %s is now earlier than %s (%s - 5 min.)", authorization->amz_date, limit,
                          now);
        return ERR_CREDENTIALS;
    }
    if (signed_at > scope->now + SIGNATURE_SKEW_SECONDS) {
        format_time(scope->now + SIGNATURE_SKEW_SECONDS, limit);
        service_error_set(error, "InvalidSignatureException",
                          "Signature not yet current: %s is still later than %s (%s + 5 min.)", authorization->amz_date,
                          limit, now);
        return ERR_CREDENTIALS;
    }
    return ERR_OK;
}

static enum err check_scope(const struct signature_scope *scope, const struct authorization *authorization,
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

static enum err check_signed_headers(const struct http_request *request, const struct authorization *authorization,
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

static enum err check_key(const struct credential_store *store, const struct http_request *request,
                          const struct authorization *authorization, const struct credential **ret_caller,
                          struct service_error *error)
{
    const struct credential *caller = credential_store_find(store, authorization->access_key_id);
    const char *token = http_request_header(request, "x-amz-security-token");
    if (caller == NULL || strcmp(token == NULL ? "" : token, caller->session_token) != 0) {
        return refuse(error, "UnrecognizedClientException", "The security token included in the request is invalid.");
    }
    if (caller->is_expired) {
        return refuse(error, "ExpiredTokenException", "The security token included in the request is expired");
    }
    *ret_caller = caller;
    return ERR_OK;
}

static bool is_mac_right(const char *secret, const struct http_request *request,
                         const struct authorization *authorization)
{
    for (int rounds = 1; rounds <= 2; rounds++) {
        char to_sign[512], hex[65];
        struct text text = text_in(to_sign, sizeof to_sign);
        if (string_to_sign(request, authorization, rounds, &text) != ERR_OK) {
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
    struct authorization authorization = {0};
    const struct credential *caller = NULL;
    TRY(parse_authorization(request, &authorization, ret_error));
    TRY(check_key(store, request, &authorization, &caller, ret_error));
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

void signature_node_id(const struct http_request *request, char ret_node_id[64])
{
    struct authorization authorization = {0};
    struct service_error ignored;
    ret_node_id[0] = '\0';
    if (parse_authorization(request, &authorization, &ignored) == ERR_OK &&
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
    struct authorization authorization = {0};
    TRY(parse_authorization(request, &authorization, ret_error));
    TRY(check_scope(scope, &authorization, ret_error));
    TRY(check_signed_headers(request, &authorization, ret_error));
    TRY(check_time(scope, &authorization, ret_error));
    char to_sign[512];
    struct text text = text_in(to_sign, sizeof to_sign);
    TRY(string_to_sign(request, &authorization, 1, &text));
    if (!is_pss_right(key, to_sign, authorization.signature)) {
        return refuse(ret_error, "AccessDeniedException",
                      "The signature of the request is not that of the node's key.");
    }
    return ERR_OK;
}
