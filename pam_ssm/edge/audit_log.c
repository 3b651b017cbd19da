#include "pam_ssm/edge/audit_log.h"

#include "common/auto.h"
#include "common/limits.h"
#include "common/text.h"
#include "pam_ssm/edge/path_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nobody but root and who runs this has written, or can. */
static bool is_own(int fd, mode_t kind)
{
    struct stat stat;
    return fstat(fd, &stat) == 0 && (stat.st_mode & S_IFMT) == kind && (stat.st_uid == 0 || stat.st_uid == geteuid()) &&
           (stat.st_mode & (S_IWGRP | S_IWOTH)) == 0 && (kind == S_IFDIR || stat.st_nlink == 1);
}

/* The descriptor, for somebody else to close. */
static int take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static enum err open_log(const char *path, int *ret_fd)
{
    char memory[LIMIT_PATH + 1];
    struct text folder = text_in(memory, sizeof memory);
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) {
        return ERR_DENIED;
    }
    text_put_bytes(&folder, bytes_of(path, (size_t)(slash - path)));
    TRY(text_finish(&folder));
    AUTO(path_trust_close) int dir = open(memory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0) {
        return ERR_SYSTEM;
    }
    if (!is_own(dir, S_IFDIR)) {
        return ERR_DENIED;
    }
    AUTO(path_trust_close)
    int fd = openat(dir, slash + 1, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0) {
        return errno == ELOOP ? ERR_DENIED : ERR_SYSTEM;
    }
    if (!is_own(fd, S_IFREG)) {
        return ERR_DENIED;
    }
    *ret_fd = take(&fd);
    return ERR_OK;
}

enum err audit_log_append(const char *path, struct bytes line)
{
    AUTO(path_trust_close) int fd = -1;
    TRY(open_log(path, &fd));
    ssize_t put;
    do {
        put = write(fd, line.data, line.len);
    } while (put < 0 && errno == EINTR);
    if (put >= 0 && put != (ssize_t)line.len) {
        errno = 0; /* write(2) would tell the reason to the next call alone */
    }
    return put == (ssize_t)line.len ? ERR_OK : ERR_SYSTEM;
}

const char *audit_log_failure_text(enum err err)
{
    if (err == ERR_SYSTEM) {
        return errno != 0 ? strerror(errno) : "a part of the line alone had room";
    }
    return err == ERR_DENIED ? "others could have written it, or it is a link (ls -ld it and its directory)"
                             : err_text(err);
}
