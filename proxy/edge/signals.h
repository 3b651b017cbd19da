/* signals: SIGHUP, SIGINT and SIGTERM as something to read, through signalfd; SIGPIPE and SIGXFSZ ignored.
 *
 * All three are taken even where they were ignored before (nohup, a background job of a script): once `connect` has
 * left the terminal's session, a terminal cannot send them any more, so whoever does means it. ssh itself sends SIGHUP
 * to its ProxyCommand when it ends.
 *
 * Open it before the first thread exists (libcurl resolves names in one): threads inherit the mask. */
#ifndef SSM_PROXY_EDGE_SIGNALS_H
#define SSM_PROXY_EDGE_SIGNALS_H

#include "proxy/edge/loop.h"

#include <signal.h>

#define SIGNALS_IGNORED 2

struct signals {
    struct loop_source source; /* fd -1 while closed */
    struct loop *loop;
    sigset_t mask_before;
    struct sigaction ignored_before[SIGNALS_IGNORED];
};

enum err signals_open(struct loop *loop, struct signals *ret_signals) SSM_MUST_USE;

/* The number of the next signal that came, or 0. */
int signals_take(struct signals *signals);

/* In a child between fork and exec: mask and ignored signals as they were. Async-signal-safe. */
void signals_restore(const struct signals *signals);

/* Restores them here too. A signal that came and was not taken is then delivered. */
void signals_close(struct signals *signals);

#endif
