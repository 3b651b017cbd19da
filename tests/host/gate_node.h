/* gate_node: a node for the module in one folder and one process, without root: who runs the test stands for root, this
 * process for sshd's monitor, a child for the agent's session worker. */
#ifndef SSM_TESTS_HOST_GATE_NODE_H
#define SSM_TESTS_HOST_GATE_NODE_H

#include "tests/host/test_paths.h"

#include <stdbool.h>
#include <time.h>

#define GATE_NODE_SESSION "alice-0a1b2c3d4e5f67890"
#define GATE_NODE_OWNER "arn:aws:iam::123456789012:user/alice"

struct gate_node {
    char root[64];
    struct test_paths tree;
    pid_t worker;
    time_t started;       /* the worker */
    int server;           /* our end of its connection */
    char connection[128]; /* SSH_CONNECTION */
};

/* Ends the program when anything cannot be had. */
void gate_node_make(struct gate_node *node);
void gate_node_remove(struct gate_node *node);

/* What is beside host.conf, which says where the worker and the audit log lie. */
void gate_node_set_policy(const struct gate_node *node, const char *policy);

/* Writes, or removes, the agent's state file. `start_s` is added to the start time in it. */
void gate_node_set_state(const struct gate_node *node, const char *document, int start_s);
void gate_node_remove_state(const struct gate_node *node);

/* A grant of a minute, bound to the session. */
void gate_node_grant(const struct gate_node *node, const char *session_id);

/* Ends and begins the worker, its connection and its state file. */
void gate_node_stop_worker(struct gate_node *node);
void gate_node_start_worker(struct gate_node *node);

/* Writes a file below the root. */
void gate_node_put(const struct gate_node *node, const char *name, const char *text, unsigned mode);
/* Reads one whole, for the caller to free; "" when it is not there. */
char *gate_node_get(const struct gate_node *node, const char *name);

#endif
