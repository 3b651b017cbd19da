#include "pam_ssm/edge/path_trust.h"

#include "common/auto.h"
#include "common/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void path_trust_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void path_trust_close_dir(DIR **stream)
{
    if (*stream != NULL) {
        (void)closedir(*stream);
        *stream = NULL;
    }
}

/* The descriptor, for somebody else to close. */
static int take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static enum err refuse_open(const char *path, struct text *ret_why)
{
    int error = errno;
    text_format(ret_why, "%s: %s", path, error == ELOOP ? "a symbolic link" : strerror(error));
    errno = error;
    if (error == ENOENT) {
        return ERR_NO_TARGET;
    }
    return error == ELOOP || error == ENOTDIR ? ERR_DENIED : ERR_SYSTEM;
}

/* Is what stands behind this descriptor written by nobody but `owner` and root? */
static enum err judge(int fd, const char *path, uid_t owner, mode_t excused, mode_t *ret_mode, struct text *ret_why)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0) {
        return refuse_open(path, ret_why);
    }
    if (stat.st_uid != owner && stat.st_uid != 0) {
        text_format(ret_why, "%s belongs to user id %u", path, (unsigned)stat.st_uid);
        return ERR_DENIED;
    }
    if ((stat.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (stat.st_mode & excused) == 0) {
        text_format(ret_why, "%s may be written by others (mode %04o)", path, (unsigned)stat.st_mode & 07777u);
        return ERR_DENIED;
    }
    *ret_mode = stat.st_mode;
    return ERR_OK;
}

enum err path_trust_open_dir(const char *path, uid_t owner, int *ret_fd, struct text *ret_why)
{
    char part[LIMIT_PATH + 1];
    struct text copy = text_in(part, sizeof part);
    text_put(&copy, path);
    if (path[0] != '/' || text_finish(&copy) != ERR_OK) {
        text_format(ret_why, "%.80s is no absolute path", path);
        return ERR_DENIED;
    }
    mode_t mode;
    AUTO(path_trust_close) int dir = open("/", DIR_FLAGS);
    TRY(judge(dir, "/", owner, 0, &mode, ret_why));
    char *rest = part;
    for (char *name = strtok_r(part, "/", &rest); name != NULL; name = strtok_r(NULL, "/", &rest)) {
        int next = openat(dir, name, DIR_FLAGS);
        if (next < 0) {
            return refuse_open(path, ret_why);
        }
        path_trust_close(&dir);
        dir = next;
        bool is_last = rest == NULL || rest[strspn(rest, "/")] == '\0';
        TRY(judge(dir, path, owner, is_last ? 0 : S_ISVTX, &mode, ret_why));
    }
    *ret_fd = take(&dir);
    return ERR_OK;
}

enum err path_trust_open_file_at(int dir, const char *name, uid_t owner, int *ret_fd, struct text *ret_why)
{
    AUTO(path_trust_close) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return refuse_open(name, ret_why);
    }
    mode_t mode;
    TRY(judge(fd, name, owner, 0, &mode, ret_why));
    if (!S_ISREG(mode)) {
        text_format(ret_why, "%s is no regular file", name);
        return ERR_DENIED;
    }
    *ret_fd = take(&fd);
    return ERR_OK;
}

/* Reads to the end, whatever fstat says: files of /proc have no size. */
static enum err read_all(int fd, size_t max, char **ret_memory, size_t *ret_len)
{
    size_t size = 4096;
    size_t len = 0;
    AUTO_FREE char *memory = malloc(size);
    while (memory != NULL) {
        ssize_t got = read(fd, memory + len, size - len - 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ERR_SYSTEM;
        }
        len += (size_t)got;
        if (len > max) {
            return ERR_TOO_LONG;
        }
        if (got == 0) {
            memory[len] = '\0';
            *ret_len = len;
            *ret_memory = MOVE(memory);
            return ERR_OK;
        }
        if (len + 1 == size) {
            size *= 2;
            char *larger = realloc(memory, size);
            if (larger == NULL) {
                return ERR_MEMORY;
            }
            memory = larger;
        }
    }
    return ERR_MEMORY;
}

enum err path_trust_read_at(int dir, const char *name, uid_t owner, size_t max, char **ret_memory, size_t *ret_len,
                            struct text *ret_why)
{
    AUTO(path_trust_close) int fd = -1;
    TRY(path_trust_open_file_at(dir, name, owner, &fd, ret_why));
    enum err err = read_all(fd, max, ret_memory, ret_len);
    if (err != ERR_OK) {
        text_format(ret_why, "%s: %s", name, err == ERR_SYSTEM ? strerror(errno) : err_text(err));
    }
    return err;
}

enum err path_trust_read(const char *path, uid_t owner, size_t max, char **ret_memory, size_t *ret_len,
                         struct text *ret_why)
{
    char memory[LIMIT_PATH + 1];
    struct text folder = text_in(memory, sizeof memory);
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash[1] == '\0') {
        text_format(ret_why, "%.80s is no absolute path of a file", path);
        return ERR_DENIED;
    }
    text_put_bytes(&folder, bytes_of(path, (size_t)(slash - path) + 1));
    AUTO(path_trust_close) int dir = -1;
    TRY(text_finish(&folder));
    TRY(path_trust_open_dir(memory, owner, &dir, ret_why));
    return path_trust_read_at(dir, slash + 1, owner, max, ret_memory, ret_len, ret_why);
}
