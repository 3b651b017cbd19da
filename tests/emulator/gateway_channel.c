/* The websockets of the gateway: first messages, control channels, and data on its way to the relay. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/emulator/agent_job.h"
#include "tests/emulator/gateway.h"
#include "tests/emulator/relay.h"
#include "tests/emulator/service_message.h"

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
    if (agent_message_parse(wire, &message) != ERR_OK) {
        return;
    }
    bool is_of_job = message.type == AGENT_MESSAGE_AGENT_JOB_ACK || message.type == AGENT_MESSAGE_AGENT_JOB_REPLY;
    if (!is_of_job && message.type != AGENT_MESSAGE_AGENT_TASK_COMPLETE) {
        return; /* telemetry and the like */
    }
    json_t *payload = json_loadb((const char *)message.payload.data, message.payload.len, 0, NULL);
    if (json_is_object(payload) && is_of_job) {
        agent_job_receive(node->control->lab, node, &message, payload);
    } else if (json_is_object(payload)) {
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
