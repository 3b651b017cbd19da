#include "proxy/edge/state_log.h"

#include "common/auto.h"
#include "proxy/edge/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void state_log_close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

/* -1 and errno, also when something stands there that is not ours. */
static int state_log_open_file(int directory, const char *name, struct stat *ret_status)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(directory, name, flags, 0600);
    if (fd < 0) {
        return -1;
    }
    bool is_known = fstat(fd, ret_status) == 0;
    if (!is_known || !S_ISREG(ret_status->st_mode) || ret_status->st_uid != geteuid()) {
        close(fd);
        errno = is_known ? EEXIST : errno;
        return -1;
    }
    if ((ret_status->st_mode & 077) != 0) {
        (void)fchmod(fd, 0600);
    }
    return fd;
}

/* True when `name` stands for another file than `fd` now, or for none: we have renamed it, or someone else has. */
static bool state_log_rotate(int directory, const char *name, int fd, const struct stat *status)
{
    char older[NAME_MAX + 1];
    struct text text = text_in(older, sizeof older);
    text_format(&text, "%s.1", name);
    struct stat now;
    if (text_finish(&text) != ERR_OK || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return false;
    }
    bool is_there = fstatat(directory, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == status->st_dev &&
                    now.st_ino == status->st_ino;
    return !is_there || renameat(directory, name, directory, older) == 0;
}

static enum err state_log_write(int fd, struct bytes line)
{
    ssize_t put = write(fd, line.data, line.len);
    if (put >= 0 && (size_t)put < line.len) {
        errno = ENOSPC;
    }
    return put == (ssize_t)line.len ? ERR_OK : ERR_SYSTEM;
}

static enum err state_log_append_in(int directory, const char *name, struct bytes line)
{
    struct stat status;
    AUTO(state_log_close_fd) int fd = state_log_open_file(directory, name, &status);
    if (fd >= 0 && status.st_size + (off_t)line.len > LIMIT_STATE_LOG &&
        state_log_rotate(directory, name, fd, &status)) {
        close(fd);
        fd = state_log_open_file(directory, name, &status);
    }
    if (fd >= 0 && status.st_size + (off_t)line.len > (off_t)2 * LIMIT_STATE_LOG) {
        errno = EFBIG;
        return ERR_SYSTEM;
    }
    return fd >= 0 ? state_log_write(fd, line) : ERR_SYSTEM;
}

enum err state_log_append(const char *directory_path, const char *name, struct bytes line, struct text *ret_why)
{
    AUTO(state_log_close_fd) int directory = -1;
    TRY(state_directory_make(directory_path, &directory, ret_why));
    enum err err = state_log_append_in(directory, name, line);
    if (err != ERR_OK) {
        text_format(ret_why, "%s/%s cannot be written: %s", directory_path, name, strerror(errno));
    }
    return err;
}
