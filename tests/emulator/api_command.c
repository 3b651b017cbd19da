/* SendCommand and CancelCommand. */
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/api.h"
#include "tests/emulator/api_command.h"
#include "tests/emulator/call_fault.h"
#include "tests/emulator/command_target.h"
#include "tests/emulator/document_store.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/node_table.h"
#include "tests/emulator/permission.h"
#include "tests/emulator/tag.h"

#define DEFAULT_DELIVERY_SECONDS 3600 /* of TimeoutSeconds */
#define MIN_DELIVERY_SECONDS 30
#define MAX_DELIVERY_SECONDS 2592000

struct recipients {
    struct node *nodes[LAB_LIMIT_NODES];
    size_t count;
};

/* ---- who gets it ---- */

/* What Run Command can send to: a managed node of this region, online or not. */
static struct node *find_node(const struct api_call *call, const char *id)
{
    struct node *node = node_table_find_in(call->lab->nodes, id, call->region);
    return node == NULL || node->is_container ? NULL : node;
}

static bool allows_node(const struct api_call *call, const struct node *node)
{
    char arn[400];
    bool is_hybrid = strncmp(node->id, "mi-", 3) == 0;
    snprintf(arn, sizeof arn, "arn:aws:%s:%s:" LAB_ACCOUNT ":%s/%s", is_hybrid ? "ssm" : "ec2", call->region,
             is_hybrid ? "managed-instance" : "instance", node->id);
    struct permission_request request = {.action = "ssm:SendCommand", .resource = arn, .tags = node->tags};
    return api_allows(call, &request);
}

static bool add_id(const struct api_call *call, const char *id, const struct document *document,
                   struct recipients *recipients)
{
    struct node *node = find_node(call, id);
    if (node == NULL) {
        api_fail(call, "InvalidInstanceId", "Instances [[%.100s]] not in a valid state for account " LAB_ACCOUNT, id);
        return false;
    }
    for (size_t i = 0; i < recipients->count; i++) {
        if (recipients->nodes[i] == node) {
            api_fail(call, "DuplicateInstanceId", "%s", "");
            return false;
        }
    }
    if (!allows_node(call, node)) {
        return false;
    }
    if (!command_document_is_for(document->content, node->platform_type)) {
        api_fail(call, "UnsupportedPlatformType", "Document %s does not support the platform %s of instance %s",
                 document->name, node->platform_type, id);
        return false;
    }
    recipients->nodes[recipients->count++] = node;
    return true;
}

static bool add_ids(const struct api_call *call, const json_t *ids, const struct document *document,
                    struct recipients *recipients)
{
    if (json_array_size(ids) > COMMAND_TARGET_VALUES) {
        api_fail(call, "ValidationException",
                 "1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have "
                 "length less than or equal to %d",
                 COMMAND_TARGET_VALUES);
        return false;
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        if (!add_id(call, id == NULL ? "" : id, document, recipients)) {
            return false;
        }
    }
    return true;
}

/* Nodes that fit every target. */
static bool add_targets(const struct api_call *call, const json_t *targets, struct recipients *recipients)
{
    struct service_error error = {0};
    if (command_target_check(targets, false, &error) != ERR_OK) {
        api_fail_error(call, &error);
        return false;
    }
    for (struct node *node = call->lab->nodes->first; node != NULL; node = node->next) {
        bool is_meant = command_target_fits(node, call->region, targets);
        if (is_meant && !allows_node(call, node)) {
            return false;
        }
        if (is_meant) {
            recipients->nodes[recipients->count++] = node;
        }
    }
    return true;
}

static bool find_recipients(const struct api_call *call, const struct document *document, struct recipients *recipients)
{
    const json_t *ids = json_object_get(call->input, "InstanceIds");
    const json_t *targets = json_object_get(call->input, "Targets");
    if ((json_array_size(ids) > 0) == (json_array_size(targets) > 0)) {
        api_fail(call, "InvalidInstanceId", "%s", "");
        return false;
    }
    return json_array_size(ids) > 0 ? add_ids(call, ids, document, recipients) : add_targets(call, targets, recipients);
}

/* ---- how many at a time ---- */

static bool parse_limits(const struct api_call *call, struct command *request)
{
    const json_t *seconds = json_object_get(call->input, "TimeoutSeconds");
    request->delivery_seconds = seconds == NULL ? DEFAULT_DELIVERY_SECONDS : json_integer_value(seconds);
    if (request->delivery_seconds < MIN_DELIVERY_SECONDS || request->delivery_seconds > MAX_DELIVERY_SECONDS) {
        bool is_low = request->delivery_seconds < MIN_DELIVERY_SECONDS;
        api_fail(call, "ValidationException",
                 "1 validation error detected: Value '%lld' at 'timeoutSeconds' failed to satisfy constraint: Member "
                 "must have value %s than or equal to %d",
                 (long long)request->delivery_seconds, is_low ? "greater" : "less",
                 is_low ? MIN_DELIVERY_SECONDS : MAX_DELIVERY_SECONDS);
        return false;
    }
    struct service_error error = {0};
    if (command_target_limits(call->input, request->count, &request->concurrency, &request->max_errors, &error) !=
        ERR_OK) {
        api_fail_error(call, &error);
        return false;
    }
    return true;
}

/* ---- SendCommand ---- */

static const struct document *check_document(const struct api_call *call, const char *name)
{
    char action[200], arn[DOCUMENT_ARN_SIZE];
    struct service_error error = {0};
    const struct document *document = document_store_find(call->lab->documents, name, "Command", call->region);
    document_store_arn(name, call->region, arn);
    struct permission_request request = {.action = "ssm:SendCommand", .resource = arn};
    json_t *parameters = json_object_get(call->input, "Parameters");
    snprintf(action, sizeof action, "ssm:SendCommand/%.128s", name);
    if (api_denies(call, action) || !api_allows(call, &request)) {
        return NULL;
    }
    if (call_fault_strikes(call->exchange, action, call->caller, &error)) {
        api_fail_error(call, &error);
        return NULL;
    }
    if (document == NULL) {
        api_fail(call, "InvalidDocument", "Document with name %.128s does not exist.", name);
        return NULL;
    }
    if (command_document_check(document->content, parameters, &error) != ERR_OK) {
        api_fail_error(call, &error);
        return NULL;
    }
    return document;
}

static void send_to(const struct api_call *call, const struct document *document, struct recipients *recipients)
{
    struct command request = {.region = call->region, .content = document->content};
    struct command *command = NULL;
    if (!find_recipients(call, document, recipients)) {
        return;
    }
    strcpy(request.document, document->name);
    request.count = recipients->count;
    request.input = json_deep_copy(call->input); /* the table makes its own */
    if (parse_limits(call, &request)) {
        enum err err = run_command_add(call->lab->commands, &request, recipients->nodes, &command);
        if (err == ERR_TOO_LONG) {
            api_fail(call, "ThrottlingException", "Rate exceeded");
        } else {
            api_reply(call, err != ERR_OK ? NULL : json_pack("{s:o}", "Command", api_command_describe(command)));
        }
    }
    json_decref(request.input);
}

void api_command_send(const struct api_call *call)
{
    const char *name = api_text(call, "DocumentName", 1, 512);
    const struct document *document = name == NULL ? NULL : check_document(call, name);
    struct recipients *recipients = document == NULL ? NULL : calloc(1, sizeof *recipients);
    if (recipients != NULL) {
        send_to(call, document, recipients);
        free(recipients);
    } else if (document != NULL) {
        api_reply(call, NULL);
    }
}

/* ---- CancelCommand ---- */

void api_command_cancel(const struct api_call *call)
{
    const char *id = api_text(call, "CommandId", 36, 36);
    if (id == NULL || api_denies(call, "ssm:CancelCommand")) {
        return;
    }
    struct command *command = run_command_find(call->lab->commands, id, call->region);
    const json_t *ids = json_object_get(call->input, "InstanceIds");
    if (command == NULL) {
        api_fail(call, "InvalidCommandId", "%s", "");
        return;
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *node_id = json_string_value(json_array_get(ids, i));
        struct node *node = node_id == NULL ? NULL : find_node(call, node_id);
        if (node == NULL) {
            api_fail(call, "InvalidInstanceId", "%s", "");
            return;
        }
        run_command_cancel(command, node);
    }
    if (json_array_size(ids) == 0) {
        run_command_cancel(command, NULL);
    }
    api_reply(call, json_object());
}
