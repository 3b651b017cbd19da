/* identity: who we are to AWS, by STS's GetCallerIdentity, which needs no permission. */
#ifndef SSM_PROXY_COMMAND_IDENTITY_H
#define SSM_PROXY_COMMAND_IDENTITY_H

#include "proxy/command/client.h"

/* As client->account, whose credentials are there. `ret_clock_offset_s`: our clock is to be put forward by that, as far
 * as the reply tells, to the second; 0 where it does not; NULL: never mind. Failures with words in client->why. */
enum err identity_ask(struct client *client, char ret_arn[LIMIT_ARN + 1], int64_t *ret_clock_offset_s) SSM_MUST_USE;

#endif
