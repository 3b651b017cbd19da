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

bool terminal_leave_session(void)
{
    if (isatty(STDIN_FILENO)) {
        return false;
    }
    if (setsid() >= 0) {
        return true;
    }
    pid_t parents_group = getpgid(getppid());
    if (parents_group > 0 && setpgid(0, parents_group) == 0) {
        if (setsid() >= 0) {
            return true;
        }
        (void)setpgid(0, getpid()); /* back: somebody else is in our group, which therefore still exists */
    }
    return terminal_has_none();
}
