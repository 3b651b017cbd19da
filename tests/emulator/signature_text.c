#include "tests/emulator/signature_text.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
/* A canonical request repeats the header block and the query. */
#define CANONICAL_SIZE (LAB_LIMIT_REQUEST_HEADERS + 16 * 1024)

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

static bool split_credential(const char *credential, struct signature_text *ret)
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

enum err signature_text_parse(const struct http_request *request, struct signature_text *ret,
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

static enum err put_path(struct text *text, const char *path, int rounds)
{
    char once[2048];
    struct text first = text_in(once, sizeof once);
    put_encoded(&first, path, true);
    TRY(text_finish(&first));
    put_encoded(text, rounds == 1 ? path : once, true);
    return ERR_OK;
}

enum err signature_text_to_sign(const struct http_request *request, const struct signature_text *parts, int rounds,
                                struct text *ret_text)
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
    put_headers(&text, request, parts->signed_headers);
    char hex[65];
    digest_hex(byte_queue_bytes(&request->body), hex);
    text_format(&text, "\n%s\n%s", parts->signed_headers, hex);
    TRY(text_finish(&text));
    digest_hex(text_bytes(&text), hex);
    text_clear(ret_text);
    text_format(ret_text, ALGORITHM "\n%s\n%s/%s/%s/%s\n%s", parts->amz_date, parts->date, parts->region,
                parts->service, parts->terminator, hex);
    return text_finish(ret_text);
}
