#include "proxy/edge/connection_notes.h"

#include "proxy/edge/clock.h"
#include "proxy/edge/process_identity.h"
#include "proxy/edge/state_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONNECTION_NOTES_LOOK_MS 20
/* ssh asks within its first minutes. A run that is killed leaves its note. */
#define CONNECTION_NOTES_OVERAGE_S (24 * 60 * 60)
#define CONNECTION_NOTES_LOOKED_AT_MAX 4096

struct connection_notes connection_notes_none(void)
{
    return (struct connection_notes){.directory = -1, .fd = -1};
}

void connection_notes_close(struct connection_notes *notes)
{
    if (notes->fd >= 0) {
        close(notes->fd);
    }
    if (notes->directory >= 0) {
        close(notes->directory);
    }
    *notes = connection_notes_none();
}

static enum err connection_notes_name(struct connection_notes *notes)
{
    struct process_identity ssh;
    TRY(process_identity_parent(&ssh));
    static const char digits[] = "0123456789";
    const char *space = ssh.pid_namespace + strcspn(ssh.pid_namespace, digits); /* "pid:[4026531836]" */
    struct text name = text_in(notes->name, sizeof notes->name);
    text_format(&name, "%ld-%llu-%.*s-%s", ssh.pid, ssh.start, (int)strspn(space, digits), space, ssh.boot_id);
    return text_finish(&name) == ERR_OK && strchr(notes->name, '/') == NULL ? ERR_OK : ERR_SYSTEM;
}

/* ---- leaving one ---- */

/* A file of its own until it is whole and held. */
static enum err connection_notes_write(struct connection_notes *notes, struct bytes content)
{
    char temporary[64];
    struct text text = text_in(temporary, sizeof temporary);
    text_format(&text, ".tmp-%ld", (long)getpid());
    (void)unlinkat(notes->directory, temporary, 0); /* of a run with the same pid that was killed here */
    notes->fd = openat(notes->directory, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (notes->fd < 0) {
        return ERR_SYSTEM;
    }
    ssize_t put = write(notes->fd, content.data, content.len);
    if (put >= 0 && (size_t)put < content.len) {
        errno = ENOSPC;
    }
    if (put == (ssize_t)content.len && flock(notes->fd, LOCK_EX | LOCK_NB) == 0 &&
        renameat(notes->directory, temporary, notes->directory, notes->name) == 0) {
        return ERR_OK;
    }
    int error = errno;
    (void)unlinkat(notes->directory, temporary, 0);
    errno = error;
    return ERR_SYSTEM;
}

static void connection_notes_sweep(const struct connection_notes *notes)
{
    int own = openat(notes->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *scan = own >= 0 ? fdopendir(own) : NULL;
    if (scan == NULL) {
        if (own >= 0) {
            close(own);
        }
        return;
    }
    const struct dirent *entry = readdir(scan);
    for (int left = CONNECTION_NOTES_LOOKED_AT_MAX; left > 0 && entry != NULL; left--) {
        struct stat status;
        if (fstatat(notes->directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
            time(NULL) - status.st_mtime > CONNECTION_NOTES_OVERAGE_S) {
            (void)unlinkat(notes->directory, entry->d_name, 0);
        }
        entry = readdir(scan);
    }
    closedir(scan);
}

enum err connection_notes_leave(const char *path, struct bytes content, struct connection_notes *notes,
                                struct text *ret_why)
{
    connection_notes_close(notes);
    if (connection_notes_name(notes) != ERR_OK) {
        text_put(ret_why, "the process of ssh is not to be seen in /proc");
        return ERR_SYSTEM;
    }
    TRY(state_directory_make(path, &notes->directory, ret_why));
    enum err err = state_directory_judge(notes->directory, path, ret_why);
    if (err != ERR_OK) {
        connection_notes_close(notes);
        return err;
    }
    err = connection_notes_write(notes, content);
    if (err != ERR_OK) {
        text_format(ret_why, "a file in %s cannot be written: %s", path, strerror(errno));
        connection_notes_close(notes);
        return err;
    }
    connection_notes_sweep(notes);
    return ERR_OK;
}

void connection_notes_settle(struct connection_notes *notes)
{
    if (notes->fd >= 0) {
        close(notes->fd); /* drops the lock */
        notes->fd = -1;
    }
}

void connection_notes_take_back(struct connection_notes *notes)
{
    if (notes->directory >= 0) {
        (void)unlinkat(notes->directory, notes->name, 0);
    }
    connection_notes_close(notes);
}

/* ---- reading one ---- */

/* A regular file of this user, whole. */
static enum err connection_notes_read(int fd, char *ret_content, size_t size, size_t *ret_len)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return ERR_SYSTEM;
    }
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (size_t)status.st_size > size) {
        return ERR_NO_TARGET;
    }
    ssize_t got = pread(fd, ret_content, size, 0);
    *ret_len = got > 0 ? (size_t)got : 0;
    return got == status.st_size ? ERR_OK : ERR_SYSTEM;
}

/* The note, opened. */
static enum err connection_notes_open(const char *path, struct connection_notes *notes)
{
    TRY(connection_notes_name(notes));
    char memory[1];
    struct text nothing = text_in(memory, sizeof memory); /* connection_notes_leave has said it */
    notes->directory = state_directory_find(path);
    if (notes->directory >= 0) {
        enum err err = state_directory_judge(notes->directory, path, &nothing);
        TRY(err == ERR_CONFIG ? ERR_NO_TARGET : err);
        notes->fd = openat(notes->directory, notes->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    }
    if (notes->fd < 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? ERR_NO_TARGET : ERR_SYSTEM;
    }
    return ERR_OK;
}

enum err connection_notes_find(const char *path, char *ret_content, size_t size, size_t *ret_len,
                               struct connection_notes *notes)
{
    connection_notes_close(notes);
    enum err err = connection_notes_open(path, notes);
    err = err == ERR_OK ? connection_notes_read(notes->fd, ret_content, size, ret_len) : err;
    if (err != ERR_OK) {
        connection_notes_close(notes);
    }
    return err;
}

bool connection_notes_wait(const struct connection_notes *notes, int64_t deadline_us)
{
    while (flock(notes->fd, LOCK_SH | LOCK_NB) != 0) {
        if (clock_mono_us() >= deadline_us || (errno != EWOULDBLOCK && errno != EINTR)) {
            return false;
        }
        (void)poll(NULL, 0, CONNECTION_NOTES_LOOK_MS);
    }
    return true;
}
