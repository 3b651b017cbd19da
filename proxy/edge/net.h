/* net: libcurl on our epoll set, and the one policy that REST calls and the websocket share: which certificates are
 * trusted, which proxy is used, how long a connect may take.
 *
 * The proxy is the one of the policy, for the hosts that core/http_proxy does not exempt; libcurl's own reading of the
 * environment is off. A proxy that does not work is a failure, never a direct connection. TLS 1.2 or newer; HTTP/1.1
 * only (on HTTP/2 a websocket upgrade is another protocol); no redirects; host name and certificate are always
 * verified, and there is no switch for that.
 *
 * Trust: a file parsed whole costs 20 ms for the 144 roots of Debian's bundle, a hashed directory 0.1 ms, so the
 * directory is used wherever it has hashed links.
 *     ca_path          a bundle file or a hashed directory: nothing else is trusted
 *     ssl_cert_file,   as OpenSSL means SSL_CERT_FILE and SSL_CERT_DIR: each replaces its half of the system's
 *     ssl_cert_dir
 *     none             the system's hashed directory, or its bundle where the directory holds no hashed links
 *
 * The edges https, tls_stream, ws_link and websocket stand on this header; commands use the first part of it. */
#ifndef SSM_PROXY_EDGE_NET_H
#define SSM_PROXY_EDGE_NET_H

#include "common/text.h"
#include "proxy/core/http_proxy.h"
#include "proxy/edge/loop.h"

#include <curl/curl.h>

/* ---- for commands ---- */

/* All borrowed, the strings during net_new only. NULL and "" mean "not given". */
struct net_policy {
    const char *ca_path;
    const char *ssl_cert_file;
    const char *ssl_cert_dir;
    const struct http_proxy *proxy; /* must outlive the net; NULL: none */
    int64_t connect_timeout_us;     /* name, TCP, proxy and TLS together; 0: NET_CONNECT_TIMEOUT_US */
};

/* A person waits that long for a connect before giving up; TCP's third SYN goes out after 7 s. */
#define NET_CONNECT_TIMEOUT_US (15 * 1000 * 1000)

struct net; /* owned by its creator; outlives every call and websocket made with it */

/* ERR_CONFIG with the reason when ca_path, ssl_cert_file or ssl_cert_dir cannot be read. The loop is borrowed. */
enum err net_new(struct loop *loop, const struct net_policy *policy, struct net **ret_net,
                 struct text *ret_why) SSM_MUST_USE;
void net_free(struct net **net); /* NULL inside is fine; usable with AUTO() */

/* After each loop_wait, before looking at calls and websockets: lets libcurl move on. */
enum err net_pump(struct net *net) SSM_MUST_USE;

/* When net_pump wants to be called at the latest. */
int64_t net_deadline_us(const struct net *net);

/* ---- for the edges ---- */

struct loop *net_loop(const struct net *net);

/* One transfer: an easy handle with the policy set, and how it ended. */
struct net_transfer {
    CURL *easy;
    struct net *net;
    char host[LIMIT_HOST + 1];
    uint16_t port;
    const struct http_proxy *proxy; /* NULL: direct */
    bool is_running;
    bool is_done;
    CURLcode result; /* when is_done */
    char error_text[CURL_ERROR_SIZE];
    struct net_transfer *next;
};

/* `transfer` stays where it is until net_transfer_close. */
enum err net_transfer_open(struct net *net, const struct endpoint_url *url, struct net_transfer *transfer) SSM_MUST_USE;
enum err net_transfer_start(struct net_transfer *transfer) SSM_MUST_USE;
void net_transfer_close(struct net_transfer *transfer); /* cancels; closes its connection unless it can be kept */

/* What the result means, with words: which host, what happened, what to do. */
enum err net_transfer_error(const struct net_transfer *transfer, struct text *ret_why) SSM_MUST_USE;

#endif
