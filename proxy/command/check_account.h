/* check_account: the checks of `ssm-proxy doctor` that need no node: settings, ways to the endpoints, credentials,
 * clock, identity, and the permissions that are not about one node. */
#ifndef SSM_PROXY_COMMAND_CHECK_ACCOUNT_H
#define SSM_PROXY_COMMAND_CHECK_ACCOUNT_H

#include "proxy/command/checkup.h"

/* checkup->client is open afterwards, with credentials, when ret_is_usable: calls can be made as somebody. Errors are
 * those of reporting alone. */
enum err check_account_run(struct checkup *checkup, bool *ret_is_usable) SSM_MUST_USE;

#endif
