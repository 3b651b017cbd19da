/* command_job: what `run` and `agent update` have in common: a command for the nodes of some words: sent, watched,
 * and what came of it printed. */
#ifndef SSM_PROXY_COMMAND_COMMAND_JOB_H
#define SSM_PROXY_COMMAND_COMMAND_JOB_H

#include "common/json_view.h"
#include "proxy/command/proxy_options.h"
#include "proxy/command/run_targets.h"

struct command_job {
    const struct options *options;
    const char *const *words; /* of the nodes; borrowed */
    size_t word_count;

    /* Sets document and parameters, for nodes that are known; the client is open. With words in client->why. */
    enum err (*prepare)(struct command_job *job, struct command_api_send *send);

    struct client client;
    struct run_targets targets;
    json_t *parameters; /* owned */
};

/* Options that every job takes. */
#define COMMAND_JOB_OPTIONS                                                                                            \
    (OPTIONS_AWS | OPTION_BIT(OPTION_CONCURRENCY) | OPTION_BIT(OPTION_MAX_ERRORS) | OPTION_BIT(OPTION_TIMEOUT) |       \
     OPTION_BIT(OPTION_REASON) | OPTION_BIT(OPTION_S3_BUCKET) | OPTION_BIT(OPTION_S3_PREFIX) |                         \
     OPTION_BIT(OPTION_CLOUDWATCH_LOG_GROUP) | OPTION_BIT(OPTION_STREAM) | OPTION_BIT(OPTION_NO_WAIT) |                \
     OPTION_BIT(OPTION_OUTPUT))

/* Sends it, and waits for it unless --no-wait. Gives the exit code, after what there is to say. */
int command_job_run(struct command_job *job);

/* Waits for a command that was sent before, unless --no-wait, and prints what came of it: on all its nodes, or on those
 * that are named. */
int command_job_show(struct command_job *job, const char *command_id);

#endif
