/* node_table: the managed nodes that ssm-lab knows: the built-in ones, and those whose agents registered or connected.
 */
#ifndef SSM_LAB_NODE_TABLE_H
#define SSM_LAB_NODE_TABLE_H

#include "tests/emulator/lab.h"
#include "tests/emulator/node.h"

struct node_table {
    struct node *first, *last; /* in order of creation */
    size_t count;
};

/* With the built-in nodes of the lab's contract, unless switched off. */
enum err node_table_new(struct lab *lab, struct node_table **ret_table) SSM_MUST_USE;
void node_table_free(struct node_table *table);

struct node *node_table_find(const struct node_table *table, const char *id);
/* NULL as well when the node is in another region, or gone. */
struct node *node_table_find_in(const struct node_table *table, const char *id, const char *region);
/* A machine of the lab's own; `machine` is borrowed for the call, its tags for good. */
struct inventory_machine;
enum err node_table_add_builtin(struct node_table *table, const struct inventory_machine *machine, const char *region,
                                time_t now) SSM_MUST_USE;
/* `region` is borrowed. ERR_TOO_LONG: an overlong id, or a full table. */
enum err node_table_add(struct node_table *table, const char *id, const char *region, time_t now,
                        struct node **ret_node) SSM_MUST_USE;

#endif
