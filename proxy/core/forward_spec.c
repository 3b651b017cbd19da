#include "proxy/core/forward_spec.h"

#include "common/bytes.h"

#define FIELDS_MAX 4

/* Fields between colons; those in brackets may hold colons, and lose the brackets. */
struct fields {
    struct bytes items[FIELDS_MAX];
    size_t count;
};

static enum err refuse(struct text *ret_why, const char *why)
{
    text_put(ret_why, why);
    return ERR_USAGE;
}

/* The field at the front of `rest`, which moves behind the colon after it. */
static enum err take_field(struct bytes *rest, struct bytes *ret_field, bool *ret_is_last)
{
    size_t at = 0;
    bool is_bracketed = rest->len > 0 && rest->data[0] == '[';
    while (at < rest->len && rest->data[at] != (is_bracketed ? ']' : ':')) {
        at++;
    }
    size_t len = at;
    if (is_bracketed) {
        if (at == rest->len) {
            return ERR_USAGE;
        }
        at++;
    }
    if (at < rest->len && rest->data[at] != ':') {
        return ERR_USAGE;
    }
    *ret_field = is_bracketed ? bytes_of(rest->data + 1, len - 1) : bytes_of(rest->data, len);
    *ret_is_last = at == rest->len;
    *rest = bytes_from(*rest, at + 1);
    return ERR_OK;
}

static enum err split(const char *text, struct fields *ret_fields, struct text *ret_why)
{
    struct bytes rest = bytes_of_text(text);
    bool is_last = false;
    for (ret_fields->count = 0; !is_last; ret_fields->count++) {
        if (ret_fields->count == FIELDS_MAX) {
            return refuse(ret_why, "it has too many parts: IPv6 addresses stand in brackets");
        }
        if (take_field(&rest, &ret_fields->items[ret_fields->count], &is_last) != ERR_OK) {
            return refuse(ret_why, "brackets are for a whole part");
        }
    }
    return ERR_OK;
}

static bool copy(struct bytes field, char *ret_text, size_t size)
{
    if (field.len >= size || (field.len > 0 && memchr(field.data, '\0', field.len) != NULL)) {
        return false;
    }
    if (field.len > 0) {
        memcpy(ret_text, field.data, field.len);
    }
    ret_text[field.len] = '\0';
    return true;
}

static bool read_port(struct bytes field, int64_t min, uint16_t *ret_port)
{
    char memory[6];
    int64_t port;
    if (!copy(field, memory, sizeof memory) || text_parse_decimal(memory, min, 65535, &port) != ERR_OK) {
        return false;
    }
    *ret_port = (uint16_t)port;
    return true;
}

static bool is_number(struct bytes field)
{
    size_t digits = 0;
    while (digits < field.len && field.data[digits] >= '0' && field.data[digits] <= '9') {
        digits++;
    }
    return digits > 0 && digits == field.len;
}

static bool is_path(struct bytes field)
{
    return field.len > 0 && memchr(field.data, '/', field.len) != NULL;
}

/* The session document takes no other characters, and not fewer than three. */
static enum err read_host(struct bytes field, struct forward_spec *spec, struct text *ret_why)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%";
    if (is_path(field)) {
        return refuse(ret_why,
                      "Session Manager forwards to no unix socket of a node: ssh -L does, through ssm-proxy connect");
    }
    if (field.len < 3 || !copy(field, spec->host, sizeof spec->host)) {
        return refuse(ret_why, "the far host has 3 to 253 characters");
    }
    if (spec->host[0] == '-' || spec->host[strspn(spec->host, allowed)] != '\0') {
        return refuse(ret_why, "the far host is no name and no address");
    }
    if (strcmp(spec->host, "localhost") == 0) {
        spec->host[0] = '\0'; /* the node itself, for which another document, of more people, is enough */
    }
    return ERR_OK;
}

static enum err read_remote(const struct bytes *fields, size_t count, struct forward_spec *spec, struct text *ret_why)
{
    if (count == 2) {
        TRY(read_host(fields[0], spec, ret_why));
    } else if (is_path(fields[0])) {
        return read_host(fields[0], spec, ret_why); /* refuses it */
    }
    if (!read_port(fields[count - 1], 1, &spec->remote_port)) {
        return refuse(ret_why, "the far port is 1 to 65535");
    }
    return ERR_OK;
}

static enum err read_bind(struct bytes field, struct forward_spec *spec, struct text *ret_why)
{
    if (bytes_equal_text(field, "localhost")) {
        return ERR_OK;
    }
    bool is_all = field.len == 0 || bytes_equal_text(field, "*");
    if (!copy(is_all ? bytes_of_text("*") : field, spec->bind, sizeof spec->bind)) {
        return refuse(ret_why, "the address to listen on is too long");
    }
    return ERR_OK;
}

static enum err read_local(const struct fields *fields, struct forward_spec *spec, size_t *ret_count,
                           struct text *ret_why)
{
    const struct bytes *items = fields->items;
    if (fields->count == 1 && !is_path(items[0])) { /* the same port at both ends */
        spec->local_port = 0;
        *ret_count = 0;
        return ERR_OK;
    }
    if (is_path(items[0])) {
        *ret_count = 1;
        return copy(items[0], spec->path, sizeof spec->path)
                   ? ERR_OK
                   : refuse(ret_why, "the path of a socket has up to 107 bytes");
    }
    bool has_bind = !is_number(items[0]) || fields->count == FIELDS_MAX;
    if (has_bind) {
        TRY(read_bind(items[0], spec, ret_why));
    }
    *ret_count = has_bind ? 2 : 1;
    if (!read_port(items[*ret_count - 1], 0, &spec->local_port)) {
        return refuse(ret_why, "the port here is 0 to 65535");
    }
    return ERR_OK;
}

enum err forward_spec_parse(const char *text, struct forward_spec *ret_spec, struct text *ret_why)
{
    struct fields fields;
    struct forward_spec spec = {.path = ""};
    size_t count;
    text_clear(ret_why);
    TRY(split(text, &fields, ret_why));
    TRY(read_local(&fields, &spec, &count, ret_why));
    if (count >= fields.count || fields.count - count > 2) {
        return refuse(ret_why, "it is not [[ADDRESS:]PORT:][HOST:]PORT");
    }
    TRY(read_remote(fields.items + count, fields.count - count, &spec, ret_why));
    if (fields.count == 1) {
        spec.local_port = spec.remote_port;
    }
    *ret_spec = spec;
    return ERR_OK;
}

void forward_spec_put_remote(const struct forward_spec *spec, struct text *text)
{
    const char *host = spec->host[0] != '\0' ? spec->host : "localhost";
    bool is_ipv6 = strchr(host, ':') != NULL;
    text_format(text, is_ipv6 ? "[%s]:%u" : "%s:%u", host, spec->remote_port);
}
