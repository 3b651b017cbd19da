/* find_node: which node a person's word means. */
#ifndef SSM_PROXY_COMMAND_FIND_NODE_H
#define SSM_PROXY_COMMAND_FIND_NODE_H

#include "proxy/command/run.h"
#include "proxy/core/target.h"

/* The id of the node that `target` means: its own when it is one, else by the Name tag. ERR_NO_TARGET: none, or several
 * (run->why lists them). ERR_INTERRUPTED: a signal came. Others as core/ssm_api and edge/https give them. */
enum err find_node(struct run *run, const struct target *target, char ret_id[LIMIT_TARGET + 1]) SSM_MUST_USE;

#endif
