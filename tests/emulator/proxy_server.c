#include "tests/emulator/proxy_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/emulator/aws_name.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/listener.h"
#include "tests/emulator/outage.h"
#include "tests/emulator/tls_front.h"

#define HEAD_SECONDS 20
#define USER "lab-proxy"
#define PASSWORD_LEN 16

struct client {
    struct proxy_server *server;
    int fd;
    struct loop_watch watch;
    struct loop_timer timer; /* gives up on it, or delays the answer */
    char head[LAB_LIMIT_PROXY_HEAD + 1];
    size_t head_len;
    struct client *next, *previous;
};

struct proxy_server {
    struct lab *lab;
    struct lws_vhost *api, *gateway;
    struct listener *listener;
    struct tls_front *tls;
    struct client *clients;
    char password[PASSWORD_LEN + 1];
    char authorization[80]; /* "Basic ..." that fits */
    json_t *connects, *refused;
    json_int_t unauthorized;
};

/* ---- clients ---- */

static void client_free(struct client *client)
{
    struct event_loop *loop = client->server->lab->loop;
    event_loop_disarm(loop, &client->timer);
    event_loop_unwatch(loop, &client->watch);
    if (client->next != NULL) {
        client->next->previous = client->previous;
    }
    if (client->previous != NULL) {
        client->previous->next = client->next;
    } else {
        client->server->clients = client->next;
    }
    if (client->fd >= 0) {
        close(client->fd);
    }
    free(client);
}

static void count(json_t *names, const char *name)
{
    json_int_t before = json_integer_value(json_object_get(names, name));
    if (before > 0 || json_object_size(names) < LAB_LIMIT_PROXY_NAMES) {
        json_object_set_new(names, name, json_integer(before + 1));
    }
}

/* A short answer always fits the empty send buffer of a new connection. */
static bool say(const struct client *client, const char *text)
{
    return send(client->fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static void refuse(struct client *client, int status, const char *reason, const char *more_headers)
{
    char answer[512];
    snprintf(answer, sizeof answer,
             "HTTP/1.1 %d %s\r\n%sContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
             status, reason, more_headers, strlen(reason) + 1, reason);
    log_debug("proxy: %d %s", status, reason);
    (void)say(client, answer);
    client_free(client);
}

/* ---- the request ---- */

struct destination {
    char host[256], authority[264];
    int port;
};

/* "CONNECT host:port HTTP/1.1", brackets around an IPv6 address. */
static bool parse_destination(const char *head, struct destination *ret)
{
    char version[16];
    if (sscanf(head, "CONNECT %263s HTTP/1.%1[01]", ret->authority, version) != 2) {
        return false;
    }
    const char *colon = strrchr(ret->authority, ':');
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - ret->authority);
    bool has_brackets = host_len > 2 && ret->authority[0] == '[' && ret->authority[host_len - 1] == ']';
    if (host_len == 0 || host_len >= sizeof ret->host) {
        return false;
    }
    snprintf(ret->host, sizeof ret->host, "%.*s", (int)(has_brackets ? host_len - 2 : host_len),
             ret->authority + (has_brackets ? 1 : 0));
    int64_t port = 0;
    bool is_number = text_parse_decimal(colon + 1, 1, 65535, &port) == ERR_OK;
    ret->port = (int)port;
    return is_number;
}

static struct lws_vhost *choose_vhost(const struct proxy_server *server, const struct destination *to)
{
    const struct lab *lab = server->lab;
    bool is_here = strcmp(to->host, lab->options.listen) == 0 || strcmp(to->host, "localhost") == 0;
    if (is_here && (to->port == lab->api_port || to->port == lab->gateway_port)) {
        return to->port == lab->api_port ? server->api : server->gateway;
    }
    if (to->port == 443 && aws_name_is_known(to->host)) {
        return aws_name_is_gateway(to->host) ? server->gateway : server->api;
    }
    return NULL;
}

static bool is_authorized(const struct client *client)
{
    static const char name[] = "\r\nProxy-Authorization:";
    const char *at = strcasestr(client->head, name);
    if (!client->server->lab->faults.proxy_needs_password) {
        return true;
    }
    if (at == NULL) {
        return false;
    }
    at += strlen(name);
    at += strspn(at, " \t");
    size_t len = strlen(client->server->authorization);
    return strncmp(at, client->server->authorization, len) == 0 && at[len] == '\r';
}

static void hand_over(struct client *client, struct lws_vhost *vhost)
{
    struct event_loop *loop = client->server->lab->loop;
    int fd = client->fd;
    if (!say(client, "HTTP/1.1 200 Connection established\r\n\r\n")) {
        client_free(client);
        return;
    }
    event_loop_unwatch(loop, &client->watch);
    client->fd = -1;
    client_free(client);
    (void)lws_adopt_socket_vhost(vhost, fd); /* closes it when it fails */
}

static void answer(struct client *client)
{
    struct proxy_server *server = client->server;
    const struct fault_settings *faults = &server->lab->faults;
    struct destination to;
    if (!is_authorized(client)) {
        server->unauthorized++;
        refuse(client, 407, "Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"ssm-lab\"\r\n");
        return;
    }
    if (!parse_destination(client->head, &to)) {
        bool is_connect = strncmp(client->head, "CONNECT ", 8) == 0;
        count(server->refused, is_connect ? "malformed" : "not CONNECT");
        refuse(client, is_connect ? 400 : 403, is_connect ? "Bad Request" : "Only CONNECT is allowed", "");
        return;
    }
    struct lws_vhost *vhost = choose_vhost(server, &to);
    if (vhost == NULL) {
        count(server->refused, to.authority);
        refuse(client, 403, "This host is not allowed", "");
        return;
    }
    count(server->connects, to.host);
    if (faults->proxy_status != 0) {
        refuse(client, (int)faults->proxy_status, "Refused, as a fault demands", "");
    } else if (vhost == server->gateway && outage_left_us(server->lab->outage) > 0) {
        refuse(client, 502, "Bad Gateway", ""); /* the gateway is away: its port refuses connections */
    } else {
        hand_over(client, vhost);
    }
}

static void delay_is_over(void *owner, uint64_t now_us)
{
    (void)now_us;
    answer(owner);
}

static void give_up(void *owner, uint64_t now_us)
{
    (void)now_us;
    client_free(owner);
}

static void wait_seconds(struct client *client, double seconds, void (*expired)(void *owner, uint64_t now_us))
{
    struct event_loop *loop = client->server->lab->loop;
    event_loop_disarm(loop, &client->timer);
    client->timer = (struct loop_timer){.expired = expired, .owner = client};
    event_loop_arm(loop, &client->timer, event_loop_now_us() + (uint64_t)(seconds * 1e6));
}

/* What follows the head belongs to the virtual host: it is looked at, and left in the kernel. */
static void receive(void *owner, uint32_t events)
{
    struct client *client = owner;
    (void)events;
    size_t room = sizeof client->head - 1 - client->head_len, before = client->head_len;
    ssize_t len = recv(client->fd, client->head + before, room, MSG_PEEK);
    if (len <= 0 || room == 0) {
        client_free(client);
        return;
    }
    client->head[before + (size_t)len] = '\0';
    const char *end = strstr(client->head, "\r\n\r\n");
    client->head_len = end == NULL ? before + (size_t)len : (size_t)(end + 4 - client->head);
    client->head[client->head_len] = '\0';
    if (recv(client->fd, client->head + before, client->head_len - before, 0) < 0) {
        client_free(client);
    } else if (end != NULL) {
        event_loop_unwatch(client->server->lab->loop, &client->watch);
        wait_seconds(client, (double)client->server->lab->faults.proxy_delay_ms / 1e3, delay_is_over);
    }
}

static void accept_client(void *owner, int fd)
{
    struct proxy_server *server = owner;
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        close(fd);
        return;
    }
    client->server = server;
    client->fd = fd;
    client->watch = (struct loop_watch){.ready = receive, .owner = client};
    client->next = server->clients;
    if (client->next != NULL) {
        client->next->previous = client;
    }
    server->clients = client;
    if (event_loop_watch(server->lab->loop, &client->watch, fd, EPOLLIN) != ERR_OK) {
        client_free(client);
        return;
    }
    wait_seconds(client, HEAD_SECONDS, give_up);
}

/* ---- life ---- */

static void make_password(struct proxy_server *server)
{
    char plain[sizeof USER + PASSWORD_LEN + 1], base64[64];
    credential_store_random_text(&server->lab->chance, PASSWORD_LEN, server->password);
    snprintf(plain, sizeof plain, USER ":%s", server->password);
    EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)plain, (int)strlen(plain));
    snprintf(server->authorization, sizeof server->authorization, "Basic %s", base64);
}

enum err proxy_server_new(struct lab *lab, struct lws_vhost *api, struct lws_vhost *gateway,
                          struct proxy_server **ret_server)
{
    struct proxy_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return ERR_MEMORY;
    }
    *server = (struct proxy_server){
        .lab = lab, .api = api, .gateway = gateway, .connects = json_object(), .refused = json_object()};
    make_password(server);
    struct listener_owner owner = {accept_client, server};
    enum err err = listener_new(lab->loop, &owner, lab->options.listen, lab->options.proxy_port, &server->listener);
    err = err == ERR_OK ? tls_front_new(lab, listener_port(server->listener), &server->tls) : err;
    if (err != ERR_OK) {
        proxy_server_free(server);
        return err;
    }
    *ret_server = server;
    return ERR_OK;
}

void proxy_server_free(struct proxy_server *server)
{
    if (server == NULL) {
        return;
    }
    while (server->clients != NULL) {
        client_free(server->clients);
    }
    tls_front_free(server->tls);
    listener_free(server->listener);
    json_decref(server->connects);
    json_decref(server->refused);
    free(server);
}

json_t *proxy_server_describe(const struct proxy_server *server)
{
    char url[128], tls_url[128];
    const char *address = server->lab->options.listen;
    bool is_v6 = strchr(address, ':') != NULL;
    snprintf(url, sizeof url, "http://%s%s%s:%d", is_v6 ? "[" : "", address, is_v6 ? "]" : "",
             listener_port(server->listener));
    snprintf(tls_url, sizeof tls_url, "https://%s%s%s:%d", is_v6 ? "[" : "", address, is_v6 ? "]" : "",
             tls_front_port(server->tls));
    return json_pack("{s:s,s:s,s:s,s:s}", "url", url, "tls_url", tls_url, "user", USER, "password", server->password);
}

json_t *proxy_server_status(const struct proxy_server *server)
{
    return json_pack("{s:O,s:O,s:I}", "connects", server->connects, "refused", server->refused, "unauthorized",
                     server->unauthorized);
}

/* A connection that was handed over is still one to the proxy's port. */
bool proxy_server_was_passed(const struct proxy_server *server, int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        return true;
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&address;
    int port = ntohs(address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    return port != listener_port(server->listener);
}
