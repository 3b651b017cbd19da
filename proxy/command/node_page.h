/* node_page: the nodes of an account and region, page by page: what Systems Manager says of them, and what EC2 knows of
 * those that are instances. No more than one page is in memory. */
#ifndef SSM_PROXY_COMMAND_NODE_PAGE_H
#define SSM_PROXY_COMMAND_NODE_PAGE_H

#include "proxy/command/inventory.h"

struct node_page {
    struct ssm_api_nodes nodes;
    struct ec2_api_instances instances; /* without those that EC2 does not know */
};

/* The instance that the node is; NULL for a hybrid node and for one that EC2 does not know. */
const struct ec2_api_instance *node_page_instance(const struct node_page *page, const struct ssm_api_node *node);

/* Its tag Name, else what it is registered as, else its computer's name; "" when it has none. */
const char *node_page_name(const struct node_page *page, const struct ssm_api_node *node);

struct node_page_walk {
    struct ssm_api_describe_nodes which; /* without a page's token */
    void *context;
    enum err (*visit)(void *context, const struct node_page *page); /* an error of its own ends the walk */
    /* EC2 gave `err`, with words in client->why: ERR_OK to do without it from there on, else what the walk ends with.
     */
    enum err (*forgive)(void *context, enum err err);
};

/* Credentials are resolved anew where a page needs it. Errors as inventory.h has them, and the two functions'. */
enum err node_page_visit(struct client *client, const struct node_page_walk *walk) SSM_MUST_USE;

#endif
