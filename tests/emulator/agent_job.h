/* agent_job: Run Command on nodes whose agents registered: agent_job over the control channel, the agent's
 * acknowledgement and its replies. Source: docs/protocol.md, 13. */
#ifndef SSM_LAB_AGENT_JOB_H
#define SSM_LAB_AGENT_JOB_H

#include <jansson.h>

#include "proxy/core/agent_message.h"
#include "tests/emulator/run_command.h"

/* ERR_OFFLINE: the node has no control channel. */
enum err agent_job_send(const struct invocation *invocation) SSM_MUST_USE;
/* The agent says by a reply what has come of it. */
enum err agent_job_cancel(const struct invocation *invocation) SSM_MUST_USE;

/* agent_job_ack or agent_job_reply of that node. */
void agent_job_receive(struct lab *lab, struct node *node, const struct agent_message *message, const json_t *payload);

#endif
