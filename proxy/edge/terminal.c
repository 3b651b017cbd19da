#include "proxy/edge/terminal.h"

#include <fcntl.h>
#include <unistd.h>

/* A session leader can neither call setsid nor change groups; it is out of reach when its session has no terminal. */
static bool terminal_has_none(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return true;
    }
    close(fd);
    return false;
}

void terminal_leave_session(bool *ret_left)
{
    if (isatty(STDIN_FILENO)) {
        *ret_left = false;
        return;
    }
    if (setsid() >= 0) {
        *ret_left = true;
        return;
    }
    pid_t parents_group = getpgid(getppid());
    if (parents_group > 0 && setpgid(0, parents_group) == 0) {
        if (setsid() >= 0) {
            *ret_left = true;
            return;
        }
        (void)setpgid(0, getpid()); /* back: somebody else is in our group, which therefore still exists */
    }
    *ret_left = terminal_has_none();
}
