/* find_node: which node a person's word means.
 *
 *     id            itself, without a question to anybody
 *     tag, name     DescribeInstanceInformation with a filter for the tag; of several, those do not count whose agent
 *                   is silent and whose instance EC2 has terminated. For the last way to read a name also: hybrid
 *                   nodes that are registered under it or whose computer has it, and EC2 instances with that tag that
 *                   Systems Manager does not know (yet)
 *     address, DNS  EC2's DescribeInstances with a filter; then hybrid nodes by what their agent tells of itself. Where
 *                   EC2 may not be asked, every node by what its agent tells
 *
 * Names are matched exactly: case counts, except in the names of computers. */
#ifndef SSM_PROXY_COMMAND_FIND_NODE_H
#define SSM_PROXY_COMMAND_FIND_NODE_H

#include "proxy/command/client.h"
#include "proxy/core/target.h"

/* `is_last`: the name is read in no other way. With words in client->why: ERR_NO_TARGET; ERR_AMBIGUOUS, several, which
 * are listed; ERR_DENIED, which names the permission; ERR_INTERRUPTED: a signal came; others as the services give them.
 */
enum err find_node(struct client *client, const struct target *target, bool is_last,
                   char ret_id[LIMIT_TARGET + 1]) SSM_MUST_USE;

#endif
