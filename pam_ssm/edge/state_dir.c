#include "pam_ssm/edge/state_dir.h"

#include "common/auto.h"
#include "common/limits.h"
#include "pam_ssm/edge/path_trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TEMPORARY ".tmp-"

static enum err refuse(const char *path, const char *name, struct text *ret_why)
{
    text_format(ret_why, "%s%s%s: %s", path, name[0] != '\0' ? "/" : "", name, strerror(errno));
    return ERR_SYSTEM;
}

enum err state_dir_make(const char *path, uid_t owner, struct text *ret_why)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return refuse(path, "", ret_why);
    }
    AUTO(path_trust_close) int dir = -1;
    return path_trust_open_dir(path, owner, &dir, ret_why);
}

static enum err write_all(int fd, struct bytes content)
{
    struct bytes rest = content;
    while (rest.len > 0) {
        ssize_t put = write(fd, rest.data, rest.len);
        if (put < 0 && errno != EINTR) {
            return ERR_SYSTEM;
        }
        rest = bytes_from(rest, put > 0 ? (size_t)put : 0);
    }
    return ERR_OK;
}

static enum err write_and_rename(int dir, const char *temporary, const char *name, struct bytes content, mode_t mode,
                                 bool is_durable)
{
    AUTO(path_trust_close) int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    TRY(write_all(fd, content));
    /* Whatever the umask; and the mode only now that the content stands. */
    if (fchmod(fd, mode) != 0 || (is_durable && fsync(fd) != 0) || renameat(dir, temporary, dir, name) != 0) {
        return ERR_SYSTEM;
    }
    return is_durable && fsync(dir) != 0 ? ERR_SYSTEM : ERR_OK;
}

enum err state_dir_write(const char *path, const char *name, struct bytes content, mode_t mode, bool is_durable,
                         struct text *ret_why)
{
    AUTO(path_trust_close) int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0) {
        return refuse(path, "", ret_why);
    }
    /* Two writers never share a process; what a killed one left is replaced. */
    char temporary[64];
    (void)snprintf(temporary, sizeof temporary, TEMPORARY "%d", (int)getpid());
    (void)unlinkat(dir, temporary, 0);
    enum err err = write_and_rename(dir, temporary, name, content, mode, is_durable);
    if (err != ERR_OK) {
        err = refuse(path, name, ret_why);
        (void)unlinkat(dir, temporary, 0);
    }
    return err;
}

/* The label of SELinux, where the file system has one: without it, sshd may not read the new file. */
static bool copy_label(int from, int to)
{
    char label[256];
    ssize_t len = fgetxattr(from, "security.selinux", label, sizeof label);
    return len < 0 ? errno == ENODATA || errno == ENOTSUP
                   : fsetxattr(to, "security.selinux", label, (size_t)len, 0) == 0;
}

static enum err write_like(int dir, const char *temporary, const char *name, struct bytes content, int old)
{
    struct stat status;
    AUTO(path_trust_close) int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(old, &status) != 0) {
        return ERR_SYSTEM;
    }
    TRY(write_all(fd, content));
    if (fchown(fd, status.st_uid, status.st_gid) != 0 || !copy_label(old, fd) ||
        fchmod(fd, status.st_mode & 07777) != 0 || fsync(fd) != 0 || renameat(dir, temporary, dir, name) != 0) {
        return ERR_SYSTEM;
    }
    return fsync(dir) != 0 ? ERR_SYSTEM : ERR_OK;
}

enum err state_dir_replace(const char *path, const char *name, struct bytes content, struct text *ret_why)
{
    AUTO(path_trust_close) int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0) {
        return refuse(path, "", ret_why);
    }
    AUTO(path_trust_close) int old = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (old < 0) {
        bool is_missing = errno == ENOENT;
        enum err err = refuse(path, name, ret_why);
        return is_missing ? ERR_NO_TARGET : err;
    }
    char temporary[64];
    (void)snprintf(temporary, sizeof temporary, ".tmp-%d", (int)getpid());
    (void)unlinkat(dir, temporary, 0);
    enum err err = write_like(dir, temporary, name, content, old);
    if (err != ERR_OK) {
        err = refuse(path, name, ret_why);
        (void)unlinkat(dir, temporary, 0);
    }
    return err;
}

enum err state_dir_remove(const char *path, const char *name, struct text *ret_why)
{
    AUTO(path_trust_close) int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0) {
        return errno == ENOENT ? ERR_OK : refuse(path, "", ret_why);
    }
    return unlinkat(dir, name, 0) == 0 || errno == ENOENT ? ERR_OK : refuse(path, name, ret_why);
}

enum err state_dir_sweep(const char *path, struct text *ret_why)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0) {
        return errno == ENOENT ? ERR_OK : refuse(path, "", ret_why);
    }
    AUTO(path_trust_close_dir) DIR *stream = fdopendir(dir);
    if (stream == NULL) {
        (void)close(dir);
        return refuse(path, "", ret_why);
    }
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (strncmp(entry->d_name, TEMPORARY, strlen(TEMPORARY)) == 0 && unlinkat(dir, entry->d_name, 0) != 0 &&
            errno != ENOENT) {
            return refuse(path, entry->d_name, ret_why);
        }
    }
    return ERR_OK;
}

/* NULL at the end, and then errno is 0; or it tells why there is no more to read. A part of a directory must not pass
 * for the whole: it may be the restriction that is missing. */
static struct dirent *next_entry(DIR *stream)
{
    errno = 0;
    return readdir(stream);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum err add_name(struct state_dir_names *names, const char *name)
{
    if (names->count == STATE_DIR_NAMES) {
        return ERR_TOO_LONG;
    }
    names->names[names->count] = strdup(name);
    if (names->names[names->count] == NULL) {
        return ERR_MEMORY;
    }
    names->count++;
    return ERR_OK;
}

enum err state_dir_list(const char *path, uid_t owner, struct state_dir_names *ret_names, struct text *ret_why)
{
    int dir = -1;
    enum err err = path_trust_open_dir(path, owner, &dir, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
        *ret_names = (struct state_dir_names){0};
        return ERR_OK;
    }
    TRY(err);
    AUTO(path_trust_close_dir) DIR *stream = fdopendir(dir);
    if (stream == NULL) {
        (void)close(dir);
        return refuse(path, "", ret_why);
    }
    AUTO(state_dir_names_free) struct state_dir_names names = {.names = calloc(STATE_DIR_NAMES, sizeof *names.names)};
    if (names.names == NULL) {
        return ERR_MEMORY;
    }
    struct dirent *entry;
    while ((entry = next_entry(stream)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        err = add_name(&names, entry->d_name);
        if (err != ERR_OK) {
            text_format(ret_why, "%s: more than %d files, or no memory for their names", path, STATE_DIR_NAMES);
            return err;
        }
    }
    if (errno != 0) {
        return refuse(path, "", ret_why);
    }
    qsort(names.names, names.count, sizeof *names.names, compare_names);
    *ret_names = names;
    names = (struct state_dir_names){0};
    return ERR_OK;
}

void state_dir_names_free(struct state_dir_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->names[i]);
    }
    free(names->names);
    *names = (struct state_dir_names){0};
}
