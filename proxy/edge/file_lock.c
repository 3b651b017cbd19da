#include "proxy/edge/file_lock.h"

#include "proxy/edge/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

void file_lock_release(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

enum err file_lock_try(const char *directory, const char *name, int *ret_fd, struct text *ret_why)
{
    int directory_fd;
    TRY(state_directory_make(directory, &directory_fd, ret_why));
    int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    int error = errno;
    close(directory_fd);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_fd = fd;
        return ERR_OK;
    }
    if (fd >= 0) {
        error = errno;
        close(fd);
        if (error == EWOULDBLOCK || error == EINTR) {
            return ERR_AGAIN;
        }
    }
    text_format(ret_why, "%s/%s cannot be locked: %s", directory, name, strerror(error));
    return ERR_SYSTEM;
}
