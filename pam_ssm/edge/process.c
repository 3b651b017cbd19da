#include "pam_ssm/edge/process.h"

#include "common/auto.h"
#include "common/limits.h"
#include "pam_ssm/edge/path_trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 4096
#define DELETED " (deleted)" /* d_path(9) of a file that has no name any more */

/* Files of /proc are read in one go; what is needed stands at their begin. */
static enum err read_start(int dir, const char *name, char *memory, size_t size, struct bytes *ret_content)
{
    AUTO(path_trust_close) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd < 0 ? -1 : read(fd, memory, size);
    if (got < 0) {
        return errno == ENOENT || errno == ESRCH ? ERR_NO_TARGET : ERR_SYSTEM;
    }
    *ret_content = bytes_of(memory, (size_t)got);
    return ERR_OK;
}

enum err process_open(const struct host_paths *paths, int64_t pid, struct process *ret_process)
{
    char path[LIMIT_PATH + 1];
    (void)snprintf(path, sizeof path, "%s/%" PRId64, paths->proc_dir, pid);
    AUTO(process_close) struct process process = {.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (process.dir < 0) {
        return errno == ENOENT || errno == ESRCH ? ERR_NO_TARGET : ERR_SYSTEM;
    }
    char memory[1024];
    struct bytes content;
    TRY(read_start(process.dir, "stat", memory, sizeof memory, &content));
    TRY(proc_stat_parse(content, &process.stat));
    *ret_process = process;
    process.dir = -1;
    return ERR_OK;
}

void process_close(struct process *process)
{
    path_trust_close(&process->dir);
}

bool process_is_of(const struct process *process, uid_t uid)
{
    char memory[4096];
    struct bytes content;
    int64_t uids[4];
    if (read_start(process->dir, "status", memory, sizeof memory, &content) != ERR_OK ||
        proc_stat_parse_uids(content, uids) != ERR_OK) {
        return false;
    }
    return uids[0] == uid && uids[1] == uid && uids[2] == uid && uids[3] == uid;
}

bool process_holds_socket(const struct process *process, unsigned long inode)
{
    char wanted[48];
    (void)snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    int dir = openat(process->dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO(path_trust_close_dir) DIR *stream = dir >= 0 ? fdopendir(dir) : NULL;
    if (stream == NULL) {
        path_trust_close(&dir);
        return false;
    }
    for (int i = 0; i < MAX_DESCRIPTORS; i++) {
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            return false;
        }
        char link[48];
        ssize_t len = readlinkat(dir, entry->d_name, link, sizeof link - 1);
        if (len > 0) {
            link[len] = '\0';
            if (strcmp(link, wanted) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* ---- the executable ---- */

static bool is_same_file(const struct process *process, const char *path)
{
    struct stat ours;
    struct stat theirs;
    return stat(path, &ours) == 0 && fstatat(process->dir, "exe", &theirs, 0) == 0 && ours.st_dev == theirs.st_dev &&
           ours.st_ino == theirs.st_ino;
}

/* Is `link` "/snap/NAME/REVISION/rest", where `path` is "/snap/NAME/current/rest"? */
static bool is_other_revision(const char *link, const char *path)
{
    static const char current[] = "/current/";
    const char *at = strstr(path, current);
    if (strncmp(path, "/snap/", 6) != 0 || at == NULL) {
        return false;
    }
    size_t head = (size_t)(at - path) + 1;
    if (strncmp(link, path, head) != 0) {
        return false;
    }
    size_t revision = strspn(link + head, "0123456789x");
    return revision > 0 && strcmp(link + head + revision, at + strlen(current) - 1) == 0;
}

/* After an upgrade the running file has lost its name: then the name it had counts. Only root may name what root runs.
 */
static bool had_name(const char *link, const char *path)
{
    char resolved[PATH_MAX];
    const char *name = realpath(path, resolved) != NULL ? resolved : path;
    size_t len = strlen(name);
    return strncmp(link, name, len) == 0 && strcmp(link + len, DELETED) == 0;
}

bool process_runs(const struct process *process, const struct word_list *executables)
{
    char link[LIMIT_PATH + sizeof DELETED];
    ssize_t len = readlinkat(process->dir, "exe", link, sizeof link - 1);
    if (len <= 0) {
        return false;
    }
    link[len] = '\0';
    for (const char *path = word_list_first(executables); path != NULL; path = word_list_next(executables, path)) {
        if (is_same_file(process, path) || had_name(link, path) || is_other_revision(link, path)) {
            return true;
        }
    }
    return false;
}

bool process_is_named(const struct process *process, const char *name)
{
    char link[LIMIT_PATH + sizeof DELETED];
    ssize_t len = readlinkat(process->dir, "exe", link, sizeof link - 1);
    if (len <= 0) {
        return false;
    }
    link[len] = '\0';
    const char *slash = strrchr(link, '/');
    size_t name_len = strlen(name);
    return slash != NULL && strncmp(slash + 1, name, name_len) == 0 &&
           (slash[1 + name_len] == '\0' || strcmp(slash + 1 + name_len, DELETED) == 0);
}
