#include "pam_ssm/edge/account_home.h"

#include "common/auto.h"
#include "common/limits.h"
#include "pam_ssm/edge/path_trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deeper trees hold one descriptor a level; 1024 are allowed by default. */
#define DEPTH_MAX 512

static enum err refuse(const char *path, struct text *ret_why)
{
    text_format(ret_why, "%s: %s", path, strerror(errno));
    return ERR_SYSTEM;
}

/* The directory above, which root alone may change, and the last part of the path. */
static enum err open_parent(const char *path, int *ret_dir, const char **ret_name, struct text *ret_why)
{
    char memory[LIMIT_PATH + 1];
    struct text parent = text_in(memory, sizeof memory);
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash[1] == '\0' || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0) {
        text_format(ret_why, "%s is no home directory", path);
        return ERR_DENIED;
    }
    text_put_bytes(&parent, bytes_of(path, (size_t)(slash - path)));
    TRY(text_finish(&parent));
    *ret_name = slash + 1;
    return path_trust_open_dir(parent.len > 0 ? memory : "/", 0, ret_dir, ret_why);
}

/* A stream over a copy of the descriptor; NULL: errno tells. */
static DIR *open_stream(int dir)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    if (stream == NULL && copy >= 0) {
        (void)close(copy);
    }
    return stream;
}

/* errno tells the end (0) from a failure; what follows a call must not be taken for either. */
static struct dirent *next_entry(DIR *stream)
{
    errno = 0;
    return readdir(stream);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_empty(int dir)
{
    AUTO(path_trust_close_dir) DIR *stream = open_stream(dir);
    if (stream == NULL) {
        return false;
    }
    for (struct dirent *entry = next_entry(stream); entry != NULL; entry = next_entry(stream)) {
        if (!is_dot(entry->d_name)) {
            return false;
        }
    }
    return errno == 0;
}

/* *ret_home is -1 when it is not there. ERR_DENIED when it belongs to others. */
static enum err open_home(int parent, const char *name, uid_t uid, const char *path, int *ret_home,
                          struct text *ret_why)
{
    int home = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (home < 0) {
        *ret_home = -1;
        return errno == ENOENT ? ERR_OK : refuse(path, ret_why);
    }
    struct stat status;
    if (fstat(home, &status) != 0 || (status.st_uid != uid && status.st_uid != 0)) {
        (void)close(home);
        text_format(ret_why, "%s belongs to somebody else", path);
        return ERR_DENIED;
    }
    *ret_home = home;
    return ERR_OK;
}

enum err account_home_make(const char *path, uid_t uid, gid_t gid, struct text *ret_why)
{
    AUTO(path_trust_close) int parent = -1;
    AUTO(path_trust_close) int home = -1;
    const char *name = NULL;
    TRY(open_parent(path, &parent, &name, ret_why));
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST) {
        return refuse(path, ret_why);
    }
    TRY(open_home(parent, name, uid, path, &home, ret_why));
    if (home < 0 || !is_empty(home)) {
        text_format(ret_why, "%s is not empty", path);
        return ERR_DENIED;
    }
    return fchmod(home, 0700) == 0 && fchown(home, uid, gid) == 0 ? ERR_OK : refuse(path, ret_why);
}

enum err account_home_archive(const char *path, uid_t uid, int64_t unix_s, struct text *ret_archive,
                              struct text *ret_why)
{
    AUTO(path_trust_close) int parent = -1;
    AUTO(path_trust_close) int home = -1;
    const char *name = NULL;
    text_clear(ret_archive);
    TRY(open_parent(path, &parent, &name, ret_why));
    enum err err = open_home(parent, name, uid, path, &home, ret_why);
    if (err == ERR_DENIED || (err == ERR_OK && home < 0)) {
        text_clear(ret_why);
        return ERR_OK;
    }
    TRY(err);
    /* Closed first: a rename that fails leaves it where it is, and closed. */
    if (fchown(home, 0, 0) != 0 || fchmod(home, 0700) != 0) {
        return refuse(path, ret_why);
    }
    text_format(ret_archive, "%s.removed-%lld", path, (long long)unix_s);
    TRY(text_finish(ret_archive));
    const char *new_name = strrchr(ret_archive->data, '/') + 1;
    return renameat2(parent, name, parent, new_name, RENAME_NOREPLACE) == 0 ? ERR_OK : refuse(path, ret_why);
}

static enum err empty_directory(int dir, dev_t device, int depth);

static enum err remove_entry(int dir, const char *name, dev_t device, int depth)
{
    struct stat status;
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) {
        return ERR_OK;
    }
    if (errno != EISDIR && errno != EPERM) {
        return ERR_SYSTEM;
    }
    AUTO(path_trust_close) int below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0 || fstat(below, &status) != 0) {
        return ERR_SYSTEM;
    }
    if (status.st_dev != device) {
        errno = EXDEV;
        return ERR_SYSTEM;
    }
    TRY(empty_directory(below, device, depth + 1));
    return unlinkat(dir, name, AT_REMOVEDIR) == 0 ? ERR_OK : ERR_SYSTEM;
}

static enum err empty_directory(int dir, dev_t device, int depth)
{
    AUTO(path_trust_close_dir) DIR *stream = open_stream(dir);
    if (stream == NULL || depth > DEPTH_MAX) {
        errno = stream == NULL ? errno : ELOOP;
        return ERR_SYSTEM;
    }
    for (struct dirent *entry = next_entry(stream); entry != NULL; entry = next_entry(stream)) {
        if (!is_dot(entry->d_name)) {
            TRY(remove_entry(dir, entry->d_name, device, depth));
        }
    }
    return errno == 0 ? ERR_OK : ERR_SYSTEM;
}

enum err account_home_remove(const char *path, uid_t uid, struct text *ret_why)
{
    AUTO(path_trust_close) int parent = -1;
    AUTO(path_trust_close) int home = -1;
    const char *name = NULL;
    TRY(open_parent(path, &parent, &name, ret_why));
    TRY(open_home(parent, name, uid, path, &home, ret_why));
    if (home < 0) {
        return ERR_OK;
    }
    struct stat status;
    /* Root's from now on: nobody adds to it while it is emptied. */
    if (fstat(home, &status) != 0 || fchown(home, 0, 0) != 0 || fchmod(home, 0700) != 0 ||
        empty_directory(home, status.st_dev, 0) != ERR_OK || unlinkat(parent, name, AT_REMOVEDIR) != 0) {
        return refuse(path, ret_why);
    }
    return ERR_OK;
}
