#include "tests/emulator/spawn.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int spawn(const char *program, short group, posix_spawn_file_actions_t *actions, char *const argv[],
                 char *const environment[], pid_t *ret_pid)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    int error = posix_spawn(ret_pid, program, actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

int spawn_program(const char *program, posix_spawn_file_actions_t *actions, char *const argv[],
                  char *const environment[], pid_t *ret_pid)
{
    return spawn(program, POSIX_SPAWN_SETPGROUP, actions, argv, environment, ret_pid);
}

int spawn_on_terminal(const char *program, const char *device, char *const argv[], char *const environment[],
                      pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    /* The leader of a session that has no terminal gets the first one that it opens. */
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, device, O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    return spawn(program, POSIX_SPAWN_SETSID, &actions, argv, environment, ret_pid);
}

void spawn_environment_fill(struct spawn_environment *ret_environment)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char terminal[] = "TERM=xterm-256color";
    const struct passwd *user = getpwuid(getuid());
    const char *language = getenv("LANG");
    struct spawn_environment *environment = ret_environment;
    snprintf(environment->home, sizeof environment->home, "HOME=%s", user == NULL ? "/" : user->pw_dir);
    snprintf(environment->language, sizeof environment->language, "LANG=%s", language == NULL ? "C.UTF-8" : language);
    char *const variables[] = {path, terminal, environment->home, environment->language, NULL};
    memcpy(environment->variables, variables, sizeof variables);
}
