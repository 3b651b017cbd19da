#include "proxy/edge/child_process.h"

#include "common/auto.h"
#include "common/limits.h"
#include "proxy/edge/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Linux before 5.3 has no pidfd_open: nothing wakes us then when a program ends that left its output to another. */
#define CHILD_PROCESS_LOOK_US (20 * 1000)
/* Of descendants; wrappers around wrappers are five deep. */
#define CHILD_PROCESS_DEPTH 32

struct child_process {
    struct loop *loop;
    char name[64];             /* of the program, cut; for words */
    pid_t pid;                 /* 0: reaped */
    struct loop_source end;    /* the pidfd: readable once it has ended; fd -1: none */
    struct loop_source output; /* fd -1: closed */
    uint8_t *memory;           /* of output_max + 1 bytes */
    size_t len;
    size_t output_max;
    int64_t deadline_us;
    enum err err; /* ERR_AGAIN while it runs */
    int error;    /* errno of ERR_SYSTEM */
    int exit_status;
};

/* ---- starting it ---- */

static void child_process_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* POSIX takes strings that it promises not to change as char *, for the sake of old programs. */
static char *const *child_process_unqualified(const char *const *strings)
{
    char *const *same;
    memcpy(&same, &strings, sizeof same);
    return same;
}

/* As execvp looks, without what that does with a file that is no program: give it to a shell. Returns the errno. */
static int child_process_exec(const char *const *arguments)
{
    char *const *argv = child_process_unqualified(arguments);
    if (strchr(arguments[0], '/') != NULL) {
        (void)execve(arguments[0], argv, environ);
        return errno;
    }
    const char *directories = getenv("PATH");
    const char *at = directories != NULL ? directories : "/bin:/usr/bin";
    int error = ENOENT;
    for (;;) {
        size_t len = strcspn(at, ":");
        char path[LIMIT_PATH + 1];
        int path_len = snprintf(path, sizeof path, "%.*s%s%s", (int)len, at, len > 0 ? "/" : "", arguments[0]);
        if (path_len > 0 && (size_t)path_len < sizeof path) {
            (void)execve(path, argv, environ);
            error = errno != ENOENT && errno != ENOTDIR ? errno : error;
        }
        if (at[len] == '\0') {
            return error;
        }
        at += len + 1;
    }
}

/* In the new process. Other threads held who knows which locks when it was made: nothing here takes one. */
static int child_process_become(const char *const *arguments, int output, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        return ESRCH;
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) {
        return errno;
    }
    /* Ours are so by themselves; whoever started us may have left us others. Before Linux 5.11 they stay open. */
    (void)close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigaction(SIGPIPE, &action, NULL);
    (void)sigaction(SIGXFSZ, &action, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
    return child_process_exec(arguments);
}

/* 0 once the program runs, which closes `failure`; or why it does not. */
static int child_process_hear(int failure)
{
    int error = 0;
    ssize_t got;
    do {
        got = read(failure, &error, sizeof error);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return errno;
    }
    return got == 0 || got == (ssize_t)sizeof error ? error : EIO;
}

static void child_process_bury(pid_t pid, int options)
{
    while (waitpid(pid, NULL, options) < 0 && errno == EINTR) {
    }
}

static int child_process_fork(const char *const *arguments, int output, pid_t *ret_pid)
{
    int failure[2];
    if (pipe2(failure, O_CLOEXEC) != 0) {
        return errno;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        int error = child_process_become(arguments, output, parent);
        (void)!write(failure[1], &error, sizeof error);
        _exit(127);
    }
    int error = pid < 0 ? errno : 0;
    child_process_close(&failure[1]);
    if (error == 0) {
        error = child_process_hear(failure[0]);
    }
    child_process_close(&failure[0]);
    if (error != 0 && pid > 0) {
        (void)kill(pid, SIGKILL);
        child_process_bury(pid, 0);
    }
    *ret_pid = pid;
    return error;
}

static enum err child_process_watch(struct child_process *child, struct loop_source *source)
{
    source->want_read = true;
    TRY(loop_add(child->loop, source));
    return ERR_OK;
}

static enum err child_process_spawn(struct child_process *child, const char *const *arguments)
{
    int output[2];
    if (pipe2(output, O_CLOEXEC) != 0) {
        return ERR_SYSTEM;
    }
    child->output.fd = output[0];
    int error =
        fcntl(output[0], F_SETFL, O_NONBLOCK) == 0 ? child_process_fork(arguments, output[1], &child->pid) : errno;
    child_process_close(&output[1]);
    if (error != 0) {
        child->pid = 0;
        errno = error;
        return ERR_SYSTEM;
    }
    child->end.fd = pidfd_open(child->pid, 0);
    TRY(child_process_watch(child, &child->output));
    return child->end.fd >= 0 ? child_process_watch(child, &child->end) : ERR_OK;
}

/* Ours is the fault where the machine has run out of something; otherwise the command's, which is configured. */
static enum err child_process_start_error(enum err err, const char *name, struct text *ret_why)
{
    if (err != ERR_SYSTEM) {
        return err;
    }
    int error = errno;
    bool is_ours = error == ENOMEM || error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOSPC ||
                   error == EIO || error == ESRCH;
    text_format(ret_why, "%s cannot be started: %s", name, strerror(error));
    return is_ours ? ERR_SYSTEM : ERR_CONFIG;
}

enum err child_process_start(struct loop *loop, const struct child_process_command *command,
                             struct child_process **ret_child, struct text *ret_why)
{
    AUTO(child_process_free) struct child_process *child = calloc(1, sizeof *child);
    if (child == NULL) {
        return ERR_MEMORY;
    }
    child->loop = loop;
    child->err = ERR_AGAIN;
    child->end.fd = child->output.fd = -1;
    child->output_max = command->output_max;
    child->deadline_us = command->deadline_us;
    struct text name = text_in(child->name, sizeof child->name);
    text_put(&name, command->arguments[0]);
    child->memory = malloc(command->output_max + 1);
    if (child->memory == NULL) {
        return ERR_MEMORY;
    }
    /* Whoever started us may ignore SIGCHLD: the kernel would then throw exit statuses away. */
    struct sigaction action = {.sa_handler = SIG_DFL};
    (void)sigaction(SIGCHLD, &action, NULL);
    enum err err = child_process_spawn(child, command->arguments);
    if (err != ERR_OK) {
        return child_process_start_error(err, command->arguments[0], ret_why);
    }
    *ret_child = MOVE(child);
    return ERR_OK;
}

/* ---- ending it ---- */

static bool child_process_kill_tree(pid_t pid, int depth);

/* The processes that a thread has started; nobody reaps them while their parent does not run. The list is read whole
 * before the first of them dies: half a number at its end would be another process, and that none of ours. */
static void child_process_kill_children(pid_t pid, const char *thread, int depth)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%.16s/children", (int)pid, thread);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    AUTO_FREE char *list = NULL;
    size_t size = 0;
    ssize_t got = getdelim(&list, &size, '\0', file);
    char *rest = got > 0 && feof(file) ? list : NULL;
    (void)fclose(file);
    for (const char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
        int64_t child = 0;
        if (text_parse_decimal(word, 2, INT_MAX, &child) == ERR_OK) {
            (void)child_process_kill_tree((pid_t)child, depth - 1);
        }
    }
}

/* It is stopped first, so that it starts no others behind our back, and dies last, so that its children are still
 * known as its own. False: it may not be killed, having become another user's (sudo). */
static bool child_process_kill_tree(pid_t pid, int depth)
{
    (void)kill(pid, SIGSTOP);
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = depth > 0 ? opendir(path) : NULL;
    for (struct dirent *thread = threads != NULL ? readdir(threads) : NULL; thread != NULL; thread = readdir(threads)) {
        if (thread->d_name[0] != '.') {
            child_process_kill_children(pid, thread->d_name, depth);
        }
    }
    if (threads != NULL) {
        (void)closedir(threads);
    }
    return kill(pid, SIGKILL) == 0;
}

static void child_process_forget(struct child_process *child, struct loop_source *source)
{
    if (source->fd >= 0) {
        loop_remove(child->loop, source);
        child_process_close(&source->fd);
    }
}

static void child_process_finish(struct child_process *child, enum err err)
{
    child->err = err;
    child->error = err == ERR_SYSTEM ? errno : 0;
    if (child->pid > 0) {
        bool is_killed = child_process_kill_tree(child->pid, CHILD_PROCESS_DEPTH);
        child_process_bury(child->pid, is_killed ? 0 : WNOHANG);
        child->pid = 0;
    }
    child_process_forget(child, &child->output);
    child_process_forget(child, &child->end);
}

/* ---- listening to it ---- */

/* Takes what is there now. */
static enum err child_process_drain(struct child_process *child)
{
    while (child->output.fd >= 0) {
        uint8_t beyond[1]; /* one more byte is too many */
        size_t room = child->output_max - child->len;
        void *at = room > 0 ? child->memory + child->len : beyond;
        ssize_t got = read(child->output.fd, at, room > 0 ? room : sizeof beyond);
        if (got < 0 && errno == EAGAIN) {
            return ERR_OK;
        }
        if (got < 0 && errno != EINTR) {
            return ERR_SYSTEM;
        }
        if (got > 0 && room == 0) {
            return ERR_TOO_LONG;
        }
        if (got == 0) {
            child_process_forget(child, &child->output);
        }
        child->len += got > 0 ? (size_t)got : 0;
    }
    return ERR_OK;
}

/* ERR_AGAIN while it runs. */
static enum err child_process_reap(struct child_process *child)
{
    int status = 0;
    pid_t pid = waitpid(child->pid, &status, WNOHANG);
    if (pid < 0 && errno != EINTR) {
        return ERR_SYSTEM;
    }
    if (pid <= 0) {
        return ERR_AGAIN;
    }
    child->pid = 0;
    child->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ERR_OK;
}

static enum err child_process_turn(struct child_process *child)
{
    TRY(child_process_drain(child));
    enum err err = child_process_reap(child);
    if (err == ERR_OK) {
        return child_process_drain(child); /* what it printed last */
    }
    if (err == ERR_AGAIN && clock_mono_us() >= child->deadline_us) {
        return ERR_TIMEOUT;
    }
    return err;
}

int64_t child_process_deadline_us(const struct child_process *child)
{
    if (child->err != ERR_AGAIN) {
        return 0;
    }
    if (child->end.fd >= 0) {
        return child->deadline_us;
    }
    return instant_earlier(child->deadline_us, clock_mono_us() + CHILD_PROCESS_LOOK_US);
}

enum err child_process_result(struct child_process *child, struct child_process_result *ret_result,
                              struct text *ret_why)
{
    if (child->err == ERR_AGAIN) {
        enum err err = child_process_turn(child);
        if (err != ERR_AGAIN) {
            child_process_finish(child, err);
        }
    }
    if (child->err == ERR_OK) {
        child->memory[child->len] = '\0';
        *ret_result = (struct child_process_result){bytes_of(child->memory, child->len), child->exit_status};
    } else if (child->err == ERR_TIMEOUT) {
        text_format(ret_why, "%s did not end in time and was killed", child->name);
    } else if (child->err == ERR_TOO_LONG) {
        text_format(ret_why, "%s printed more than %zu bytes and was killed", child->name, child->output_max);
    } else if (child->err == ERR_SYSTEM) {
        text_format(ret_why, "%s cannot be listened to: %s", child->name, strerror(child->error));
    }
    return child->err;
}

void child_process_free(struct child_process **child)
{
    if (*child == NULL) {
        return;
    }
    child_process_finish(*child, ERR_SYSTEM);
    if ((*child)->memory != NULL) {
        explicit_bzero((*child)->memory, (*child)->len);
        free((*child)->memory);
    }
    free(*child);
    *child = NULL;
}
