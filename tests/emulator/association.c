#include "tests/emulator/association.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/command_target.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/node_table.h"

#define DELIVERY_SECONDS 2592000 /* a node that is away may take its time */

enum err association_table_new(struct lab *lab, struct association_table **ret_table)
{
    struct association_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return ERR_MEMORY;
    }
    table->lab = lab;
    *ret_table = table;
    return ERR_OK;
}

static void association_free(struct association *association)
{
    if (association != NULL) {
        json_decref(association->content);
        json_decref(association->input);
        free(association);
    }
}

/* The commands are the lab's. */
void association_table_free(struct association_table *table)
{
    while (table != NULL && table->first != NULL) {
        struct association *association = table->first;
        table->first = association->next;
        association_free(association);
    }
    free(table);
}

enum err association_add(struct association_table *table, const struct association *request,
                         struct association **ret_association)
{
    if (table->count >= LAB_LIMIT_ASSOCIATIONS) {
        return ERR_TOO_LONG;
    }
    struct association *association = calloc(1, sizeof *association);
    if (association == NULL) {
        return ERR_MEMORY;
    }
    *association = *request;
    association->content = json_deep_copy(request->content);
    association->input = json_deep_copy(request->input);
    if (association->content == NULL || association->input == NULL) {
        association_free(association);
        return ERR_MEMORY;
    }
    struct uuid id = uuid_v4(&table->lab->chance);
    uuid_to_text(&id, association->id);
    association->created_at = lab_time(table->lab);
    if (table->last == NULL) {
        table->first = association;
    } else {
        table->last->next = association;
    }
    table->last = association;
    table->count++;
    *ret_association = association;
    return ERR_OK;
}

void association_remove(struct association_table *table, struct association *association)
{
    struct association *before = NULL;
    for (struct association *at = table->first; at != association; at = at->next) {
        before = at;
    }
    if (before == NULL) {
        table->first = association->next;
    } else {
        before->next = association->next;
    }
    table->last = table->last == association ? before : table->last;
    table->count--;
    run_command_remove(table->lab->commands, association->command);
    association_free(association);
}

struct association *association_find(const struct association_table *table, const char *id, const char *region)
{
    struct association *at = table->first;
    while (at != NULL && (strcmp(at->id, id) != 0 || strcmp(at->region, region) != 0)) {
        at = at->next;
    }
    return at;
}

static bool is_meant(const struct association *association, const struct node *node)
{
    const json_t *targets = json_object_get(association->input, "Targets");
    return node->is_builtin && command_target_fits(node, association->region, targets) &&
           command_document_is_for(association->content, node->platform_type);
}

enum err association_run(struct association_table *table, struct association *association)
{
    struct lab *lab = table->lab;
    struct command request = {.region = association->region,
                              .content = association->content,
                              .input = association->input,
                              .delivery_seconds = DELIVERY_SECONDS,
                              .is_hidden = true};
    struct node **nodes = calloc(lab->nodes->count + 1, sizeof *nodes);
    struct service_error ignored;
    if (nodes == NULL) {
        return ERR_MEMORY;
    }
    for (struct node *node = lab->nodes->first; node != NULL; node = node->next) {
        if (is_meant(association, node)) {
            nodes[request.count++] = node;
        }
    }
    strcpy(request.document, association->document);
    run_command_remove(lab->commands, association->command);
    association->command = NULL;
    enum err err =
        command_target_limits(association->input, request.count, &request.concurrency, &request.max_errors, &ignored);
    if (err == ERR_OK) {
        err = run_command_add(lab->commands, &request, nodes, &association->command);
    }
    free(nodes);
    association->executed_at = lab_time(lab);
    return err;
}
