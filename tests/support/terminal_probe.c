/* terminal_probe: leaves the terminal's session and tells what came of it, for tests.
 *
 *     terminal_probe [child]        prints "left 0|1", "pid N", "session N", "group N"; ends when stdin does
 *
 * With "child", a child stays in its process group first. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/edge/terminal.h"

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0 && fork() == 0) {
        (void)alarm(20);
        char byte;
        (void)!read(STDIN_FILENO, &byte, 1);
        return 0;
    }
    bool left = terminal_leave_session();
    printf("left %d\npid %d\nsession %d\ngroup %d\n", left, getpid(), getsid(0), getpgrp());
    (void)fflush(stdout);
    if (!isatty(STDIN_FILENO)) {
        char byte;
        (void)!read(STDIN_FILENO, &byte, 1);
        printf("end of input\n");
    }
    return 0;
}
