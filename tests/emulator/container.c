/* The credential endpoint of containers: /v2/credentials/ID as the agent of ECS has it, and /v1/credentials as that of
 * EKS Pod Identity, which wants a token. Errors are those of the two agents (their sources are public). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/identity.h"
#include "tests/emulator/metadata.h"

#define ROLE "lab-task-role"
#define TASK_PREFIX "/v2/credentials/"
#define POD_PATH "/v1/credentials"

static void fail_task(struct http_exchange *exchange, const char *code, const char *message)
{
    char text[300];
    snprintf(text, sizeof text, "{\"code\":\"%s\",\"message\":\"CredentialsV2Request: %s\",\"HTTPErrorCode\":400}",
             code, message);
    http_exchange_reply(exchange, 400, "application/json", text);
}

/* True with the right token. The agent of EKS passes the service's refusal on as text. */
static bool is_token_right(struct http_exchange *exchange, const struct metadata *metadata)
{
    const char *token = http_request_header(exchange->request, "authorization");
    if (token == NULL || token[0] == '\0') {
        http_exchange_reply(exchange, 400, "text/plain; charset=utf-8", "Service account token cannot be empty\n");
        return false;
    }
    if (strcmp(token, metadata->container_token) != 0) {
        char text[300];
        snprintf(text, sizeof text,
                 "[%s]: (InvalidTokenException): The token included in the request is invalid, fault: client\n",
                 http_exchange_request_id(exchange));
        http_exchange_reply(exchange, 400, "text/plain; charset=utf-8", text);
        return false;
    }
    return true;
}

static void give(struct http_exchange *exchange, struct metadata *metadata, bool is_pod)
{
    const struct credential *credential = NULL;
    char expires[LAB_TIME_TEXT_SIZE];
    metadata->counters.container_credentials++;
    if (metadata->settings.container_document != NULL) {
        http_exchange_reply(exchange, 200, "application/json", metadata->settings.container_document);
        return;
    }
    if (metadata_credential(exchange->lab, METADATA_CONTAINER, role_find(ROLE), &credential) != ERR_OK) {
        http_exchange_reply(exchange, 500, "application/json",
                            "{\"code\":\"InternalServerError\",\"message\":\"Internal server error\"}");
        return;
    }
    lab_time_text(credential->expires_unix_s, expires);
    json_t *object =
        json_pack("{s:s,s:s,s:s,s:s}", "AccessKeyId", credential->access_key_id, "SecretAccessKey",
                  credential->secret_access_key, "Token", credential->session_token, "Expiration", expires);
    json_object_set_new(object, is_pod ? "AccountId" : "RoleArn",
                        json_string(is_pod ? LAB_ACCOUNT : "arn:aws:iam::" LAB_ACCOUNT ":role/" ROLE));
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    http_exchange_reply(exchange, text == NULL ? 500 : 200, "application/json", text == NULL ? "" : text);
    free(text);
}

void container_request(struct http_exchange *exchange)
{
    struct metadata *metadata = exchange->lab->identity->metadata;
    const char *path = exchange->request->path;
    bool is_task = strncmp(path, TASK_PREFIX, strlen(TASK_PREFIX)) == 0, is_pod = strcmp(path, POD_PATH) == 0;
    const char *id = is_task ? path + strlen(TASK_PREFIX) : "";
    if (strcmp(exchange->request->method, "GET") != 0 || (!is_task && !is_pod)) {
        http_exchange_reply(exchange, 404, "text/plain; charset=utf-8", "404 page not found\n");
    } else if (is_task && id[0] == '\0') {
        fail_task(exchange, "NoIdInRequest", "No Credential ID in the request");
    } else if (is_task && strcmp(id, metadata->credential_id) != 0) {
        fail_task(exchange, "InvalidIdInRequest", "Credentials not found");
    } else if ((!is_pod && !metadata->settings.container_needs_token) || is_token_right(exchange, metadata)) {
        give(exchange, metadata, is_pod);
    }
}
