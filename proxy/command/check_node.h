/* check_node: the checks of `ssm-proxy doctor` about one node: what is known of it, and whether it can be reached. */
#ifndef SSM_PROXY_COMMAND_CHECK_NODE_H
#define SSM_PROXY_COMMAND_CHECK_NODE_H

#include "proxy/command/checkup.h"

/* checkup->client is open, with credentials. Errors are those of reporting alone. */
enum err check_node_run(struct checkup *checkup) SSM_MUST_USE;

#endif
