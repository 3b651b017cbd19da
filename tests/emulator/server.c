#include "tests/emulator/server.h"

#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/emulator/api.h"
#include "tests/emulator/ec2.h"
#include "tests/emulator/gateway.h"
#include "tests/emulator/http_exchange.h"
#include "tests/emulator/lab_control.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/listener.h"
#include "tests/emulator/metadata.h"
#include "tests/emulator/outage.h"
#include "tests/emulator/peer.h"
#include "tests/emulator/proxy_server.h"
#include "tests/emulator/sso.h"
#include "tests/emulator/sts.h"

enum vhost { VHOST_API, VHOST_GATEWAY, VHOST_METADATA, VHOST_COUNT };

/* Our own listeners serve all but the first. libwebsockets looks a virtual host up by its port, hence two ways to say
 * "none". The last speaks plain HTTP, as metadata does beside a real machine. */
static const struct {
    const char *name;
    int port;
    bool has_tls;
} vhosts[VHOST_COUNT] = {
    [VHOST_API] = {"api", 0, true},
    [VHOST_GATEWAY] = {"gateway", CONTEXT_PORT_NO_LISTEN_SERVER, true},
    [VHOST_METADATA] = {"metadata", CONTEXT_PORT_NO_LISTEN, false},
};

/* libwebsockets' user memory of every connection. The peer of a websocket is its opaque data instead: an upgrade is
 * decided on before there is user memory. */
struct connection {
    struct http_exchange *exchange;
};

static struct lab *lab_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

static bool is_of(struct lws *wsi, enum vhost vhost)
{
    return strcmp(lws_get_vhost_name(lws_get_vhost(wsi)), vhosts[vhost].name) == 0;
}

static bool is_gateway(struct lws *wsi)
{
    return is_of(wsi, VHOST_GATEWAY);
}

static void note_way(struct lws *wsi)
{
    struct lab *lab = lab_of(wsi);
    lab->counters.past_proxy += proxy_server_was_passed(lab->proxy, lws_get_socket_fd(wsi)) ? 1 : 0;
}

/* ---- HTTP ---- */

/* All of AWS's services share the API port. Each takes what is its own; the first that does, answers. */
static bool (*const services[])(struct http_exchange *exchange) = {sso_oidc_request, sso_portal_request, sts_request,
                                                                   ec2_request, api_request};

static void serve(struct http_exchange *exchange)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (services[i](exchange)) {
            return;
        }
    }
    http_exchange_reply(exchange, 404, "application/json", "{}");
}

static void serve_late(void *owner, uint64_t now_us)
{
    (void)now_us;
    serve(owner);
}

static void dispatch(struct http_exchange *exchange)
{
    if (is_gateway(exchange->wsi)) {
        gateway_rest(exchange);
        return;
    }
    if (is_of(exchange->wsi, VHOST_METADATA)) {
        metadata_request(exchange);
        return;
    }
    if (lab_control_request(exchange)) {
        return;
    }
    note_way(exchange->wsi);
    exchange->lab->counters.api_calls++;
    if (exchange->lab->faults.api_delay_ms > 0) {
        http_exchange_later(exchange, exchange->lab->faults.api_delay_ms, serve_late);
    } else {
        serve(exchange);
    }
}

static int refuse(struct lws *wsi, int status)
{
    return lws_return_http_status(wsi, (unsigned)status, NULL) != 0 || lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int begin_request(struct lws *wsi, struct connection *connection)
{
    http_exchange_free(connection->exchange);
    connection->exchange = NULL;
    if (is_gateway(wsi) && outage_left_us(lab_of(wsi)->outage) > 0) {
        return -1;
    }
    enum err err = http_exchange_new(lab_of(wsi), wsi, &connection->exchange);
    if (err != ERR_OK) {
        return refuse(wsi, err == ERR_MEMORY ? 500 : 400);
    }
    bool has_body = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0;
    if (!has_body) {
        dispatch(connection->exchange);
    }
    return 0;
}

static int take_body(struct connection *connection, struct bytes piece)
{
    struct http_exchange *exchange = connection->exchange;
    if (exchange == NULL || exchange->status != 0) {
        return 0;
    }
    if (http_exchange_body(exchange, piece) != ERR_OK) {
        http_exchange_reply(exchange, 413, "application/json", "{\"__type\":\"RequestEntityTooLargeException\"}");
    }
    return 0;
}

static int end_body(struct connection *connection)
{
    if (connection->exchange != NULL && connection->exchange->status == 0) {
        dispatch(connection->exchange);
    }
    return 0;
}

static int write_answer(struct lws *wsi, struct connection *connection)
{
    if (connection->exchange == NULL) {
        return 0;
    }
    enum err err = http_exchange_write(connection->exchange);
    if (err == ERR_AGAIN) {
        return 0;
    }
    http_exchange_free(connection->exchange);
    connection->exchange = NULL;
    return err != ERR_OK || lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* ---- websocket ---- */

/* 0: go on; 1: refused, answered. */
static int confirm_upgrade(struct lws *wsi, const char *protocol)
{
    struct peer *peer = NULL;
    if (is_gateway(wsi) && outage_left_us(lab_of(wsi)->outage) > 0) {
        return -1; /* was accepted just before the gateway went away */
    }
    if (lws_get_opaque_user_data(wsi) != NULL || !is_gateway(wsi) || strcasecmp(protocol, "websocket") != 0) {
        return lws_return_http_status(wsi, 400, NULL) != 0 ? -1 : 1;
    }
    int status = gateway_upgrade(lab_of(wsi), wsi, &peer);
    if (status != 0) {
        return lws_return_http_status(wsi, (unsigned)status, NULL) != 0 ? -1 : 1;
    }
    lws_set_opaque_user_data(wsi, peer);
    note_way(wsi);
    return 0;
}

static void end_connection(struct lws *wsi, struct connection *connection)
{
    struct peer *peer = lws_get_opaque_user_data(wsi);
    lws_set_opaque_user_data(wsi, NULL);
    if (peer != NULL) {
        peer->is_dead = true;
        gateway_peer_lost(peer);
        peer_free(peer);
    }
    if (connection != NULL) {
        http_exchange_free(connection->exchange);
        connection->exchange = NULL;
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct connection *connection = user;
    struct peer *peer = wsi == NULL ? NULL : lws_get_opaque_user_data(wsi);
    /* Not every reason has an enumerator that matters here; libwebsockets has about a hundred. */
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP:
        return begin_request(wsi, connection);
    case LWS_CALLBACK_HTTP_BODY:
        return take_body(connection, bytes_of(in, len));
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return end_body(connection);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return write_answer(wsi, connection);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return confirm_upgrade(wsi, in);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return peer == NULL ? -1 : 0;
    case LWS_CALLBACK_RECEIVE:
        return peer != NULL && peer_receive(peer, bytes_of(in, len)) ? 0 : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return peer == NULL ? -1 : peer_writable(peer);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY:
        end_connection(wsi, connection);
        return 0;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        certificate_serve_names(lab_of(wsi)->authority, user);
        return 0;
    case LWS_CALLBACK_RAW_RX_FILE:
        event_loop_dispatch(lab_of(wsi)->loop);
        return 0;
    case LWS_CALLBACK_PROTOCOL_INIT:
    case LWS_CALLBACK_PROTOCOL_DESTROY:
    default:
        return 0;
    }
}

/* tx_packet_size: a frame of ours always fits one write, so that the pongs of libwebsockets come between frames. */
static const struct lws_protocols protocols[] = {
    {"ssm-lab", callback, sizeof(struct connection), 64 * 1024, 0, NULL, LAB_LIMIT_WEBSOCKET_MESSAGE + 1024},
    {NULL, NULL, 0, 0, 0, NULL, 0}};

/* Pings from our side would hide that a client of ours sends none. */
static const lws_retry_bo_t no_pings = {.secs_since_valid_ping = 0xfffe, .secs_since_valid_hangup = 0xffff};

static void emit_log(int level, const char *line)
{
    size_t len = strcspn(line, "\n");
    if (level == LLL_ERR) {
        log_debug("libwebsockets: %.*s", (int)len, line);
    }
}

static enum err make_context(struct lab *lab)
{
    struct lws_context_creation_info info = {0};
    lws_set_log_level(LLL_ERR, emit_log);
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.user = lab;
    info.max_http_header_data = LAB_LIMIT_REQUEST_HEADERS;
    info.max_http_header_pool = 256;
    info.pt_serv_buf_size = 64 * 1024;
    info.fd_limit_per_thread = LAB_LIMIT_DESCRIPTORS / 2;
    info.retry_and_idle_policy = &no_pings;
    lab->lws = lws_create_context(&info);
    return lab->lws == NULL ? ERR_SYSTEM : ERR_OK;
}

static enum err make_vhost(struct lab *lab, enum vhost which, struct lws_vhost **ret_vhost)
{
    struct lws_context_creation_info info = {0};
    bool has_tls = vhosts[which].has_tls;
    info.vhost_name = vhosts[which].name;
    info.port = which == VHOST_API ? lab->options.api_port : vhosts[which].port;
    info.iface = lab->options.listen;
    info.protocols = protocols;
    info.ssl_cert_filepath = has_tls ? lab->certificates.server : NULL;
    info.ssl_private_key_filepath = has_tls ? lab->certificates.server_key : NULL;
    info.alpn = "http/1.1";
    info.timeout_secs = 20;
    info.keepalive_timeout = 60;
    info.retry_and_idle_policy = &no_pings;
    info.options = has_tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0; /* without it the vhost speaks plain text */
    info.options |= strchr(lab->options.listen, ':') == NULL ? LWS_SERVER_OPTION_DISABLE_IPV6 : 0;
    struct lws_vhost *vhost = lws_create_vhost(lab->lws, &info);
    if (vhost == NULL || (which == VHOST_API && lws_get_vhost_listen_port(vhost) <= 0)) {
        log_error("cannot listen on %s port %d", info.iface, info.port);
        return ERR_SYSTEM;
    }
    *ret_vhost = vhost;
    return ERR_OK;
}

static void adopt(void *vhost, int fd)
{
    (void)lws_adopt_socket_vhost(vhost, fd); /* closes it when it fails */
}

enum err server_start(struct lab *lab)
{
    struct lws_vhost *api = NULL, *gateway = NULL, *metadata = NULL;
    TRY(make_context(lab));
    TRY(make_vhost(lab, VHOST_API, &api));
    TRY(make_vhost(lab, VHOST_GATEWAY, &gateway));
    TRY(make_vhost(lab, VHOST_METADATA, &metadata));
    TRY(metadata_listen(lab, metadata));
    lab->api_port = lws_get_vhost_listen_port(api);
    struct listener_owner owner = {adopt, gateway};
    TRY(listener_new(lab->loop, &owner, lab->options.listen, lab->options.gateway_port, &lab->gateway_listener));
    lab->gateway_port = listener_port(lab->gateway_listener);
    TRY(proxy_server_new(lab, api, gateway, &lab->proxy));
    /* libwebsockets closes what it adopts; the event loop keeps its own descriptor. */
    lws_sock_file_fd_type descriptor = {.filefd = dup(event_loop_fd(lab->loop))};
    if (descriptor.filefd < 0 ||
        lws_adopt_descriptor_vhost(api, LWS_ADOPT_RAW_FILE_DESC, descriptor, "ssm-lab", NULL) == NULL) {
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

void server_round(struct lab *lab)
{
    event_loop_prepare(lab->loop);
    if (lws_service(lab->lws, 0) < 0) {
        lab->is_stopping = true;
    }
}

void server_stop(struct lab *lab)
{
    proxy_server_free(lab->proxy);
    lab->proxy = NULL;
    listener_free(lab->gateway_listener);
    lab->gateway_listener = NULL;
    if (lab->lws != NULL) {
        lws_context_destroy(lab->lws);
        lab->lws = NULL;
    }
}
