/* node_choice: from a person's word for a node to a run that reaches it: aliases are read, and the ways to read the
 * word are tried one after another, each with its own region and profile. */
#ifndef SSM_PROXY_COMMAND_NODE_CHOICE_H
#define SSM_PROXY_COMMAND_NODE_CHOICE_H

#include "proxy/command/client.h"
#include "proxy/core/target_plan.h"

struct node_choice {
    struct aliases aliases;
    struct target_plan plan;
    const struct target_way *way; /* the one that the run is open for */
    char id[LIMIT_TARGET + 1];    /* of the node; "" before it is known */
};

/* Reads the person's aliases (not for an id) and takes `text` apart. With words: ERR_USAGE, no target, or a region or
 * profile in it that contradicts `flags`; ERR_CONFIG, the file of aliases. */
enum err node_choice_read(struct node_choice *choice, const char *text, const struct aws_config_flags *flags,
                          struct text *ret_why) SSM_MUST_USE;

/* The person's aliases; none without a file. ERR_CONFIG with words. */
enum err node_choice_aliases(struct aliases *aliases, struct text *ret_why) SSM_MUST_USE;

/* client_open for the way that leads to a node. Where the word is read in one way alone nobody is asked, so that the
 * caller can do so while other things go on; otherwise credentials are resolved, and the node is found. After an error
 * client_close is safe. */
enum err node_choice_open(struct node_choice *choice, struct client *client, const struct aws_config_flags *flags,
                          int64_t connect_timeout_us) SSM_MUST_USE;

/* Finds the node, unless node_choice_open has; the credentials are there. Errors as find_node. */
enum err node_choice_find(struct node_choice *choice, struct client *client) SSM_MUST_USE;

void node_choice_free(struct node_choice *choice); /* safe to repeat; what the run was opened with is gone then */

#endif
