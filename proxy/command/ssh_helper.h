/* ssh_helper: has proxy/ssh_helper, which lies in libexec, make a key. Its other work is check_ssh's. */
#ifndef SSM_PROXY_COMMAND_SSH_HELPER_H
#define SSM_PROXY_COMMAND_SSH_HELPER_H

#include "common/secret.h"
#include "common/text.h"
#include "proxy/core/openssh_key.h"
#include "proxy/edge/loop.h"

#define SSH_HELPER_NAME "ssh-helper" /* for own_program_helper */

/* A new key: the file as it is printed, and what it holds, which the caller wipes. Waits for it, some ten milliseconds,
 * while nothing else goes on. ERR_SYSTEM with words, also when it is not there or prints no key; ERR_TIMEOUT with
 * words; ERR_MEMORY. */
enum err ssh_helper_keygen(struct loop *loop, struct secret *ret_file, struct openssh_key *ret_key,
                           struct text *ret_why) SSM_MUST_USE;

#endif
