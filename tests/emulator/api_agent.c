/* What an agent calls: registration, role token, health, associations, and the long poll of ec2messages. */
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/core/uuid.h"
#include "tests/emulator/api.h"
#include "tests/emulator/node_table.h"
#include "tests/emulator/signature.h"

/* Agents refresh at half of this. */
#define ROLE_TOKEN_SECONDS 3600

static EVP_PKEY *parse_public_key(const char *base64)
{
    uint8_t der[1024];
    size_t len = strlen(base64);
    if (len == 0 || len % 4 != 0 || len / 4 * 3 > sizeof der) {
        return NULL;
    }
    int der_len = EVP_DecodeBlock(der, (const unsigned char *)base64, (int)len);
    for (size_t i = len; i > 0 && base64[i - 1] == '='; i--) {
        der_len--;
    }
    const unsigned char *at = der;
    return der_len <= 0 ? NULL : d2i_PUBKEY(NULL, &at, der_len);
}

/* ---- registration ---- */

static void registered(const struct api_call *call, const char *fingerprint, EVP_PKEY *key)
{
    struct lab *lab = call->lab;
    char id[24] = "mi-";
    for (size_t i = 3; i < 20; i++) {
        id[i] = "0123456789abcdef"[chance_below(&lab->chance, 16)];
    }
    struct node *node = NULL;
    if (node_table_add(lab->nodes, id, lab->options.region, lab_time(lab), &node) != ERR_OK) {
        EVP_PKEY_free(key);
        api_fail(call, "InternalServerError", "An internal error occurred.");
        return;
    }
    node->public_key = key;
    snprintf(node->fingerprint, sizeof node->fingerprint, "%s", fingerprint);
    snprintf(node->activation_id, sizeof node->activation_id, "%s", lab->activation_id);
    api_reply(call, json_pack("{s:s}", "InstanceId", node->id));
}

void api_agent_register(const struct api_call *call)
{
    const char *id = api_text(call, "ActivationId", 36, 36);
    const char *code = id == NULL ? NULL : api_text(call, "ActivationCode", 20, 250);
    const char *fingerprint = code == NULL ? NULL : api_text(call, "Fingerprint", 1, 127);
    const char *key_text = fingerprint == NULL ? NULL : api_text(call, "PublicKey", 1, 1300);
    if (key_text == NULL) {
        return;
    }
    if (strcmp(id, call->lab->activation_id) != 0 || strcmp(code, call->lab->activation_code) != 0) {
        api_fail(call, "InvalidActivation", "Activation ID or code is not valid");
        return;
    }
    EVP_PKEY *key = parse_public_key(key_text);
    if (key == NULL) {
        api_fail(call, "ValidationException", "PublicKey is not a SubjectPublicKeyInfo");
        return;
    }
    registered(call, fingerprint, key);
}

static void reply_role_token(const struct api_call *call, const struct node *node)
{
    const struct credential *credential = NULL;
    if (credential_store_issue(call->lab->credentials, node->id, &credential) != ERR_OK) {
        api_fail(call, "InternalServerError", "An internal error occurred.");
        return;
    }
    api_reply(call,
              json_pack("{s:s,s:s,s:s,s:I,s:b}", "AccessKeyId", credential->access_key_id, "SecretAccessKey",
                        credential->secret_access_key, "SessionToken", credential->session_token, "TokenExpirationDate",
                        (json_int_t)lab_time(call->lab) + ROLE_TOKEN_SECONDS, "UpdateKeyPair", 0));
}

void api_agent_role_token(const struct api_call *call)
{
    struct lab *lab = call->lab;
    struct signature_scope scope = {lab->options.region, "ssm", lab_time(lab), SIGNATURE_SKEW_MINUTES};
    struct service_error error = {0};
    char id[64];
    signature_node_id(call->exchange->request, id);
    const struct node *node = node_table_find(lab->nodes, id);
    if (node == NULL || node->public_key == NULL) {
        api_fail(call, "UnrecognizedClientException", "The security token included in the request is invalid.");
        return;
    }
    if (signature_check_rsa(&scope, node->public_key, call->exchange->request, &error) != ERR_OK) {
        api_fail_error(call, &error);
        return;
    }
    if (strcmp(api_optional(call->input, "Fingerprint"), node->fingerprint) != 0) {
        api_fail(call, "MachineFingerprintDoesNotMatch", "Fingerprint does not match the registered one");
        return;
    }
    reply_role_token(call, node);
}

void api_agent_update_key(const struct api_call *call)
{
    struct node *node = node_table_find(call->lab->nodes, call->caller->node_id);
    EVP_PKEY *key = parse_public_key(api_optional(call->input, "NewPublicKey"));
    if (node == NULL || key == NULL) {
        EVP_PKEY_free(key);
        api_fail(call, "ValidationException", "NewPublicKey is not a SubjectPublicKeyInfo, or not of a managed node");
        return;
    }
    EVP_PKEY_free(node->public_key);
    node->public_key = key;
    api_reply(call, json_object());
}

/* ---- health ---- */

static void copy_member(const json_t *input, const char *name, char *ret_text, size_t size)
{
    const char *value = api_optional(input, name);
    if (value[0] != '\0') {
        snprintf(ret_text, size, "%s", value);
    }
}

void api_agent_update_information(const struct api_call *call)
{
    struct lab *lab = call->lab;
    const char *id = api_text(call, "InstanceId", 10, 255);
    if (id == NULL) {
        return;
    }
    struct node *node = node_table_find(lab->nodes, id);
    bool is_foreign = call->caller->node_id[0] != '\0' && strcmp(call->caller->node_id, id) != 0;
    if (is_foreign || (node != NULL && node->is_builtin)) {
        api_fail(call, "InvalidInstanceId", "Not the node of these credentials");
        return;
    }
    if (node == NULL && node_table_add(lab->nodes, id, lab->options.region, lab_time(lab), &node) != ERR_OK) {
        api_fail(call, "ThrottlingException", "Rate exceeded");
        return;
    }
    node->last_ping_at = lab_time(lab);
    copy_member(call->input, "AgentVersion", node->agent_version, sizeof node->agent_version);
    copy_member(call->input, "PlatformType", node->platform_type, sizeof node->platform_type);
    copy_member(call->input, "PlatformName", node->platform_name, sizeof node->platform_name);
    copy_member(call->input, "PlatformVersion", node->platform_version, sizeof node->platform_version);
    copy_member(call->input, "IPAddress", node->ip_address, sizeof node->ip_address);
    copy_member(call->input, "ComputerName", node->computer_name, sizeof node->computer_name);
    api_reply(call, json_object());
}

void api_agent_associations(const struct api_call *call)
{
    api_reply(call, json_pack("{s:[]}", "Associations"));
}

/* ---- long poll ---- */

static void poll_is_over(void *owner, uint64_t now_us)
{
    struct http_exchange *exchange = owner;
    (void)now_us;
    http_exchange_reply(exchange, 200, "application/x-amz-json-1.1", exchange->context);
}

void api_agent_get_messages(const struct api_call *call)
{
    struct http_exchange *exchange = call->exchange;
    json_t *output = json_pack("{s:s,s:[],s:s}", "Destination", api_optional(call->input, "Destination"), "Messages",
                               "MessagesRequestId", api_optional(call->input, "MessagesRequestId"));
    exchange->context = output == NULL ? NULL : json_dumps(output, JSON_COMPACT);
    exchange->context_free = free;
    json_decref(output);
    if (exchange->context == NULL) {
        api_fail(call, "InternalServerError", "An internal error occurred.");
        return;
    }
    lws_set_timeout(exchange->wsi, NO_PENDING_TIMEOUT, 0);
    exchange->timer = (struct loop_timer){.expired = poll_is_over, .owner = exchange};
    event_loop_arm(call->lab->loop, &exchange->timer,
                   event_loop_now_us() + (uint64_t)call->lab->faults.long_poll_ms * 1000u);
}
