/* check_key: does the node accept a short-lived key, in the way that --key asks for? The key that is tried is made for
 * this alone, and nobody keeps its private half. */
#ifndef SSM_PROXY_COMMAND_CHECK_KEY_H
#define SSM_PROXY_COMMAND_CHECK_KEY_H

#include "proxy/command/checkup.h"
#include "proxy/core/key_way.h"

/* --key: KEY_WAY_NONE unless given. ERR_USAGE after one line on standard error. */
enum err check_key_parse(const struct options *options, enum key_way *ret_way) SSM_MUST_USE;

/* checkup->client is open, with credentials, and the node is known. Errors are those of reporting alone. */
enum err check_key_run(struct checkup *checkup) SSM_MUST_USE;

#endif
