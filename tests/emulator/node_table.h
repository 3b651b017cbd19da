/* node_table: the managed nodes that ssm-lab knows: the built-in ones, and those whose agents registered or connected.
 */
#ifndef SSM_LAB_NODE_TABLE_H
#define SSM_LAB_NODE_TABLE_H

#include <openssl/evp.h>

#include "tests/emulator/lab.h"

struct peer;

struct node {
    char id[256];   /* "ecs:..." names are long */
    char name[128]; /* tag Name */
    char activation_id[40];
    char agent_version[32], platform_type[16], platform_name[64], platform_version[32];
    char ip_address[48], computer_name[128];
    bool is_builtin;
    bool is_offline; /* built-in: PingStatus ConnectionLost, no control channel */
    time_t registered_at, last_ping_at;
    EVP_PKEY *public_key; /* of a registered agent; owned */
    char fingerprint[128];
    struct peer *control;   /* its control channel; borrowed */
    char control_token[80]; /* what CreateControlChannel gave out last */
    struct node *next;
};

struct node_table {
    struct node *first, *last; /* in order of creation */
    size_t count;
};

/* With the built-in nodes of the lab's contract, unless switched off. */
enum err node_table_new(struct lab *lab, struct node_table **ret_table) SSM_MUST_USE;
void node_table_free(struct node_table *table);

struct node *node_table_find(const struct node_table *table, const char *id);
/* ERR_TOO_LONG: an overlong id, or a full table. */
enum err node_table_add(struct node_table *table, const char *id, time_t now, struct node **ret_node) SSM_MUST_USE;

/* StartSession works: a control channel is open (a built-in node always has one unless it is offline). */
bool node_is_connected(const struct node *node);
/* "Online", "ConnectionLost" or "Inactive". */
const char *node_ping_status(const struct node *node, time_t now);
/* "EC2Instance" or "ManagedInstance". */
const char *node_resource_type(const struct node *node);

#endif
