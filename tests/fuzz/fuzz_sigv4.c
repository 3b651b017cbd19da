/* sigv4: the canonical request of any method, path, query and headers is the one that a slow and simple second
 * implementation in this file makes, and what is signed twice is signed the same.
 *
 * The input: one byte (bit 0: the path is kept as it is, bit 1: there is a query), then method, path, query and a time,
 * each ended by a NUL byte, headers ("name:value", NUL) up to an empty one, and the body. */
#include "tests/fuzz/fuzz_support.h"

#include "common/auto.h"
#include "common/limits.h"
#include "proxy/core/sigv4.h"

#include <time.h>

#define MAX_PARTS 256
#define INPUT_MAX (8 * 1024)
#define MAX_CANONICAL (64 * 1024)

/* ---- the second implementation: everything is cut into strings of its own, sorted by bubbles, put together ---- */

struct parts {
    char *strings[MAX_PARTS];
    size_t count;
};

static void parts_free(struct parts *parts)
{
    while (parts->count > 0) {
        free(parts->strings[--parts->count]);
    }
}

static void parts_add(struct parts *parts, struct bytes bytes)
{
    MUST(parts->count < MAX_PARTS);
    parts->strings[parts->count++] = fuzz_string(bytes);
}

static void swap(char **a, char **b)
{
    char *held = *a;
    *a = *b;
    *b = held;
}

static void parts_sort(struct parts *parts, int (*compare)(const char *a, const char *b))
{
    for (size_t round = 0; round < parts->count; round++) {
        for (size_t i = 1; i < parts->count; i++) {
            if (compare(parts->strings[i - 1], parts->strings[i]) > 0) {
                swap(&parts->strings[i - 1], &parts->strings[i]);
            }
        }
    }
}

static void put_percent_encoded(struct text *text, const char *string, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char *plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
        bool is_plain = string[i] != '\0' && strchr(plain, string[i]) != NULL;
        text_format(text, is_plain ? "%c" : "%%%02X", (unsigned char)string[i]);
    }
}

static bool is_resolved_away(const char *segment)
{
    return *segment == '\0' || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;
}

static void expect_path(struct text *text, const char *path, bool keeps_path)
{
    AUTO(parts_free) struct parts kept = {.count = 0};
    struct bytes rest = bytes_of_text(path);
    bool ends_in_slash = rest.len == 0;
    bool has_more = rest.len > 0;
    rest = rest.len > 0 && *path == '/' ? bytes_from(rest, 1) : rest;
    while (has_more) {
        has_more = rest.len > 0 && memchr(rest.data, '/', rest.len) != NULL;
        AUTO_FREE char *segment = fuzz_string(fuzz_take_until(&rest, '/'));
        ends_in_slash = !keeps_path && is_resolved_away(segment);
        if (!ends_in_slash) {
            parts_add(&kept, bytes_of_text(segment));
        } else if (strcmp(segment, "..") == 0 && kept.count > 0) {
            free(kept.strings[--kept.count]);
        }
    }
    for (size_t i = 0; i < kept.count; i++) {
        text_put(text, "/");
        put_percent_encoded(text, kept.strings[i], strlen(kept.strings[i]));
    }
    text_put(text, kept.count == 0 || ends_in_slash ? "/" : "");
}

/* Percent-encoded bytes decoded, then all of it encoded. */
static void put_normalised(struct text *text, struct bytes raw)
{
    AUTO_FREE char *decoded = malloc(raw.len + 1);
    size_t len = 0;
    MUST(decoded != NULL);
    for (size_t i = 0; i < raw.len; i++) {
        char digits[3] = {0};
        char *end = digits;
        if (raw.data[i] == '%' && raw.len - i > 2) {
            memcpy(digits, raw.data + i + 1, 2);
        }
        bool is_hex = strspn(digits, "0123456789abcdefABCDEF") == 2;
        decoded[len++] = (char)(is_hex ? (int)strtol(digits, &end, 16) : raw.data[i]);
        i += is_hex ? 2 : 0;
    }
    put_percent_encoded(text, decoded, len);
}

/* "name\x01value", in which \x01 sorts below everything that an encoded text has. */
static void expect_query(struct text *text, const char *query)
{
    AUTO(parts_free) struct parts pairs = {.count = 0};
    struct bytes rest = bytes_of_text(query);
    while (rest.len > 0) {
        char memory[3 * INPUT_MAX + 8];
        struct text pair = text_in(memory, sizeof memory);
        struct bytes value = fuzz_take_until(&rest, '&');
        if (value.len == 0) {
            continue;
        }
        put_normalised(&pair, fuzz_take_until(&value, '='));
        text_put_char(&pair, '\x01');
        put_normalised(&pair, value);
        parts_add(&pairs, text_bytes(&pair));
    }
    parts_sort(&pairs, strcmp);
    for (size_t i = 0; i < pairs.count; i++) {
        *strchr(pairs.strings[i], '\x01') = '=';
        text_put(text, i == 0 ? "" : "&");
        text_put(text, pairs.strings[i]);
    }
}

/* Words of the value, one blank between two. */
static void put_words(struct text *text, const char *value)
{
    AUTO_FREE char *copy = fuzz_string(bytes_of_text(value));
    char *state = NULL;
    const char *between = "";
    for (const char *word = strtok_r(copy, " \t\r\n", &state); word != NULL; word = strtok_r(NULL, " \t\r\n", &state)) {
        text_put(text, between);
        text_put(text, word);
        between = " ";
    }
}

static void lower(char *string)
{
    for (; *string != '\0'; string++) {
        *string = text_lower(*string);
    }
}

/* For every name in order: all the values of it, in the order in which they were given. */
static void expect_headers(struct text *text, struct text *ret_names, const struct sigv4_request *request)
{
    AUTO(parts_free) struct parts names = {.count = 0};
    for (size_t i = 0; i < request->header_count; i++) {
        parts_add(&names, bytes_of_text(request->headers[i].name));
        lower(names.strings[i]);
    }
    parts_sort(&names, strcmp);
    for (size_t i = 0; i < names.count; i++) {
        if (i > 0 && strcmp(names.strings[i - 1], names.strings[i]) == 0) {
            continue;
        }
        const char *between = ":";
        text_put(text, names.strings[i]);
        for (size_t j = 0; j < request->header_count; j++) {
            if (strcasecmp(request->headers[j].name, names.strings[i]) == 0) {
                text_put(text, between);
                put_words(text, request->headers[j].value);
                between = ",";
            }
        }
        text_put(text, "\n");
        text_put(ret_names, i == 0 ? "" : ";");
        text_put(ret_names, names.strings[i]);
    }
    text_put(text, names.count == 0 ? "\n" : "");
}

static void expect_canonical(const struct sigv4_request *request, struct text *text)
{
    char names_memory[INPUT_MAX];
    struct text names = text_in(names_memory, sizeof names_memory);
    char hash[SIGV4_HASH_SIZE];
    MUST(sigv4_payload_hash(request->body, hash) == ERR_OK);
    text_format(text, "%s\n", request->method);
    expect_path(text, request->path, request->keeps_path);
    text_put(text, "\n");
    expect_query(text, request->query == NULL ? "" : request->query);
    text_put(text, "\n");
    expect_headers(text, &names, request);
    text_format(text, "\n%s\n%s", names_memory, hash);
}

/* ---- the two side by side ---- */

static void check_canonical(const struct sigv4_request *request)
{
    static char memory[MAX_CANONICAL];
    static char expected_memory[MAX_CANONICAL];
    char names_memory[INPUT_MAX];
    struct text canonical = text_in(memory, sizeof memory);
    struct text expected = text_in(expected_memory, sizeof expected_memory);
    struct text names = text_in(names_memory, sizeof names_memory);
    expect_canonical(request, &expected);
    MUST(sigv4_canonical_request(request, &canonical, &names) == ERR_OK && !expected.overflowed);
    if (strcmp(memory, expected_memory) != 0) {
        fprintf(stderr, "made:\n%s\nexpected:\n%s\n", memory, expected_memory);
        abort();
    }
}

static void check_date(int64_t unix_seconds)
{
    char date[SIGV4_DATE_SIZE];
    char expected[64];
    time_t seconds = unix_seconds;
    struct tm utc;
    if (sigv4_date(unix_seconds, date) == ERR_OK) {
        MUST(gmtime_r(&seconds, &utc) != NULL && strftime(expected, sizeof expected, "%Y%m%dT%H%M%SZ", &utc) > 0);
        MUST(strcmp(date, expected) == 0);
    } else {
        MUST(unix_seconds < 0 || gmtime_r(&seconds, &utc) == NULL || utc.tm_year + 1900 > 9999);
    }
}

static void check_authorization(const struct sigv4_request *request, int64_t unix_seconds)
{
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.source = AWS_CREDENTIALS_NONE};
    struct sigv4_scope scope = {.unix_seconds = unix_seconds, .region = "eu-west-1", .service = "ssm"};
    struct sigv4_authorization first = {.value = ""};
    struct sigv4_authorization second = {.value = ""};
    MUST(aws_credentials_set(&credentials, "AKIDEXAMPLE", "secret", "token") == ERR_OK);
    enum err err = sigv4_authorize(request, &scope, &credentials, &first);
    MUST(err == ERR_OK || err == ERR_TOO_LONG || err == ERR_MALFORMED);
    MUST(sigv4_authorize(request, &scope, &credentials, &second) == err);
    MUST(strcmp(first.value, second.value) == 0 && strcmp(first.date, second.date) == 0);
    MUST(err != ERR_OK || strstr(first.value, "x-amz-date") != NULL);
    MUST(strstr(first.value, "Signature=secret") == NULL);
}

/* Cuts "name:value" strings out of the input; the names and the values belong to `lines`. */
static size_t take_headers(struct bytes *input, struct parts *lines, struct sigv4_header *headers)
{
    size_t count = 0;
    while (input->len > 0 && count < LIMIT_SIGNED_HEADERS) {
        struct bytes line = fuzz_take_until(input, '\0');
        if (line.len == 0) {
            break;
        }
        parts_add(lines, line);
        char *value = strchr(lines->strings[lines->count - 1], ':');
        if (value != NULL) {
            *value = '\0';
        }
        headers[count++] = (struct sigv4_header){lines->strings[lines->count - 1], value == NULL ? "" : value + 1};
    }
    return count;
}

static bool has_too_many_parts(struct bytes input)
{
    size_t count = 0;
    for (size_t i = 0; i < input.len; i++) {
        count += input.data[i] == '/' || input.data[i] == '&' || input.data[i] == '\0';
    }
    return count > MAX_PARTS - 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of(data, size);
    if (size == 0 || size > INPUT_MAX || has_too_many_parts(rest)) {
        return 0;
    }
    rest = bytes_from(rest, 1);
    AUTO_FREE char *method = fuzz_string(fuzz_take_until(&rest, '\0'));
    AUTO_FREE char *path = fuzz_string(fuzz_take_until(&rest, '\0'));
    AUTO_FREE char *query = fuzz_string(fuzz_take_until(&rest, '\0'));
    AUTO_FREE char *time_text = fuzz_string(fuzz_take_until(&rest, '\0'));
    AUTO(parts_free) struct parts lines = {.count = 0};
    struct sigv4_header headers[LIMIT_SIGNED_HEADERS];
    struct sigv4_request request = {
        .method = method,
        .path = path,
        .query = data[0] & 2 ? query : NULL,
        .headers = headers,
        .header_count = take_headers(&rest, &lines, headers),
        .body = rest,
        .keeps_path = data[0] & 1,
    };
    int64_t unix_seconds = strtoll(time_text, NULL, 10);
    check_canonical(&request);
    check_date(unix_seconds);
    check_authorization(&request, unix_seconds);
    return 0;
}
