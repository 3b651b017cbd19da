#include "tests/emulator/node_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/agent_core.h"
#include "tests/emulator/lab_limits.h"

static const struct {
    const char *id, *name;
    bool is_offline;
} builtin[] = {
    {"i-0123456789abcdef0", "node", false},    {"i-0fedcba9876543210", "node-2", false},
    {"mi-0123456789abcdef0", "hybrid", false}, {"i-0aaaaaaaaaaaaaaa1", "twin", false},
    {"i-0aaaaaaaaaaaaaaa2", "twin", false},    {"i-0badbadbadbadbad0", "offline", true},
};

enum err node_table_add(struct node_table *table, const char *id, time_t now, struct node **ret_node)
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

static enum err add_builtin(struct node_table *table, size_t i, time_t now)
{
    struct node *node = NULL;
    TRY(node_table_add(table, builtin[i].id, now, &node));
    snprintf(node->name, sizeof node->name, "%s", builtin[i].name);
    snprintf(node->agent_version, sizeof node->agent_version, "%s", AGENT_CORE_VERSION);
    snprintf(node->platform_name, sizeof node->platform_name, "Debian GNU/Linux");
    snprintf(node->platform_version, sizeof node->platform_version, "12");
    snprintf(node->ip_address, sizeof node->ip_address, "10.0.0.%zu", i + 10);
    snprintf(node->computer_name, sizeof node->computer_name, "ip-10-0-0-%zu.ec2.internal", i + 10);
    node->is_builtin = true;
    node->is_offline = builtin[i].is_offline;
    if (node->is_offline) {
        node->last_ping_at = now - 3600;
    }
    return ERR_OK;
}

enum err node_table_new(struct lab *lab, struct node_table **ret_table)
{
    struct node_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; lab->options.has_builtin_nodes && i < sizeof builtin / sizeof builtin[0]; i++) {
        enum err err = add_builtin(table, i, lab_time(lab));
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
