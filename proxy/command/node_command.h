/* node_command: one document, run on one node by Run Command: sent, then asked for until it is over. Nothing waits:
 * pump it once a turn, beside other work.
 *
 * SendCommand is made once; it is made again only where the service has refused it or never got it. What it leads to is
 * asked for with growing pauses; that the service does not know the invocation yet, cannot be reached or wants us to
 * slow down is no failure before the deadline. */
#ifndef SSM_PROXY_COMMAND_NODE_COMMAND_H
#define SSM_PROXY_COMMAND_NODE_COMMAND_H

#include "proxy/command/client.h"
#include "proxy/core/command_api.h"

struct node_command_what {
    const char *node_id;
    const char *document_name;
    const json_t *parameters; /* an object of lists of strings, each validated by the caller; NULL: none */
    const char *comment;      /* for the audit trail, up to COMMAND_API_COMMENT_MAX characters; NULL: none */
    int64_t deadline_us;      /* it is to be over by then */
};

struct node_command; /* not to outlive the client */

/* Sends it as client->account, whose credentials are there. `what` and what it points to are copied. */
enum err node_command_start(struct client *client, const struct node_command_what *what,
                            struct node_command **ret_command) SSM_MUST_USE;

/* ERR_AGAIN while it goes on. ERR_OK: the node has run it, successfully where ret_result->status is
 * COMMAND_API_SUCCESS; the result is borrowed until node_command_free. With words: ERR_TIMEOUT at the deadline, also
 * where the node is not connected; why it was not sent, where ERR_NO_TARGET is a node that Systems Manager does not
 * know, ERR_CONFIG a document or parameters that it does not accept; others as the services give them. The same answer
 * again once it is over. */
enum err node_command_pump(struct node_command *command, const struct command_api_step **ret_result,
                           struct text *ret_why) SSM_MUST_USE;

/* When to pump again although the loop has nothing to say. */
int64_t node_command_deadline_us(const struct node_command *command);

/* "Failed, exit code 5: oops": of a result that is no success, with the last line that the node wrote as an error. */
void node_command_put_failure(const struct command_api_step *result, struct text *text);

/* Of the command, for an audit trail; "" before the service has taken it. */
const char *node_command_id(const struct node_command *command);

/* The node goes on with what it has begun. NULL inside is fine; usable with AUTO(). */
void node_command_free(struct node_command **command);

#endif
