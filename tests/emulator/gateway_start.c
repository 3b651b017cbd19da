/* The agent's side of a new session: a worker on a built-in node, interactive_shell to a real agent. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base64.h"
#include "tests/emulator/gateway.h"
#include "tests/emulator/kms.h"
#include "tests/emulator/node_worker.h"
#include "tests/emulator/outage.h"
#include "tests/emulator/relay.h"

/* Whose credentials an agent has. */
#define NODE_PRINCIPAL "arn:aws:sts::" LAB_ACCOUNT ":assumed-role/lab-instance-role/node"

static const char *member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value == NULL ? "" : value;
}

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

/* What the agent asks KMS, with the credentials of its node's role. */
static bool worker_decrypt_key(void *owner, const char *ciphertext, const char *challenge, uint8_t ret_data_key[64],
                               char ret_problem[512])
{
    const struct session *session = owner;
    uint8_t blob[KMS_CIPHERTEXT_MAX], plain[KMS_DATA_KEY_MAX];
    size_t len = 0;
    const struct kms_key *key = NULL;
    struct service_error error = {.type = "InvalidCiphertextException"};
    struct kms_decryption wanted = {.key = session->kms_key_id, .is_by_node = true, .principal = NODE_PRINCIPAL};
    json_t *context = json_pack("{s:s,s:s}", "aws:ssm:SessionId", session->id, "aws:ssm:TargetId", session->target);
    if (challenge != NULL) {
        json_object_set_new(context, "aws:ssm:RandomChallenge", json_string(challenge));
    }
    bool is_blob =
        strlen(ciphertext) <= sizeof blob / 3 * 4 && base64_decode(bytes_of_text(ciphertext), blob, &len) == ERR_OK;
    wanted.ciphertext = bytes_of(blob, len);
    wanted.context = context;
    bool is_open = is_blob && kms_decrypt(session->lab->kms, &wanted, plain, &len, &key, &error) == ERR_OK && len == 64;
    json_decref(context);
    if (is_open) {
        memcpy(ret_data_key, plain, 64);
    } else {
        snprintf(ret_problem, 512, "%s: %.400s", error.type, error.message);
    }
    return is_open;
}

/* Addresses that the agent does not forward to: DeniedPortForwardingRemoteIPs. */
static bool is_forbidden(const char *host)
{
    static const char *const forbidden[] = {"169.254.169.254", "169.254.169.253", "169.254.169.123",
                                            "169.254.169.250", "169.254.169.251", "fd00:ec2::254",
                                            "fd00:ec2::253",   "fd00:ec2::123",   "fd00:ec2::240"};
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        if (strcmp(forbidden[i], host) == 0) {
            return true;
        }
    }
    return false;
}

static uint64_t microseconds(int64_t milliseconds)
{
    return (uint64_t)milliseconds * 1000u;
}

static void describe_port(const struct session *session, const json_t *properties, struct node_worker_config *config)
{
    const char *host = member(properties, "host");
    const struct lab *lab = session->lab;
    bool is_forwarding = strcmp(member(properties, "type"), "LocalPortForwarding") == 0;
    bool is_local = host[0] == '\0' || strcmp(host, "localhost") == 0;
    uint16_t port = (uint16_t)strtoul(member(properties, "portNumber"), NULL, 10);
    config->plug.multiplexes = config->agent.multiplexes = config->agent.reconnects = is_forwarding;
    config->agent.forbidden_host = is_forbidden(host) ? host : NULL;
    config->plug.host = host[0] == '\0' ? "localhost" : host;
    config->plug.port = is_local ? node_port(session->node, port) : port;
    config->plug.smux.keep_alive_us = microseconds(lab->faults.smux_idle_limit_ms) / 3;
    config->plug.smux.idle_limit_us = microseconds(lab->faults.smux_idle_limit_ms);
    config->plug.process = (struct session_process_config){.program = lab->options.session_worker,
                                                           .state_dir = lab->options.agent_state_dir,
                                                           .session_id = session->id,
                                                           .node_id = session->target,
                                                           .document = session->document,
                                                           .owner = session->owner};
}

/* A document says it as a boolean or as a text. */
static bool is_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name)) || strcasecmp(member(object, name), "true") == 0;
}

static void describe_program(const struct session *session, const json_t *properties, const json_t *inputs,
                             struct node_worker_config *config)
{
    const struct lab *lab = session->lab;
    const json_t *here = json_object_get(properties, "linux");
    const char *profile = member(json_object_get(inputs, "shellProfile"), "linux");
    config->agent.separates_output = is_true(here, "separateOutputStream");
    config->plug.program = (struct node_program_config){.scratch = lab->state_dir,
                                                        .command = member(here, "commands"),
                                                        .separates_output = config->agent.separates_output,
                                                        .output_prefix = member(here, "stdOutSeparatorPrefix"),
                                                        .error_prefix = member(here, "stdErrSeparatorPrefix")};
    config->agent.kms_key_id = session->kms_key_id;
    config->agent.requires_challenge = lab->faults.require_kms_challenge;
    config->plug.shell.delay_us = microseconds(lab->faults.shell_delay_ms);
    if (config->agent.session_type == AGENT_SESSION_INTERACTIVE_COMMANDS) {
        config->plug.shell.commands = member(here, "commands");
    } else if (profile[0] != '\0') {
        config->plug.shell.profile = profile;
    }
}

static enum err start_worker(struct session *session, enum agent_session_type type, const json_t *properties,
                             const json_t *inputs)
{
    static const struct node_worker_ports ports = {worker_send, worker_attached, worker_flow, worker_task_complete,
                                                   worker_decrypt_key};
    struct lab *lab = session->lab;
    struct node_worker_config config = {.agent = {.session_type = type,
                                                  .session_id = session->id,
                                                  .properties = session->properties,
                                                  .skips_handshake = lab->faults.no_handshake,
                                                  .timing = fault_agent_timing(&lab->faults)},
                                        .plug = {.type = type, .host = ""},
                                        .has_pause = lab->options.has_agent_pause,
                                        .start_delay_us = microseconds(lab->faults.worker_start_delay_ms),
                                        .stuck_us = microseconds(lab->faults.stuck_reconnect_ms)};
    if (type == AGENT_SESSION_PORT) {
        describe_port(session, properties, &config);
    } else {
        describe_program(session, properties, inputs, &config);
    }
    struct node_worker *worker = NULL;
    TRY(node_worker_new(&config, &ports, session, lab->loop, &lab->chance, &worker));
    session_set_worker(session, worker);
    if (outage_left_us(lab->outage) > 0) {
        node_worker_lose_link(worker, outage_left_us(lab->outage));
    }
    return ERR_OK;
}

/* JSON inside JSON; parameter values are scalars there. */
static enum err start_agent(struct session *session, const struct document *document, const json_t *scalars)
{
    json_t *content = json_pack("{s:s,s:O,s:s,s:o,s:s,s:s}", "DocumentName", document->name, "DocumentContent",
                                document->content, "SessionId", session->id, "Parameters", json_deep_copy(scalars),
                                "RunAsUser", "", "SessionOwner", session->owner);
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

/* A document without inputs of its own goes by the preferences of the region. */
static const struct document *document_of_inputs(const struct session *session, const struct document *document)
{
    return json_object_get(document->content, "inputs") != NULL
               ? document
               : document_store_find(session->lab->documents, SESSION_DOCUMENT_PREFERENCES, "Session",
                                     session->node->region);
}

enum err gateway_start_session(struct session *session, const struct document *document, const json_t *scalars)
{
    enum agent_session_type type = AGENT_SESSION_PORT;
    TRY(session_document_judge(document->content, &type));
    json_t *properties = session_document_resolve(document, scalars, "properties");
    json_t *inputs = session_document_resolve(document_of_inputs(session, document), scalars, "inputs");
    session->properties = properties == NULL ? NULL : json_dumps(properties, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(session->kms_key_id, sizeof session->kms_key_id, "%s", member(inputs, "kmsKeyId"));
    enum err err = session->properties == NULL || inputs == NULL ? ERR_TOO_LONG
                   : session->node->is_builtin                   ? start_worker(session, type, properties, inputs)
                                                                 : start_agent(session, document, scalars);
    json_decref(properties);
    json_decref(inputs);
    if (err == ERR_OK) {
        relay_watch_idle(session);
    }
    return err;
}
