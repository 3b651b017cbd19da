/* peer: whose socket is at the other end of a loopback connection? Asks the kernel for exactly this one connection
 * (NETLINK_SOCK_DIAG, sock_diag(7)): the cost does not depend on how many sockets or processes there are. */
#ifndef SSM_HOST_EDGE_PEER_H
#define SSM_HOST_EDGE_PEER_H

#include "common/err.h"

#include <stdbool.h>
#include <sys/socket.h>

/* The two ends of a TCP connection over loopback, as seen from the server. */
struct peer_connection {
    struct sockaddr_storage client, server;
};

/* `ssh_connection` is what sshd sets: "client address, client port, server address, server port". ERR_MALFORMED;
 * ERR_NO_TARGET when either address is no loopback address. */
enum err peer_parse(const char *ssh_connection, struct peer_connection *ret_connection) SSM_MUST_USE;

/* Does this process hold the server's end? PAM's environment, where SSH_CONNECTION comes from, is not sshd's alone:
 * pam_env puts into it what the user's own ~/.pam_environment says, and so could name a connection of somebody else's.
 */
bool peer_is_ours(const struct peer_connection *connection) SSM_MUST_USE;

struct peer_socket {
    unsigned long inode; /* as in "socket:[INODE]" of /proc/PID/fd */
    uid_t uid;           /* who made it */
};

/* The client's socket. ERR_NO_TARGET: there is no such connection (any more). ERR_SYSTEM: the kernel does not tell. */
enum err peer_find(const struct peer_connection *connection, struct peer_socket *ret_socket) SSM_MUST_USE;

#endif
