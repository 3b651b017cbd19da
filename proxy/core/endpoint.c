#include "proxy/core/endpoint.h"

#include <arpa/inet.h>

static const struct {
    const char *name;
    uint16_t port;
} schemes[] = {
    [ENDPOINT_HTTP] = {"http", 80},
    [ENDPOINT_HTTPS] = {"https", 443},
    [ENDPOINT_WS] = {"ws", 80},
    [ENDPOINT_WSS] = {"wss", 443},
};

/* The agent's table of region prefixes (core/app/platform and agent/platform), and the SDKs' partitions.json (of 2026)
 * for the rest. Every partition has FIPS and dual-stack hosts by now. The first row that fits counts. */
static const struct partition {
    const char *region_prefix;
    const char *name;
    const char *suffix;
    const char *dual_stack_suffix;
} partitions[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "api.aws"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"", "aws", "amazonaws.com", "api.aws"},
};

static const struct partition *find_partition(const char *region)
{
    const struct partition *row = partitions;
    while (strncmp(region, row->region_prefix, strlen(row->region_prefix)) != 0) {
        row++; /* the last row fits everything */
    }
    return row;
}

const char *endpoint_partition(const char *region)
{
    return find_partition(region)->name;
}

bool endpoint_region_is_valid(const char *region)
{
    size_t len = strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    return len > 0 && len <= LIMIT_REGION && region[len] == '\0' && region[0] != '-' && region[len - 1] != '-';
}

enum err endpoint_in_region(const char *host_prefix, const char *region, bool is_dual_stack,
                            struct endpoint_url *ret_url)
{
    const struct partition *partition = find_partition(region);
    struct endpoint_url url = {.scheme = ENDPOINT_HTTPS, .port = schemes[ENDPOINT_HTTPS].port, .path = "/"};
    struct text host = text_in(url.host, sizeof url.host);
    text_format(&host, "%s.%s.%s", host_prefix, region,
                is_dual_stack ? partition->dual_stack_suffix : partition->suffix);
    TRY(text_finish(&host));
    *ret_url = url;
    return ERR_OK;
}

/* ---- URLs ---- */

static bool find_scheme(struct bytes url, enum endpoint_scheme *ret_scheme, struct bytes *ret_rest)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i].name);
        if (url.len > len + 3 && strncasecmp((const char *)url.data, schemes[i].name, len) == 0 &&
            memcmp(url.data + len, "://", 3) == 0) {
            *ret_scheme = (enum endpoint_scheme)i;
            *ret_rest = bytes_from(url, len + 3);
            return true;
        }
    }
    return false;
}

/* Visible ASCII without '#': a fragment is never sent, so it can only be a mistake. */
static bool has_valid_characters(struct bytes url)
{
    for (size_t i = 0; i < url.len; i++) {
        if (url.data[i] <= ' ' || url.data[i] > '~' || url.data[i] == '#') {
            return false;
        }
    }
    return true;
}

static size_t find_any(struct bytes bytes, const char *characters)
{
    size_t at = 0;
    while (at < bytes.len && strchr(characters, bytes.data[at]) == NULL) {
        at++;
    }
    return at;
}

static void copy_lower(struct bytes from, char *ret_text)
{
    for (size_t i = 0; i < from.len; i++) {
        ret_text[i] = text_lower((char)from.data[i]);
    }
    ret_text[from.len] = '\0';
}

/* Labels of 1 to 63 letters, digits, '-' and '_' (host names of private zones have it). IPv4 addresses pass too. */
static enum err parse_host_name(struct bytes host, char ret_host[LIMIT_HOST + 1])
{
    if (host.len > LIMIT_HOST) {
        return ERR_TOO_LONG;
    }
    copy_lower(host, ret_host);
    size_t label = 0;
    for (const char *at = ret_host;; at++) {
        if (*at == '.' || *at == '\0') {
            if (label == 0 || label > 63) {
                return ERR_MALFORMED;
            }
            label = 0;
            if (*at == '\0') {
                return ERR_OK;
            }
        } else if ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '-' || *at == '_') {
            label++;
        } else {
            return ERR_MALFORMED;
        }
    }
}

static enum err parse_ipv6(struct bytes address, char ret_host[LIMIT_HOST + 1])
{
    if (address.len >= INET6_ADDRSTRLEN) {
        return ERR_MALFORMED;
    }
    copy_lower(address, ret_host);
    struct in6_addr ignored;
    return inet_pton(AF_INET6, ret_host, &ignored) == 1 ? ERR_OK : ERR_MALFORMED;
}

static enum err parse_port(struct bytes digits, uint16_t *ret_port)
{
    if (digits.len == 0 || digits.len > 5) {
        return ERR_MALFORMED;
    }
    uint32_t port = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return ERR_MALFORMED;
        }
        port = port * 10 + (uint32_t)(digits.data[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX) {
        return ERR_MALFORMED;
    }
    *ret_port = (uint16_t)port;
    return ERR_OK;
}

static enum err parse_authority(struct bytes authority, struct endpoint_url *url)
{
    size_t host_end = find_any(authority, ":");
    struct bytes host = bytes_of(authority.data, host_end);
    url->is_ipv6 = authority.len > 0 && authority.data[0] == '[';
    if (url->is_ipv6) {
        host_end = find_any(authority, "]");
        if (host_end == authority.len) {
            return ERR_MALFORMED;
        }
        TRY(parse_ipv6(bytes_of(authority.data + 1, host_end - 1), url->host));
        host_end++;
    } else {
        TRY(parse_host_name(host, url->host));
    }
    struct bytes rest = bytes_from(authority, host_end);
    url->port = schemes[url->scheme].port;
    url->has_port = rest.len > 0;
    if (url->has_port) {
        if (rest.data[0] != ':') {
            return ERR_MALFORMED;
        }
        TRY(parse_port(bytes_from(rest, 1), &url->port));
    }
    return ERR_OK;
}

enum err endpoint_parse(struct bytes url, struct endpoint_url *ret_url)
{
    if (url.len > LIMIT_STREAM_URL) {
        return ERR_TOO_LONG;
    }
    struct endpoint_url parsed = {.port = 0};
    struct bytes rest;
    if (!has_valid_characters(url) || !find_scheme(url, &parsed.scheme, &rest)) {
        return ERR_MALFORMED;
    }
    size_t authority_len = find_any(rest, "/?");
    TRY(parse_authority(bytes_of(rest.data, authority_len), &parsed));
    struct bytes path = bytes_from(rest, authority_len);
    struct text text = text_in(parsed.path, sizeof parsed.path);
    if (path.len == 0 || path.data[0] != '/') {
        text_put(&text, "/");
    }
    text_put_bytes(&text, path);
    TRY(text_finish(&text));
    *ret_url = parsed;
    return ERR_OK;
}

enum err endpoint_parse_stream_url(struct bytes url, struct endpoint_url *ret_url, struct text *ret_why)
{
    struct endpoint_url parsed;
    if (url.len > LIMIT_STREAM_URL) {
        text_format(ret_why, "StreamUrl has %zu characters; the limit is %d", url.len, LIMIT_STREAM_URL);
        return ERR_STREAM_URL;
    }
    if (!has_valid_characters(url)) {
        text_put(ret_why, "StreamUrl has a character that no such URL has: a blank, a control character or '#'");
        return ERR_STREAM_URL;
    }
    struct bytes ignored;
    if (!find_scheme(url, &parsed.scheme, &ignored) || parsed.scheme != ENDPOINT_WSS) {
        text_put(ret_why, "StreamUrl does not begin with wss://");
        return ERR_STREAM_URL;
    }
    if (endpoint_parse(url, &parsed) != ERR_OK) {
        text_put(ret_why, "StreamUrl has no usable host and port");
        return ERR_STREAM_URL;
    }
    *ret_url = parsed;
    return ERR_OK;
}

bool endpoint_is_loopback(const struct endpoint_url *url)
{
    if (url->is_ipv6) {
        struct in6_addr address;
        return inet_pton(AF_INET6, url->host, &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
    }
    struct in_addr address;
    return strcmp(url->host, "localhost") == 0 ||
           (inet_pton(AF_INET, url->host, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127);
}

void endpoint_put_authority(const struct endpoint_url *url, struct text *text)
{
    text_format(text, url->is_ipv6 ? "[%s]" : "%s", url->host);
    if (url->port != schemes[url->scheme].port) {
        text_format(text, ":%u", (unsigned)url->port);
    }
}

void endpoint_put_url(const struct endpoint_url *url, struct text *text)
{
    text_format(text, "%s://", schemes[url->scheme].name);
    endpoint_put_authority(url, text);
    text_put(text, url->path);
}

bool endpoint_same_address(const struct endpoint_url *a, const struct endpoint_url *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

void endpoint_replace_address(struct endpoint_url *url, const struct endpoint_url *with)
{
    memcpy(url->host, with->host, sizeof url->host);
    url->is_ipv6 = with->is_ipv6;
    url->has_port = with->has_port;
    url->port = with->port;
}
