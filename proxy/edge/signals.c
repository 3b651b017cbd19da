#include "proxy/edge/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* A write that fails tells so itself; the second is that of a file beyond RLIMIT_FSIZE (ulimit -f). */
static const int signals_ignored[SIGNALS_IGNORED] = {SIGPIPE, SIGXFSZ};

static sigset_t signals_taken(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

enum err signals_open(struct loop *loop, struct signals *ret_signals)
{
    memset(ret_signals, 0, sizeof *ret_signals);
    sigset_t taken = signals_taken();
    ret_signals->source.fd = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
    if (ret_signals->source.fd < 0) {
        return ERR_SYSTEM;
    }
    ret_signals->loop = loop;
    ret_signals->source.want_read = true;
    enum err err = loop_add(loop, &ret_signals->source);
    if (err != ERR_OK) {
        close(ret_signals->source.fd);
        ret_signals->source.fd = -1;
        return err;
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    for (size_t i = 0; i < SIGNALS_IGNORED; i++) {
        (void)sigaction(signals_ignored[i], &ignore, &ret_signals->ignored_before[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &taken, &ret_signals->mask_before);
    return ERR_OK;
}

int signals_take(struct signals *signals)
{
    struct signalfd_siginfo info;
    ssize_t got = read(signals->source.fd, &info, sizeof info);
    return got == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void signals_restore(const struct signals *signals)
{
    for (size_t i = 0; i < SIGNALS_IGNORED; i++) {
        (void)sigaction(signals_ignored[i], &signals->ignored_before[i], NULL);
    }
    (void)pthread_sigmask(SIG_SETMASK, &signals->mask_before, NULL);
}

void signals_close(struct signals *signals)
{
    if (signals->loop == NULL) {
        return;
    }
    loop_remove(signals->loop, &signals->source);
    close(signals->source.fd);
    signals_restore(signals);
    signals->source.fd = -1;
    signals->loop = NULL;
}
