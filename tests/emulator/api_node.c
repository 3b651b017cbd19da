/* DescribeInstanceInformation and GetConnectionStatus. */
#include <stdio.h>
#include <string.h>

#include "tests/emulator/agent_update.h"
#include "tests/emulator/api.h"
#include "tests/emulator/node_table.h"
#include "tests/emulator/tag.h"

#define NODE_ROLE "lab-node-role" /* of managed instances */
#define ASSOCIATION_STATUS "Success"

/* ---- filters: {Key, Values} of Filters, {key, valueSet} of InstanceInformationFilterList ---- */

/* There is none for addresses or host names. */
static const char *const keys[] = {"InstanceIds", "AgentVersion", "PingStatus",        "PlatformTypes", "ActivationIds",
                                   "IamRole",     "ResourceType", "AssociationStatus", "SourceIds",     "SourceTypes"};

static bool is_tag_key(const char *key)
{
    return strncmp(key, "tag:", 4) == 0 || strcmp(key, "tag-key") == 0;
}

static bool is_known_key(const char *key)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return is_tag_key(key);
}

static const char *filter_key(const json_t *filter)
{
    const char *key = api_optional(filter, "Key");
    return key[0] == '\0' ? api_optional(filter, "key") : key;
}

static const json_t *filter_values(const json_t *filter)
{
    return json_object_get(filter, api_optional(filter, "Key")[0] == '\0' ? "valueSet" : "Values");
}

static bool is_managed_instance(const struct node *node)
{
    return strcmp(node_resource_type(node), "ManagedInstance") == 0;
}

/* What a filter's values are compared with; NULL: nothing matches. */
static const char *attribute(const struct node *node, const char *key, time_t now)
{
    const struct {
        const char *key, *value;
    } attributes[] = {
        {"InstanceIds", node->id},
        {"AgentVersion", node->agent_version},
        {"PingStatus", node_ping_status(node, now)},
        {"PlatformTypes", node->platform_type},
        {"ActivationIds", node->activation_id},
        {"IamRole", is_managed_instance(node) ? NODE_ROLE : NULL},
        {"ResourceType", node_resource_type(node)},
        {"AssociationStatus", node->is_builtin ? ASSOCIATION_STATUS : NULL},
        {"SourceIds", is_managed_instance(node) ? NULL : node->id},
        {"SourceTypes", is_managed_instance(node) ? "AWS::SSM::ManagedInstance" : "AWS::EC2::Instance"},
    };
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        if (strcmp(attributes[i].key, key) == 0) {
            return attributes[i].value;
        }
    }
    return NULL;
}

/* An agent that registered has the name of its activation for a tag. */
static const char *node_tag(const struct node *node, const char *key)
{
    bool is_named = node->name[0] != '\0' && strcmp(key, "Name") == 0;
    return is_named ? node->name : tag_value(node->tags, key);
}

static bool has_value(const struct node *node, const char *key, const char *value, time_t now)
{
    if (strcmp(key, "tag-key") == 0) {
        return node_tag(node, value) != NULL;
    }
    const char *actual = strncmp(key, "tag:", 4) == 0 ? node_tag(node, key + 4) : attribute(node, key, now);
    return actual != NULL && strcmp(actual, value) == 0;
}

static bool matches(const struct node *node, const json_t *filter, time_t now)
{
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(filter_values(filter), i, value)
    {
        if (json_is_string(value) && has_value(node, filter_key(filter), json_string_value(value), now)) {
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

/* In the service's words, as people have quoted them. */
static bool check_filter(const struct api_call *call, const json_t *filter)
{
    const char *key = filter_key(filter), *value = NULL;
    const json_t *values = filter_values(filter);
    if (!is_known_key(key)) {
        api_fail(call, "InvalidFilterKey", "%.100s is not a valid filter key", key);
        return false;
    }
    if (json_array_size(values) == 0) {
        api_fail(call, "InvalidInstanceInformationFilterValue", "A filter needs at least one value");
        return false;
    }
    value = json_string_value(json_array_get(values, 0));
    if (strcmp(key, "ResourceType") != 0) {
        return true;
    }
    if (json_array_size(values) > 1) {
        api_fail(call, "InvalidInstanceInformationFilterValue", "ResourceType filter may contain only one value.");
        return false;
    }
    if (value == NULL || (strcmp(value, "EC2Instance") != 0 && strcmp(value, "ManagedInstance") != 0)) {
        api_fail(call, "InvalidInstanceInformationFilterValue",
                 "ResourceType filter is invalid, valid values are EC2Instance, ManagedInstance");
        return false;
    }
    return true;
}

static bool check_filters(const struct api_call *call, const json_t *filters)
{
    size_t i = 0, tags = 0;
    json_t *filter = NULL;
    json_array_foreach(filters, i, filter)
    {
        if (!check_filter(call, filter)) {
            return false;
        }
        tags += is_tag_key(filter_key(filter)) ? 1 : 0;
    }
    if (tags > 0 && tags < json_array_size(filters)) {
        api_fail(call, "ValidationException", "Cannot mix tag or inventory filter with any other filter.");
        return false;
    }
    return true;
}

/* ---- DescribeInstanceInformation ---- */

static json_t *describe(const struct node *node, time_t now)
{
    json_t *object = json_pack("{s:s,s:s,s:I,s:s,s:b,s:s,s:s,s:s,s:s,s:s,s:s}", "InstanceId", node->id, "PingStatus",
                               node_ping_status(node, now), "LastPingDateTime",
                               (json_int_t)(node->is_builtin && node_is_connected(node) ? now : node->last_ping_at),
                               "AgentVersion", node->agent_version, "IsLatestVersion", agent_update_is_latest(node),
                               "PlatformType", node->platform_type, "PlatformName", node->platform_name,
                               "PlatformVersion", node->platform_version, "ResourceType", node_resource_type(node),
                               "IPAddress", node->ip_address, "ComputerName", node->computer_name);
    if (is_managed_instance(node)) {
        json_object_set_new(object, "Name", json_string(node->name));
        json_object_set_new(object, "ActivationId", json_string(node->activation_id));
        json_object_set_new(object, "IamRole", json_string(NODE_ROLE));
        json_object_set_new(object, "RegistrationDate", json_integer((json_int_t)node->registered_at));
    } else {
        json_object_set_new(object, "SourceId", json_string(node->id));
        json_object_set_new(object, "SourceType", json_string("AWS::EC2::Instance"));
    }
    if (node->is_builtin) {
        json_object_set_new(object, "AssociationStatus", json_string(ASSOCIATION_STATUS));
    }
    return object;
}

static bool is_listed(const struct api_call *call, const struct node *node)
{
    return !node->is_container && !node->is_gone && strcmp(node->region, call->region) == 0;
}

/* A page is filled from the nodes that match; with the fault page_size, it is cut from all of them first and may then
 * be empty, as the service's can be. */
static json_t *describe_page(const struct api_call *call, const json_t *filters, size_t begin, size_t len)
{
    time_t now = lab_time(call->lab);
    size_t index = 0, limit = (size_t)call->lab->faults.page_size;
    json_t *list = json_array();
    json_t *output = json_pack("{s:o}", "InstanceInformationList", list);
    for (const struct node *node = call->lab->nodes->first; node != NULL; node = node->next) {
        if (!is_listed(call, node) || index++ < begin) {
            continue;
        }
        bool is_match = matches_all(node, filters, now);
        if ((limit > 0 && index > begin + limit) || (is_match && json_array_size(list) == len)) {
            api_next_token(output, index - 1, index);
            return output;
        }
        if (is_match) {
            json_array_append_new(list, describe(node, now));
        }
    }
    return output;
}

void api_node_describe(const struct api_call *call)
{
    const json_t *filters = json_object_get(call->input, "Filters");
    const json_t *old_filters = json_object_get(call->input, "InstanceInformationFilterList");
    size_t begin = 0, end = 0;
    if (json_array_size(filters) > 0 && json_array_size(old_filters) > 0) {
        api_fail(call, "ValidationException", "Filters and InstanceInformationFilterList cannot be used together.");
        return;
    }
    filters = json_array_size(filters) > 0 ? filters : old_filters;
    if (check_filters(call, filters) && api_page(call, 5, 50, LAB_LIMIT_NODES, &begin, &end)) {
        api_reply(call, describe_page(call, filters, begin, end - begin));
    }
}

/* ---- GetConnectionStatus ---- */

void api_node_connection_status(const struct api_call *call)
{
    const char *target = api_text(call, "Target", 1, 400);
    if (target != NULL) {
        const struct node *node = node_table_find_in(call->lab->nodes, target, call->region);
        bool is_connected = node != NULL && node_is_connected(node);
        api_reply(call,
                  json_pack("{s:s,s:s}", "Target", target, "Status", is_connected ? "connected" : "notconnected"));
    }
}
