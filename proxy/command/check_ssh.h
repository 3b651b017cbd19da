/* check_ssh: the last check of `ssm-proxy doctor`: an SSH client's first steps through `ssm-proxy connect`, as ssh
 * would start it. */
#ifndef SSM_PROXY_COMMAND_CHECK_SSH_H
#define SSM_PROXY_COMMAND_CHECK_SSH_H

#include "proxy/command/checkup.h"

/* checkup->client is open, and the node is worth a try. Errors are those of reporting alone. */
enum err check_ssh_run(struct checkup *checkup) SSM_MUST_USE;

#endif
