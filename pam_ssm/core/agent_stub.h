/* agent_stub: the content of /etc/sudoers.d/ssm-agent-users that gives nothing away.
 *
 * The agent writes the rule `ssm-user ALL=(ALL) NOPASSWD:ALL` there together with the account, but never touches the
 * content of a file that it finds: a regular file of comments closes that for ever, also for an account that the agent
 * creates again. Never a symbolic link: the agent's chmod would follow it. */
#ifndef SSM_HOST_CORE_AGENT_STUB_H
#define SSM_HOST_CORE_AGENT_STUB_H

#include "common/bytes.h"

#define AGENT_STUB_SAVED "ssm-agent-users.saved" /* in the state directory: what was there before */

struct bytes agent_stub_content(void);

#endif
