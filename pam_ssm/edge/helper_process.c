#include "pam_ssm/edge/helper_process.h"

#include "common/limits.h"
#include "pam_ssm/edge/host_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const search_path[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/root", NULL};

enum err helper_process_find(const char *name, struct text *ret_path)
{
    for (size_t i = 0; i < sizeof search_path / sizeof search_path[0]; i++) {
        text_clear(ret_path);
        text_format(ret_path, "%s/%s", search_path[i], name);
        if (text_finish(ret_path) == ERR_OK && access(ret_path->data, X_OK) == 0) {
            return ERR_OK;
        }
    }
    text_clear(ret_path);
    return ERR_NO_TARGET;
}

/* ---- starting it ---- */

struct running {
    pid_t pid;
    int handle;     /* pidfd: readable once it has ended */
    int streams[2]; /* our ends of its standard output and error */
};

static void close_both(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0) {
            (void)close(pair[i]);
            pair[i] = -1;
        }
    }
}

static int prepare_files(posix_spawn_file_actions_t *actions, int output, int complaints)
{
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    error = error != 0 ? error : posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    error = error != 0 ? error : posix_spawn_file_actions_adddup2(actions, complaints, STDERR_FILENO);
    error = error != 0 ? error : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return error != 0 ? error : posix_spawn_file_actions_addchdir_np(actions, "/");
}

static int prepare_signals(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    int error = posix_spawnattr_setsigdefault(attributes, &all);
    error = error != 0 ? error : posix_spawnattr_setsigmask(attributes, &none);
    return error != 0 ? error
                      : posix_spawnattr_setflags(attributes, (short)(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
}

/* POSIX takes strings that it promises not to change as char *, for the sake of old programs. */
static char *const *unqualified(const char *const *strings)
{
    char *const *same;
    memcpy(&same, &strings, sizeof same);
    return same;
}

/* 0 or an errno. */
static int spawn(const char *path, const char *const *argv, int output, int complaints, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = prepare_files(&actions, output, complaints);
        error = error != 0 ? error : prepare_signals(&attributes);
        mode_t mask = umask(022);
        if (error == 0) {
            error = posix_spawn(ret_pid, path, &actions, &attributes, unqualified(argv), unqualified(environment));
        }
        (void)umask(mask);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

static enum err start(const struct helper_process *helper, const char *path, struct running *ret_running)
{
    int output[2] = {-1, -1};
    int complaints[2] = {-1, -1};
    bool are_open = pipe2(output, O_CLOEXEC) == 0 && pipe2(complaints, O_CLOEXEC) == 0 &&
                    fcntl(output[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(complaints[0], F_SETFL, O_NONBLOCK) == 0;
    pid_t pid = -1;
    int error = are_open
                    ? spawn(path, helper->argv, output[1], helper->complaints != NULL ? complaints[1] : output[1], &pid)
                    : errno;
    int handle = error == 0 ? pidfd_open(pid, 0) : -1;
    if (error == 0 && handle < 0) {
        error = errno;
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    if (error == 0) {
        *ret_running = (struct running){.pid = pid, .handle = handle, .streams = {output[0], complaints[0]}};
        (void)close(output[1]);
        (void)close(complaints[1]);
        return ERR_OK;
    }
    close_both(output);
    close_both(complaints);
    errno = error;
    return error == ENOENT ? ERR_NO_TARGET : ERR_SYSTEM;
}

/* ---- waiting for it ---- */

/* Takes what is there now, at most what a pipe holds: one who writes without end must not keep us from the clock.
 * Closes the stream at its end. */
static void drain(int *stream, struct text *text)
{
    char buffer[4096];
    for (int i = 0; i < 16 && *stream >= 0; i++) {
        ssize_t got = read(*stream, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got <= 0) {
            (void)close(*stream);
            *stream = -1;
        } else if (text != NULL) {
            text_put_bytes(text, bytes_of(buffer, (size_t)got));
        }
    }
}

/* Ends when the program does: what it left running may hold its output open for ever. ERR_TIMEOUT. */
static enum err listen_until_it_ends(const struct helper_process *helper, struct running *running)
{
    int64_t deadline_us = host_clock_mono_us() + helper->timeout_ms * 1000;
    for (;;) {
        struct pollfd polled[] = {{.fd = running->handle, .events = POLLIN},
                                  {.fd = running->streams[0], .events = POLLIN},
                                  {.fd = running->streams[1], .events = POLLIN}};
        int64_t left_ms = (deadline_us - host_clock_mono_us() + 999) / 1000;
        int ready = left_ms > 0 ? poll(polled, 3, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX) : 0;
        if (ready < 0 && errno != EINTR) {
            return ERR_SYSTEM;
        }
        drain(&running->streams[0], helper->output);
        drain(&running->streams[1], helper->complaints);
        if (ready > 0 && polled[0].revents != 0) {
            return ERR_OK;
        }
        if (ready == 0 && left_ms <= 0) {
            return ERR_TIMEOUT;
        }
    }
}

/* Not yet waited for, so that its pid is its own. */
static enum err reap(pid_t pid, bool kill_first, int *ret_status)
{
    if (kill_first) {
        (void)kill(pid, SIGKILL);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return ERR_SYSTEM;
        }
    }
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ERR_OK;
}

enum err helper_process_run(const struct helper_process *helper, int *ret_status)
{
    char memory[LIMIT_PATH + 1];
    struct text path = text_in(memory, sizeof memory);
    text_put(&path, helper->argv[0]);
    if (helper->argv[0][0] != '/') {
        TRY(helper_process_find(helper->argv[0], &path));
    }
    struct running running = {.pid = -1, .handle = -1, .streams = {-1, -1}};
    TRY(start(helper, memory, &running));
    enum err err = listen_until_it_ends(helper, &running);
    int status = 0;
    enum err reaped = reap(running.pid, err != ERR_OK, &status);
    drain(&running.streams[0], helper->output);
    drain(&running.streams[1], helper->complaints);
    close_both(running.streams);
    (void)close(running.handle);
    TRY(err);
    TRY(reaped);
    *ret_status = status;
    return ERR_OK;
}
