/* agent_update: what AWS-UpdateSSMAgent does on a node of the lab, whose agents have every version up to the latest at
 * hand. Source of the words: the agent's updatessmagent plugin and updater. */
#ifndef SSM_LAB_AGENT_UPDATE_H
#define SSM_LAB_AGENT_UPDATE_H

#include <stdbool.h>

#include "tests/emulator/command_document.h"
#include "tests/emulator/node.h"

/* False when the agent stays what it is and the plugin has failed. The caller frees *ret_output and *ret_error, which
 * may be NULL. */
bool agent_update_run(struct node *node, const struct command_plan *plan, char **ret_output, char **ret_error);

/* Not older than the latest. */
bool agent_update_is_latest(const struct node *node);

#endif
