#include "tests/emulator/gateway.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "tests/emulator/signature.h"

#define DATA_PREFIX "/v1/data-channel/"
#define CONTROL_PREFIX "/v1/control-channel/"

/* ---- paths ---- */

/* The id in the path, or NULL when it is none of ours. */
static const char *path_id(const char *path, enum peer_channel *ret_channel)
{
    const char *id = NULL;
    if (strncmp(path, DATA_PREFIX, strlen(DATA_PREFIX)) == 0) {
        *ret_channel = PEER_DATA;
        id = path + strlen(DATA_PREFIX);
    } else if (strncmp(path, CONTROL_PREFIX, strlen(CONTROL_PREFIX)) == 0) {
        *ret_channel = PEER_CONTROL;
        id = path + strlen(CONTROL_PREFIX);
    }
    return id == NULL || *id == '\0' || strchr(id, '/') != NULL ? NULL : id;
}

/* libwebsockets has made spaces of the raw "+" signs of the query; a "+" sent as %2B has stayed one. */
static bool is_exact_query(const struct session *session, const struct http_request *request)
{
    char expected[128] = "cell-number=";
    size_t len = strlen(expected);
    snprintf(expected + len, sizeof expected - len, "%s", session->cell_number);
    for (char *at = strchr(expected, '+'); at != NULL; at = strchr(at, '+')) {
        *at = ' ';
    }
    return request->query_count == 2 && strcmp(request->query[0], "role=publish_subscribe") == 0 &&
           strcmp(request->query[1], expected) == 0;
}

static enum err check_signature(struct lab *lab, const struct http_request *request, struct peer *peer,
                                struct service_error *error)
{
    struct signature_scope scope = {lab->options.region, "ssmmessages", lab_time(lab), SIGNATURE_SKEW_MINUTES};
    const struct credential *caller = NULL;
    TRY(signature_check(&scope, lab->credentials, request, &caller, error));
    peer->is_signed = true;
    strcpy(peer->signed_node, caller->node_id);
    return ERR_OK;
}

/* An agent's credentials are good for its own node and that node's sessions. */
static bool is_of_node(const char *signed_node, const char *node_id)
{
    return signed_node[0] == '\0' || strcmp(signed_node, node_id) == 0;
}

/* ---- REST ---- */

static void reply_xml_error(struct http_exchange *exchange, int status, const char *type, const char *message)
{
    char body[6000]; /* five times the longest message */
    struct text text = text_in(body, sizeof body);
    text_format(&text, "<%s xmlns=\"\"><message>", type);
    for (; *message != '\0'; message++) {
        if (*message == '<' || *message == '&') {
            text_put(&text, *message == '<' ? "&lt;" : "&amp;");
        } else {
            text_put_char(&text, *message);
        }
    }
    text_format(&text, "</message></%s>", type);
    http_exchange_reply(exchange, status, "application/xml", body);
}

static void reply_token(struct http_exchange *exchange, const char *root, const char *token)
{
    char body[1200];
    snprintf(body, sizeof body, "<%s><MessageSchemaVersion>1.0</MessageSchemaVersion><TokenValue>%s</TokenValue></%s>",
             root, token, root);
    http_exchange_reply(exchange, 201, "application/xml", body);
}

/* A node that nobody registered (an agent with a custom identity) is made when it comes. */
static struct node *node_for_control(struct lab *lab, const char *id)
{
    struct node *node = node_table_find(lab->nodes, id);
    if (node == NULL && strlen(id) >= 10) {
        if (node_table_add(lab->nodes, id, lab->options.region, lab_time(lab), &node) != ERR_OK) {
            return NULL;
        }
    }
    return node != NULL && node->is_builtin ? NULL : node;
}

static void create_control_channel(struct http_exchange *exchange, const char *id)
{
    struct node *node = node_for_control(exchange->lab, id);
    if (node == NULL) {
        reply_xml_error(exchange, 400, "BadRequest", "Not a managed node of an agent");
        return;
    }
    credential_store_random_text(&exchange->lab->chance, 64, node->control_token);
    reply_token(exchange, "CreateControlChannelResponse", node->control_token);
}

static void create_data_channel(struct http_exchange *exchange, const char *id, const char *signed_node)
{
    struct session *session = session_table_find(exchange->lab->sessions, id);
    if (session == NULL || !is_of_node(signed_node, session->node->id) || session->node->is_builtin) {
        reply_xml_error(exchange, 400, "BadRequest", "Session does not exist");
        return;
    }
    if (!session_is_open(session)) {
        reply_xml_error(exchange, 400, "BadRequest", "Session is already terminated");
        return;
    }
    session_new_agent_token(session);
    reply_token(exchange, "CreateDataChannelResponse", session->agent_token);
}

void gateway_rest(struct http_exchange *exchange)
{
    struct lab *lab = exchange->lab;
    struct peer signer = {0};
    struct service_error error = {0};
    enum peer_channel channel = PEER_DATA;
    const char *id = path_id(exchange->request->path, &channel);
    if (strcmp(exchange->request->method, "POST") != 0 || id == NULL) {
        reply_xml_error(exchange, 404, "NotFound", "No such resource");
        return;
    }
    if (check_signature(lab, exchange->request, &signer, &error) != ERR_OK) {
        reply_xml_error(exchange, 403, error.type, error.message);
    } else if (channel == PEER_DATA) {
        create_data_channel(exchange, id, signer.signed_node);
    } else if (!is_of_node(signer.signed_node, id)) {
        reply_xml_error(exchange, 403, "AccessDeniedException", "Not the credentials of this node");
    } else {
        create_control_channel(exchange, id);
    }
}

/* ---- upgrade ---- */

static int check_upgrade(struct lab *lab, const struct http_request *request, struct peer *peer)
{
    struct service_error error = {0};
    if (fault_take(&lab->faults.refuse_upgrades)) {
        return (int)lab->faults.upgrade_status;
    }
    if (http_request_header(request, "authorization") != NULL &&
        check_signature(lab, request, peer, &error) != ERR_OK) {
        log_debug("upgrade refused: %s: %s", error.type, error.message);
        return 403;
    }
    if (peer->channel == PEER_CONTROL) {
        const struct node *node = node_table_find(lab->nodes, peer->id);
        return !peer->is_signed || node == NULL || node->is_builtin || !is_of_node(peer->signed_node, peer->id) ? 403
                                                                                                                : 0;
    }
    const struct session *session = session_table_find(lab->sessions, peer->id);
    if (session == NULL) {
        return 404;
    }
    if (peer->is_signed) {
        return is_of_node(peer->signed_node, session->node->id) ? 0 : 403;
    }
    return is_exact_query(session, request) ? 0 : 400; /* a client: path and query byte for byte as in StreamUrl */
}

static int check_request(struct lab *lab, struct lws *wsi, const struct http_request *request, struct peer **ret_peer)
{
    enum peer_channel channel = PEER_DATA;
    const char *id = path_id(request->path, &channel);
    struct peer *peer = NULL;
    if (strcmp(request->method, "GET") != 0 || id == NULL) {
        return 404;
    }
    if (peer_new(lab, wsi, channel, id, &peer) != ERR_OK) {
        return 400;
    }
    int status = check_upgrade(lab, request, peer);
    if (status != 0) {
        peer_free(peer);
        return status;
    }
    *ret_peer = peer;
    return 0;
}

int gateway_upgrade(struct lab *lab, struct lws *wsi, struct peer **ret_peer)
{
    struct http_request *request = NULL;
    if (http_request_capture(wsi, &request) != ERR_OK) {
        return 400;
    }
    int status = check_request(lab, wsi, request, ret_peer);
    lab->counters.upgrades_refused += status == 0 ? 0 : 1;
    http_request_free(request);
    return status;
}
