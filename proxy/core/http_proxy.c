#include "proxy/core/http_proxy.h"

#include <arpa/inet.h>

void http_proxy_wipe(struct http_proxy *proxy)
{
    secret_wipe(&proxy->user);
    secret_wipe(&proxy->password);
    *proxy = (struct http_proxy){.variable = NULL};
}

/* ---- the URL ---- */

static const struct {
    const char *name;
    uint16_t port;
} schemes[] = {
    {"http", 80}, {"https", 443}, {"socks4", 1080}, {"socks4a", 1080}, {"socks5", 1080}, {"socks5h", 1080},
};

/* Index into `schemes`; what follows the scheme is in ret_rest. */
static enum err take_scheme(const char *url, size_t *ret_scheme, const char **ret_rest)
{
    const char *mark = strstr(url, "://");
    *ret_scheme = 0;
    if (mark == NULL) {
        *ret_rest = strncmp(url, "//", 2) == 0 ? url + 2 : url;
        return ERR_OK;
    }
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i].name);
        if (len == (size_t)(mark - url) && strncasecmp(url, schemes[i].name, len) == 0) {
            *ret_scheme = i;
            *ret_rest = mark + 3;
            return ERR_OK;
        }
    }
    return ERR_MALFORMED;
}

static int hex_value(char digit)
{
    const char *found = digit == '\0' ? NULL : strchr("0123456789abcdef", text_lower(digit));
    return found == NULL ? -1 : (int)(found - "0123456789abcdef");
}

/* A '%' without two digits behind it stands for itself, as in Python. */
static enum err decode(struct bytes escaped, struct secret *ret_value)
{
    char memory[LIMIT_SECRET + 1];
    struct text text = text_in(memory, sizeof memory);
    enum err err = ERR_OK;
    for (size_t i = 0; i < escaped.len && err == ERR_OK; i++) {
        char character = (char)escaped.data[i];
        bool has_digits = character == '%' && i + 2 < escaped.len && hex_value((char)escaped.data[i + 1]) >= 0 &&
                          hex_value((char)escaped.data[i + 2]) >= 0;
        if (has_digits) {
            character = (char)(hex_value((char)escaped.data[i + 1]) * 16 + hex_value((char)escaped.data[i + 2]));
            i += 2;
        }
        err = text_is_control(character) ? ERR_MALFORMED : ERR_OK;
        text_put_char(&text, character);
    }
    err = err == ERR_OK ? text_finish(&text) : err;
    err = err == ERR_OK ? secret_set(ret_value, text_bytes(&text)) : err;
    explicit_bzero(memory, sizeof memory);
    return err;
}

static enum err parse_user(struct bytes user, struct http_proxy *proxy)
{
    const uint8_t *colon = user.len == 0 ? NULL : memchr(user.data, ':', user.len);
    size_t name_len = colon == NULL ? user.len : (size_t)(colon - user.data);
    TRY(decode(bytes_of(user.data, name_len), &proxy->user));
    return colon == NULL ? ERR_OK : decode(bytes_from(user, name_len + 1), &proxy->password);
}

static enum err parse_address(struct bytes address, size_t scheme, struct http_proxy *proxy)
{
    char memory[LIMIT_HOST + 32];
    struct text text = text_in(memory, sizeof memory);
    text_put(&text, "http://");
    text_put_bytes(&text, address);
    TRY(text_finish(&text));
    TRY(endpoint_parse(text_bytes(&text), &proxy->address));
    if (!proxy->address.has_port) {
        proxy->address.port = schemes[scheme].port;
    }
    text = text_in(proxy->url, sizeof proxy->url);
    text_format(&text, proxy->address.is_ipv6 ? "%s://[%s]:%u" : "%s://%s:%u", schemes[scheme].name,
                proxy->address.host, (unsigned)proxy->address.port);
    return text_finish(&text);
}

static enum err parse(const char *url, struct http_proxy *proxy)
{
    size_t scheme;
    const char *rest;
    TRY(take_scheme(url, &scheme, &rest));
    struct bytes authority = bytes_of(rest, strcspn(rest, "/?#"));
    const uint8_t *at = authority.len == 0 ? NULL : memrchr(authority.data, '@', authority.len);
    size_t user_len = at == NULL ? 0 : (size_t)(at - authority.data);
    bool has_tail = rest[authority.len] != '\0' && strcmp(rest + authority.len, "/") != 0;
    if (has_tail) {
        return ERR_MALFORMED; /* a password with such a character, more likely than a path */
    }
    TRY(parse_user(bytes_of(authority.data, user_len), proxy));
    return parse_address(at == NULL ? authority : bytes_from(authority, user_len + 1), scheme, proxy);
}

/* ---- the environment ---- */

static const char *first_set(const struct aws_config_environment *environment, const char *const *names, size_t count,
                             const char **ret_name)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = environment->get(environment->context, names[i]);
        if (text_is_given(value)) {
            *ret_name = names[i];
            return value;
        }
    }
    return NULL;
}

enum err http_proxy_find(const struct aws_config_environment *environment, struct http_proxy *ret_proxy,
                         struct text *ret_why)
{
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    AUTO(http_proxy_wipe) struct http_proxy proxy = {.variable = NULL};
    const char *url = first_set(environment, variables, sizeof variables / sizeof variables[0], &proxy.variable);
    if (url != NULL) {
        enum err err = parse(url, &proxy);
        if (err == ERR_MEMORY) {
            return err;
        }
        if (err != ERR_OK) {
            text_format(ret_why,
                        "the proxy in %s cannot be used; it looks like http://host:port or "
                        "http://user:password@host:port, with %%2F for a slash and so on",
                        proxy.variable);
            return ERR_CONFIG;
        }
    }
    proxy.exempt = environment->get(environment->context, "no_proxy");
    if (proxy.exempt == NULL) {
        proxy.exempt = environment->get(environment->context, "NO_PROXY");
    }
    *ret_proxy = proxy;
    proxy = (struct http_proxy){.variable = NULL};
    return ERR_OK;
}

/* ---- what goes without it ---- */

/* An address as 16 bytes, an IPv4 one within ::ffff:0:0/96; false when it is a name. */
static bool parse_ip(const char *text, bool *ret_is_ipv4, uint8_t ret_address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(ret_address, mapped, sizeof mapped);
    *ret_is_ipv4 = inet_pton(AF_INET, text, ret_address + 12) == 1;
    return *ret_is_ipv4 || inet_pton(AF_INET6, text, ret_address) == 1;
}

static bool has_prefix(const uint8_t *address, const uint8_t *network, int64_t bits)
{
    for (int64_t bit = 0; bit < bits; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> (bit % 8));
        if ((address[bit / 8] & mask) != (network[bit / 8] & mask)) {
            return false;
        }
    }
    return true;
}

static bool is_in_network(const char *host, char *entry)
{
    char *slash = strchr(entry, '/');
    uint8_t address[16];
    uint8_t network[16];
    bool is_ipv4;
    bool is_network_ipv4;
    int64_t bits;
    if (slash == NULL || !parse_ip(host, &is_ipv4, address)) {
        return false;
    }
    *slash = '\0';
    bool is_network = parse_ip(entry, &is_network_ipv4, network) && is_ipv4 == is_network_ipv4 &&
                      text_parse_decimal(slash + 1, 0, is_ipv4 ? 32 : 128, &bits) == ERR_OK;
    *slash = '/';
    return is_network && has_prefix(address, network, is_ipv4 ? bits + 96 : bits);
}

/* The port behind a name or a bracket; the entry ends before it then. False: there is none. */
static bool cut_port(char *entry, int64_t *ret_port)
{
    char *colon = strrchr(entry, ':');
    bool is_address = colon != NULL && strchr(entry, ':') != colon && entry[0] != '['; /* an IPv6 one, bare */
    if (colon == NULL || is_address || text_parse_decimal(colon + 1, 1, UINT16_MAX, ret_port) != ERR_OK) {
        return false;
    }
    *colon = '\0';
    return true;
}

static const char *without_brackets(char *entry)
{
    size_t len = strlen(entry);
    if (entry[0] != '[' || entry[len - 1] != ']') {
        return entry;
    }
    entry[len - 1] = '\0';
    return entry + 1;
}

static bool is_same_address(const char *host, const char *entry)
{
    uint8_t addresses[2][16];
    bool is_ipv4;
    return parse_ip(host, &is_ipv4, addresses[0]) && parse_ip(entry, &is_ipv4, addresses[1]) &&
           memcmp(addresses[0], addresses[1], sizeof addresses[0]) == 0;
}

/* `entry` is ours to cut. */
static bool matches(char *entry, const struct endpoint_url *url)
{
    int64_t port;
    while (*entry == '.') {
        entry++;
    }
    if (is_in_network(url->host, entry)) {
        return true;
    }
    if (*entry == '\0' || (cut_port(entry, &port) && port != url->port)) {
        return false;
    }
    const char *name = without_brackets(entry);
    if (is_same_address(url->host, name)) {
        return true;
    }
    size_t name_len = strlen(name);
    size_t host_len = strlen(url->host);
    if (host_len < name_len || name_len == 0 || strcasecmp(url->host + host_len - name_len, name) != 0) {
        return false;
    }
    return host_len == name_len || url->host[host_len - name_len - 1] == '.';
}

static bool is_exempt(const char *list, const struct endpoint_url *url)
{
    static const char separators[] = ", \t";
    if (strcmp(list, "*") == 0) {
        return true;
    }
    for (const char *at = list + strspn(list, separators); *at != '\0'; at += strspn(at, separators)) {
        char entry[LIMIT_HOST + 16]; /* what is longer is no host's name */
        struct text text = text_in(entry, sizeof entry);
        size_t len = strcspn(at, separators);
        text_put_bytes(&text, bytes_of(at, len));
        at += len;
        if (!text.overflowed && matches(entry, url)) {
            return true;
        }
    }
    return false;
}

bool http_proxy_applies(const struct http_proxy *proxy, const struct endpoint_url *url)
{
    return proxy->variable != NULL && endpoint_is_tls(url) && !(proxy->exempt != NULL && is_exempt(proxy->exempt, url));
}
