/* https: one request, without waiting. Several may run at once, beside a websocket.
 *
 *     TRY(https_start(net, &request, &call));
 *     ... loop_wait, net_pump ...
 *     enum err err = https_result(call, &reply, &why);     ERR_AGAIN while it is under way
 *
 * A reply of any HTTP status is a result; its meaning is for the core (ssm_api). Connections are kept and used again
 * by later calls to the same host, unless the request says otherwise. */
#ifndef SSM_PROXY_EDGE_HTTPS_H
#define SSM_PROXY_EDGE_HTTPS_H

#include "proxy/edge/net.h"

struct https_request {
    const char *method; /* "GET", "PUT"; NULL: POST */
    const struct endpoint_url *url;
    const char *const *headers; /* "Name: value", already signed; Host and Content-Length are added and must agree */
    size_t header_count;
    struct bytes body;
    int64_t timeout_us; /* for all of it; 0: HTTPS_TIMEOUT_US */
    bool is_once;       /* never sent twice: libcurl does that by itself where a kept connection is lost meanwhile */
    bool is_apart;      /* on a connection of its own: neither one that was kept, nor kept */
    bool is_direct;     /* never through a proxy */
};

/* StartSession takes under 1 s; a throttled service answers at once. */
#define HTTPS_TIMEOUT_US (30 * 1000 * 1000)

#define HTTPS_HEADER_LEN 255 /* a longer value of the headers below is cut */

struct https_reply {
    int http_status;
    char date[HTTPS_HEADER_LEN + 1];       /* Date; "" when absent, like the others */
    char error_type[HTTPS_HEADER_LEN + 1]; /* x-amzn-ErrorType */
    char request_id[HTTPS_HEADER_LEN + 1]; /* x-amzn-RequestId */
    char retry_after[HTTPS_HEADER_LEN + 1];
    char x_amz_retry_after[HTTPS_HEADER_LEN + 1];
    struct bytes body; /* owned by the call; a NUL byte stands behind it */
};

struct https_call; /* owned by its creator */

/* Everything in the request is copied. ERR_MEMORY; ERR_MALFORMED when a header has a line break in it. */
enum err https_start(struct net *net, const struct https_request *request, struct https_call **ret_call) SSM_MUST_USE;

/* ERR_AGAIN while it runs. ERR_UNREACHABLE (name, connect, proxy, TLS, connection broken), ERR_CERTIFICATE,
 * ERR_TIMEOUT, ERR_TOO_LONG (body over LIMIT_API_REPLY), ERR_CONFIG (CA file, unusable proxy): the words are in
 * ret_why. The same again when asked again. */
enum err https_result(struct https_call *call, const struct https_reply **ret_reply, struct text *ret_why) SSM_MUST_USE;

/* Whether the request may have reached its host: false as long as there is no connection for it. */
bool https_was_sent(const struct https_call *call);

/* Cancels it when it still runs; wipes the body. NULL inside is fine; usable with AUTO(). */
void https_free(struct https_call **call);

#endif
