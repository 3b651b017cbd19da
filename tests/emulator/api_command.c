/* SendCommand and CancelCommand. */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/api.h"
#include "tests/emulator/api_command.h"
#include "tests/emulator/call_fault.h"
#include "tests/emulator/document_store.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/node_table.h"
#include "tests/emulator/permission.h"
#include "tests/emulator/tag.h"

#define MAX_IDS 50
#define MAX_TARGETS 5
#define DEFAULT_DELIVERY_SECONDS 3600 /* of TimeoutSeconds */
#define MIN_DELIVERY_SECONDS 30
#define MAX_DELIVERY_SECONDS 2592000

/* The patterns of MaxConcurrency and MaxErrors in the API reference. */
#define CONCURRENCY_PATTERN "^([1-9][0-9]{0,6}|[1-9][0-9]%|[1-9]%|100%)$"
#define ERRORS_PATTERN "^([1-9][0-9]{0,6}|0|[1-9][0-9]%|[0-9]%|100%)$"

struct recipients {
    struct node *nodes[LAB_LIMIT_NODES];
    size_t count;
};

/* People who may only look, and nodes: as with sessions. */
static bool is_denied(const struct api_call *call, const char *action)
{
    struct service_error error = {0};
    bool is_one = call->caller->is_denied || call->caller->node_id[0] != '\0';
    if (is_one) {
        call_fault_deny(action, call->caller, call->region, &error);
        api_fail_error(call, &error);
    }
    return is_one;
}

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
    if (json_array_size(ids) > MAX_IDS) {
        api_fail(call, "ValidationException",
                 "1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have "
                 "length less than or equal to %d",
                 MAX_IDS);
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

static bool check_target(const struct api_call *call, const json_t *target)
{
    const char *key = api_optional(target, "Key");
    size_t count = json_array_size(json_object_get(target, "Values"));
    bool is_known = strncmp(key, "tag:", 4) == 0 || strcmp(key, "tag-key") == 0 || strcmp(key, "InstanceIds") == 0;
    if (!is_known || count == 0 || count > MAX_IDS) {
        api_fail(call, "InvalidTarget", "The target is not valid: %.100s with %zu values", key, count);
        return false;
    }
    return true;
}

static bool has_value(const struct node *node, const char *key, const char *value)
{
    const struct tag named[] = {{"Name", node->name}, {NULL, NULL}};
    const struct tag *tags = node->tags != NULL ? node->tags : node->name[0] != '\0' ? named : NULL;
    if (strcmp(key, "InstanceIds") == 0) {
        return strcmp(node->id, value) == 0;
    }
    if (strcmp(key, "tag-key") == 0) {
        return tag_value(tags, value) != NULL;
    }
    const char *actual = tag_value(tags, key + strlen("tag:"));
    return actual != NULL && strcmp(actual, value) == 0;
}

static bool is_target(const struct node *node, const json_t *target)
{
    const json_t *values = json_object_get(target, "Values");
    for (size_t i = 0; i < json_array_size(values); i++) {
        const char *value = json_string_value(json_array_get(values, i));
        if (value != NULL && has_value(node, api_optional(target, "Key"), value)) {
            return true;
        }
    }
    return false;
}

/* Nodes that fit every target. */
static bool add_targets(const struct api_call *call, const json_t *targets, struct recipients *recipients)
{
    for (size_t i = 0; i < json_array_size(targets); i++) {
        if (i == MAX_TARGETS || !check_target(call, json_array_get(targets, i))) {
            if (i == MAX_TARGETS) {
                api_fail(call, "InvalidTarget", "More than %d targets", MAX_TARGETS);
            }
            return false;
        }
    }
    for (struct node *node = call->lab->nodes->first; node != NULL; node = node->next) {
        bool is_meant = !node->is_container && !node->is_gone && strcmp(node->region, call->region) == 0;
        for (size_t i = 0; is_meant && i < json_array_size(targets); i++) {
            is_meant = is_target(node, json_array_get(targets, i));
        }
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

/* "10" or "10%" of `total`. False after having failed the call. */
static bool parse_share(const struct api_call *call, const char *name, const char *pattern, const char *fallback,
                        size_t total, size_t *ret_count)
{
    const char *text = api_optional(call->input, name);
    regex_t expression;
    text = text[0] == '\0' ? fallback : text;
    bool is_valid = regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) == 0;
    if (is_valid) {
        is_valid = regexec(&expression, text, 0, NULL, 0) == 0;
        regfree(&expression);
    }
    if (!is_valid) {
        api_fail(call, "ValidationException",
                 "1 validation error detected: Value '%.100s' at '%c%s' failed to satisfy constraint: Member must "
                 "satisfy regular expression pattern: %s",
                 text, name[0] | 0x20, name + 1, pattern);
        return false;
    }
    size_t number = strtoul(text, NULL, 10);
    *ret_count = strchr(text, '%') == NULL ? number : total * number / 100;
    return true;
}

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
    if (!parse_share(call, "MaxConcurrency", CONCURRENCY_PATTERN, "50", request->count, &request->concurrency) ||
        !parse_share(call, "MaxErrors", ERRORS_PATTERN, "0", request->count, &request->max_errors)) {
        return false;
    }
    request->concurrency = request->concurrency == 0 ? 1 : request->concurrency;
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
    if (is_denied(call, action) || !api_allows(call, &request)) {
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
    if (id == NULL || is_denied(call, "ssm:CancelCommand")) {
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
