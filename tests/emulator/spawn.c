#include "tests/emulator/spawn.h"

#include <signal.h>
#include <unistd.h>

int spawn_program(const char *program, posix_spawn_file_actions_t *actions, char *const argv[],
                  char *const environment[], pid_t *ret_pid)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    int error = posix_spawn(ret_pid, program, actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}
