/* ssh_helper: runs proxy/ssh_helper, which stands beside us in libexec, and gives what it prints. */
#ifndef SSM_PROXY_COMMAND_SSH_HELPER_H
#define SSM_PROXY_COMMAND_SSH_HELPER_H

#include "common/secret.h"
#include "common/text.h"
#include "proxy/edge/loop.h"

/* `mode` is its one argument: "keygen". Waits for its end, some ten milliseconds, while nothing else goes on.
 * ERR_CONFIG with words: it is not there. ERR_SYSTEM, ERR_TIMEOUT with words; ERR_MEMORY. */
enum err ssh_helper_run(struct loop *loop, const char *mode, struct secret *ret_output,
                        struct text *ret_why) SSM_MUST_USE;

#endif
