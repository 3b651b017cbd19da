/* keygen: a new ed25519 key, without a passphrase, in OpenSSH's format for private keys ("openssh-key-v1"). */
#ifndef SSM_PROXY_SSH_HELPER_KEYGEN_H
#define SSM_PROXY_SSH_HELPER_KEYGEN_H

#include "common/err.h"

/* Writes it to standard output, from where whoever has started us puts it where nobody else can read it. ERR_USAGE:
 * standard output is a terminal. ERR_SYSTEM. Both after one line on standard error. */
enum err keygen_print(void) SSM_MUST_USE;

#endif
