/* DescribeInstanceInformation and GetConnectionStatus. */
#include <stdio.h>
#include <string.h>

#include "tests/emulator/api.h"
#include "tests/emulator/node_table.h"

/* ---- filters: {Key, Values} of Filters, {key, valueSet} of InstanceInformationFilterList ---- */

static const char *const keys[] = {"InstanceIds",   "AgentVersion", "PingStatus",   "PlatformTypes",
                                   "ActivationIds", "IamRole",      "ResourceType", "AssociationStatus"};

static bool is_known_key(const char *key)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return strncmp(key, "tag:", 4) == 0 || strcmp(key, "tag-key") == 0;
}

/* What a filter's values are compared with; NULL: nothing matches. */
static const char *attribute(const struct node *node, const char *key, time_t now)
{
    if (strcmp(key, "InstanceIds") == 0) {
        return node->id;
    }
    if (strcmp(key, "AgentVersion") == 0) {
        return node->agent_version;
    }
    if (strcmp(key, "PingStatus") == 0) {
        return node_ping_status(node, now);
    }
    if (strcmp(key, "PlatformTypes") == 0) {
        return node->platform_type;
    }
    if (strcmp(key, "ActivationIds") == 0) {
        return node->activation_id;
    }
    if (strcmp(key, "ResourceType") == 0) {
        return node_resource_type(node);
    }
    if (strcmp(key, "tag:Name") == 0 && node->name[0] != '\0') {
        return node->name;
    }
    return strcmp(key, "tag-key") == 0 && node->name[0] != '\0' ? "Name" : NULL;
}

static bool matches(const struct node *node, const json_t *filter, time_t now)
{
    const char *key = api_optional(filter, "Key");
    const json_t *values = json_object_get(filter, "Values");
    if (key[0] == '\0') {
        key = api_optional(filter, "key");
        values = json_object_get(filter, "valueSet");
    }
    const char *actual = attribute(node, key, now);
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(values, i, value)
    {
        if (actual != NULL && json_is_string(value) && strcmp(json_string_value(value), actual) == 0) {
            return true;
        }
    }
    return false;
}

static bool matches_all(const struct node *node, const json_t *filters, time_t now)
{
    size_t i = 0;
    json_t *filter = NULL;
    json_array_foreach(filters, i, filter)
    {
        if (!matches(node, filter, now)) {
            return false;
        }
    }
    return true;
}

static bool check_filters(const struct api_call *call, const json_t *filters)
{
    size_t i = 0;
    json_t *filter = NULL;
    json_array_foreach(filters, i, filter)
    {
        const char *key = api_optional(filter, "Key");
        const char *name = key[0] == '\0' ? api_optional(filter, "key") : key;
        const json_t *values = json_object_get(filter, key[0] == '\0' ? "valueSet" : "Values");
        if (!is_known_key(name)) {
            api_fail(call, "InvalidFilterKey", "%.100s is not a valid filter key", name);
            return false;
        }
        if (json_array_size(values) == 0) {
            api_fail(call, "InvalidInstanceInformationFilterValue", "A filter needs at least one value");
            return false;
        }
    }
    return true;
}

static json_t *describe(const struct node *node, time_t now)
{
    json_t *object =
        json_pack("{s:s,s:s,s:I,s:s,s:b,s:s,s:s,s:s,s:s,s:s,s:s}", "InstanceId", node->id, "PingStatus",
                  node_ping_status(node, now), "LastPingDateTime",
                  (json_int_t)(node->is_builtin && !node->is_offline ? now : node->last_ping_at), "AgentVersion",
                  node->agent_version, "IsLatestVersion", 1, "PlatformType", node->platform_type, "PlatformName",
                  node->platform_name, "PlatformVersion", node->platform_version, "ResourceType",
                  node_resource_type(node), "IPAddress", node->ip_address, "ComputerName", node->computer_name);
    if (strcmp(node_resource_type(node), "ManagedInstance") == 0) {
        json_object_set_new(object, "Name", json_string(node->name));
        json_object_set_new(object, "ActivationId", json_string(node->activation_id));
        json_object_set_new(object, "IamRole", json_string("lab-node-role"));
        json_object_set_new(object, "RegistrationDate", json_integer((json_int_t)node->registered_at));
    } else {
        json_object_set_new(object, "SourceId", json_string(node->id));
        json_object_set_new(object, "SourceType", json_string("AWS::EC2::Instance"));
    }
    return object;
}

void api_node_describe(const struct api_call *call)
{
    time_t now = lab_time(call->lab);
    const json_t *filters = json_object_get(call->input, "Filters");
    const json_t *old_filters = json_object_get(call->input, "InstanceInformationFilterList");
    if (!check_filters(call, filters) || !check_filters(call, old_filters)) {
        return;
    }
    size_t total = 0, begin = 0, end = 0, index = 0;
    for (const struct node *node = call->lab->nodes->first; node != NULL; node = node->next) {
        total += matches_all(node, filters, now) && matches_all(node, old_filters, now) ? 1 : 0;
    }
    if (!api_page(call, 5, 50, total, &begin, &end)) {
        return;
    }
    json_t *list = json_array();
    for (const struct node *node = call->lab->nodes->first; node != NULL; node = node->next) {
        if (matches_all(node, filters, now) && matches_all(node, old_filters, now)) {
            if (index >= begin && index < end) {
                json_array_append_new(list, describe(node, now));
            }
            index++;
        }
    }
    json_t *output = json_pack("{s:o}", "InstanceInformationList", list);
    api_next_token(output, end, total);
    api_reply(call, output);
}

void api_node_connection_status(const struct api_call *call)
{
    const char *target = api_text(call, "Target", 1, 400);
    if (target != NULL) {
        const struct node *node = node_table_find(call->lab->nodes, target);
        bool is_connected = node != NULL && node_is_connected(node);
        api_reply(call,
                  json_pack("{s:s,s:s}", "Target", target, "Status", is_connected ? "connected" : "notconnected"));
    }
}
