#include "proxy/command/node_page.h"

#include "common/auto.h"
#include "proxy/edge/clock.h"

#define PAGE_US (INT64_C(60) * 1000 * 1000)  /* for each: a fleet may take minutes */
#define EXTRA_US (INT64_C(10) * 1000 * 1000) /* for what a list can do without */

static void free_page(struct node_page *page)
{
    ssm_api_nodes_free(&page->nodes);
    ec2_api_instances_free(&page->instances);
}

const struct ec2_api_instance *node_page_instance(const struct node_page *page, const struct ssm_api_node *node)
{
    for (size_t i = 0; i < page->instances.count; i++) {
        if (strcmp(page->instances.items[i].id, node->instance_id) == 0) {
            return &page->instances.items[i];
        }
    }
    return NULL;
}

const char *node_page_name(const struct node_page *page, const struct ssm_api_node *node)
{
    const struct ec2_api_instance *instance = node_page_instance(page, node);
    if (instance != NULL && instance->name[0] != '\0') {
        return instance->name;
    }
    return node->name[0] != '\0' ? node->name : node->computer_name;
}

static enum err read_instances(struct client *client, struct node_page *page)
{
    const char *ids[LIMIT_API_PAGE];
    struct ec2_api_describe which = {.instance_ids = ids};
    for (size_t i = 0; i < page->nodes.count; i++) {
        if (strncmp(page->nodes.items[i].instance_id, "i-", 2) == 0) {
            ids[which.instance_id_count++] = page->nodes.items[i].instance_id;
        }
    }
    if (which.instance_id_count == 0) {
        return ERR_OK;
    }
    return inventory_instance_page(client, &which, clock_mono_us() + EXTRA_US, &page->instances);
}

enum err node_page_visit(struct client *client, const struct node_page_walk *walk)
{
    AUTO_FREE char *token = NULL;
    bool has_ec2 = true;
    for (;;) {
        AUTO(free_page) struct node_page page = {.nodes = {0}};
        struct ssm_api_describe_nodes which = walk->which;
        which.next_token = token;
        client->deadline_us = clock_mono_us() + PAGE_US;
        TRY(client_resolve(client, true, client->deadline_us));
        TRY(inventory_node_page(client, &which, client->deadline_us, &page.nodes));
        enum err err = has_ec2 ? read_instances(client, &page) : ERR_OK;
        has_ec2 = has_ec2 && err == ERR_OK;
        TRY(err == ERR_OK ? err : walk->forgive(walk->context, err));
        TRY(walk->visit(walk->context, &page));
        free(token);
        token = MOVE(page.nodes.next_token);
        if (token == NULL) {
            return ERR_OK;
        }
    }
}
