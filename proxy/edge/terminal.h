/* terminal: out of its reach, or all of it for a program on a node. */
#ifndef SSM_PROXY_EDGE_TERMINAL_H
#define SSM_PROXY_EDGE_TERMINAL_H

#include "common/err.h"
#include "proxy/edge/loop.h"

#include <signal.h>

/* When stdin is no terminal: a session of our own (setsid), so that Ctrl-C at the first ssh, or closing its terminal,
 * does not reach a tunnel that a ControlPersist master still uses. Call it when nothing more can be asked of the
 * person: /dev/tty cannot be opened afterwards.
 *
 * A process group leader may not call setsid. OpenSSH forks its ProxyCommand, which is a member of ssh's own group
 * (sshconnect.c, ssh_proxy_connect: fork, then execs $SHELL -c "exec ..."), so normally we are none. Where we are (a
 * job-controlling shell started us itself), we first join our parent's group, which is in the same session, and so
 * lead none any more; no fork is needed, and ssh keeps the pid that it waits for and sends SIGHUP to. That fails when
 * somebody else (a child of ours) is in our group, or when the parent's group is in another session.
 *
 * True when the terminal can reach us no more; so too when there was nothing to leave, because we lead the session
 * already and it has no terminal. False is no reason to stop. */
bool terminal_leave_session(void);

/* ---- for a program on a node ---- */

enum terminal_mode {
    TERMINAL_RAW,   /* every key is a byte, every byte is shown as it is: the program has a terminal of its own */
    TERMINAL_CBREAK /* every key is a byte that is not shown; lines that come in end as usual */
};

/* Standard input, which is a terminal. Zero-initialised means "as it was". */
struct terminal {
    bool is_changed;
    enum terminal_mode mode;
};

/* Changes it, and what was typed ahead stays. It is put back by terminal_restore, at exit, and by whatever signal or
 * abort ends the process, SIGKILL excepted. One at a time. ERR_SYSTEM. */
enum err terminal_change(struct terminal *terminal, enum terminal_mode mode) SSM_MUST_USE;
/* Once more, when somebody else may have changed it meanwhile: a shell that had suspended us. */
void terminal_change_again(const struct terminal *terminal);
void terminal_restore(struct terminal *terminal); /* safe to repeat; usable with AUTO() */

/* Of the first terminal among standard input, output and error. False: there is none, or it does not know. */
bool terminal_size(uint16_t *ret_columns, uint16_t *ret_rows);

/* SIGWINCH, SIGTSTP and SIGCONT as something to read. Zero-initialised means "closed". */
struct terminal_signals {
    struct loop_source source;
    struct loop *loop;
    sigset_t mask_before;
};

/* `ret_signals` stays where it is until terminal_signals_close. ERR_SYSTEM. */
enum err terminal_signals_open(struct loop *loop, struct terminal_signals *ret_signals) SSM_MUST_USE;
/* The number of the next one that came, or 0. */
int terminal_signals_take(struct terminal_signals *signals);
void terminal_signals_close(struct terminal_signals *signals); /* safe to repeat; usable with AUTO() */

/* Stops this process as Ctrl-Z does, and comes back when it is continued. The terminal is the shell's meanwhile, as it
 * was before; afterwards as it was for us. */
void terminal_suspend(struct terminal *terminal);

#endif
