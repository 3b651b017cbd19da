/* spawn: starts a program that a node runs, as the agent's own children are started: in a process group of its own,
 * with no signal blocked or ignored, and no descriptor of ours but standard error and those that the caller's actions
 * give. */
#ifndef SSM_TESTS_EMULATOR_SPAWN_H
#define SSM_TESTS_EMULATOR_SPAWN_H

#include <spawn.h>
#include <sys/types.h>

/* `actions` were initialised by the caller; here they are completed and destroyed. Gives 0, or an errno. */
int spawn_program(const char *program, posix_spawn_file_actions_t *actions, char *const argv[],
                  char *const environment[], pid_t *ret_pid);

/* The same as the leader of a session, whose terminal that device is; its three descriptors are the device. */
int spawn_on_terminal(const char *program, const char *device, char *const argv[], char *const environment[],
                      pid_t *ret_pid);

/* What a program of a session finds in its environment. */
struct spawn_environment {
    char home[300], language[80];
    char *variables[5];
};

void spawn_environment_fill(struct spawn_environment *ret_environment);

#endif
