/* node: one managed node: what is known of it, and whether it can be reached. */
#ifndef SSM_LAB_NODE_H
#define SSM_LAB_NODE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "tests/emulator/tag.h"

struct peer;

/* Ports of a node that are elsewhere on this machine. */
#define NODE_PORTS 8

struct node {
    char id[256];           /* "ecs:..." names are long */
    const char *region;     /* borrowed from the options */
    char name[128];         /* tag Name, or what a registration named it */
    const struct tag *tags; /* of a built-in node; borrowed, or own_tags */
    struct tag own_tags[3]; /* of a light node; borrowed but for the name */
    char activation_id[40];
    char agent_version[32], platform_type[16], platform_name[64], platform_version[32];
    char ip_address[48], computer_name[128];
    bool is_builtin;
    bool is_light;       /* built-in, of --light-nodes: Run Command is answered without running anything */
    bool is_container;   /* built-in: an ECS task, which no list shows */
    bool is_offline;     /* built-in: PingStatus ConnectionLost, no control channel */
    bool is_gone;        /* built-in: another machine has its place, and Systems Manager has forgotten it */
    bool has_no_machine; /* built-in: the same, because its instance does not run */
    struct {
        uint16_t from, to;
    } ports[NODE_PORTS];
    size_t port_count;
    time_t registered_at, last_ping_at;
    EVP_PKEY *public_key; /* of a registered agent; owned */
    char fingerprint[128];
    struct peer *control;   /* its control channel; borrowed */
    char control_token[80]; /* what CreateControlChannel gave out last */
    struct node *next;
};

/* StartSession works: a control channel is open (a built-in node always has one unless it is offline). */
bool node_is_connected(const struct node *node);
/* Where localhost:`port` of the node is on this machine. */
uint16_t node_port(const struct node *node, uint16_t port);
/* "Online", "ConnectionLost" or "Inactive". */
const char *node_ping_status(const struct node *node, time_t now);
/* "EC2Instance" or "ManagedInstance". */
const char *node_resource_type(const struct node *node);

#endif
