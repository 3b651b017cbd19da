/* askpass: who asks the person when ssh is not the one to do it: the terminal, or the program that ssh(1) would use.
 * Pure; SSH_ASKPASS, SSH_ASKPASS_REQUIRE, DISPLAY and WAYLAND_DISPLAY mean what they mean to OpenSSH (readpass.c). */
#ifndef SSM_PROXY_CORE_ASKPASS_H
#define SSM_PROXY_CORE_ASKPASS_H

#include "proxy/core/aws_config.h"

struct askpass {
    const char *program; /* gets the question as its one argument; borrowed from the environment; NULL: not to be run */
    bool is_first;       /* instead of the terminal; otherwise where there is none */
};

struct askpass askpass_choose(const struct aws_config_environment *environment);

#endif
