#include "tests/emulator/node_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/agent_core.h"
#include "tests/emulator/inventory.h"
#include "tests/emulator/lab_limits.h"

enum err node_table_add(struct node_table *table, const char *id, const char *region, time_t now,
                        struct node **ret_node)
{
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        return ERR_MEMORY;
    }
    if (strlen(id) >= sizeof node->id || table->count >= LAB_LIMIT_NODES) {
        free(node);
        return ERR_TOO_LONG;
    }
    strcpy(node->id, id);
    strcpy(node->platform_type, "Linux");
    node->region = region;
    node->registered_at = now;
    node->last_ping_at = now;
    if (table->last != NULL) {
        table->last->next = node;
    } else {
        table->first = node;
    }
    table->last = node;
    table->count++;
    *ret_node = node;
    return ERR_OK;
}

/* Last heard of before the lab began: the agent that is lost an hour ago, the one whose machine was stopped, two. */
#define LOST_BEFORE_SECONDS 3600
#define STOPPED_BEFORE_SECONDS 7200

enum err node_table_add_builtin(struct node_table *table, const struct inventory_machine *machine, const char *region,
                                time_t now)
{
    struct node *node = NULL;
    TRY(node_table_add(table, machine->id, region, now, &node));
    const char *name = tag_value(machine->tags, "Name");
    snprintf(node->name, sizeof node->name, "%s", name == NULL ? "" : name);
    snprintf(node->agent_version, sizeof node->agent_version, "%s", AGENT_CORE_VERSION);
    snprintf(node->platform_name, sizeof node->platform_name, "Debian GNU/Linux");
    snprintf(node->platform_version, sizeof node->platform_version, "12");
    snprintf(node->ip_address, sizeof node->ip_address, "10.0.0.%u", machine->number);
    snprintf(node->computer_name, sizeof node->computer_name, "ip-10-0-0-%u.ec2.internal", machine->number);
    node->tags = machine->tags;
    node->is_builtin = true;
    node->is_container = machine->kind == INVENTORY_ECS;
    node->is_offline = machine->is_agent_lost;
    node->has_no_machine = machine->kind == INVENTORY_EC2 && machine->state != INSTANCE_RUNNING;
    if (node->is_offline || node->has_no_machine) {
        node->last_ping_at = now - (node->is_offline ? LOST_BEFORE_SECONDS : STOPPED_BEFORE_SECONDS);
    }
    return ERR_OK;
}

/* Hybrid nodes, so that EC2 need not know them: mi-00000000000000001 has the name light-0001. */
static enum err add_light(struct node_table *table, unsigned number, const char *region, time_t now)
{
    struct node *node = NULL;
    char id[24];
    snprintf(id, sizeof id, "mi-%017x", number);
    TRY(node_table_add(table, id, region, now, &node));
    snprintf(node->name, sizeof node->name, "light-%04u", number);
    snprintf(node->agent_version, sizeof node->agent_version, "%s", AGENT_CORE_VERSION);
    snprintf(node->platform_name, sizeof node->platform_name, "Debian GNU/Linux");
    snprintf(node->platform_version, sizeof node->platform_version, "12");
    snprintf(node->ip_address, sizeof node->ip_address, "10.1.%u.%u", number / 256, number % 256);
    snprintf(node->computer_name, sizeof node->computer_name, "%.20s", node->name);
    node->own_tags[0] = (struct tag){"Name", node->name};
    node->own_tags[1] = (struct tag){"Fleet", "light"};
    node->tags = node->own_tags;
    node->is_builtin = true;
    node->is_light = true;
    return ERR_OK;
}

enum err node_table_new(struct lab *lab, struct node_table **ret_table)
{
    struct node_table *table = calloc(1, sizeof *table);
    const struct inventory_machine *machine = NULL;
    if (table == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; lab->options.has_builtin_nodes && (machine = inventory_machine(i)) != NULL; i++) {
        const char *region = machine->is_elsewhere ? lab->options.other_region : lab->options.region;
        if (!machine->has_registered || region == NULL) {
            continue;
        }
        enum err err = node_table_add_builtin(table, machine, region, lab_time(lab));
        if (err != ERR_OK) {
            node_table_free(table);
            return err;
        }
    }
    for (int i = 1; i <= lab->options.light_nodes; i++) {
        enum err err = add_light(table, (unsigned)i, lab->options.region, lab_time(lab));
        if (err != ERR_OK) {
            node_table_free(table);
            return err;
        }
    }
    *ret_table = table;
    return ERR_OK;
}

void node_table_free(struct node_table *table)
{
    if (table == NULL) {
        return;
    }
    struct node *node = table->first;
    while (node != NULL) {
        struct node *next = node->next;
        EVP_PKEY_free(node->public_key);
        free(node);
        node = next;
    }
    free(table);
}

struct node *node_table_find(const struct node_table *table, const char *id)
{
    for (struct node *node = table->first; node != NULL; node = node->next) {
        if (strcmp(node->id, id) == 0) {
            return node;
        }
    }
    return NULL;
}

struct node *node_table_find_in(const struct node_table *table, const char *id, const char *region)
{
    struct node *node = node_table_find(table, id);
    return node != NULL && !node->is_gone && strcmp(node->region, region) == 0 ? node : NULL;
}
