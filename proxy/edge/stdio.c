#include "proxy/edge/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* statfs(2) of an anonymous pipe; linux/magic.h has it, but not every libc ships that header. */
#define STDIO_PIPEFS_MAGIC 0x50495045

enum err stdio_guard(void)
{
    static const int wrong_direction[] = {O_WRONLY, O_RDONLY, O_RDWR};
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) {
            continue;
        }
        /* open gives the lowest free number, and all below are taken by now */
        if (open("/dev/null", wrong_direction[fd]) != fd) {
            return ERR_SYSTEM;
        }
    }
    return ERR_OK;
}

/* A description of our own on the same pipe or terminal, or -1. */
static int stdio_reopen(int fd, const struct stat *status, enum stdio_direction direction)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int flags = direction == STDIO_READ ? O_RDONLY : O_WRONLY;
    int own = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own < 0) {
        return -1;
    }
    struct stat reopened;
    if (fstat(own, &reopened) != 0 || reopened.st_dev != status->st_dev || reopened.st_ino != status->st_ino) {
        close(own);
        return -1;
    }
    return own;
}

static bool stdio_is_anonymous_pipe(int fd, const struct stat *status)
{
    struct statfs filesystem;
    return S_ISFIFO(status->st_mode) && fstatfs(fd, &filesystem) == 0 && filesystem.f_type == STDIO_PIPEFS_MAGIC;
}

enum err stdio_open(struct loop *loop, int fd, enum stdio_direction direction, struct stdio_stream *ret_stream)
{
    memset(ret_stream, 0, sizeof *ret_stream);
    ret_stream->source.fd = fd;
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return ERR_SYSTEM;
    }
    if (S_ISSOCK(status.st_mode)) {
        ret_stream->how = STDIO_BY_SOCKET;
    } else if (S_ISREG(status.st_mode)) {
        ret_stream->how = STDIO_BY_FILE;
    } else {
        ret_stream->how = STDIO_BY_POLL;
        int own = stdio_is_anonymous_pipe(fd, &status) || isatty(fd) ? stdio_reopen(fd, &status, direction) : -1;
        if (own >= 0) {
            ret_stream->how = STDIO_BY_FLAG;
            ret_stream->source.fd = own;
            ret_stream->owns_fd = true;
        }
    }
    enum err err = loop_add(loop, &ret_stream->source);
    if (err != ERR_OK && ret_stream->owns_fd) {
        close(ret_stream->source.fd);
        ret_stream->owns_fd = false;
    }
    ret_stream->loop = err == ERR_OK ? loop : NULL;
    return err;
}

static enum err stdio_finish(struct stdio_stream *stream, enum stdio_end end, int end_errno)
{
    stream->end = end;
    stream->end_errno = end_errno;
    stream->source.want_read = stream->source.want_write = false;
    return ERR_SYSTEM;
}

/* What a failed call means: not now, or the end. */
static enum err stdio_failed(struct stdio_stream *stream)
{
    switch (errno) {
    case EAGAIN:
    case EINTR:
        return ERR_AGAIN;
    case EPIPE:
        return stdio_finish(stream, STDIO_READER_GONE, errno);
    case ECONNRESET:
        return stdio_finish(stream, STDIO_RESET, errno);
    default:
        return stdio_finish(stream, STDIO_FAILED, errno);
    }
}

static bool stdio_poll(int fd, short events)
{
    struct pollfd pollfd = {.fd = fd, .events = events};
    return poll(&pollfd, 1, 0) > 0;
}

enum err stdio_read(struct stdio_stream *stream, void *buffer, size_t size, size_t *ret_len)
{
    if (stream->end != STDIO_OPEN) {
        return ERR_SYSTEM;
    }
    int fd = stream->source.fd;
    if (stream->how == STDIO_BY_POLL && !stdio_poll(fd, POLLIN)) {
        return ERR_AGAIN;
    }
    ssize_t got = stream->how == STDIO_BY_SOCKET ? recv(fd, buffer, size, MSG_DONTWAIT) : read(fd, buffer, size);
    if (got < 0) {
        return stdio_failed(stream);
    }
    if (got == 0) {
        return stdio_finish(stream, STDIO_EOF, 0);
    }
    *ret_len = (size_t)got;
    return ERR_OK;
}

enum err stdio_write(struct stdio_stream *stream, struct bytes bytes, size_t *ret_len)
{
    if (stream->end != STDIO_OPEN) {
        return ERR_SYSTEM;
    }
    int fd = stream->source.fd;
    if (stream->how == STDIO_BY_POLL && !stdio_poll(fd, POLLOUT)) {
        return ERR_AGAIN;
    }
    size_t len = stream->how == STDIO_BY_POLL && bytes.len > PIPE_BUF ? PIPE_BUF : bytes.len;
    ssize_t put = stream->how == STDIO_BY_SOCKET ? send(fd, bytes.data, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                                                 : write(fd, bytes.data, len);
    if (put < 0) {
        return stdio_failed(stream);
    }
    *ret_len = (size_t)put;
    return ERR_OK;
}

void stdio_close(struct stdio_stream *stream)
{
    if (stream->loop == NULL) {
        return;
    }
    loop_remove(stream->loop, &stream->source);
    if (stream->owns_fd) {
        close(stream->source.fd);
        stream->owns_fd = false;
    }
    stream->loop = NULL;
}
