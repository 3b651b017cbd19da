/* stdio: standard input and output without blocking, and without harm to the other holders of the same descriptors.
 *
 * O_NONBLOCK belongs to the open file description, which we share with ssh, a shell, sometimes a terminal: setting it
 * on an inherited descriptor breaks them, and a SIGKILL would leave it set. So it is never set there:
 *
 *   pipe       opened anew through /proc/self/fd/N, which gives a description of our own on the same pipe, with
 *              O_NONBLOCK. ssh gives its ProxyCommand two pipes.
 *   terminal   the same.
 *   socket     recv and send with MSG_DONTWAIT.
 *   file       as it is: a regular file never waits for a peer.
 *   the rest   (a named FIFO, a device, /proc not mounted) poll() before each call. A read after POLLIN does not wait
 *              when we are its only reader; a write of at most PIPE_BUF bytes after POLLOUT does not wait when we are
 *              the only writer, because POLLOUT says that a whole page is free. A named FIFO is not opened anew: on the
 *              new description the kernel would not tell that its last writer had gone before.
 *
 * Nothing is left to restore, whatever the way out. */
#ifndef SSM_PROXY_EDGE_STDIO_H
#define SSM_PROXY_EDGE_STDIO_H

#include "common/bytes.h"
#include "proxy/edge/loop.h"

enum stdio_direction { STDIO_READ, STDIO_WRITE };

enum stdio_end {
    STDIO_OPEN = 0,
    STDIO_EOF,         /* read: the writer has closed */
    STDIO_READER_GONE, /* write: EPIPE */
    STDIO_RESET,       /* ECONNRESET, on a socket */
    STDIO_FAILED       /* anything else; errno in end_errno. A descriptor that was closed at start: EBADF */
};

struct stdio_stream {
    struct loop_source source; /* want_read or want_write is the caller's */
    enum stdio_end end;
    int end_errno;

    /* private to stdio.c */
    enum { STDIO_BY_FLAG, STDIO_BY_SOCKET, STDIO_BY_POLL, STDIO_BY_FILE } how;
    bool owns_fd;
    struct loop *loop;
};

/* First thing in main: gives 0, 1 and 2, where one is closed, a /dev/null that refuses the wrong direction (reading
 * 0 and writing 1 then fail with EBADF), so that no socket of ours can land on them. */
enum err stdio_guard(void) SSM_MUST_USE;

/* `ret_stream` must stay where it is until stdio_close. `fd` itself is borrowed and stays as it was. */
enum err stdio_open(struct loop *loop, int fd, enum stdio_direction direction,
                    struct stdio_stream *ret_stream) SSM_MUST_USE;

/* ERR_OK and at least one byte; ERR_AGAIN; or ERR_SYSTEM when no more will come, and stream->end says why (STDIO_EOF
 * too). After an end every call gives ERR_SYSTEM. */
enum err stdio_read(struct stdio_stream *stream, void *buffer, size_t size, size_t *ret_len) SSM_MUST_USE;

/* Writes what fits of `bytes`, which are not empty. ERR_OK and at least one byte taken; ERR_AGAIN; or ERR_SYSTEM and
 * stream->end. */
enum err stdio_write(struct stdio_stream *stream, struct bytes bytes, size_t *ret_len) SSM_MUST_USE;

/* True when stdout's reader is gone, known without writing (after a loop_wait). */
static inline bool stdio_reader_is_gone(const struct stdio_stream *stream)
{
    return stream->source.is_broken || stream->end != STDIO_OPEN;
}

void stdio_close(struct stdio_stream *stream);

#endif
