/* last_failure: what last.log has kept, for a person who did not see it. */
#ifndef SSM_PROXY_COMMAND_LAST_FAILURE_H
#define SSM_PROXY_COMMAND_LAST_FAILURE_H

#include "proxy/command/output.h"

/* Writes the lines of the process that has written last: its failure, and what came before it. ERR_CONFIG, ERR_SYSTEM
 * with words. */
enum err last_failure_show(struct output *output, struct text *ret_why) SSM_MUST_USE;

#endif
