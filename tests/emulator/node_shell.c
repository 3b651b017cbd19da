#include "tests/emulator/node_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/emulator/byte_queue.h"
#include "tests/emulator/spawn.h"

struct node_shell {
    struct node_shell_config config;
    char *commands, *profile;
    int fd; /* of the terminal's other end */
    pid_t pid;
    struct byte_queue to_write;
    size_t profile_left; /* of to_write: not from the session */
    uint64_t written;
    uint64_t read_after_us;
    struct loop_watch watch;
    struct loop_timer begin, soon;
};

/* ---- the program ---- */

static int start_program(struct node_shell *shell)
{
    char device[64];
    if (grantpt(shell->fd) != 0 || unlockpt(shell->fd) != 0 || ptsname_r(shell->fd, device, sizeof device) != 0) {
        return errno;
    }
    char *const argv[] = {(char[]){"sh"}, shell->commands == NULL ? NULL : (char[]){"-c"}, shell->commands, NULL};
    struct spawn_environment environment;
    spawn_environment_fill(&environment);
    return spawn_on_terminal("/bin/sh", device, argv, environment.variables, &shell->pid);
}

static void begin_expired(void *owner, uint64_t now_us)
{
    struct node_shell *shell = owner;
    shell->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int error = shell->fd < 0 ? errno : start_program(shell);
    if (error != 0) {
        log_error("a shell cannot be started: %s", strerror(error));
        node_shell_side.close(shell);
    } else if (shell->profile != NULL) {
        node_shell_side.write(shell, bytes_of_text(shell->profile));
        node_shell_side.write(shell, bytes_of_text("\n"));
        shell->profile_left = byte_queue_len(&shell->to_write);
    }
    shell->read_after_us = now_us + shell->config.delay_us;
    shell->config.opened(shell->config.owner, error == 0);
}

/* ---- as a side of a session ---- */

static void kill_group(pid_t group)
{
    if (group > 0) {
        kill(-group, SIGKILL);
    }
}

static void side_close(void *self)
{
    struct node_shell *shell = self;
    event_loop_disarm(shell->config.loop, &shell->begin);
    event_loop_disarm(shell->config.loop, &shell->soon);
    if (shell->fd >= 0) {
        kill_group(tcgetpgrp(shell->fd));
        event_loop_unwatch(shell->config.loop, &shell->watch);
        close(shell->fd); /* who else is at the terminal gets SIGHUP */
        shell->fd = -1;
    }
    kill_group(shell->pid);
    shell->pid = 0;
    byte_queue_free(&shell->to_write);
}

static void side_open(void *self)
{
    struct node_shell *shell = self;
    side_close(shell);
    shell->written = 0;
    event_loop_arm(shell->config.loop, &shell->begin, event_loop_now_us() + shell->config.delay_us);
}

static bool side_is_open(const void *self)
{
    const struct node_shell *shell = self;
    return shell->fd >= 0;
}

static void side_write(void *self, struct bytes bytes)
{
    struct node_shell *shell = self;
    if (byte_queue_append(&shell->to_write, bytes) != ERR_OK) {
        log_error("no memory for the input of a shell");
    }
}

static size_t side_queued(const void *self)
{
    const struct node_shell *shell = self;
    return byte_queue_len(&shell->to_write);
}

static uint64_t side_written(const void *self)
{
    const struct node_shell *shell = self;
    return shell->written;
}

static void count_written(struct node_shell *shell, size_t len)
{
    size_t of_profile = len < shell->profile_left ? len : shell->profile_left;
    shell->profile_left -= of_profile;
    shell->written += len - of_profile;
}

static enum err side_flush(void *self)
{
    struct node_shell *shell = self;
    while (byte_queue_len(&shell->to_write) > 0) {
        struct bytes bytes = byte_queue_bytes(&shell->to_write);
        ssize_t len = write(shell->fd, bytes.data, bytes.len);
        if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
            return ERR_OK;
        }
        if (len < 0) {
            byte_queue_drop(&shell->to_write, bytes.len);
            return ERR_UNREACHABLE;
        }
        byte_queue_drop(&shell->to_write, (size_t)len);
        count_written(shell, (size_t)len);
    }
    return ERR_OK;
}

/* EIO is how the end of a terminal reads. */
static enum err side_read(void *self, uint8_t *buffer, size_t size, struct node_piece *ret_piece)
{
    struct node_shell *shell = self;
    if (event_loop_now_us() < shell->read_after_us) {
        return ERR_AGAIN;
    }
    ssize_t len = read(shell->fd, buffer, size);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return ERR_AGAIN;
    }
    *ret_piece = (struct node_piece){len < 0 ? 0 : len, PAYLOAD_OUTPUT};
    return ERR_OK;
}

static void watch_for(struct node_shell *shell, uint32_t events)
{
    if (events == 0) {
        event_loop_unwatch(shell->config.loop, &shell->watch);
    } else if (shell->watch.is_armed) {
        event_loop_change(shell->config.loop, &shell->watch, events);
    } else if (event_loop_watch(shell->config.loop, &shell->watch, shell->fd, events) != ERR_OK) {
        log_error("cannot watch the terminal of a session");
    }
}

static void side_wait(void *self, bool wants_read)
{
    struct node_shell *shell = self;
    if (shell->fd < 0) {
        return;
    }
    bool is_early = event_loop_now_us() < shell->read_after_us;
    if (wants_read && is_early) {
        event_loop_arm(shell->config.loop, &shell->soon, shell->read_after_us);
    }
    watch_for(shell, (wants_read && !is_early ? EPOLLIN : 0u) | (byte_queue_len(&shell->to_write) > 0 ? EPOLLOUT : 0u));
}

const struct node_side node_shell_side = {side_open,    side_close, side_is_open, side_write, side_queued,
                                          side_written, side_flush, side_read,    side_wait};

/* ---- life ---- */

static void watch_ready(void *owner, uint32_t events)
{
    struct node_shell *shell = owner;
    shell->config.ready(shell->config.owner, (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0);
}

static void soon_expired(void *owner, uint64_t now_us)
{
    struct node_shell *shell = owner;
    (void)now_us;
    shell->config.ready(shell->config.owner, true);
}

/* Copies a text that may be missing. */
static enum err copy_text(const char *text, char **ret_copy)
{
    *ret_copy = text == NULL ? NULL : strdup(text);
    return text == NULL || *ret_copy != NULL ? ERR_OK : ERR_MEMORY;
}

enum err node_shell_new(const struct node_shell_config *config, struct node_shell **ret_shell)
{
    struct node_shell *shell = calloc(1, sizeof *shell);
    if (shell == NULL) {
        return ERR_MEMORY;
    }
    shell->config = *config;
    shell->fd = -1;
    shell->watch = (struct loop_watch){.ready = watch_ready, .owner = shell};
    shell->begin = (struct loop_timer){.expired = begin_expired, .owner = shell};
    shell->soon = (struct loop_timer){.expired = soon_expired, .owner = shell};
    if (copy_text(config->commands, &shell->commands) != ERR_OK ||
        copy_text(config->profile, &shell->profile) != ERR_OK) {
        node_shell_free(shell);
        return ERR_MEMORY;
    }
    *ret_shell = shell;
    return ERR_OK;
}

void node_shell_free(struct node_shell *shell)
{
    if (shell != NULL) {
        side_close(shell);
        free(shell->commands);
        free(shell->profile);
        free(shell);
    }
}

void node_shell_resize(struct node_shell *shell, uint16_t columns, uint16_t rows)
{
    struct winsize size = {.ws_col = columns, .ws_row = rows};
    if (shell->fd >= 0 && ioctl(shell->fd, TIOCSWINSZ, &size) != 0) {
        log_debug("a terminal has refused its size");
    }
}

void node_shell_child_ended(struct node_shell *shell, pid_t pid)
{
    if (pid == shell->pid) {
        kill(-pid, SIGKILL);
        shell->pid = 0;
    }
}
