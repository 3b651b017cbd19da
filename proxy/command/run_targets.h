/* run_targets: the nodes that a command is for, from a person's words: ids and names, up to COMMAND_API_NODES_MAX, or
 * tags, of which Systems Manager itself finds the nodes. */
#ifndef SSM_PROXY_COMMAND_RUN_TARGETS_H
#define SSM_PROXY_COMMAND_RUN_TARGETS_H

#include "proxy/command/node_choice.h"
#include "proxy/core/command_api.h"

struct run_targets_node {
    char id[LIMIT_TARGET + 1];
    char word[LIMIT_TARGET + 1]; /* what the person called it */
};

/* Zero-initialise. Owned; run_targets_free. */
struct run_targets {
    struct node_choice first; /* what the client is open with is borrowed from it */
    char **words;
    size_t word_count;
    struct run_targets_node *nodes;
    size_t node_count;
    struct command_api_target tags[COMMAND_API_TARGETS_MAX];
    char tag_keys[COMMAND_API_TARGETS_MAX][sizeof "tag:" + LIMIT_TAG_KEY];
    size_t tag_count;
};

/* Takes the words apart at commas. ERR_USAGE with words: one that is no target, container tasks, tags beside nodes, too
 * many. ERR_CONFIG: the file of aliases. Nobody is asked anything. */
enum err run_targets_read(struct run_targets *targets, const char *const *arguments, size_t count,
                          const struct aws_config_flags *flags, struct text *ret_why) SSM_MUST_USE;

/* client_open where the nodes are, and the ids of all names. With words in client->why: ERR_USAGE, they are not in one
 * region; others as find_node. After an error client_close is safe. */
enum err run_targets_open(struct run_targets *targets, struct client *client, const struct aws_config_flags *flags,
                          int64_t timeout_us) SSM_MUST_USE;

/* What the person called the node; NULL: it was not named. */
const char *run_targets_word(const struct run_targets *targets, const char *id);

/* Its position in `nodes`, which are in the order of the words; node_count: it was not named. */
size_t run_targets_position(const struct run_targets *targets, const char *id);

void run_targets_free(struct run_targets *targets);

#endif
