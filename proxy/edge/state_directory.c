#include "proxy/edge/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err state_directory_path(const char *xdg_state_home, const char *home, const char *name,
                              char ret_path[STATE_DIRECTORY_PATH_SIZE])
{
    struct text path = text_in(ret_path, STATE_DIRECTORY_PATH_SIZE);
    if (xdg_state_home != NULL && xdg_state_home[0] == '/') {
        text_put(&path, xdg_state_home);
    } else if (home != NULL && home[0] == '/') {
        text_put(&path, home);
        text_put(&path, "/.local/state");
    } else {
        return ERR_CONFIG;
    }
    text_put(&path, "/ssm-bridge");
    if (name[0] != '\0') {
        text_put_char(&path, '/');
        text_put(&path, name);
    }
    return text_finish(&path) == ERR_OK ? ERR_OK : ERR_CONFIG;
}

int state_directory_find(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* mkdir -p. `path` is absolute. */
static enum err state_directory_make_path(const char *path, struct text *ret_why)
{
    char part[STATE_DIRECTORY_PATH_SIZE];
    const char *end = path;
    while (*end != '\0') {
        end = strchrnul(end + 1, '/');
        size_t len = (size_t)(end - path);
        memcpy(part, path, len);
        part[len] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            text_format(ret_why, "%s cannot be made: %s", part, strerror(errno));
            return ERR_SYSTEM;
        }
    }
    return ERR_OK;
}

enum err state_directory_make(const char *path, int *ret_fd, struct text *ret_why)
{
    int fd = state_directory_find(path);
    if (fd < 0) {
        TRY(state_directory_make_path(path, ret_why));
        fd = state_directory_find(path);
    }
    if (fd < 0) {
        text_format(ret_why, "%s cannot be opened: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    *ret_fd = fd;
    return ERR_OK;
}

enum err state_directory_judge(int fd, const char *path, struct text *ret_why)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        text_format(ret_why, "%s: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        text_format(ret_why, "%s must be yours, and writable by nobody else", path);
        return ERR_CONFIG;
    }
    return ERR_OK;
}
