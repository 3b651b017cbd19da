#include "pam_ssm/edge/peer.h"

#include "common/auto.h"
#include "common/text.h"
#include "pam_ssm/edge/path_trust.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <unistd.h>

/* The kernel answers at once; a netlink socket that is filtered may not answer at all. */
#define ANSWER_US (100 * 1000)

/* Signals that may come while we wait; sudo's caller can send it as many as he likes. */
#define MAX_INTERRUPTIONS 8

/* sshd closes all that it was given before it accepts, and has the connection among the first ten. */
#define MAX_OWN_DESCRIPTORS 256

/* ---- SSH_CONNECTION ---- */

/* Moves behind the next word, which is copied. */
static enum err take_word(const char **at, char *ret_word, size_t size)
{
    size_t len = strcspn(*at, " ");
    struct text word = text_in(ret_word, size);
    text_put_bytes(&word, bytes_of(*at, len));
    *at += len + ((*at)[len] == ' ' ? 1 : 0);
    return len > 0 && text_finish(&word) == ERR_OK ? ERR_OK : ERR_MALFORMED;
}

static enum err parse_end(const char **at, struct sockaddr_storage *ret_end)
{
    char address[INET6_ADDRSTRLEN];
    char digits[8];
    int64_t port = 0;
    TRY(take_word(at, address, sizeof address));
    TRY(take_word(at, digits, sizeof digits));
    TRY(text_parse_decimal(digits, 1, UINT16_MAX, &port));
    struct sockaddr_storage end = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&end;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&end;
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
    } else {
        return ERR_MALFORMED;
    }
    *ret_end = end;
    return ERR_OK;
}

static bool is_loopback(const struct sockaddr_storage *end)
{
    if (end->ss_family == AF_INET) {
        return ntohl(((const struct sockaddr_in *)end)->sin_addr.s_addr) >> 24 == 127;
    }
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)end)->sin6_addr);
}

enum err peer_parse(const char *ssh_connection, struct peer_connection *ret_connection)
{
    struct peer_connection connection;
    const char *at = ssh_connection;
    TRY(parse_end(&at, &connection.client));
    TRY(parse_end(&at, &connection.server));
    if (*at != '\0' || connection.client.ss_family != connection.server.ss_family) {
        return ERR_MALFORMED;
    }
    if (!is_loopback(&connection.client) || !is_loopback(&connection.server)) {
        return ERR_NO_TARGET;
    }
    *ret_connection = connection;
    return ERR_OK;
}

/* ---- our own end ---- */

/* A server that listens on both families has an IPv4 client as ::ffff:127.0.0.1; sshd writes 127.0.0.1. */
static void unmap(struct sockaddr_storage *end)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)end;
    if (end->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        return;
    }
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6->sin6_port};
    memcpy(&v4.sin_addr, &v6->sin6_addr.s6_addr[12], sizeof v4.sin_addr);
    *end = (struct sockaddr_storage){0};
    memcpy(end, &v4, sizeof v4);
}

static bool is_same_end(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family) {
        return false;
    }
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
        const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
    const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;
    return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
           IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr);
}

static bool is_server_end(int fd, const struct peer_connection *connection)
{
    struct sockaddr_storage local = {0};
    struct sockaddr_storage remote = {0};
    socklen_t local_len = sizeof local;
    socklen_t remote_len = sizeof remote;
    if (getpeername(fd, (struct sockaddr *)&remote, &remote_len) != 0 ||
        getsockname(fd, (struct sockaddr *)&local, &local_len) != 0) {
        return false;
    }
    unmap(&local);
    unmap(&remote);
    return is_same_end(&remote, &connection->client) && is_same_end(&local, &connection->server);
}

bool peer_is_ours(const struct peer_connection *connection)
{
    for (int fd = 0; fd < MAX_OWN_DESCRIPTORS; fd++) {
        if (is_server_end(fd, connection)) {
            return true;
        }
    }
    return false;
}

/* ---- the kernel ---- */

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
};

static void put_end(const struct sockaddr_storage *end, __be32 ret_address[4], __be16 *ret_port)
{
    if (end->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)end;
        ret_address[0] = v4->sin_addr.s_addr;
        *ret_port = v4->sin_port;
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)end;
        memcpy(ret_address, &v6->sin6_addr, sizeof v6->sin6_addr);
        *ret_port = v6->sin6_port;
    }
}

static struct question make_question(const struct peer_connection *connection)
{
    struct question question = {
        .header = {.nlmsg_len = sizeof question, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = (__u8)connection->client.ss_family,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = 1u << TCP_ESTABLISHED,
                    .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    /* The socket that is looked for is the client's: its own end is the source. */
    put_end(&connection->client, question.request.id.idiag_src, &question.request.id.idiag_sport);
    put_end(&connection->server, question.request.id.idiag_dst, &question.request.id.idiag_dport);
    return question;
}

/* Without an established socket the kernel falls back to one that listens: only the very connection counts. */
static bool is_answer(const struct inet_diag_msg *message, const struct question *question)
{
    const struct inet_diag_sockid *id = &message->id;
    const struct inet_diag_sockid *asked = &question->request.id;
    return message->idiag_state == TCP_ESTABLISHED && message->idiag_inode != 0 &&
           id->idiag_sport == asked->idiag_sport && id->idiag_dport == asked->idiag_dport &&
           memcmp(id->idiag_src, asked->idiag_src, sizeof id->idiag_src) == 0 &&
           memcmp(id->idiag_dst, asked->idiag_dst, sizeof id->idiag_dst) == 0;
}

static enum err read_answer(int fd, const struct question *question, struct peer_socket *ret_socket)
{
    _Alignas(struct nlmsghdr) char memory[1024];
    ssize_t got = recv(fd, memory, sizeof memory, 0);
    for (int i = 0; got < 0 && errno == EINTR && i < MAX_INTERRUPTIONS; i++) {
        got = recv(fd, memory, sizeof memory, 0);
    }
    const struct nlmsghdr *header = (const struct nlmsghdr *)memory;
    if (got < (ssize_t)sizeof *header || header->nlmsg_len > (size_t)got) {
        return ERR_SYSTEM;
    }
    if (header->nlmsg_type == NLMSG_ERROR && got >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
        const struct nlmsgerr *error = NLMSG_DATA(header);
        errno = -error->error;
        return error->error == -ENOENT ? ERR_NO_TARGET : ERR_SYSTEM;
    }
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || got < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
        return ERR_SYSTEM;
    }
    const struct inet_diag_msg *message = NLMSG_DATA(header);
    if (!is_answer(message, question)) {
        return ERR_NO_TARGET;
    }
    *ret_socket = (struct peer_socket){message->idiag_inode, message->idiag_uid};
    return ERR_OK;
}

enum err peer_find(const struct peer_connection *connection, struct peer_socket *ret_socket)
{
    AUTO(path_trust_close) int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    struct timeval patience = {.tv_usec = ANSWER_US};
    struct question question = make_question(connection);
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        sendto(fd, &question, sizeof question, 0, (const struct sockaddr *)&kernel, sizeof kernel) != sizeof question) {
        return ERR_SYSTEM;
    }
    return read_answer(fd, &question, ret_socket);
}
