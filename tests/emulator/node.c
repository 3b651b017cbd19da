#include "tests/emulator/node.h"

#include <string.h>

/* An agent pings every 5 minutes. */
#define PING_FRESH_SECONDS (15 * 60)

bool node_is_connected(const struct node *node)
{
    return node->is_builtin ? !node->is_offline && !node->has_no_machine : node->control != NULL;
}

uint16_t node_port(const struct node *node, uint16_t port)
{
    for (size_t i = 0; i < node->port_count; i++) {
        if (node->ports[i].from == port) {
            return node->ports[i].to;
        }
    }
    return port;
}

const char *node_ping_status(const struct node *node, time_t now)
{
    if (node->is_builtin) {
        return node_is_connected(node) ? "Online" : "ConnectionLost";
    }
    return node->control != NULL || now - node->last_ping_at < PING_FRESH_SECONDS ? "Online" : "ConnectionLost";
}

const char *node_resource_type(const struct node *node)
{
    return strncmp(node->id, "mi-", 3) == 0 ? "ManagedInstance" : "EC2Instance";
}
