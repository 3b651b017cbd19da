/* ListCommands, ListCommandInvocations and GetCommandInvocation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/api.h"
#include "tests/emulator/api_command.h"
#include "tests/emulator/command_output.h"
#include "tests/emulator/node_table.h"

/* ---- shapes ---- */

/* Members of the request that the answer repeats. */
static void repeat(const struct command *command, json_t *object, const char *const *members)
{
    for (; *members != NULL; members++) {
        json_t *value = json_object_get(command->input, *members);
        if (value != NULL) {
            json_object_set(object, *members, value);
        }
    }
}

static void set_text(json_t *object, const char *name, const char *value)
{
    json_object_set_new(object, name, json_string(value));
}

static void set_number(json_t *object, const char *name, int64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *cloudwatch(const struct command *command)
{
    json_t *config = json_object_get(command->input, "CloudWatchOutputConfig");
    return config != NULL ? json_incref(config)
                          : json_pack("{s:s,s:b}", "CloudWatchLogGroupName", "", "CloudWatchOutputEnabled", 0);
}

/* What a command and its invocations have in common. */
static json_t *describe_request(const struct command *command)
{
    json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:I}", "CommandId", command->id, "DocumentName", command->document,
                               "DocumentVersion", "$DEFAULT", "Comment", api_optional(command->input, "Comment"),
                               "RequestedDateTime", (json_int_t)command->requested_at);
    static const char *const members[] = {"DocumentVersion", NULL};
    repeat(command, object, members);
    set_text(object, "ServiceRole", "");
    json_object_set_new(
        object, "NotificationConfig",
        json_pack("{s:s,s:[],s:s}", "NotificationArn", "", "NotificationEvents", "NotificationType", ""));
    json_object_set_new(object, "CloudWatchOutputConfig", cloudwatch(command));
    return object;
}

json_t *api_command_describe(const struct command *command)
{
    static const char *const members[] = {
        "OutputS3Region", "OutputS3BucketName", "OutputS3KeyPrefix", "InstanceIds", "Targets",
        "Parameters",     "MaxConcurrency",     "MaxErrors",         NULL};
    struct command_counts counts = run_command_count(command);
    json_t *object = describe_request(command);
    const char *status = NULL, *details = NULL;
    run_command_describe(command, &status, &details);
    set_text(object, "Status", status);
    set_text(object, "StatusDetails", details);
    set_text(object, "MaxConcurrency", "50");
    set_text(object, "MaxErrors", "0");
    set_text(object, "OutputS3BucketName", "");
    set_text(object, "OutputS3KeyPrefix", "");
    json_object_set_new(object, "InstanceIds", json_array());
    json_object_set_new(object, "Targets", json_array());
    repeat(command, object, members);
    bool is_counted = command->is_visible || json_object_get(command->input, "Targets") == NULL;
    set_number(object, "TargetCount", is_counted ? (int64_t)command->count : 0);
    set_number(object, "CompletedCount", (int64_t)counts.completed);
    set_number(object, "ErrorCount", (int64_t)counts.errors);
    set_number(object, "DeliveryTimedOutCount", (int64_t)counts.states[INVOCATION_DELIVERY_TIMED_OUT]);
    set_number(object, "TimeoutSeconds", command->delivery_seconds);
    set_number(object, "ExpiresAfter",
               command->requested_at + command->delivery_seconds + command->plans[0].timeout_seconds);
    return object;
}

static const char *kept(const char *text)
{
    return text == NULL ? "" : text;
}

/* The plugin's own status: that of the invocation, but for a plugin that never ran. */
static json_t *describe_plugin(const struct invocation *invocation)
{
    const struct command *command = invocation->command;
    json_t *plugin =
        json_pack("{s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:s}", "Name", invocation->plan->plugin, "Status",
                  run_command_status(invocation->state), "StatusDetails", run_command_details(invocation->state),
                  "ResponseCode", invocation->response_code, "StandardOutputUrl", "", "StandardErrorUrl", "",
                  "OutputS3BucketName", api_optional(command->input, "OutputS3BucketName"), "OutputS3KeyPrefix",
                  api_optional(command->input, "OutputS3KeyPrefix"));
    json_object_set_new(plugin, "Output", command_output_join(kept(invocation->output), kept(invocation->error)));
    if (invocation->started_ms != 0) {
        json_object_set_new(plugin, "ResponseStartDateTime", json_real((double)invocation->started_ms / 1e3));
    }
    if (invocation->ended_ms != 0) {
        json_object_set_new(plugin, "ResponseFinishDateTime", json_real((double)invocation->ended_ms / 1e3));
    }
    return plugin;
}

static json_t *describe_invocation(const struct invocation *invocation, bool has_details)
{
    json_t *object = describe_request(invocation->command);
    bool has_plugin = has_details && invocation->state != INVOCATION_PENDING;
    set_text(object, "InstanceId", invocation->node->id);
    set_text(object, "InstanceName", invocation->node->computer_name);
    set_text(object, "Status", run_command_status(invocation->state));
    set_text(object, "StatusDetails", run_command_details(invocation->state));
    set_text(object, "StandardOutputUrl", "");
    set_text(object, "StandardErrorUrl", "");
    set_text(object, "TraceOutput", "");
    json_object_set_new(object, "CommandPlugins",
                        has_plugin ? json_pack("[o]", describe_plugin(invocation)) : json_array());
    return object;
}

/* ---- filters ---- */

static const char *const filter_keys[] = {"InvokedAfter", "InvokedBefore", "Status", "ExecutionStage", "DocumentName"};

static bool check_filters(const struct api_call *call)
{
    const json_t *filters = json_object_get(call->input, "Filters");
    for (size_t i = 0; i < json_array_size(filters); i++) {
        const char *key = api_optional(json_array_get(filters, i), "key");
        size_t k = 0;
        while (k < sizeof filter_keys / sizeof filter_keys[0] && strcmp(filter_keys[k], key) != 0) {
            k++;
        }
        if (k == sizeof filter_keys / sizeof filter_keys[0]) {
            api_fail(call, "InvalidFilterKey", "%.100s is not a valid filter key", key);
            return false;
        }
    }
    return true;
}

static bool fits(const struct command *command, const char *status, const json_t *filter)
{
    const char *key = api_optional(filter, "key"), *value = api_optional(filter, "value");
    char requested[LAB_TIME_TEXT_SIZE];
    lab_time_text(command->requested_at, requested);
    if (strncmp(key, "Invoked", strlen("Invoked")) == 0) {
        /* Both are ISO 8601 in UTC: they sort as texts. */
        int order = strcmp(requested, value);
        return strcmp(key, "InvokedAfter") == 0 ? order > 0 : order < 0;
    }
    if (strcmp(key, "Status") == 0) {
        return strcmp(status, value) == 0;
    }
    if (strcmp(key, "ExecutionStage") == 0) {
        struct command_counts counts = run_command_count(command);
        bool is_complete = command->is_visible && counts.completed == command->count;
        return strcmp(value, is_complete ? "Complete" : "Executing") == 0;
    }
    return strcmp(command->document, value) == 0;
}

static bool is_asked_for(const struct api_call *call, const struct command *command, const char *status)
{
    const json_t *filters = json_object_get(call->input, "Filters");
    const char *id = api_optional(call->input, "CommandId");
    bool is_meant = !command->is_hidden && strcmp(command->region, call->region) == 0 &&
                    (id[0] == '\0' || strcmp(id, command->id) == 0);
    for (size_t i = 0; is_meant && i < json_array_size(filters); i++) {
        is_meant = fits(command, status, json_array_get(filters, i));
    }
    return is_meant;
}

/* A CommandId that is given must be one. */
static bool check_id(const struct api_call *call)
{
    const char *id = api_optional(call->input, "CommandId");
    if (id[0] != '\0' && run_command_find(call->lab->commands, id, call->region) == NULL) {
        api_fail(call, "InvalidCommandId", "%s", "");
        return false;
    }
    return true;
}

/* ---- lists ---- */

/* A page of what is offered to it one by one. */
struct page {
    json_t *list;
    size_t begin, end, index;
};

/* The positions that the page covers; NULL list after having failed the call. */
static struct page page_open(const struct api_call *call)
{
    struct page page = {0};
    if (check_filters(call) && check_id(call) && api_page(call, 1, 50, 1000000, &page.begin, &page.end)) {
        page.list = json_array();
    }
    return page;
}

static bool page_wants(struct page *page)
{
    size_t index = page->index++;
    return index >= page->begin && index < page->end;
}

static void page_reply(const struct api_call *call, const struct page *page, const char *name)
{
    json_t *output = json_pack("{s:o}", name, page->list);
    api_next_token(output, page->end, page->index);
    api_reply(call, output);
}

void api_command_list(const struct api_call *call)
{
    struct page page = page_open(call);
    const char *node_id = api_optional(call->input, "InstanceId");
    if (page.list == NULL) {
        return;
    }
    for (const struct command *at = run_command_newest(call->lab->commands); at != NULL; at = at->older) {
        const char *status = NULL, *details = NULL;
        run_command_describe(at, &status, &details);
        bool is_there = node_id[0] == '\0' || run_command_invocation(at, node_id) != NULL;
        if (is_there && is_asked_for(call, at, status) && page_wants(&page)) {
            json_array_append_new(page.list, api_command_describe(at));
        }
    }
    page_reply(call, &page, "Commands");
}

static void list_invocations_of(const struct api_call *call, const struct command *command, struct page *page)
{
    const char *node_id = api_optional(call->input, "InstanceId");
    bool has_details = json_is_true(json_object_get(call->input, "Details"));
    for (size_t i = 0; command->is_visible && i < command->count; i++) {
        const struct invocation *at = &command->invocations[i];
        bool is_there = node_id[0] == '\0' || strcmp(at->node->id, node_id) == 0;
        if (is_there && is_asked_for(call, command, run_command_status(at->state)) && page_wants(page)) {
            json_array_append_new(page->list, describe_invocation(at, has_details));
        }
    }
}

void api_command_list_invocations(const struct api_call *call)
{
    struct page page = page_open(call);
    if (page.list == NULL) {
        return;
    }
    for (const struct command *at = run_command_newest(call->lab->commands); at != NULL; at = at->older) {
        list_invocations_of(call, at, &page);
    }
    page_reply(call, &page, "CommandInvocations");
}

/* ---- GetCommandInvocation ---- */

static void set_times(json_t *output, const struct invocation *invocation)
{
    char started[LAB_TIME_TEXT_SIZE] = "", ended[LAB_TIME_TEXT_SIZE] = "", elapsed[32] = "";
    if (invocation->started_ms != 0) {
        lab_time_text((time_t)(invocation->started_ms / 1000), started);
    }
    if (invocation->ended_ms != 0) {
        lab_time_text((time_t)(invocation->ended_ms / 1000), ended);
        snprintf(elapsed, sizeof elapsed, "PT%.3fS", (double)(invocation->ended_ms - invocation->started_ms) / 1e3);
    }
    set_text(output, "ExecutionStartDateTime", started);
    set_text(output, "ExecutionElapsedTime", elapsed);
    set_text(output, "ExecutionEndDateTime", ended);
}

static json_t *describe_result(const struct invocation *invocation)
{
    const struct command *command = invocation->command;
    const char *text = kept(invocation->output), *error = kept(invocation->error);
    json_t *output = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:s}", "CommandId", command->id, "InstanceId",
                               invocation->node->id, "Comment", api_optional(command->input, "Comment"), "DocumentName",
                               command->document, "DocumentVersion", "$DEFAULT", "PluginName", invocation->plan->plugin,
                               "ResponseCode", invocation->response_code, "Status",
                               run_command_status(invocation->state), "StatusDetails",
                               run_command_details(invocation->state), "StandardOutputUrl", "", "StandardErrorUrl", "");
    static const char *const members[] = {"DocumentVersion", NULL};
    repeat(command, output, members);
    json_object_set_new(output, "StandardOutputContent", command_output_text(text, strlen(text)));
    json_object_set_new(output, "StandardErrorContent", command_output_text(error, strlen(error)));
    json_object_set_new(output, "CloudWatchOutputConfig", cloudwatch(command));
    set_times(output, invocation);
    return output;
}

void api_command_get_invocation(const struct api_call *call)
{
    const char *id = api_text(call, "CommandId", 36, 36);
    const char *node_id = id == NULL ? NULL : api_text(call, "InstanceId", 1, 400);
    const char *plugin = api_optional(call->input, "PluginName");
    if (node_id == NULL) {
        return;
    }
    const struct command *command = run_command_find(call->lab->commands, id, call->region);
    const struct invocation *invocation =
        command == NULL || !command->is_visible ? NULL : run_command_invocation(command, node_id);
    if (invocation == NULL) {
        api_fail(call, "InvocationDoesNotExist", "%s", "");
        return;
    }
    if (plugin[0] != '\0' && strcmp(plugin, invocation->plan->plugin) != 0) {
        api_fail(call, "InvalidPluginName", "%s", "");
        return;
    }
    api_reply(call, describe_result(invocation));
}
