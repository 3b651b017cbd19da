#include "pam_ssm/edge/agent_sudoers.h"

#include "common/auto.h"
#include "common/limits.h"
#include "pam_ssm/core/agent_stub.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define STUB_MODE 0440

static enum err refuse(const struct host_paths *paths, struct text *ret_why)
{
    text_format(ret_why, "%s/%s: %s", paths->sudoers_dir, paths->agent_sudoers, strerror(errno));
    return ERR_SYSTEM;
}

/* What is there now; *ret_memory stays NULL for what is no regular file. */
struct found {
    struct stat status;
    char *memory; /* owned */
    size_t len;
};

static void drop_found(struct found *found)
{
    free(found->memory);
}

static enum err read_content(int fd, struct found *found)
{
    size_t size = (size_t)found->status.st_size;
    if (size > LIMIT_HOST_CONFIG) {
        errno = EFBIG;
        return ERR_TOO_LONG;
    }
    found->memory = malloc(size + 1);
    if (found->memory == NULL) {
        return ERR_MEMORY;
    }
    ssize_t got = pread(fd, found->memory, size, 0);
    found->len = got > 0 ? (size_t)got : 0;
    return got >= 0 ? ERR_OK : ERR_SYSTEM;
}

/* ERR_NO_TARGET: nothing is there. */
static enum err look(const struct host_paths *paths, struct found *found, struct text *ret_why)
{
    AUTO(path_trust_close) int dir = open(paths->sudoers_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return errno == ENOENT ? ERR_NO_TARGET : refuse(paths, ret_why);
    }
    if (fstatat(dir, paths->agent_sudoers, &found->status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? ERR_NO_TARGET : refuse(paths, ret_why);
    }
    if (!S_ISREG(found->status.st_mode)) {
        return ERR_OK;
    }
    AUTO(path_trust_close) int fd = openat(dir, paths->agent_sudoers, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found->status) != 0) {
        return refuse(paths, ret_why);
    }
    enum err err = read_content(fd, found);
    return err == ERR_OK ? ERR_OK : (refuse(paths, ret_why), err);
}

static enum agent_sudoers judge(const struct host_paths *paths, const struct found *found)
{
    bool is_ours = found->memory != NULL && found->status.st_uid == paths->owner && found->status.st_nlink == 1 &&
                   (found->status.st_mode & 07777) == STUB_MODE &&
                   bytes_equal(bytes_of(found->memory, found->len), agent_stub_content());
    return is_ours ? AGENT_SUDOERS_OURS : AGENT_SUDOERS_OTHER;
}

static bool has_folder(const struct host_paths *paths)
{
    struct stat status;
    return stat(paths->sudoers_dir, &status) == 0 || errno != ENOENT;
}

enum err agent_sudoers_read(const struct host_paths *paths, enum agent_sudoers *ret_kind, struct text *ret_why)
{
    if (!has_folder(paths)) {
        *ret_kind = AGENT_SUDOERS_NOWHERE;
        return ERR_OK;
    }
    AUTO(drop_found) struct found found = {0};
    enum err err = look(paths, &found, ret_why);
    if (err == ERR_NO_TARGET) {
        *ret_kind = AGENT_SUDOERS_MISSING;
        return ERR_OK;
    }
    TRY(err);
    *ret_kind = judge(paths, &found);
    return ERR_OK;
}

static bool is_saved(const struct host_paths *paths)
{
    AUTO(path_trust_close) int dir = open(paths->state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    return dir >= 0 && fstatat(dir, AGENT_STUB_SAVED, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

enum err agent_sudoers_install(const struct host_paths *paths, struct text *ret_why)
{
    if (!has_folder(paths)) {
        return ERR_OK;
    }
    AUTO(drop_found) struct found found = {0};
    enum err err = look(paths, &found, ret_why);
    if (err != ERR_OK && err != ERR_NO_TARGET) {
        return err;
    }
    if (err == ERR_OK && judge(paths, &found) == AGENT_SUDOERS_OURS) {
        return ERR_OK;
    }
    if (found.memory != NULL && !bytes_equal(bytes_of(found.memory, found.len), agent_stub_content()) &&
        !is_saved(paths)) {
        TRY(state_dir_write(paths->state_dir, AGENT_STUB_SAVED, bytes_of(found.memory, found.len), 0600, true,
                            ret_why));
    }
    return state_dir_write(paths->sudoers_dir, paths->agent_sudoers, agent_stub_content(), STUB_MODE, true, ret_why);
}

enum err agent_sudoers_restore(const struct host_paths *paths, struct text *ret_why)
{
    enum agent_sudoers kind;
    TRY(agent_sudoers_read(paths, &kind, ret_why));
    if (kind == AGENT_SUDOERS_OTHER || kind == AGENT_SUDOERS_NOWHERE) {
        return ERR_OK;
    }
    AUTO_FREE char *memory = NULL;
    size_t len = 0;
    AUTO(path_trust_close) int dir = -1;
    enum err err = path_trust_open_dir(paths->state_dir, paths->owner, &dir, ret_why);
    if (err == ERR_OK) {
        err = path_trust_read_at(dir, AGENT_STUB_SAVED, paths->owner, LIMIT_HOST_CONFIG, &memory, &len, ret_why);
    }
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
        return state_dir_remove(paths->sudoers_dir, paths->agent_sudoers, ret_why);
    }
    TRY(err);
    TRY(state_dir_write(paths->sudoers_dir, paths->agent_sudoers, bytes_of(memory, len), STUB_MODE, true, ret_why));
    return state_dir_remove(paths->state_dir, AGENT_STUB_SAVED, ret_why);
}
