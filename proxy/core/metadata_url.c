#include "proxy/core/metadata_url.h"

#include <arpa/inet.h>

/* However they are written. */
static bool is_same_address(const char *a, const char *b)
{
    struct in6_addr a6, b6;
    struct in_addr a4, b4;
    if (inet_pton(AF_INET, a, &a4) == 1 && inet_pton(AF_INET, b, &b4) == 1) {
        return a4.s_addr == b4.s_addr;
    }
    return inet_pton(AF_INET6, a, &a6) == 1 && inet_pton(AF_INET6, b, &b6) == 1 && memcmp(&a6, &b6, sizeof a6) == 0;
}

bool metadata_url_is_trusted(const struct endpoint_url *url, const char *const *addresses)
{
    if (url->scheme == ENDPOINT_HTTPS) {
        return true;
    }
    if (url->scheme != ENDPOINT_HTTP) {
        return false;
    }
    bool is_listed = endpoint_is_loopback(url);
    for (size_t i = 0; addresses[i] != NULL && !is_listed; i++) {
        is_listed = is_same_address(url->host, addresses[i]);
    }
    return is_listed;
}
