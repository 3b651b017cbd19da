#include "proxy/edge/net.h"

#include "common/auto.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/trust.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Sockets that one net_pump serves; a proxy has two or three. */
#define NET_READY_MAX 32

/* One of libcurl's sockets. */
struct net_socket {
    struct loop_source source;
    struct net_socket *next;
};

struct net {
    struct loop *loop;
    CURLM *multi;
    struct trust trust;
    const struct http_proxy *proxy; /* NULL: none */
    long connect_timeout_ms;
    int64_t deadline_us; /* of libcurl's timers */
    struct net_socket *sockets;
    struct net_transfer *transfers;
    bool is_out_of_memory;
};

/* ---- libcurl's sockets and timers ---- */

static void net_forget_socket(struct net *net, struct net_socket *socket)
{
    struct net_socket **at = &net->sockets;
    while (*at != socket) {
        at = &(*at)->next;
    }
    *at = socket->next;
    loop_remove(net->loop, &socket->source);
    free(socket);
}

static struct net_socket *net_new_socket(struct net *net, curl_socket_t fd)
{
    struct net_socket *socket = calloc(1, sizeof *socket);
    if (socket == NULL) {
        return NULL;
    }
    socket->source.fd = fd;
    if (loop_add(net->loop, &socket->source) != ERR_OK) {
        free(socket);
        return NULL;
    }
    socket->next = net->sockets;
    net->sockets = socket;
    return socket;
}

static int net_on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    (void)easy;
    struct net *net = user;
    struct net_socket *socket = known;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL) {
            net_forget_socket(net, socket);
        }
        return 0;
    }
    if (socket == NULL) {
        socket = net_new_socket(net, fd);
        if (socket == NULL) {
            net->is_out_of_memory = true;
            return -1;
        }
        (void)curl_multi_assign(net->multi, fd, socket);
    }
    socket->source.want_read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
    socket->source.want_write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    return 0;
}

static int net_on_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    struct net *net = user;
    net->deadline_us = timeout_ms < 0 ? INSTANT_NEVER : clock_mono_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

/* libcurl's own socket() lacks FD_CLOEXEC. */
/* The second net under the websocket's own pings: a path that is dead shows within a minute, idle or not. */
#define NET_KEEPALIVE_S 15L
#define NET_UNSENT_MS (60u * 1000u)

static curl_socket_t net_on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)user;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(unsigned){NET_UNSENT_MS}, sizeof(unsigned));
    }
    return fd;
}

/* ---- life ---- */

enum err net_new(struct loop *loop, const struct net_policy *policy, struct net **ret_net, struct text *ret_why)
{
    AUTO(net_free) struct net *net = calloc(1, sizeof *net);
    if (net == NULL) {
        return ERR_MEMORY;
    }
    net->loop = loop;
    net->deadline_us = INSTANT_NEVER;
    net->proxy = policy->proxy;
    int64_t timeout_us = policy->connect_timeout_us > 0 ? policy->connect_timeout_us : NET_CONNECT_TIMEOUT_US;
    net->connect_timeout_ms = (long)(timeout_us / 1000);
    TRY(trust_find(policy->ca_path, policy->ssl_cert_file, policy->ssl_cert_dir, &net->trust, ret_why));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return ERR_MEMORY;
    }
    net->multi = curl_multi_init();
    if (net->multi == NULL) {
        curl_global_cleanup();
        return ERR_MEMORY;
    }
    bool is_set = curl_multi_setopt(net->multi, CURLMOPT_SOCKETFUNCTION, net_on_socket) == CURLM_OK &&
                  curl_multi_setopt(net->multi, CURLMOPT_SOCKETDATA, net) == CURLM_OK &&
                  curl_multi_setopt(net->multi, CURLMOPT_TIMERFUNCTION, net_on_timer) == CURLM_OK &&
                  curl_multi_setopt(net->multi, CURLMOPT_TIMERDATA, net) == CURLM_OK &&
                  curl_multi_setopt(net->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) == CURLM_OK;
    if (!is_set) {
        return ERR_MEMORY;
    }
    *ret_net = MOVE(net);
    return ERR_OK;
}

void net_free(struct net **net)
{
    if (*net == NULL) {
        return;
    }
    if ((*net)->multi != NULL) {
        while ((*net)->transfers != NULL) {
            net_transfer_close((*net)->transfers);
        }
        (void)curl_multi_cleanup((*net)->multi);
        while ((*net)->sockets != NULL) {
            net_forget_socket(*net, (*net)->sockets);
        }
        curl_global_cleanup();
    }
    free(*net);
    *net = NULL;
}

/* ---- moving on ---- */

/* Not by CURLINFO_PRIVATE: asking for that may fail, and libcurl tells an end once. */
static void net_end_transfer(struct net *net, const CURL *easy, CURLcode result)
{
    for (struct net_transfer *transfer = net->transfers; transfer != NULL; transfer = transfer->next) {
        if (transfer->easy == easy) {
            transfer->is_done = true;
            transfer->result = result;
        }
    }
}

static void net_collect(struct net *net)
{
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(net->multi, &left); message != NULL;
         message = curl_multi_info_read(net->multi, &left)) {
        if (message->msg == CURLMSG_DONE) {
            net_end_transfer(net, message->easy_handle, message->data.result);
        }
    }
}

static enum err net_act(struct net *net, curl_socket_t fd, int ready)
{
    int running = 0;
    CURLMcode code = curl_multi_socket_action(net->multi, fd, ready, &running);
    return code == CURLM_OK && !net->is_out_of_memory ? ERR_OK : ERR_MEMORY;
}

enum err net_pump(struct net *net)
{
    /* Collected first: acting on one socket makes libcurl add and remove others. */
    struct {
        curl_socket_t fd;
        int ready;
    } ready[NET_READY_MAX];
    size_t count = 0;
    for (struct net_socket *socket = net->sockets; socket != NULL && count < NET_READY_MAX; socket = socket->next) {
        int bits = (socket->source.can_read ? CURL_CSELECT_IN : 0) | (socket->source.can_write ? CURL_CSELECT_OUT : 0) |
                   (socket->source.is_broken ? CURL_CSELECT_ERR : 0);
        if (bits != 0) {
            ready[count].fd = socket->source.fd;
            ready[count++].ready = bits;
        }
    }
    for (size_t i = 0; i < count; i++) {
        TRY(net_act(net, ready[i].fd, ready[i].ready));
    }
    if (net->deadline_us <= clock_mono_us()) {
        net->deadline_us = INSTANT_NEVER;
        TRY(net_act(net, CURL_SOCKET_TIMEOUT, 0));
    }
    net_collect(net);
    return ERR_OK;
}

int64_t net_deadline_us(const struct net *net)
{
    return net->deadline_us;
}

struct loop *net_loop(const struct net *net)
{
    return net->loop;
}

/* ---- transfers ---- */

/* What cannot be set only fails for want of memory, or in a libcurl built without TLS. */
#define NET_SET(transfer, option, value)                                                                               \
    do {                                                                                                               \
        if (curl_easy_setopt((transfer)->easy, option, value) != CURLE_OK) {                                           \
            return ERR_MEMORY;                                                                                         \
        }                                                                                                              \
    } while (0)

static enum err net_set_policy(const struct net *net, struct net_transfer *transfer)
{
    NET_SET(transfer, CURLOPT_ERRORBUFFER, transfer->error_text);
    NET_SET(transfer, CURLOPT_NOSIGNAL, 1L);
    NET_SET(transfer, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name lookup that nobody needs any more */
    NET_SET(transfer, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    NET_SET(transfer, CURLOPT_FOLLOWLOCATION, 0L);
    NET_SET(transfer, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    NET_SET(transfer, CURLOPT_CONNECTTIMEOUT_MS, net->connect_timeout_ms);
    NET_SET(transfer, CURLOPT_TCP_KEEPALIVE, 1L);
    NET_SET(transfer, CURLOPT_TCP_KEEPIDLE, NET_KEEPALIVE_S);
    NET_SET(transfer, CURLOPT_TCP_KEEPINTVL, NET_KEEPALIVE_S);
    NET_SET(transfer, CURLOPT_BUFFERSIZE, 16L * 1024);
    NET_SET(transfer, CURLOPT_UPLOAD_BUFFERSIZE, 16L * 1024);
    NET_SET(transfer, CURLOPT_OPENSOCKETFUNCTION, net_on_open_socket);
    NET_SET(transfer, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    NET_SET(transfer, CURLOPT_SSL_VERIFYPEER, 1L);
    NET_SET(transfer, CURLOPT_SSL_VERIFYHOST, 2L);
    NET_SET(transfer, CURLOPT_CAINFO, net->trust.file[0] != '\0' ? net->trust.file : NULL);
    NET_SET(transfer, CURLOPT_CAPATH, net->trust.directory[0] != '\0' ? net->trust.directory : NULL);
    /* A proxy that is itself reached by TLS is held to the same trust. */
    NET_SET(transfer, CURLOPT_PROXY_CAINFO, net->trust.file[0] != '\0' ? net->trust.file : NULL);
    NET_SET(transfer, CURLOPT_PROXY_CAPATH, net->trust.directory[0] != '\0' ? net->trust.directory : NULL);
    return ERR_OK;
}

/* An empty CURLOPT_PROXY means none, and an empty CURLOPT_NOPROXY no exemption, whatever the environment says. */
static enum err net_set_proxy(struct net_transfer *transfer)
{
    const struct http_proxy *proxy = transfer->proxy;
    NET_SET(transfer, CURLOPT_PROXY, proxy != NULL ? proxy->url : "");
    NET_SET(transfer, CURLOPT_NOPROXY, "");
    if (proxy != NULL && (secret_is_set(&proxy->user) || secret_is_set(&proxy->password))) {
        NET_SET(transfer, CURLOPT_PROXYAUTH, CURLAUTH_BASIC);
        NET_SET(transfer, CURLOPT_PROXYUSERNAME, secret_is_set(&proxy->user) ? proxy->user.reveal : "");
        NET_SET(transfer, CURLOPT_PROXYPASSWORD, secret_is_set(&proxy->password) ? proxy->password.reveal : "");
    }
    return ERR_OK;
}

enum err net_transfer_open(struct net *net, const struct endpoint_url *url, struct net_transfer *transfer)
{
    memset(transfer, 0, sizeof *transfer);
    transfer->net = net;
    (void)stpcpy(transfer->host, url->host);
    transfer->port = url->port;
    transfer->proxy = net->proxy != NULL && http_proxy_applies(net->proxy, url) ? net->proxy : NULL;
    char url_text[LIMIT_STREAM_URL + LIMIT_HOST + 32];
    struct text text = text_in(url_text, sizeof url_text);
    struct endpoint_url as_http = *url; /* to libcurl a websocket is HTTP on a connection of its own */
    as_http.scheme = endpoint_is_tls(url) ? ENDPOINT_HTTPS : ENDPOINT_HTTP;
    endpoint_put_url(&as_http, &text);
    TRY(text_finish(&text));
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL) {
        return ERR_MEMORY;
    }
    transfer->next = net->transfers;
    net->transfers = transfer;
    enum err err = net_set_policy(net, transfer);
    err = err == ERR_OK ? net_set_proxy(transfer) : err;
    if (err == ERR_OK &&
        (curl_easy_setopt(transfer->easy, CURLOPT_PROTOCOLS_STR, endpoint_is_tls(url) ? "https" : "http") != CURLE_OK ||
         curl_easy_setopt(transfer->easy, CURLOPT_URL, url_text) != CURLE_OK)) {
        err = ERR_MEMORY;
    }
    if (err != ERR_OK) {
        net_transfer_close(transfer);
    }
    return err;
}

enum err net_transfer_start(struct net_transfer *transfer)
{
    if (curl_multi_add_handle(transfer->net->multi, transfer->easy) != CURLM_OK) {
        return ERR_MEMORY;
    }
    transfer->is_running = true;
    TRY(net_act(transfer->net, CURL_SOCKET_TIMEOUT, 0)); /* begin now, not at the next turn of the loop */
    net_collect(transfer->net);
    return ERR_OK;
}

void net_transfer_close(struct net_transfer *transfer)
{
    if (transfer->easy == NULL) {
        return;
    }
    struct net_transfer **at = &transfer->net->transfers;
    while (*at != transfer) {
        at = &(*at)->next;
    }
    *at = transfer->next;
    if (transfer->is_running) {
        (void)curl_multi_remove_handle(transfer->net->multi, transfer->easy);
    }
    curl_easy_cleanup(transfer->easy);
    transfer->easy = NULL;
    transfer->is_running = false;
}

/* ---- words ---- */

static enum err net_certificate_error(const struct net_transfer *transfer, struct text *ret_why)
{
    long result = X509_V_OK;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &result);
    text_format(ret_why, "the certificate of %s ", transfer->host);
    switch (result) {
    case X509_V_OK: /* libcurl looks at the name itself, before it asks OpenSSL for the chain's result */
    case X509_V_ERR_UNSPECIFIED:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        text_put(ret_why, "is for another host name");
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        text_put(ret_why, "has expired (or this machine's clock is wrong)");
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        text_put(ret_why, "is not valid yet (is this machine's clock right?)");
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        text_format(ret_why,
                    "is signed by an authority that this machine does not trust (%s); behind a proxy that "
                    "opens TLS, name its CA with --ca-bundle or AWS_CA_BUNDLE",
                    X509_verify_cert_error_string(result));
        break;
    default:
        text_format(ret_why, "is not valid: %s", X509_verify_cert_error_string(result));
        break;
    }
    return ERR_CERTIFICATE;
}

static enum err net_connect_error(const struct net_transfer *transfer, struct text *ret_why)
{
    const struct http_proxy *proxy = transfer->proxy;
    long os_errno = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_errno);
    const char *reason = os_errno != 0 ? strerror((int)os_errno) : transfer->error_text;
    if (proxy != NULL) {
        text_format(ret_why, "cannot connect to the proxy %s port %u (%s): %s", proxy->address.host,
                    (unsigned)proxy->address.port, proxy->variable, reason);
        return ERR_UNREACHABLE;
    }
    text_format(ret_why, "cannot connect to %s port %u: %s", transfer->host, (unsigned)transfer->port, reason);
    return ERR_UNREACHABLE;
}

/* What the proxy answered to CONNECT; 0: nothing that refuses. libcurl's code varies, the status does not. */
static long net_proxy_refusal(const struct net_transfer *transfer)
{
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    return transfer->proxy == NULL || (status >= 200 && status <= 299) ? 0 : status;
}

/* 5xx may pass; a password that is wrong, or a host that is not allowed, stays so. */
static enum err net_proxy_error(const struct net_transfer *transfer, long status, struct text *ret_why)
{
    const struct http_proxy *proxy = transfer->proxy;
    text_format(ret_why, "the proxy %s refused a connection to %s port %u: status %ld", proxy->address.host,
                transfer->host, (unsigned)transfer->port, status);
    if (status == 407 || status == 401) {
        text_format(ret_why,
                    secret_is_set(&proxy->user) ? ", it does not take the user name and password in %s"
                                                : ", it wants a user name and password in %s",
                    proxy->variable);
    }
    return status >= 500 ? ERR_UNREACHABLE : ERR_CONFIG;
}

/* Who may be to blame as well. */
static void net_put_way(const struct net_transfer *transfer, struct text *why)
{
    if (transfer->proxy != NULL) {
        text_format(why, " through the proxy %s (%s)", transfer->proxy->address.host, transfer->proxy->variable);
    }
}

enum err net_transfer_error(const struct net_transfer *transfer, struct text *ret_why)
{
    const char *detail = transfer->error_text[0] != '\0' ? transfer->error_text : curl_easy_strerror(transfer->result);
    if (transfer->result == CURLE_OK) {
        return ERR_OK;
    }
    long refusal = net_proxy_refusal(transfer);
    if (refusal != 0) {
        return net_proxy_error(transfer, refusal, ret_why);
    }
    /* libcurl has a hundred codes; those without a case share one sentence */
    switch ((int)transfer->result) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return net_certificate_error(transfer, ret_why);
    case CURLE_SSL_CACERT_BADFILE:
        text_format(ret_why, "the trusted certificates cannot be read: %s", detail);
        return ERR_CONFIG;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        text_format(ret_why, "the endpoint URL cannot be used: %s", detail);
        return ERR_CONFIG;
    case CURLE_COULDNT_RESOLVE_HOST:
        text_format(ret_why, "the host name %s cannot be resolved", transfer->host);
        return ERR_UNREACHABLE;
    case CURLE_COULDNT_RESOLVE_PROXY:
        text_format(ret_why, "the host name of the proxy %s (%s) cannot be resolved", transfer->proxy->address.host,
                    transfer->proxy->variable);
        return ERR_UNREACHABLE;
    case CURLE_PROXY:
        text_format(ret_why, "the proxy %s (%s) gave no connection to %s port %u: %s", transfer->proxy->address.host,
                    transfer->proxy->variable, transfer->host, (unsigned)transfer->port, detail);
        return ERR_UNREACHABLE;
    case CURLE_COULDNT_CONNECT:
        return net_connect_error(transfer, ret_why);
    case CURLE_OPERATION_TIMEDOUT:
        text_format(ret_why, "%s did not answer in time", transfer->host);
        net_put_way(transfer, ret_why);
        text_format(ret_why, ": %s", detail);
        return ERR_TIMEOUT;
    case CURLE_SEND_FAIL_REWIND: /* a request that is not to be sent twice, see https.h */
    case CURLE_GOT_NOTHING:
        text_format(ret_why, "%s closed the connection without an answer", transfer->host);
        return ERR_UNREACHABLE;
    case CURLE_SSL_CONNECT_ERROR:
        text_format(ret_why, "the TLS handshake with %s", transfer->host);
        net_put_way(transfer, ret_why);
        text_format(ret_why, " failed: %s", detail);
        return ERR_UNREACHABLE;
    case CURLE_OUT_OF_MEMORY:
        text_format(ret_why, "while talking to %s", transfer->host);
        return ERR_MEMORY;
    default:
        text_format(ret_why, "the connection to %s", transfer->host);
        net_put_way(transfer, ret_why);
        text_format(ret_why, " failed: %s", detail);
        return ERR_UNREACHABLE;
    }
}
