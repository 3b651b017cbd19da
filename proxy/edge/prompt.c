#include "proxy/edge/prompt.h"

#include "common/auto.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PROMPT_LINE 4096 /* what the kernel's line editing takes */
#define PROMPT_QUESTION 1024

struct prompt {
    struct loop *loop;
    struct loop_source terminal; /* fd -1: closed */
    struct termios before;
    struct termios silent;
    bool is_silent; /* `before` is to be restored */
    char question[PROMPT_QUESTION];
    size_t question_len;
    size_t shown; /* of the question */
    char answer[PROMPT_LINE + 1];
    size_t len;
    enum err err; /* ERR_AGAIN until there is an answer */
};

/* Reading in the background, or changing the terminal there, would stop us. */
static bool prompt_is_in_foreground(int fd)
{
    return tcgetpgrp(fd) == getpgrp();
}

static enum err prompt_silence(struct prompt *prompt)
{
    if (tcgetattr(prompt->terminal.fd, &prompt->before) != 0) {
        return ERR_NO_PROMPT;
    }
    struct termios *silent = &prompt->silent;
    *silent = prompt->before;
    silent->c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    silent->c_lflag |= (tcflag_t)(ICANON | ISIG);
    silent->c_iflag |= (tcflag_t)ICRNL;
    silent->c_cc[VQUIT] = silent->c_cc[VSUSP] = _POSIX_VDISABLE;
    prompt->is_silent = true; /* tcsetattr may do a part */
    return tcsetattr(prompt->terminal.fd, TCSAFLUSH, silent) == 0 ? ERR_OK : ERR_NO_PROMPT;
}

static void prompt_put_question(struct prompt *prompt, const char *question)
{
    static const char end[] = ": ";
    size_t len = 0;
    while (question[len] != '\0' && len + sizeof end < sizeof prompt->question) {
        prompt->question[len] = (char)(text_is_control(question[len]) ? '?' : question[len]);
        len++;
    }
    memcpy(prompt->question + len, end, sizeof end - 1);
    prompt->question_len = len + sizeof end - 1;
}

static enum err prompt_open(struct prompt *prompt)
{
    prompt->terminal.fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (prompt->terminal.fd < 0) {
        return errno == ENOMEM || errno == EMFILE || errno == ENFILE ? ERR_SYSTEM : ERR_NO_PROMPT;
    }
    if (!prompt_is_in_foreground(prompt->terminal.fd)) {
        return ERR_NO_PROMPT;
    }
    TRY(loop_add(prompt->loop, &prompt->terminal));
    TRY(prompt_silence(prompt));
    prompt->terminal.want_write = true;
    return ERR_OK;
}

enum err prompt_start(struct loop *loop, const char *question, struct prompt **ret_prompt)
{
    AUTO(prompt_free) struct prompt *prompt = calloc(1, sizeof *prompt);
    if (prompt == NULL) {
        return ERR_MEMORY;
    }
    prompt->loop = loop;
    prompt->terminal.fd = -1;
    prompt->err = ERR_AGAIN;
    prompt_put_question(prompt, question);
    TRY(prompt_open(prompt));
    *ret_prompt = MOVE(prompt);
    return ERR_OK;
}

/* ---- asking ---- */

static enum err prompt_show(struct prompt *prompt)
{
    while (prompt->shown < prompt->question_len) {
        ssize_t put =
            write(prompt->terminal.fd, prompt->question + prompt->shown, prompt->question_len - prompt->shown);
        if (put < 0 && errno == EAGAIN) {
            return ERR_AGAIN;
        }
        if (put < 0 && errno != EINTR) {
            return ERR_NO_PROMPT;
        }
        prompt->shown += put > 0 ? (size_t)put : 0;
    }
    prompt->terminal.want_write = false;
    prompt->terminal.want_read = true;
    return ERR_OK;
}

/* Ctrl-C ends ssh as well, and its shell may have the terminal back before we have heard of it. Whoever reads or sets
 * the terminal from the background is stopped, and nobody would continue us; or it fails, where ssh has left no parent
 * who could. With these signals blocked reading fails with EIO, and setting does not. */
static void prompt_refuse_to_stop(sigset_t *ret_before)
{
    sigset_t stops;
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTTIN);
    (void)sigaddset(&stops, SIGTTOU);
    (void)pthread_sigmask(SIG_BLOCK, &stops, ret_before);
}

static ssize_t prompt_read(const struct prompt *prompt, char *ret_data, size_t size)
{
    sigset_t before;
    prompt_refuse_to_stop(&before);
    ssize_t got = read(prompt->terminal.fd, ret_data, size);
    int error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return got;
}

/* The kernel gives one line a read, or a part of it when Ctrl-D is typed inside; nothing for Ctrl-D at its start. */
static enum err prompt_listen(struct prompt *prompt)
{
    while (prompt->len < PROMPT_LINE) {
        ssize_t got = prompt_read(prompt, prompt->answer + prompt->len, PROMPT_LINE - prompt->len);
        int error = got < 0 ? errno : 0;
        if (error == EIO && !prompt_is_in_foreground(prompt->terminal.fd)) {
            prompt->terminal.want_read = false; /* what is typed is for others; a signal or the deadline ends us */
            return ERR_AGAIN;
        }
        if (error == EAGAIN) {
            return ERR_AGAIN;
        }
        if (got == 0 || (got < 0 && error != EINTR)) {
            return ERR_NO_PROMPT;
        }
        prompt->len += got > 0 ? (size_t)got : 0;
        if (prompt->len > 0 && prompt->answer[prompt->len - 1] == '\n') {
            prompt->answer[--prompt->len] = '\0';
            return ERR_OK;
        }
    }
    return ERR_NO_PROMPT;
}

/* Not where somebody has set the terminal to their liking meanwhile: a shell that has it back. */
static bool prompt_is_still_silent(const struct prompt *prompt)
{
    struct termios now;
    return tcgetattr(prompt->terminal.fd, &now) == 0 &&
           ((now.c_lflag ^ prompt->silent.c_lflag) & (tcflag_t)(ECHO | ICANON)) == 0;
}

/* The terminal as it was, and the cursor on a new line: the one that was typed was not echoed. */
static void prompt_restore(const struct prompt *prompt)
{
    sigset_t before;
    prompt_refuse_to_stop(&before);
    if (prompt_is_still_silent(prompt)) {
        (void)!write(prompt->terminal.fd, "\n", 1);
        while (tcsetattr(prompt->terminal.fd, TCSANOW, &prompt->before) != 0 && errno == EINTR) {
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void prompt_leave(struct prompt *prompt)
{
    if (prompt->terminal.fd < 0) {
        return;
    }
    loop_remove(prompt->loop, &prompt->terminal);
    if (prompt->is_silent) {
        prompt_restore(prompt);
    }
    close(prompt->terminal.fd);
    prompt->terminal.fd = -1;
}

enum err prompt_result(struct prompt *prompt, struct bytes *ret_answer)
{
    if (prompt->err == ERR_AGAIN) {
        enum err err = prompt_show(prompt);
        prompt->err = err == ERR_OK ? prompt_listen(prompt) : err;
        if (prompt->err != ERR_AGAIN) {
            prompt_leave(prompt);
        }
    }
    TRY(prompt->err);
    *ret_answer = bytes_of(prompt->answer, prompt->len);
    return ERR_OK;
}

void prompt_free(struct prompt **prompt)
{
    if (*prompt == NULL) {
        return;
    }
    prompt_leave(*prompt);
    explicit_bzero((*prompt)->answer, sizeof(*prompt)->answer);
    free(*prompt);
    *prompt = NULL;
}
