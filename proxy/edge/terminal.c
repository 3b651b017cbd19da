#include "proxy/edge/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* A session leader can neither call setsid nor change groups; it is out of reach when its session has no terminal. */
static bool terminal_has_none(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return true;
    }
    close(fd);
    return false;
}

bool terminal_leave_session(void)
{
    if (isatty(STDIN_FILENO)) {
        return false;
    }
    if (setsid() >= 0) {
        return true;
    }
    pid_t parents_group = getpgid(getppid());
    if (parents_group > 0 && setpgid(0, parents_group) == 0) {
        if (setsid() >= 0) {
            return true;
        }
        (void)setpgid(0, getpid()); /* back: somebody else is in our group, which therefore still exists */
    }
    return terminal_has_none();
}

/* ---- for a program on a node ---- */

/* What a handler of signals, and exit, put back: nothing that they need may be on a stack. */
static struct {
    volatile sig_atomic_t is_changed;
    bool is_watched; /* the handlers stand */
    struct termios before;
    struct termios changed;
} terminal_state;

/* In the background this stops us, until we are brought to the front. Async-signal-safe. */
static int terminal_set(const struct termios *modes)
{
    int result = -1;
    for (int left = 3; result != 0 && left > 0; left--) {
        result = tcsetattr(STDIN_FILENO, TCSADRAIN, modes);
        if (result != 0 && errno != EINTR) {
            break;
        }
    }
    return result;
}

/* Whoever is in front has it as it is meant to be, and so it is not waited for there. Async-signal-safe. */
static void terminal_set_back(void)
{
    sigset_t stops;
    sigset_t before;
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTTOU);
    (void)pthread_sigmask(SIG_BLOCK, &stops, &before);
    (void)terminal_set(&terminal_state.before);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void terminal_put_back(void)
{
    if (terminal_state.is_changed) {
        terminal_state.is_changed = 0;
        terminal_set_back();
    }
}

/* SA_RESETHAND: what the signal does otherwise, it does when it is raised again. */
static void terminal_on_signal(int signal)
{
    terminal_put_back();
    (void)raise(signal);
}

/* Those that end a process, but for the ones that edge/signals takes or ignores. A handler that somebody else has set
 * (a sanitizer's) stays. */
static void terminal_watch_over(void)
{
    static const int fatal[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT,   SIGBUS,  SIGFPE,  SIGUSR1,   SIGSEGV, SIGUSR2,
                                SIGALRM, SIGSYS, SIGXCPU, SIGVTALRM, SIGPROF, SIGPOLL, SIGSTKFLT, SIGPWR};
    if (terminal_state.is_watched) {
        return;
    }
    terminal_state.is_watched = true;
    (void)atexit(terminal_put_back);
    struct sigaction action = {.sa_handler = terminal_on_signal, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        struct sigaction before;
        if (sigaction(fatal[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            (void)sigaction(fatal[i], &action, NULL);
        }
    }
}

static struct termios terminal_modes(const struct termios *before, enum terminal_mode mode)
{
    struct termios modes = *before;
    modes.c_iflag |= (tcflag_t)IGNPAR;
    modes.c_iflag &= ~(tcflag_t)(ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXANY | IXOFF);
    modes.c_lflag &= ~(tcflag_t)(ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHONL | IEXTEN);
    modes.c_oflag &= mode == TERMINAL_RAW ? ~(tcflag_t)OPOST : ~(tcflag_t)0;
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    return modes;
}

enum err terminal_change(struct terminal *terminal, enum terminal_mode mode)
{
    if (tcgetattr(STDIN_FILENO, &terminal_state.before) != 0) {
        return ERR_SYSTEM;
    }
    terminal_watch_over();
    terminal_state.changed = terminal_modes(&terminal_state.before, mode);
    terminal_state.is_changed = 1; /* tcsetattr may do a part */
    *terminal = (struct terminal){.is_changed = true, .mode = mode};
    if (terminal_set(&terminal_state.changed) != 0) {
        terminal_restore(terminal);
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

void terminal_change_again(const struct terminal *terminal)
{
    if (terminal->is_changed) {
        (void)terminal_set(&terminal_state.changed);
    }
}

void terminal_restore(struct terminal *terminal)
{
    if (terminal->is_changed) {
        terminal_put_back();
        terminal->is_changed = false;
    }
}

bool terminal_size(uint16_t *ret_columns, uint16_t *ret_rows)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        struct winsize size;
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
            *ret_columns = size.ws_col;
            *ret_rows = size.ws_row;
            return true;
        }
    }
    return false;
}

/* ---- its signals ---- */

enum err terminal_signals_open(struct loop *loop, struct terminal_signals *ret_signals)
{
    sigset_t taken;
    (void)sigemptyset(&taken);
    (void)sigaddset(&taken, SIGWINCH);
    (void)sigaddset(&taken, SIGTSTP);
    (void)sigaddset(&taken, SIGCONT);
    *ret_signals = (struct terminal_signals){.source = {.want_read = true}};
    ret_signals->source.fd = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
    if (ret_signals->source.fd < 0) {
        return ERR_SYSTEM;
    }
    enum err err = loop_add(loop, &ret_signals->source);
    if (err != ERR_OK) {
        close(ret_signals->source.fd);
        return err;
    }
    ret_signals->loop = loop;
    (void)pthread_sigmask(SIG_BLOCK, &taken, &ret_signals->mask_before);
    return ERR_OK;
}

int terminal_signals_take(struct terminal_signals *signals)
{
    struct signalfd_siginfo info;
    ssize_t got = read(signals->source.fd, &info, sizeof info);
    return got == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void terminal_signals_close(struct terminal_signals *signals)
{
    if (signals->loop != NULL) {
        loop_remove(signals->loop, &signals->source);
        close(signals->source.fd);
        (void)pthread_sigmask(SIG_SETMASK, &signals->mask_before, NULL);
        signals->loop = NULL;
    }
}

/* SIGTSTP and not SIGSTOP: where no shell could continue us, the kernel ignores it. */
void terminal_suspend(struct terminal *terminal)
{
    sigset_t stop;
    sigset_t before;
    if (terminal->is_changed) {
        terminal_set_back();
    }
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTSTP);
    (void)raise(SIGTSTP);
    (void)pthread_sigmask(SIG_UNBLOCK, &stop, &before); /* here we stop */
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    terminal_change_again(terminal);
}
