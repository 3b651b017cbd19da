/* terminal: out of its reach. */
#ifndef SSM_PROXY_EDGE_TERMINAL_H
#define SSM_PROXY_EDGE_TERMINAL_H

#include <stdbool.h>

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

#endif
