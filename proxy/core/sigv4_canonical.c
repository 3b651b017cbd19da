/* Stage 1: the canonical request. */
#include "proxy/core/sigv4.h"

#include "proxy/core/percent_encoding.h"

/* ---- path ---- */

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
                percent_encoding_put_byte(segment.data[i], text);
            }
            ends_in_slash = false;
        }
        at = end;
    }
    if (text->len == path_at || (!keeps_path && ends_in_slash)) {
        text_put_char(text, '/');
    }
}

/* ---- query ---- */

/* A query name or value stands encoded in the request line: each character is encoded once in the canonical form,
 * however it was written. */
static void put_query_part(struct text *text, struct bytes part)
{
    for (size_t i = 0; i < part.len; i++) {
        uint8_t byte = part.data[i];
        if (byte == '%' && i + 2 < part.len) {
            int high = bytes_hex_value(part.data[i + 1]);
            int low = bytes_hex_value(part.data[i + 2]);
            if (high >= 0 && low >= 0) {
                byte = (uint8_t)(high << 4 | low);
                i += 2;
            }
        }
        percent_encoding_put_byte(byte, text);
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

/* ---- headers ---- */

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
        text_put_char(text, text_lower(*at));
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

/* ---- all of it ---- */

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
