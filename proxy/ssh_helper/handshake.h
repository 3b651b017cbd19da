/* handshake: an SSH client's first steps through a command that carries the bytes, as far as one goes without a key:
 * banner, key exchange, and what the server lets one log in with. Nothing is verified: what is seen is reported. */
#ifndef SSM_PROXY_SSH_HELPER_HANDSHAKE_H
#define SSM_PROXY_SSH_HELPER_HANDSHAKE_H

#include "common/err.h"

/* Starts `command` (ended by NULL) with a socket as its standard input and output, and writes to standard output what
 * core/ssh_report.h says, whatever the outcome. ERR_SYSTEM after one line on standard error: it could not be tried. */
enum err handshake_print(const char *user, char *const *command) SSM_MUST_USE;

#endif
