/* endpoint: host names of AWS services by region, and URLs taken apart: endpoint URLs of the person, StreamUrl of the
 * service.
 *
 * A parsed URL holds valid values only: the scheme is known, the host is a name or an IP literal, path and query are
 * printable ASCII without blanks and are kept byte for byte (the cell-number in StreamUrl is base64 with raw '+' and
 * '/'; it must not be decoded and encoded again). */
#ifndef SSM_PROXY_CORE_ENDPOINT_H
#define SSM_PROXY_CORE_ENDPOINT_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/text.h"

enum endpoint_scheme { ENDPOINT_HTTP, ENDPOINT_HTTPS, ENDPOINT_WS, ENDPOINT_WSS };

struct endpoint_url {
    enum endpoint_scheme scheme;
    char host[LIMIT_HOST + 1];       /* lower case; an IPv6 literal stands without its brackets */
    bool is_ipv6;                    /* write the host with brackets */
    bool has_port;                   /* given in the URL */
    uint16_t port;                   /* given, or the scheme's: 80 or 443 */
    char path[LIMIT_STREAM_URL + 1]; /* path and query from the '/', verbatim; "/" when the URL has none */
};

/* Any of the four schemes, with host, optional port, path and query. ERR_MALFORMED for anything else: user
 * information, a fragment, control characters, blanks, non-ASCII, port 0 or above 65535. ERR_TOO_LONG over
 * LIMIT_STREAM_URL or LIMIT_HOST. */
enum err endpoint_parse(struct bytes url, struct endpoint_url *ret_url) SSM_MUST_USE;

/* StreamUrl: as above and wss only. Every refusal is ERR_STREAM_URL, with the reason in `ret_why`. */
enum err endpoint_parse_stream_url(struct bytes url, struct endpoint_url *ret_url, struct text *ret_why) SSM_MUST_USE;

static inline bool endpoint_is_tls(const struct endpoint_url *url)
{
    return url->scheme == ENDPOINT_HTTPS || url->scheme == ENDPOINT_WSS;
}

/* "localhost", 127.0.0.0/8 or ::1. */
bool endpoint_is_loopback(const struct endpoint_url *url);

/* The value of a Host header: host, with brackets where needed, and ":port" unless it is the scheme's own. */
void endpoint_put_authority(const struct endpoint_url *url, struct text *text);

/* The whole URL again. */
void endpoint_put_url(const struct endpoint_url *url, struct text *text);

/* True when both name the same host and port: a connection to one serves the other. */
bool endpoint_same_address(const struct endpoint_url *a, const struct endpoint_url *b);

/* Host and port of `with` in place of those of `url`; scheme, path and query stay. */
void endpoint_replace_address(struct endpoint_url *url, const struct endpoint_url *with);

/* ^[A-Za-z0-9-]{1,100}$, and neither '-' first nor last: it becomes a label of a host name. */
bool endpoint_region_is_valid(const char *region);

/* The partition of a region, by its prefix: "aws", "aws-cn", ... Never NULL. */
const char *endpoint_partition(const char *region);

/* https://HOST_PREFIX.REGION.SUFFIX/, e.g. https://ssm-fips.us-east-1.api.aws/. `region` must be valid. ERR_TOO_LONG.
 */
enum err endpoint_in_region(const char *host_prefix, const char *region, bool is_dual_stack,
                            struct endpoint_url *ret_url) SSM_MUST_USE;

#endif
