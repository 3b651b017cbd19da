#include "proxy/edge/key_agent.h"

#include "common/auto.h"
#include "proxy/edge/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void key_agent_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

void key_agent_reply_free(struct key_agent_reply *reply)
{
    free(reply->data);
    *reply = (struct key_agent_reply){.data = NULL};
}

static enum err key_agent_connect(int fd, const char *path, struct text *ret_why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        text_put(ret_why, "SSH_AUTH_SOCK has too long a path");
        return ERR_CONFIG;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    /* A socket of this machine: it is connected at once, or nobody listens, or more wait than the agent takes. */
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        text_format(ret_why, "no ssh-agent answers at SSH_AUTH_SOCK (%s): %s", path, strerror(errno));
        return errno == EAGAIN ? ERR_TIMEOUT : ERR_CONFIG;
    }
    return ERR_OK;
}

static enum err key_agent_wait(int fd, short events, int64_t deadline_us)
{
    int64_t left_ms = (deadline_us - clock_mono_us()) / 1000;
    if (left_ms <= 0) {
        return ERR_TIMEOUT;
    }
    struct pollfd ready = {.fd = fd, .events = events};
    int got = poll(&ready, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
    return got < 0 && errno != EINTR ? ERR_SYSTEM : ERR_OK;
}

static enum err key_agent_send(int fd, struct bytes request, int64_t deadline_us)
{
    while (request.len > 0) {
        ssize_t put = send(fd, request.data, request.len, MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN && errno != EINTR) {
            return ERR_SYSTEM;
        }
        request = bytes_from(request, put > 0 ? (size_t)put : 0);
        if (put < 0) {
            TRY(key_agent_wait(fd, POLLOUT, deadline_us));
        }
    }
    return ERR_OK;
}

static enum err key_agent_receive(int fd, uint8_t *ret_data, size_t len, int64_t deadline_us)
{
    while (len > 0) {
        ssize_t got = recv(fd, ret_data, len, 0);
        if (got == 0) {
            return ERR_MALFORMED;
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return ERR_SYSTEM;
        }
        ret_data += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
        if (got < 0) {
            TRY(key_agent_wait(fd, POLLIN, deadline_us));
        }
    }
    return ERR_OK;
}

static enum err key_agent_receive_reply(int fd, int64_t deadline_us, struct key_agent_reply *reply)
{
    uint8_t length[4];
    TRY(key_agent_receive(fd, length, sizeof length, deadline_us));
    reply->len = bytes_get_be32(length);
    if (reply->len == 0 || reply->len > KEY_AGENT_MESSAGE_MAX) {
        return ERR_MALFORMED;
    }
    reply->data = malloc(reply->len);
    if (reply->data == NULL) {
        return ERR_MEMORY;
    }
    return key_agent_receive(fd, reply->data, reply->len, deadline_us);
}

static void key_agent_say(enum err err, struct text *ret_why)
{
    if (err == ERR_TIMEOUT) {
        text_put(ret_why, "ssh-agent did not answer in time");
    } else if (err == ERR_MALFORMED) {
        text_put(ret_why, "ssh-agent gave no answer that makes sense");
    } else if (err == ERR_SYSTEM) {
        text_format(ret_why, "ssh-agent cannot be asked: %s", strerror(errno));
    }
}

enum err key_agent_ask(const char *socket_path, const struct key_agent_message *request, int64_t deadline_us,
                       struct key_agent_reply *ret_reply, struct text *ret_why)
{
    AUTO(key_agent_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        key_agent_say(ERR_SYSTEM, ret_why);
        return ERR_SYSTEM;
    }
    TRY(key_agent_connect(fd, socket_path, ret_why));
    AUTO(key_agent_reply_free) struct key_agent_reply reply = {.data = NULL};
    enum err err = key_agent_send(fd, bytes_of(request->data, request->len), deadline_us);
    err = err == ERR_OK ? key_agent_receive_reply(fd, deadline_us, &reply) : err;
    if (err != ERR_OK) {
        key_agent_say(err, ret_why);
        return err;
    }
    *ret_reply = reply;
    reply = (struct key_agent_reply){.data = NULL};
    return ERR_OK;
}
