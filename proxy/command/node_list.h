/* node_list: the names by which `ssh` may call the nodes of an account and region, kept in a file for core/node_names.
 *
 * The file's first line says whose names they are, in which region: a list of another account or region leaves it
 * alone. */
#ifndef SSM_PROXY_COMMAND_NODE_LIST_H
#define SSM_PROXY_COMMAND_NODE_LIST_H

#include "proxy/command/node_page.h"

/* Grows. Zero-initialised is empty; AUTO(node_list_free). */
struct node_list {
    char **names;
    size_t count;
    size_t size;
};

void node_list_free(struct node_list *list);

/* Adds the page's names; those that core/node_names does not keep are left out. */
enum err node_list_add(struct node_list *list, const struct node_page *page) SSM_MUST_USE;

/* Writes the file `path`, sorted, each name once, for client->account, whose credentials are there. Errors with words
 * in client->why; then the file is as before. */
enum err node_list_store(struct node_list *list, struct client *client, const char *path,
                         size_t *ret_count) SSM_MUST_USE;

/* Is there such a file, and are its names those of client->account? False also when it cannot be read. */
bool node_list_is_kept(const struct client *client, const char *path);

#endif
