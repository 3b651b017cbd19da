/* connection_check: a connection to where a service answers, made and dropped: how far it comes, and how long each part
 * of it takes. Several may run at once.
 *
 *     TRY(connection_check_start(net, &url, &check));
 *     ... loop_wait, net_pump ...
 *     enum err err = connection_check_result(check, &times, &why);     ERR_AGAIN while it is under way */
#ifndef SSM_PROXY_EDGE_CONNECTION_CHECK_H
#define SSM_PROXY_EDGE_CONNECTION_CHECK_H

#include "proxy/edge/net.h"

/* Each from the end of the part before it. */
struct connection_times {
    int64_t name_us;                /* the look-up of the host, or of the proxy */
    int64_t tcp_us;                 /* one round trip */
    int64_t tls_us;                 /* with the proxy's answer where there is one; 0 without TLS */
    char address[64];               /* the peer's: the service's, or the proxy's */
    const struct http_proxy *proxy; /* borrowed; NULL: direct */
};

struct connection_check; /* owned by its creator; not to outlive its net */

/* The path of the URL means nothing. */
enum err connection_check_start(struct net *net, const struct endpoint_url *url,
                                struct connection_check **ret_check) SSM_MUST_USE;

/* Errors with words, as of any call (https.h). ret_times is filled after an error too, as far as it came. */
enum err connection_check_result(struct connection_check *check, struct connection_times *ret_times,
                                 struct text *ret_why) SSM_MUST_USE;

/* Cancels it when it still runs. NULL inside is fine; usable with AUTO(). */
void connection_check_free(struct connection_check **check);

#endif
