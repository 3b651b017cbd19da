/* endpoint, and the port of a target: any text as URL, StreamUrl, region and port. What is accepted is valid, and
 * written again it means the same. */
#include "tests/fuzz/fuzz_support.h"

#include "common/auto.h"
#include "proxy/core/endpoint.h"
#include "proxy/core/target.h"

static void check_host(const struct endpoint_url *url)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.:";
    size_t len = strlen(url->host);
    MUST(len > 0 && strspn(url->host, allowed) == len);
    MUST(url->is_ipv6 == (strchr(url->host, ':') != NULL));
    MUST(url->port > 0 && url->path[0] == '/');
    for (const char *at = url->path; *at != '\0'; at++) {
        MUST(*at > ' ' && *at <= '~' && *at != '#');
    }
}

static void check_written_again(const struct endpoint_url *url)
{
    char memory[LIMIT_STREAM_URL + LIMIT_HOST + 32];
    struct text text = text_in(memory, sizeof memory);
    struct endpoint_url again;
    endpoint_put_url(url, &text);
    MUST(text_finish(&text) == ERR_OK);
    if (text.len > LIMIT_STREAM_URL) {
        return; /* the '/' that the URL had left out */
    }
    MUST(endpoint_parse(text_bytes(&text), &again) == ERR_OK);
    MUST(again.scheme == url->scheme && again.is_ipv6 == url->is_ipv6 && endpoint_same_address(&again, url));
    MUST(strcmp(again.path, url->path) == 0);
}

static void check_urls(struct bytes input)
{
    char words[256];
    struct text why = text_in(words, sizeof words);
    struct endpoint_url url;
    struct endpoint_url stream_url;
    enum err err = endpoint_parse(input, &url);
    enum err stream_err = endpoint_parse_stream_url(input, &stream_url, &why);
    bool is_stream_url = err == ERR_OK && url.scheme == ENDPOINT_WSS;
    MUST(stream_err == (is_stream_url ? ERR_OK : ERR_STREAM_URL));
    MUST(is_stream_url == (why.len == 0));
    MUST(err == ERR_OK || err == ERR_MALFORMED || err == ERR_TOO_LONG);
    if (err == ERR_OK) {
        check_host(&url);
        check_written_again(&url);
        MUST(!endpoint_is_loopback(&url) || url.is_ipv6 || strncmp(url.host, "127.", 4) == 0 ||
             strcmp(url.host, "localhost") == 0);
    }
}

static void check_region(const char *region)
{
    struct endpoint_url url;
    if (!endpoint_region_is_valid(region)) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        MUST(endpoint_in_region("ssm", region, i == 1, &url) == ERR_OK);
        MUST(strncmp(url.host, "ssm.", 4) == 0 && strstr(url.host, region) != NULL);
    }
}

static void check_port(const char *text)
{
    uint16_t port;
    if (target_parse_port(text, &port) == ERR_OK) {
        char again[8];
        snprintf(again, sizeof again, "%u", (unsigned)port);
        MUST(strcmp(again, text) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = fuzz_string(bytes_of(data, size));
    check_urls(bytes_of(data, size));
    check_region(text);
    check_port(text);
    return 0;
}
