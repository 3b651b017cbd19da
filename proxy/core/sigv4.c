#include "proxy/core/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define KEY_LEN 32
#define SCOPE_SIZE (9 + LIMIT_REGION + 64 + sizeof TERMINATOR)
#define SIGNED_NAMES_SIZE 1024

/* ---- percent-encoding (RFC 3986 unreserved, upper-case digits) ---- */

static bool is_unreserved(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static void put_encoded_byte(struct text *text, uint8_t byte)
{
    if (is_unreserved(byte)) {
        text_put_char(text, (char)byte);
    } else {
        text_format(text, "%%%02X", byte);
    }
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* A query name or value stands encoded in the request line: each character is encoded once in the canonical form,
 * however it was written. */
static void put_query_part(struct text *text, struct bytes part)
{
    for (size_t i = 0; i < part.len; i++) {
        uint8_t byte = part.data[i];
        if (byte == '%' && i + 2 < part.len) {
            int high = hex_value((char)part.data[i + 1]);
            int low = hex_value((char)part.data[i + 2]);
            if (high >= 0 && low >= 0) {
                byte = (uint8_t)(high << 4 | low);
                i += 2;
            }
        }
        put_encoded_byte(text, byte);
    }
}

/* ---- stage 1: canonical request ---- */

/* Takes `text` back to before its last segment: "/a/b" becomes "/a". */
static void drop_last_segment(struct text *text, size_t path_at)
{
    while (text->len > path_at && text->data[text->len - 1] != '/') {
        text->len--;
    }
    if (text->len > path_at) {
        text->len--;
    }
    text->data[text->len] = '\0';
}

/* Empty and "." segments vanish and ".." takes one away (RFC 3986 section 5.2.4, and runs of '/' become one). A path
 * that ended in '/' goes on to end in one. */
static void put_path(struct text *text, const char *path, bool keeps_path)
{
    size_t path_at = text->len;
    const char *at = path;
    bool ends_in_slash = true;
    while (*at != '\0') {
        const char *end = strchrnul(at + 1, '/');
        struct bytes segment = *at == '/' ? bytes_of(at + 1, (size_t)(end - at - 1)) : bytes_of(at, (size_t)(end - at));
        bool is_dot = bytes_equal_text(segment, ".");
        bool is_dot_dot = bytes_equal_text(segment, "..");
        if (!keeps_path && (segment.len == 0 || is_dot || is_dot_dot)) {
            if (is_dot_dot) {
                drop_last_segment(text, path_at);
            }
            ends_in_slash = true;
        } else {
            text_put_char(text, '/');
            for (size_t i = 0; i < segment.len; i++) {
                put_encoded_byte(text, segment.data[i]);
            }
            ends_in_slash = false;
        }
        at = end;
    }
    if (text->len == path_at || (!keeps_path && ends_in_slash)) {
        text_put_char(text, '/');
    }
}

/* One name=value of the query in canonical form. Sorted by name, then value: '=' sorts above most of what may follow a
 * name's end ('-', '.', digits), so the pair is compared part by part. */
struct parameter {
    struct bytes name;
    struct bytes value;
};

static int compare_bytes(struct bytes a, struct bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *left = a;
    const struct parameter *right = b;
    int order = compare_bytes(left->name, right->name);
    return order != 0 ? order : compare_bytes(left->value, right->value);
}

static size_t count_parameters(const char *query)
{
    size_t count = 1;
    for (const char *at = query; *at != '\0'; at++) {
        count += *at == '&';
    }
    return count;
}

/* Encodes every parameter into `scratch` and notes where. */
static size_t encode_parameters(const char *query, struct text *scratch, struct parameter *parameters)
{
    size_t count = 0;
    for (const char *at = query; *at != '\0';) {
        const char *end = strchrnul(at, '&');
        const char *equals = memchr(at, '=', (size_t)(end - at));
        const char *name_end = equals == NULL ? end : equals;
        if (end > at) {
            size_t name_at = scratch->len;
            put_query_part(scratch, bytes_of(at, (size_t)(name_end - at)));
            size_t value_at = scratch->len;
            if (equals != NULL) {
                put_query_part(scratch, bytes_of(equals + 1, (size_t)(end - equals - 1)));
            }
            parameters[count].name = bytes_of(scratch->data + name_at, value_at - name_at);
            parameters[count].value = bytes_of(scratch->data + value_at, scratch->len - value_at);
            count++;
        }
        at = *end == '&' ? end + 1 : end;
    }
    return count;
}

static enum err put_query(struct text *text, const char *query)
{
    size_t scratch_size = 3 * strlen(query) + 1;
    AUTO_FREE char *memory = malloc(scratch_size);
    AUTO_FREE struct parameter *parameters = calloc(count_parameters(query), sizeof *parameters);
    if (memory == NULL || parameters == NULL) {
        return ERR_MEMORY;
    }
    struct text scratch = text_in(memory, scratch_size);
    size_t count = encode_parameters(query, &scratch, parameters);
    qsort(parameters, count, sizeof *parameters, compare_parameters);
    for (size_t i = 0; i < count; i++) {
        text_put(text, i == 0 ? "" : "&");
        text_put_bytes(text, parameters[i].name);
        text_put_char(text, '=');
        text_put_bytes(text, parameters[i].value);
    }
    return ERR_OK;
}

static int compare_names(const char *a, const char *b)
{
    return strcasecmp(a, b);
}

/* Insertion sort: it is stable, so that headers given twice keep their order. */
static void sort_headers(const struct sigv4_header *headers, size_t count, const struct sigv4_header **ret_sorted)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        while (at > 0 && compare_names(ret_sorted[at - 1]->name, headers[i].name) > 0) {
            ret_sorted[at] = ret_sorted[at - 1];
            at--;
        }
        ret_sorted[at] = &headers[i];
    }
}

static void put_lower(struct text *text, const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        text_put_char(text, *at >= 'A' && *at <= 'Z' ? (char)(*at + ('a' - 'A')) : *at);
    }
}

/* Without blanks at both ends, and runs of blanks (folded lines too) as one. */
static void put_trimmed(struct text *text, const char *value)
{
    bool pending = false;
    bool any = false;
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n') {
            pending = any;
            continue;
        }
        if (pending) {
            text_put_char(text, ' ');
        }
        text_put_char(text, *at);
        pending = false;
        any = true;
    }
}

static void put_headers(struct text *text, const struct sigv4_header *const *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare_names(sorted[i - 1]->name, sorted[i]->name) == 0) {
            text_put_char(text, ',');
        } else {
            text_put(text, i == 0 ? "" : "\n");
            put_lower(text, sorted[i]->name);
            text_put_char(text, ':');
        }
        put_trimmed(text, sorted[i]->value);
    }
    text_put(text, "\n");
}

static void put_signed_names(struct text *text, const struct sigv4_header *const *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_names(sorted[i - 1]->name, sorted[i]->name) != 0) {
            text_put(text, i == 0 ? "" : ";");
            put_lower(text, sorted[i]->name);
        }
    }
}

enum err sigv4_canonical_request(const struct sigv4_request *request, struct text *ret_canonical,
                                 struct text *ret_signed_headers)
{
    if (request->header_count > LIMIT_SIGNED_HEADERS) {
        return ERR_TOO_LONG;
    }
    const struct sigv4_header *sorted[LIMIT_SIGNED_HEADERS];
    sort_headers(request->headers, request->header_count, sorted);
    put_signed_names(ret_signed_headers, sorted, request->header_count);

    char payload_hash[SIGV4_HASH_SIZE];
    TRY(sigv4_payload_hash(request->body, payload_hash));
    text_put(ret_canonical, request->method);
    text_put(ret_canonical, "\n");
    put_path(ret_canonical, request->path, request->keeps_path);
    text_put(ret_canonical, "\n");
    if (request->query != NULL) {
        TRY(put_query(ret_canonical, request->query));
    }
    text_put(ret_canonical, "\n");
    put_headers(ret_canonical, sorted, request->header_count);
    text_put(ret_canonical, "\n");
    text_put_bytes(ret_canonical, text_bytes(ret_signed_headers));
    text_put(ret_canonical, "\n");
    text_put(ret_canonical, payload_hash);
    TRY(text_finish(ret_signed_headers));
    return text_finish(ret_canonical);
}

/* ---- stage 2: string to sign ---- */

enum err sigv4_payload_hash(struct bytes body, char ret_hash[SIGV4_HASH_SIZE])
{
    uint8_t digest[KEY_LEN];
    if (EVP_Digest(body.len == 0 ? "" : (const void *)body.data, body.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return ERR_MEMORY;
    }
    bytes_to_hex(bytes_of(digest, sizeof digest), ret_hash);
    return ERR_OK;
}

/* Days since 1970 to year, month and day (proleptic Gregorian), counted in eras of 400 years from a 1 March. */
static void civil_from_days(int64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    unsigned from_march = (unsigned)(days + 719468);
    unsigned era = from_march / 146097;
    unsigned day_of_era = from_march % 146097;
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *ret_month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *ret_year = era * 400 + year_of_era + (*ret_month <= 2);
}

enum err sigv4_date(int64_t unix_seconds, char ret_date[SIGV4_DATE_SIZE])
{
    if (unix_seconds < 0 || unix_seconds >= INT64_C(253402300800)) { /* 10000-01-01 */
        return ERR_MALFORMED;
    }
    unsigned year;
    unsigned month;
    unsigned day;
    civil_from_days(unix_seconds / 86400, &year, &month, &day);
    unsigned second = (unsigned)(unix_seconds % 86400);
    struct text text = text_in(ret_date, SIGV4_DATE_SIZE);
    text_format(&text, "%04u%02u%02uT%02u%02u%02uZ", year, month, day, second / 3600, second / 60 % 60, second % 60);
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
