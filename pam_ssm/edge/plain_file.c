#include "pam_ssm/edge/plain_file.h"

#include "common/auto.h"
#include "common/limits.h"
#include "pam_ssm/edge/path_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The descriptor, for somebody else to close. */
static int take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static enum err open_regular(const char *path, size_t max, int *ret_fd)
{
    AUTO(path_trust_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? ERR_NO_TARGET : ERR_SYSTEM;
    }
    struct stat stat;
    if (fstat(fd, &stat) != 0) {
        return ERR_SYSTEM;
    }
    if (!S_ISREG(stat.st_mode)) {
        return ERR_DENIED;
    }
    /* A file of /proc is 0 bytes long, and read from its begin. */
    if ((size_t)stat.st_size > max && lseek(fd, stat.st_size - (off_t)max, SEEK_SET) < 0) {
        return ERR_SYSTEM;
    }
    *ret_fd = take(&fd);
    return ERR_OK;
}

enum err plain_file_read_end(const char *path, size_t max, char **ret_memory, size_t *ret_len)
{
    AUTO(path_trust_close) int fd = -1;
    TRY(open_regular(path, max, &fd));
    AUTO_FREE char *memory = malloc(max + 1);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    size_t len = 0;
    while (len < max) {
        ssize_t got = read(fd, memory + len, max - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ERR_SYSTEM;
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    memory[len] = '\0';
    *ret_memory = MOVE(memory);
    *ret_len = len;
    return ERR_OK;
}

bool plain_file_is_below(const char *folder, const char *path)
{
    char memory[LIMIT_PATH + 1];
    size_t len = strlen(path);
    if (len >= sizeof memory) {
        return false;
    }
    memcpy(memory, path, len + 1);
    AUTO(path_trust_close) int dir = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char *part = memory;
    for (char *slash; dir >= 0 && (slash = strchr(part, '/')) != NULL; part = slash + 1) {
        *slash = '\0';
        int below = openat(dir, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        path_trust_close(&dir);
        dir = below;
    }
    struct stat stat;
    return dir >= 0 && fstatat(dir, part, &stat, AT_SYMLINK_NOFOLLOW) == 0;
}
