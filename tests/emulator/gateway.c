#include "tests/emulator/gateway.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/emulator/node_worker.h"
#include "tests/emulator/relay.h"
#include "tests/emulator/service_message.h"
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
    for (char *at = expected; *at != '\0'; at++) {
        *at = *at == '+' ? ' ' : *at;
    }
    return request->query_count == 2 && strcmp(request->query[0], "role=publish_subscribe") == 0 &&
           strcmp(request->query[1], expected) == 0;
}

static enum err check_signature(struct lab *lab, const struct http_request *request, struct peer *peer,
                                struct service_error *error)
{
    struct signature_scope scope = {lab->options.region, "ssmmessages", lab_time(lab)};
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
    char body[1200];
    snprintf(body, sizeof body, "<%s xmlns=\"\"><message>%s</message></%s>", type, message, type);
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
        if (node_table_add(lab->nodes, id, lab_time(lab), &node) != ERR_OK) {
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

/* ---- first message ---- */

static const char *member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value == NULL ? "" : value;
}

static bool accept_control(struct peer *peer, const json_t *opening)
{
    struct node *node = node_table_find(peer->lab->nodes, peer->id);
    if (node == NULL || node->control_token[0] == '\0' ||
        strcmp(member(opening, "TokenValue"), node->control_token) != 0) {
        return false;
    }
    if (node->control != NULL) {
        node->control->bound = NULL;
        peer_close(node->control, LWS_CLOSE_STATUS_NORMAL);
    }
    snprintf(node->agent_version, sizeof node->agent_version, "%s", member(opening, "AgentVersion"));
    node->control = peer;
    node->last_ping_at = lab_time(peer->lab);
    peer->role = PEER_AGENT;
    peer->bound = node;
    log_debug("control channel of %s is open", node->id);
    return true;
}

static bool accept_data(struct peer *peer, const json_t *opening)
{
    struct session *session = session_table_find(peer->lab->sessions, peer->id);
    bool is_agent = json_is_string(json_object_get(opening, "ClientInstanceId"));
    if (session == NULL || !session_is_open(session) || session->status == SESSION_TERMINATING) {
        return false;
    }
    if (is_agent != peer->is_signed || (!is_agent && member(opening, "ClientId")[0] == '\0')) {
        return false;
    }
    const char *expected = is_agent ? session->agent_token : session->client_token;
    if (strcmp(member(opening, "TokenValue"), expected) != 0) {
        return false;
    }
    peer->role = is_agent ? PEER_AGENT : PEER_CLIENT;
    peer->bound = session;
    log_debug("%s of session %s is connected", is_agent ? "agent" : "client", session->id);
    if (is_agent) {
        relay_attach_agent(session, peer);
    } else {
        relay_attach_client(session, peer);
    }
    return true;
}

void gateway_first_message(struct peer *peer, struct bytes message, bool is_binary)
{
    json_t *opening = message.len == 0 || is_binary
                          ? NULL
                          : json_loadb((const char *)message.data, message.len, JSON_REJECT_DUPLICATES, NULL);
    bool is_accepted = json_is_object(opening) && strcmp(member(opening, "MessageSchemaVersion"), "1.0") == 0 &&
                       strlen(member(opening, "RequestId")) >= 16 && !fault_take(&peer->lab->faults.refuse_tokens) &&
                       (peer->channel == PEER_CONTROL ? accept_control(peer, opening) : accept_data(peer, opening));
    json_decref(opening);
    if (!is_accepted) {
        peer->lab->counters.tokens_refused++;
        peer_close(peer, LWS_CLOSE_STATUS_NORMAL);
    }
}

/* ---- control channel ---- */

bool gateway_tell_node(struct node *node, enum agent_message_type type, const char *payload)
{
    if (node->control == NULL) {
        return false;
    }
    struct service_message message = service_message_to_agent(node->control->lab, type, 0, bytes_of_text(payload));
    peer_send(node->control, service_message_bytes(&message));
    free(message.data);
    return true;
}

static void task_complete(struct node *node, const struct agent_message *message, const json_t *payload)
{
    struct lab *lab = node->control->lab;
    char id[UUID_TEXT_SIZE];
    uuid_to_text(&message->message_id, id);
    json_t *answer = json_pack("{s:i,s:s,s:s,s:s}", "SchemaVersion", 1, "MessageId", id, "TaskId",
                               member(payload, "TaskId"), "Topic", member(payload, "Topic"));
    char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT);
    if (text != NULL) {
        gateway_tell_node(node, AGENT_MESSAGE_AGENT_TASK_ACKNOWLEDGE, text);
    }
    free(text);
    json_decref(answer);
    struct session *session = session_table_find(lab->sessions, member(payload, "TaskId"));
    if (session != NULL && session->node == node) {
        relay_task_complete(session, member(payload, "FinalTaskStatus"), member(payload, "Output"));
    }
}

static void control_message(struct node *node, struct bytes wire)
{
    struct agent_message message;
    node->last_ping_at = lab_time(node->control->lab);
    if (agent_message_parse(wire, &message) != ERR_OK || message.type != AGENT_MESSAGE_AGENT_TASK_COMPLETE) {
        return; /* telemetry and the like */
    }
    json_t *payload = json_loadb((const char *)message.payload.data, message.payload.len, 0, NULL);
    if (json_is_object(payload)) {
        task_complete(node, &message, payload);
    }
    json_decref(payload);
}

void gateway_message(struct peer *peer, struct bytes message)
{
    if (peer->bound == NULL) {
        return; /* another connection has taken its place */
    }
    if (peer->channel == PEER_CONTROL) {
        control_message(peer->bound, message);
    } else if (peer->role == PEER_AGENT) {
        relay_from_agent(peer->bound, message);
    } else {
        relay_from_client(peer->bound, message);
    }
}

void gateway_peer_lost(struct peer *peer)
{
    if (peer->bound == NULL) {
        return;
    }
    if (peer->channel == PEER_CONTROL) {
        struct node *node = peer->bound;
        node->control = NULL;
    } else {
        relay_lose_peer(peer->bound, peer);
    }
    peer->bound = NULL;
}

void gateway_peer_flow(struct peer *peer)
{
    if (peer->bound != NULL && peer->channel == PEER_DATA) {
        relay_update_flow(peer->bound);
    }
}

/* ---- starting a session ---- */

static void worker_send(void *owner, struct bytes message)
{
    relay_from_agent(owner, message);
}

static void worker_attached(void *owner, bool is_attached)
{
    relay_attach_worker(owner, is_attached);
}

static void worker_flow(void *owner)
{
    relay_update_flow(owner);
}

static void worker_task_complete(void *owner, const char *final_status, const char *output)
{
    struct session *session = owner;
    session->is_worker_over = true;
    relay_task_complete(session, final_status, output);
}

static enum err start_worker(struct session *session, const json_t *properties)
{
    static const struct node_worker_ports ports = {worker_send, worker_attached, worker_flow, worker_task_complete};
    struct lab *lab = session->lab;
    const char *host = member(properties, "host");
    struct node_worker_config config = {
        .agent = {.session_id = session->id,
                  .properties = session->properties,
                  .reconnects = strcmp(member(properties, "type"), "LocalPortForwarding") == 0,
                  .skips_handshake = lab->faults.no_handshake,
                  .timing = fault_agent_timing(&lab->faults)},
        .host = host[0] == '\0' ? "localhost" : host,
        .port = (uint16_t)atoi(member(properties, "portNumber")),
        .has_pause = lab->options.has_agent_pause,
        .start_delay_us = (uint64_t)lab->faults.worker_start_delay_ms * 1000u};
    struct node_worker *worker = NULL;
    TRY(node_worker_new(&config, &ports, session, lab->loop, &lab->chance, &worker));
    session_set_worker(session, worker);
    return ERR_OK;
}

/* JSON inside JSON; parameter values are scalars there. */
static enum err start_agent(struct session *session, const struct session_document *document, const json_t *scalars)
{
    json_t *content = json_pack("{s:s,s:o,s:s,s:o,s:s,s:s}", "DocumentName", session_document_name(document),
                                "DocumentContent", session_document_content(document), "SessionId", session->id,
                                "Parameters", json_deep_copy(scalars), "RunAsUser", "", "SessionOwner", session->owner);
    char *content_text = content == NULL ? NULL : json_dumps(content, JSON_COMPACT);
    json_t *payload = json_pack("{s:s,s:s,s:s,s:i}", "Content", content_text == NULL ? "" : content_text, "TaskId",
                                session->id, "Topic", "aws.ssm.startSession", "SchemaVersion", 1);
    char *text = payload == NULL ? NULL : json_dumps(payload, JSON_COMPACT);
    bool is_sent = text != NULL && gateway_tell_node(session->node, AGENT_MESSAGE_INTERACTIVE_SHELL, text);
    json_decref(content);
    json_decref(payload);
    free(content_text);
    free(text);
    return is_sent ? ERR_OK : ERR_OFFLINE;
}

enum err gateway_start_session(struct session *session, const struct session_document *document, const json_t *scalars)
{
    json_t *properties = session_document_properties(document, scalars);
    session->properties = properties == NULL ? NULL : json_dumps(properties, JSON_COMPACT | JSON_SORT_KEYS);
    enum err err = session->properties == NULL ? ERR_MEMORY
                   : session->node->is_builtin ? start_worker(session, properties)
                                               : start_agent(session, document, scalars);
    json_decref(properties);
    if (err == ERR_OK) {
        relay_watch_idle(session);
    }
    return err;
}
