#include "pam_ssm/edge/account_use.h"

#include "common/auto.h"
#include "common/limits.h"
#include "pam_ssm/core/proc_stat.h"
#include "pam_ssm/edge/path_trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* errno tells the end (0) from a failure; what follows a call must not be taken for either. */
static struct dirent *next_entry(DIR *stream)
{
    errno = 0;
    return readdir(stream);
}

static enum err refuse(const char *path, struct text *ret_why)
{
    text_format(ret_why, "%s: %s", path, strerror(errno));
    return ERR_SYSTEM;
}

/* One of real, effective, saved and file system id, as userdel(8) looks for. */
static bool process_has_uid(int proc, const char *pid, int64_t uid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%.32s/status", pid);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false; /* it has ended */
    }
    char status[4096]; /* "Uid:" is the ninth line */
    ssize_t got = read(fd, status, sizeof status);
    (void)close(fd);
    int64_t uids[4];
    return proc_stat_parse_uids(bytes_of(status, got > 0 ? (size_t)got : 0), uids) == ERR_OK &&
           (uids[0] == uid || uids[1] == uid || uids[2] == uid || uids[3] == uid);
}

static enum err count_processes(const struct host_paths *paths, int64_t uid, struct account_use *use,
                                struct text *ret_why)
{
    AUTO(path_trust_close_dir) DIR *stream = opendir(paths->proc_dir);
    if (stream == NULL) {
        return refuse(paths->proc_dir, ret_why);
    }
    for (struct dirent *entry = next_entry(stream); entry != NULL; entry = next_entry(stream)) {
        int64_t pid = 0;
        if (text_parse_decimal(entry->d_name, 1, INT32_MAX, &pid) == ERR_OK &&
            process_has_uid(dirfd(stream), entry->d_name, uid)) {
            use->first_pid = use->processes == 0 ? pid : use->first_pid;
            use->processes++;
        }
    }
    return errno == 0 ? ERR_OK : refuse(paths->proc_dir, ret_why);
}

static bool has_file(const char *dir, const char *name)
{
    char memory[LIMIT_PATH + 1];
    struct text path = text_in(memory, sizeof memory);
    text_format(&path, "%s/%s", dir, name);
    struct stat status;
    return lstat(memory, &status) == 0;
}

/* The job's file belongs to who gave it. What cannot be read may hold one. */
static bool has_file_of(const char *dir, int64_t uid)
{
    AUTO(path_trust_close_dir) DIR *stream = opendir(dir);
    if (stream == NULL) {
        return errno != ENOENT;
    }
    for (struct dirent *entry = next_entry(stream); entry != NULL; entry = next_entry(stream)) {
        struct stat status;
        if (entry->d_name[0] != '.' && fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode) && status.st_uid == (uid_t)uid) {
            return true;
        }
    }
    return errno != 0;
}

enum err account_use_read(const struct host_paths *paths, const char *name, int64_t uid, struct account_use *ret_use,
                          struct text *ret_why)
{
    struct account_use use = {0};
    TRY(count_processes(paths, uid, &use, ret_why));
    /* Debian, and Red Hat. */
    use.has_crontab = has_file("/var/spool/cron/crontabs", name) || has_file("/var/spool/cron", name);
    use.has_at_job = has_file_of("/var/spool/cron/atjobs", uid) || has_file_of("/var/spool/at", uid);
    use.is_lingering = has_file("/var/lib/systemd/linger", name);
    *ret_use = use;
    return ERR_OK;
}
