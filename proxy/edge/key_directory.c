#include "proxy/edge/key_directory.h"

#include "proxy/core/openssh_key.h"
#include "proxy/edge/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* flock knows no time limit. Whoever makes a key has the lock for some ten milliseconds. */
#define KEY_DIRECTORY_LOOK_NS (5 * 1000 * 1000)

static void key_directory_close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void key_directory_put_name(const char *what, int slot, char ret_name[16])
{
    struct text name = text_in(ret_name, 16);
    text_format(&name, "%s-%d", what, slot + 1);
}

enum err key_directory_slot_path(const char *xdg_state_home, const char *home, int slot,
                                 char ret_path[STATE_DIRECTORY_PATH_SIZE])
{
    char name[32];
    struct text text = text_in(name, sizeof name);
    text_format(&text, "keys/key-%d", slot + 1);
    return state_directory_path(xdg_state_home, home, name, ret_path);
}

enum err key_directory_open(const char *xdg_state_home, const char *home, struct key_directory *ret_directory,
                            struct text *ret_why)
{
    struct key_directory directory = {.fd = -1};
    if (state_directory_path(xdg_state_home, home, "keys", directory.path) != ERR_OK) {
        text_put(ret_why, "no place for keys: neither XDG_STATE_HOME nor HOME gives one");
        return ERR_CONFIG;
    }
    TRY(state_directory_make(directory.path, &directory.fd, ret_why));
    enum err err = state_directory_judge(directory.fd, directory.path, ret_why);
    if (err != ERR_OK) {
        key_directory_close_fd(&directory.fd);
        return err;
    }
    *ret_directory = directory;
    return ERR_OK;
}

void key_directory_close(struct key_directory *directory)
{
    if (directory->path[0] != '\0') {
        key_directory_close_fd(&directory->fd);
    }
}

/* ---- locks ---- */

static enum err key_directory_lock_file(int fd, int operation, int64_t deadline_us)
{
    while (flock(fd, operation | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return ERR_SYSTEM;
        }
        if (clock_mono_us() >= deadline_us) {
            return ERR_TIMEOUT;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = KEY_DIRECTORY_LOOK_NS}, NULL);
    }
    return ERR_OK;
}

enum err key_directory_take(const struct key_directory *directory, enum key_directory_lock lock, int slot,
                            int64_t deadline_us, int *ret_fd, struct text *ret_why)
{
    char name[16] = "lock";
    if (lock != KEY_DIRECTORY_ALL) {
        key_directory_put_name("lock", slot, name);
    }
    int fd = openat(directory->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum err err =
        fd < 0 ? ERR_SYSTEM : key_directory_lock_file(fd, lock == KEY_DIRECTORY_READ ? LOCK_SH : LOCK_EX, deadline_us);
    if (err == ERR_OK) {
        *ret_fd = fd;
        return ERR_OK;
    }
    if (err == ERR_SYSTEM) {
        text_format(ret_why, "%s/%s cannot be locked: %s", directory->path, name, strerror(errno));
    }
    key_directory_close_fd(&fd);
    return err;
}

/* ---- files ---- */

static enum err key_directory_read_file(int fd, struct secret *ret_content)
{
    struct stat status;
    char content[OPENSSH_KEY_FILE_MAX];
    if (fstat(fd, &status) != 0) {
        return ERR_SYSTEM;
    }
    /* What others may read is a secret no more, and ssh would not log in with it. */
    if (S_ISREG(status.st_mode) && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return ERR_NO_TARGET;
    }
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_size > (off_t)sizeof content) {
        errno = EINVAL;
        return ERR_SYSTEM;
    }
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < sizeof content) {
        got = read(fd, content + len, sizeof content - len);
        len += got > 0 ? (size_t)got : 0;
        got = got < 0 && errno == EINTR ? 1 : got;
    }
    enum err err = got < 0 ? ERR_SYSTEM : secret_set(ret_content, bytes_of(content, len));
    explicit_bzero(content, sizeof content);
    return err;
}

enum err key_directory_read(const struct key_directory *directory, int slot, struct secret *ret_content,
                            struct text *ret_why)
{
    char name[16];
    key_directory_put_name("key", slot, name);
    int fd = openat(directory->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT) {
        return ERR_NO_TARGET;
    }
    enum err err = fd < 0 ? ERR_SYSTEM : key_directory_read_file(fd, ret_content);
    if (err == ERR_SYSTEM) {
        text_format(ret_why, "%s/%s cannot be read: %s", directory->path, name,
                    errno == EINVAL ? "it is no file of yours that could be a key" : strerror(errno));
    }
    key_directory_close_fd(&fd);
    return err;
}
