/* node_list: the names by which `ssh` may call the nodes of an account and region, kept in a file for core/node_names.
 */
#ifndef SSM_PROXY_COMMAND_NODE_LIST_H
#define SSM_PROXY_COMMAND_NODE_LIST_H

#include "proxy/command/client.h"

/* Asks Systems Manager for the nodes and EC2 for the names of those that are instances, and writes the file `path`,
 * sorted, each name once. Names that core/node_names cannot use are left out. A refusal of EC2 is said in one line, and
 * the names of hybrid nodes are kept. Errors with words in client->why; then the file is as before. */
enum err node_list_store(struct client *client, const char *path, size_t *ret_count) SSM_MUST_USE;

#endif
