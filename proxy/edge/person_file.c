#include "proxy/edge/person_file.h"

#include "common/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PERSON_FILE_TEMPORARY_SIZE (LIMIT_PATH + sizeof ".XXXXXX")

void person_file_free(struct person_file *file)
{
    free(file->data);
    file->data = NULL;
    file->len = 0;
}

static void person_file_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static enum err person_file_refuse(const char *path, const char *words, struct text *ret_why)
{
    text_format(ret_why, "%s %s", path, words);
    return ERR_CONFIG;
}

/* ---- reading ---- */

static enum err person_file_read(int fd, struct person_file *file, struct text *ret_why)
{
    size_t size = (size_t)file->status.st_size;
    file->data = malloc(size + 1);
    if (file->data == NULL) {
        return ERR_MEMORY;
    }
    while (file->len <= size) {
        ssize_t got = read(fd, file->data + file->len, size + 1 - file->len);
        if (got < 0 && errno != EINTR) {
            return person_file_refuse(file->path, strerror(errno), ret_why);
        }
        if (got == 0) {
            break;
        }
        file->len += got > 0 ? (size_t)got : 0;
    }
    return file->len == size ? ERR_OK : person_file_refuse(file->path, "changes while it is read", ret_why);
}

static enum err person_file_look(int fd, struct person_file *file, struct text *ret_why)
{
    if (fstat(fd, &file->status) != 0) {
        return person_file_refuse(file->path, strerror(errno), ret_why);
    }
    if (!S_ISREG(file->status.st_mode)) {
        return person_file_refuse(file->path, "is not a file", ret_why);
    }
    if (file->status.st_nlink > 1) {
        return person_file_refuse(file->path, "has several names (hard links), of which one alone would change",
                                  ret_why);
    }
    return file->status.st_size <= LIMIT_CONFIG_FILE ? ERR_OK : person_file_refuse(file->path, "is too large", ret_why);
}

/* There is nothing at `path`: really nothing, or a link to nothing? */
static enum err person_file_none(const char *path, struct person_file *file, struct text *ret_why)
{
    char target[2];
    if (readlink(path, target, sizeof target) >= 0) {
        return person_file_refuse(path, "is a link to nothing", ret_why);
    }
    memcpy(file->path, path, strlen(path) + 1);
    return ERR_OK;
}

enum err person_file_open(const char *path, struct person_file *ret_file, struct text *ret_why)
{
    AUTO(person_file_free) struct person_file file = {.exists = false};
    struct text backup = text_in(file.backup, sizeof file.backup);
    text_format(&backup, "%s" PERSON_FILE_BACKUP_SUFFIX, path);
    AUTO_FREE char *resolved = realpath(path, NULL);
    if (text_finish(&backup) != ERR_OK || (resolved != NULL && strlen(resolved) > LIMIT_PATH)) {
        return person_file_refuse(path, "has too long a path", ret_why);
    }
    if (resolved == NULL && errno != ENOENT) {
        return person_file_refuse(path, strerror(errno), ret_why);
    }
    if (resolved == NULL) {
        TRY(person_file_none(path, &file, ret_why));
    } else {
        memcpy(file.path, resolved, strlen(resolved) + 1);
        AUTO(person_file_close) int fd = open(resolved, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0) {
            return person_file_refuse(path, strerror(errno), ret_why);
        }
        file.exists = true;
        TRY(person_file_look(fd, &file, ret_why));
        TRY(person_file_read(fd, &file, ret_why));
    }
    *ret_file = file;
    file.data = NULL;
    return ERR_OK;
}

/* ---- writing ---- */

static enum err person_file_write(int fd, struct bytes content)
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

/* Mode and group of the file as it was; the group where we may. */
static enum err person_file_fill(int fd, const struct person_file *file, struct bytes head, struct bytes tail)
{
    TRY(person_file_write(fd, head));
    TRY(person_file_write(fd, tail));
    if (file->exists && fchown(fd, file->status.st_uid, file->status.st_gid) != 0 && errno != EPERM) {
        return ERR_SYSTEM;
    }
    mode_t mode = file->exists ? file->status.st_mode & 07777 : 0600;
    return fchmod(fd, mode) == 0 && fsync(fd) == 0 ? ERR_OK : ERR_SYSTEM;
}

/* Somebody's editor may have written it since. */
static bool person_file_is_as_read(const struct person_file *file)
{
    struct stat now;
    if (stat(file->path, &now) != 0) {
        return errno == ENOENT && !file->exists;
    }
    const struct stat *then = &file->status;
    return file->exists && now.st_dev == then->st_dev && now.st_ino == then->st_ino && now.st_size == then->st_size &&
           now.st_mtim.tv_sec == then->st_mtim.tv_sec && now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
}

static enum err person_file_put(const struct person_file *file, const char *path, struct bytes head, struct bytes tail,
                                struct text *ret_why)
{
    char temporary[PERSON_FILE_TEMPORARY_SIZE];
    struct text name = text_in(temporary, sizeof temporary);
    text_format(&name, "%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        text_format(ret_why, "%s cannot be written: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    enum err err = person_file_fill(fd, file, head, tail);
    int error = errno;
    if (close(fd) != 0 && err == ERR_OK) {
        err = ERR_SYSTEM;
        error = errno;
    }
    if (err == ERR_OK && !person_file_is_as_read(file)) {
        err = person_file_refuse(file->path, "was changed meanwhile: try again", ret_why);
    } else if (err == ERR_OK && renameat(AT_FDCWD, temporary, AT_FDCWD, path) != 0) {
        err = ERR_SYSTEM;
        error = errno;
    }
    if (err != ERR_OK) {
        (void)unlinkat(AT_FDCWD, temporary, 0);
    }
    if (err == ERR_SYSTEM) {
        text_format(ret_why, "%s cannot be written: %s", path, strerror(error));
    }
    return err;
}

enum err person_file_replace(const struct person_file *file, struct bytes head, struct bytes tail, struct text *ret_why)
{
    if (file->exists) {
        TRY(person_file_put(file, file->backup, bytes_of(file->data, file->len), bytes_of(NULL, 0), ret_why));
    }
    return person_file_put(file, file->path, head, tail, ret_why);
}
