#include "proxy/edge/private_file.h"

#include "common/auto.h"
#include "common/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* mkostemp's, behind the file's own name: nobody takes what ends so for one of the cache's files. */
#define PRIVATE_FILE_SUFFIX ".XXXXXX"
#define PRIVATE_FILE_TEMPORARY_SIZE (LIMIT_PATH + sizeof PRIVATE_FILE_SUFFIX)

/* All directories above `path`, which is absolute. */
static enum err private_file_make_directories(const char *path)
{
    char part[LIMIT_PATH + 1];
    for (const char *end = strchr(path + 1, '/'); end != NULL; end = strchr(end + 1, '/')) {
        size_t len = (size_t)(end - path);
        memcpy(part, path, len);
        part[len] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return ERR_SYSTEM;
        }
    }
    return ERR_OK;
}

/* A descriptor of a new file, whose name `ret_temporary` then is; -1. Its mode is 0600 whatever the umask. */
static int private_file_create(const char *path, char *ret_temporary)
{
    struct text name = text_in(ret_temporary, PRIVATE_FILE_TEMPORARY_SIZE);
    text_put(&name, path);
    text_put(&name, PRIVATE_FILE_SUFFIX);
    return mkostemp(ret_temporary, O_CLOEXEC);
}

static enum err private_file_write(int fd, struct bytes content)
{
    while (content.len > 0) {
        ssize_t put = write(fd, content.data, content.len);
        if (put < 0 && errno != EINTR) {
            return ERR_SYSTEM;
        }
        content = bytes_from(content, put > 0 ? (size_t)put : 0);
    }
    return ERR_OK;
}

static enum err private_file_replace(const char *path, struct bytes content)
{
    char temporary[PRIVATE_FILE_TEMPORARY_SIZE];
    int fd = private_file_create(path, temporary);
    if (fd < 0 && errno == ENOENT) {
        TRY(private_file_make_directories(path));
        fd = private_file_create(path, temporary);
    }
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    enum err err = private_file_write(fd, content);
    int error = errno;
    /* NFS and quotas may tell of a full disk no earlier than here. */
    if (close(fd) != 0 && err == ERR_OK) {
        err = ERR_SYSTEM;
        error = errno;
    }
    if (err == ERR_OK && renameat(AT_FDCWD, temporary, AT_FDCWD, path) != 0) {
        err = ERR_SYSTEM;
        error = errno;
    }
    if (err != ERR_OK) {
        (void)unlinkat(AT_FDCWD, temporary, 0);
        errno = error;
    }
    return err;
}

enum err private_file_store(const char *path, struct bytes content, struct text *ret_why)
{
    if (path[0] != '/' || strlen(path) > LIMIT_PATH) {
        text_format(ret_why, "%s cannot be written: %s", path, path[0] != '/' ? "no whole path" : "too long a path");
        return ERR_SYSTEM;
    }
    AUTO_FREE char *resolved = realpath(path, NULL); /* fails where there is nothing yet */
    enum err err = private_file_replace(resolved != NULL ? resolved : path, content);
    if (err != ERR_OK) {
        text_format(ret_why, "%s cannot be written: %s", path, strerror(errno));
    }
    return err;
}
