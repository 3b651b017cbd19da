/* wait_node: until a node can take a session (--wait), started first where that is asked for (--start). */
#ifndef SSM_PROXY_COMMAND_WAIT_NODE_H
#define SSM_PROXY_COMMAND_WAIT_NODE_H

#include "proxy/command/client.h"

struct wait_node {
    const char *name;    /* what the person calls the node */
    const char *id;      /* of it */
    int64_t deadline_us; /* monotonic */
    bool may_start;      /* StartInstances when it is stopped */
    bool was_started;    /* by us */
    bool is_unknown;     /* whether it is connected: GetConnectionStatus must not be asked */
    int rounds;          /* of wait_node */
    char failure[320];   /* of the last look; "": it has only told that the node is not connected */
};

/* Call it again when StartSession says all the same that the node is not connected: that has a pause of its own.
 *
 * Asks GetConnectionStatus (PingStatus is no answer: an agent can be online long before it takes sessions), with
 * growing pauses; failures that pass are waited out. ERR_OK: it is connected, or is_unknown is set and StartSession
 * knows. ERR_TIMEOUT: the deadline. ERR_DENIED: it may not be started.
 * ERR_NO_TARGET: it is terminated. ERR_INTERRUPTED: a signal came. */
enum err wait_node(struct client *client, struct wait_node *wait) SSM_MUST_USE;

#endif
