#include "tests/emulator/node_control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/instance.h"
#include "tests/emulator/node_table.h"
#include "tests/emulator/settings.h"

/* What a POST may have, each by a function that gives the reason why it cannot be, or NULL. */
static const struct setting members[] = {
    {"ports", ACTION_OBJECT, 0},         {"console", ACTION_OBJECT, 0}, {"platform", ACTION_OBJECT, 0},
    {"agent_version", ACTION_OBJECT, 0}, {"replace", ACTION_LIST, 0},   {"swap_names", ACTION_LIST, 0},
};

/* ---- ports ---- */

static bool parse_port(const char *text, uint16_t *ret_port)
{
    int64_t port = 0;
    bool is_port = text_parse_decimal(text, 1, 65535, &port) == ERR_OK;
    *ret_port = (uint16_t)port;
    return is_port;
}

/* {"22":31234}: these, and no others. */
static const char *set_ports(struct node *node, json_t *wanted)
{
    const char *from = NULL;
    json_t *to = NULL;
    size_t count = 0;
    json_object_foreach(wanted, from, to)
    {
        json_int_t port = json_integer_value(to);
        if (count == NODE_PORTS || port < 1 || port > 65535 || !parse_port(from, &node->ports[count].from)) {
            return "ports needs {\"NODE\":{\"22\":PORT}}, a few of them";
        }
        node->ports[count++].to = (uint16_t)port;
    }
    node->port_count = count;
    return NULL;
}

/* ---- what a node is ---- */

static const char *set_text(char *place, size_t size, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || text[0] == '\0' || strlen(text) >= size) {
        return "platform and agent_version need short texts";
    }
    snprintf(place, size, "%s", text);
    return NULL;
}

static const char *set_of_node(struct node *node, const char *member, json_t *value)
{
    if (strcmp(member, "ports") == 0) {
        return set_ports(node, value);
    }
    return strcmp(member, "platform") == 0 ? set_text(node->platform_type, sizeof node->platform_type, value)
                                           : set_text(node->agent_version, sizeof node->agent_version, value);
}

static const char *set_nodes(struct lab *lab, const char *member, json_t *wanted)
{
    const char *id = NULL, *problem = NULL;
    json_t *value = NULL;
    json_object_foreach(wanted, id, value)
    {
        struct node *node = node_table_find(lab->nodes, id);
        problem = problem != NULL                     ? problem
                  : node == NULL || !node->is_builtin ? "no such built-in node"
                                                      : set_of_node(node, member, value);
    }
    return problem;
}

static const char *set_consoles(struct lab *lab, json_t *wanted)
{
    const char *id = NULL;
    json_t *value = NULL;
    json_object_foreach(wanted, id, value)
    {
        struct instance *instance = instance_find(lab->instances, id, NULL);
        if (instance == NULL || (!json_is_string(value) && !json_is_null(value))) {
            return "console needs ids of instances, and texts";
        }
        if (instance_set_console(instance, json_string_value(value)) != ERR_OK) {
            return "no memory";
        }
    }
    return NULL;
}

/* ---- machines that come and go ---- */

static const char *replace(struct lab *lab, const json_t *ids, json_t *replaced)
{
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        struct instance *old = id == NULL ? NULL : instance_find(lab->instances, id, NULL), *instance = NULL;
        if (old == NULL || node_table_find(lab->nodes, id) == NULL) {
            return "replace needs ids of instances that are managed nodes";
        }
        if (instance_replace(old, &instance) != ERR_OK) {
            return "the new machine could not be made";
        }
        json_object_set_new(replaced, id, json_string(instance->id));
    }
    return NULL;
}

static const char *swap_names(struct lab *lab, const json_t *ids)
{
    const char *first = json_string_value(json_array_get(ids, 0)), *second = json_string_value(json_array_get(ids, 1));
    struct instance *one = first == NULL ? NULL : instance_find(lab->instances, first, NULL);
    struct instance *other = second == NULL ? NULL : instance_find(lab->instances, second, NULL);
    if (json_array_size(ids) != 2 || one == NULL || other == NULL) {
        return "swap_names needs two ids of instances";
    }
    const char *name = tag_value(one->tags, "Name");
    instance_set_name(one, tag_value(other->tags, "Name"));
    instance_set_name(other, name);
    return NULL;
}

/* ---- the answer ---- */

static json_t *describe(const struct node *node)
{
    json_t *ports = json_object();
    for (size_t i = 0; i < node->port_count; i++) {
        char from[8];
        snprintf(from, sizeof from, "%u", (unsigned)node->ports[i].from);
        json_object_set_new(ports, from, json_integer(node->ports[i].to));
    }
    return json_pack("{s:s,s:s,s:b,s:s,s:s,s:o}", "id", node->id, "name", node->name, "connected",
                     node_is_connected(node), "platform", node->platform_type, "agent_version", node->agent_version,
                     "ports", ports);
}

static json_t *show(const struct lab *lab, json_t *replaced)
{
    json_t *nodes = json_array();
    for (const struct node *node = lab->nodes->first; node != NULL; node = node->next) {
        if (!node->is_light && !node->is_gone) {
            json_array_append_new(nodes, describe(node));
        }
    }
    return json_pack("{s:o,s:o}", "nodes", nodes, "replaced", replaced);
}

static const char *act(struct lab *lab, const char *member, json_t *value, json_t *replaced)
{
    return strcmp(member, "replace") == 0      ? replace(lab, value, replaced)
           : strcmp(member, "swap_names") == 0 ? swap_names(lab, value)
           : strcmp(member, "console") == 0    ? set_consoles(lab, value)
                                               : set_nodes(lab, member, value);
}

json_t *node_control(struct lab *lab, json_t *object, int *ret_status)
{
    const struct settings settings = {members, sizeof members / sizeof members[0], "member"};
    char memory[200];
    struct text problem = text_in(memory, sizeof memory);
    json_t *replaced = json_object(), *value = NULL;
    const char *member = NULL, *why = NULL;
    if (object != NULL && settings_apply(&settings, lab, object, &problem) != ERR_OK) {
        why = memory;
    }
    if (object != NULL && why == NULL) {
        json_object_foreach(object, member, value)
        {
            why = why == NULL ? act(lab, member, value, replaced) : why;
        }
    }
    *ret_status = why == NULL ? 200 : 400;
    if (why != NULL) {
        json_decref(replaced);
        return json_pack("{s:s}", "error", why);
    }
    return show(lab, replaced);
}
