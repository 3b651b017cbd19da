/* command_calls: the calls about a command of Run Command, as client->account, whose credentials are renewed where they
 * have to be. On a failure client->why has the service's words. */
#ifndef SSM_PROXY_COMMAND_COMMAND_CALLS_H
#define SSM_PROXY_COMMAND_COMMAND_CALLS_H

#include "proxy/command/client.h"
#include "proxy/core/command_api.h"

/* Once: never a second time when its reply is lost. A signal leaves it some seconds. */
enum err command_calls_send(struct client *client, const struct command_api_send *send,
                            struct command_api_command *ret_command) SSM_MUST_USE;

/* ERR_NO_TARGET: the service knows no such command, or none yet. */
enum err command_calls_describe(struct client *client, const char *command_id,
                                struct command_api_command *ret_command) SSM_MUST_USE;

/* Gets page after page; an error ends it. */
typedef enum err command_calls_visitor(void *context, struct command_api_invocations *page);

/* ListCommandInvocations; with `has_output`, what the nodes have written is there. Pages are of LIMIT_API_PAGE nodes,
 * or fewer where their output would be over LIMIT_API_REPLY. */
enum err command_calls_visit(struct client *client, const char *command_id, bool has_output,
                             command_calls_visitor *visit, void *context) SSM_MUST_USE;

/* GetCommandInvocation; `step` may be NULL where there is one alone. */
enum err command_calls_get(struct client *client, const char *command_id, const char *node_id, const char *step,
                           struct command_api_step *ret_step) SSM_MUST_USE;

/* After a signal, too. */
enum err command_calls_cancel(struct client *client, const char *command_id) SSM_MUST_USE;

#endif
