/* command_outcome: what a command came to on one node, for a person and for the exit status. Pure. */
#ifndef SSM_PROXY_CORE_COMMAND_OUTCOME_H
#define SSM_PROXY_CORE_COMMAND_OUTCOME_H

#include "proxy/core/command_api.h"

/* The exit code of the step that failed, where it is one (1 to 255; any other counts as 1); without one 75 for what has
 * timed out, 69 for what never ran, 130 for what was cancelled. 0 for a success, and for what is not over. */
int command_outcome_exit_code(const struct command_api_invocation *invocation);

/* The service did not begin on this node, because too many others had failed (MaxErrors). Its exit code is 1. */
bool command_outcome_is_left_out(const struct command_api_invocation *invocation);

/* What the agent adds to the standard error of every script that fails, and the exit code says better: how long the
 * text is without it. */
size_t command_outcome_error_len(const char *error);

/* "Success", "TimedOut", as the service has it. */
const char *command_outcome_status(enum command_api_status status);

/* "Success", "Failed, exit code 5", "Delivery Timed Out". */
void command_outcome_put(const struct command_api_invocation *invocation, struct text *text);

/* ---- which nodes were told of ---- */

/* Zero-initialise. Grows by 8 bytes a node or two. Owned; command_outcome_forget. */
struct command_outcome_told {
    uint64_t *hashes; /* open addressing; 0: free */
    size_t size, count;
};

/* Notes the id; *ret_is_new tells whether it was not there yet. ERR_MEMORY. */
enum err command_outcome_note(struct command_outcome_told *told, const char *node_id, bool *ret_is_new) SSM_MUST_USE;
void command_outcome_forget(struct command_outcome_told *told);

#endif
