/* inventory: what Systems Manager and EC2 say about nodes, as client->account, whose credentials are there. On a
 * failure client->why has the service's words. */
#ifndef SSM_PROXY_COMMAND_INVENTORY_H
#define SSM_PROXY_COMMAND_INVENTORY_H

#include "proxy/command/client.h"
#include "proxy/core/ec2_api.h"
#include "proxy/core/ssm_api.h"

/* Pages that one question looks at: 20 000 nodes. */
#define INVENTORY_PAGES_MAX 400

/* Gets node after node; false: enough. */
typedef bool inventory_node_visitor(void *context, const struct ssm_api_node *node);
typedef bool inventory_instance_visitor(void *context, const struct ec2_api_instance *instance);

/* DescribeInstanceInformation, page by page; pages may be empty. ERR_TOO_LONG over INVENTORY_PAGES_MAX. */
enum err inventory_nodes(struct client *client, struct ssm_api_describe_nodes which, int64_t deadline_us,
                         inventory_node_visitor *visit, void *context) SSM_MUST_USE;

/* One page of it; which->next_token is of the page before. Earlier nodes in ret_nodes are freed. */
enum err inventory_node_page(struct client *client, const struct ssm_api_describe_nodes *which, int64_t deadline_us,
                             struct ssm_api_nodes *ret_nodes) SSM_MUST_USE;

/* EC2's DescribeInstances, likewise. */
enum err inventory_instances(struct client *client, struct ec2_api_describe which, int64_t deadline_us,
                             inventory_instance_visitor *visit, void *context) SSM_MUST_USE;

enum err inventory_instance_page(struct client *client, const struct ec2_api_describe *which, int64_t deadline_us,
                                 struct ec2_api_instances *ret_instances) SSM_MUST_USE;

/* GetConnectionStatus: could the node take a session now? */
enum err inventory_is_connected(struct client *client, const char *id, int64_t deadline_us,
                                bool *ret_is_connected) SSM_MUST_USE;

/* EC2's StartInstances. */
enum err inventory_start(struct client *client, const char *id, int64_t deadline_us) SSM_MUST_USE;

#endif
