#include "tests/emulator/lab_control.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/call_fault.h"
#include "tests/emulator/fault_interval.h"
#include "tests/emulator/gateway.h"
#include "tests/emulator/identity.h"
#include "tests/emulator/instance.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/metadata.h"
#include "tests/emulator/node_control.h"
#include "tests/emulator/node_worker.h"
#include "tests/emulator/outage.h"
#include "tests/emulator/proxy_server.h"
#include "tests/emulator/relay.h"
#include "tests/emulator/sso.h"

/* ---- status ---- */

/* Bytes that the gateway and a built-in node hold for someone who does not take them. */
static size_t queued(const struct session *session)
{
    size_t sum = session->client == NULL ? 0 : byte_queue_len(&session->client->out);
    sum += session->agent == NULL ? 0 : byte_queue_len(&session->agent->out);
    return sum + (session->worker == NULL ? 0 : node_worker_queued(session->worker));
}

static json_t *describe_session(const struct session *session)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:b,s:b,s:s,s:I}", "id", session->id, "target", session->target, "owner",
                     session->owner, "status", session_status_text(session->status), "client_connected",
                     session->client != NULL, "agent_connected", session->agent != NULL || session->is_worker_attached,
                     "output", session->details, "queued_bytes", (json_int_t)queued(session));
}

static void add_counter(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* Of the sessions that ended, and of those that still run. */
static struct agent_counters sum_agents(const struct lab *lab)
{
    struct agent_counters sum = lab->counters.agents;
    for (const struct session *at = lab->sessions->first; at != NULL; at = at->next) {
        if (at->worker != NULL) {
            agent_core_counters_add(&sum, node_worker_counters(at->worker));
        }
    }
    return sum;
}

static json_t *describe_counters(const struct lab *lab)
{
    const struct lab_counters *counters = &lab->counters;
    struct agent_counters agents = sum_agents(lab);
    json_t *object = json_object();
    add_counter(object, "api_calls", counters->api_calls);
    add_counter(object, "api_errors", counters->api_errors);
    add_counter(object, "past_proxy", counters->past_proxy);
    add_counter(object, "started", counters->sessions_started);
    add_counter(object, "ended_by_agent", counters->ended_by_agent);
    add_counter(object, "terminated_by_flag", agents.terminate_flags);
    add_counter(object, "terminated_by_api", counters->terminated_by_api);
    add_counter(object, "timed_out", counters->timed_out);
    add_counter(object, "client_connections", counters->client_connections);
    add_counter(object, "agent_connections", counters->agent_connections);
    add_counter(object, "upgrades_refused", counters->upgrades_refused);
    add_counter(object, "tokens_refused", counters->tokens_refused);
    add_counter(object, "messages_to_agent", counters->messages_to_agent);
    add_counter(object, "messages_to_client", counters->messages_to_client);
    add_counter(object, "acknowledged_for_client", counters->acknowledged_for_client);
    add_counter(object, "dropped", counters->dropped);
    add_counter(object, "gateway_restarts", counters->gateway_restarts);
    add_counter(object, "faults_lost", counters->faults_lost);
    add_counter(object, "faults_duplicated", counters->faults_duplicated);
    add_counter(object, "faults_reordered", counters->faults_reordered);
    add_counter(object, "faults_corrupted", counters->faults_corrupted);
    add_counter(object, "faults_truncated", counters->faults_truncated);
    add_counter(object, "received", agents.received);
    add_counter(object, "duplicates", agents.duplicates);
    add_counter(object, "stored_ahead", agents.stored_ahead);
    add_counter(object, "discarded_in_handshake", agents.discarded_in_handshake);
    add_counter(object, "not_ready", agents.not_ready);
    add_counter(object, "sent", agents.sent);
    add_counter(object, "retransmissions", agents.retransmissions);
    add_counter(object, "acknowledged", agents.acknowledged);
    return object;
}

static void reply_json(struct http_exchange *exchange, int status, json_t *object)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    http_exchange_reply(exchange, text == NULL ? 500 : status, "application/json", text == NULL ? "{}" : text);
    free(text);
}

static void status(struct http_exchange *exchange)
{
    struct lab *lab = exchange->lab;
    json_t *sessions = json_array();
    for (const struct session *at = lab->sessions->first; at != NULL; at = at->next) {
        json_array_append_new(sessions, describe_session(at));
    }
    reply_json(exchange, 200,
               json_pack("{s:I,s:o,s:o,s:o}", "open_sessions", (json_int_t)lab->sessions->open, "sessions", sessions,
                         "counters", describe_counters(lab), "proxy", proxy_server_status(lab->proxy)));
}

/* ---- faults ---- */

static void fail(struct http_exchange *exchange, int http_status, const char *message)
{
    reply_json(exchange, http_status, json_pack("{s:s}", "error", message));
}

static void set_offline(struct lab *lab, const json_t *ids)
{
    for (struct node *node = lab->nodes->first; node != NULL && json_is_array(ids); node = node->next) {
        size_t i = 0;
        json_t *id = NULL;
        bool is_listed = false;
        json_array_foreach(ids, i, id)
        {
            is_listed = is_listed || (json_is_string(id) && strcmp(json_string_value(id), node->id) == 0);
        }
        node->is_offline = is_listed;
    }
}

/* {"i-...":"stopped"}: at once, as if somebody else had done it. False: no such instance, or state. */
static bool set_states(struct lab *lab, json_t *states)
{
    const char *id = NULL;
    json_t *name = NULL;
    json_object_foreach(states, id, name)
    {
        enum instance_state state = INSTANCE_RUNNING;
        struct instance *instance = instance_find(lab->instances, id, NULL);
        if (instance == NULL || !json_is_string(name) || !instance_state_parse(json_string_value(name), &state)) {
            return false;
        }
        instance_set_state(instance, state);
    }
    return true;
}

static bool inject(struct lab *lab, const json_t *action)
{
    const char *id = json_string_value(json_object_get(action, "session_id"));
    const char *hex = json_string_value(json_object_get(action, "hex"));
    struct session *session = id == NULL ? NULL : session_table_find(lab->sessions, id);
    if (session == NULL || session->client == NULL || hex == NULL || strlen(hex) % 2 != 0) {
        return false;
    }
    size_t len = strlen(hex) / 2;
    uint8_t *message = malloc(len + 1);
    bool is_hex = message != NULL;
    for (size_t i = 0; is_hex && i < len; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        is_hex = isxdigit((unsigned char)digits[0]) && isxdigit((unsigned char)digits[1]);
        message[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    if (is_hex) {
        peer_send(session->client, bytes_of(message, len));
    }
    free(message);
    return is_hex;
}

static void set_faults(struct http_exchange *exchange, json_t *object)
{
    struct lab *lab = exchange->lab;
    char memory[200];
    struct text problem = text_in(memory, sizeof memory);
    const json_t *action = json_object_get(object, "inject");
    if (fault_apply(&lab->faults, object, &problem) != ERR_OK) {
        fail(exchange, 400, memory);
        return;
    }
    if (json_object_get(object, "idle_timeout_s") != NULL) {
        for (struct session *at = lab->sessions->first; at != NULL; at = at->next) {
            if (session_is_open(at)) {
                relay_watch_idle(at);
            }
        }
    }
    if (json_is_true(json_object_get(object, "reset"))) {
        lab->call_faults.count = 0;
    }
    const json_t *calls = json_object_get(object, "calls");
    if (calls != NULL && call_fault_set(lab, calls) != ERR_OK) {
        fail(exchange, 400, "calls is a list of {action, answer, count}; see ssm-lab(1)");
        return;
    }
    if (!set_states(lab, json_object_get(object, "instance_states"))) {
        fail(exchange, 400, "instance_states needs ids of instances, and states as EC2 names them");
        return;
    }
    set_offline(lab, json_object_get(object, "offline_nodes"));
    fault_interval_update(lab->intervals);
    if (!outage_act(lab->outage, object)) {
        fail(exchange, 400, "restart_gateway needs down_ms");
        return;
    }
    if (action != NULL && !inject(lab, action)) {
        fail(exchange, 400, "inject needs session_id of a session with a client, and hex");
        return;
    }
    reply_json(exchange, 200, json_object());
}

static void terminate(struct http_exchange *exchange, const json_t *object)
{
    const char *id = json_string_value(json_object_get(object, "session_id"));
    const char *output = json_string_value(json_object_get(object, "output"));
    struct session *session = id == NULL ? NULL : session_table_find(exchange->lab->sessions, id);
    if (session == NULL) {
        fail(exchange, 404, "no such session");
        return;
    }
    relay_terminate(session, output == NULL ? "" : output);
    reply_json(exchange, 200, json_object());
}

/* `object` is NULL for GET. */
static void part(struct http_exchange *exchange, json_t *object)
{
    int http_status = 200;
    const char *path = exchange->request->path;
    struct lab *lab = exchange->lab;
    json_t *answer = strcmp(path, "/lab/sso") == 0        ? sso_control(lab, object, &http_status)
                     : strcmp(path, "/lab/nodes") == 0    ? node_control(lab, object, &http_status)
                     : strcmp(path, "/lab/metadata") == 0 ? metadata_control(lab, object, &http_status)
                                                          : identity_control(lab, object, &http_status);
    reply_json(exchange, http_status, answer);
}

/* ---- dispatch ---- */

static bool is_loopback(const struct lab *lab)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, lab->options.listen, &v4) == 1) {
        return (ntohl(v4.s_addr) >> 24) == 127;
    }
    return strcmp(lab->options.listen, "::1") == 0 || strcmp(lab->options.listen, "localhost") == 0;
}

/* What has a GET and a POST of the same kind. */
static bool is_part(const char *path)
{
    return strcmp(path, "/lab/identity") == 0 || strcmp(path, "/lab/sso") == 0 || strcmp(path, "/lab/metadata") == 0 ||
           strcmp(path, "/lab/nodes") == 0;
}

bool lab_control_request(struct http_exchange *exchange)
{
    const struct http_request *request = exchange->request;
    if (strncmp(request->path, "/lab/", 5) != 0) {
        return false;
    }
    struct bytes body = byte_queue_bytes(&request->body);
    json_t *object = body.len == 0 ? NULL : json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    bool is_post = strcmp(request->method, "POST") == 0;
    if (!is_loopback(exchange->lab)) {
        fail(exchange, 403, "only on a loopback address");
    } else if (!is_post && strcmp(request->path, "/lab/status") == 0) {
        status(exchange);
    } else if (!is_post && is_part(request->path)) {
        part(exchange, NULL);
    } else if (is_post && !json_is_object(object)) {
        fail(exchange, 400, "the body is not a JSON object");
    } else if (is_post && strcmp(request->path, "/lab/faults") == 0) {
        set_faults(exchange, object);
    } else if (is_post && is_part(request->path)) {
        part(exchange, object);
    } else if (is_post && strcmp(request->path, "/lab/terminate") == 0) {
        terminate(exchange, object);
    } else {
        fail(exchange, 404, "no such path");
    }
    json_decref(object);
    return true;
}
