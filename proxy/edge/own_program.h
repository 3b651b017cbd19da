/* own_program: where this executable lies, and the others that were installed with it. None is looked for in PATH. */
#ifndef SSM_PROXY_EDGE_OWN_PROGRAM_H
#define SSM_PROXY_EDGE_OWN_PROGRAM_H

#include "common/limits.h"
#include "common/text.h"

/* The absolute path of ssm-proxy itself. ERR_SYSTEM with words. */
enum err own_program_path(char ret_path[LIMIT_PATH + 1], struct text *ret_why) SSM_MUST_USE;

/* The absolute path of the executable `name` in libexec/ssm-bridge, beside the directory that ssm-proxy lies in, or
 * beside us, where we are one of those: so in a build tree, and so where it is installed. ERR_SYSTEM with words, also
 * when there is none that can be run. */
enum err own_program_helper(const char *name, char ret_path[LIMIT_PATH + 1], struct text *ret_why) SSM_MUST_USE;

#endif
