/* run_request: which document `run` sends to the nodes, and with which parameters. */
#ifndef SSM_PROXY_COMMAND_RUN_REQUEST_H
#define SSM_PROXY_COMMAND_RUN_REQUEST_H

#include "common/json_view.h"
#include "proxy/command/client.h"
#include "proxy/command/proxy_options.h"
#include "proxy/command/run_targets.h"

/* Zero-initialise. Owned; run_request_free. */
struct run_request {
    json_t *parameters;   /* as the person gave them, and "commands"; NULL: none */
    const char *document; /* as the person gave it; NULL: as the nodes' platform wants it */
};

/* Reads --document-name, --parameters, --script and --timeout, and joins `words` of the command with blanks, as ssh(1)
 * does. ERR_USAGE with words: a script and a command, neither (without --document-name), a script that is no text or
 * over 64 KiB, parameters that are none. */
enum err run_request_read(const struct options *options, const char *const *words, size_t count,
                          struct run_request *ret_request, struct text *ret_why) SSM_MUST_USE;

/* Asks for the nodes' platform where the document depends on it, and gives the document. What is not connected is said.
 * ERR_USAGE with words in client->why: the platforms differ. */
enum err run_request_document(const struct run_request *request, struct client *client,
                              const struct run_targets *targets, const char **ret_document) SSM_MUST_USE;

void run_request_free(struct run_request *request);

#endif
