/* bench_peer: the TCP server behind the node that a benchmark talks to.
 *
 *     bench_peer sink|source|echo [SIZE]
 *
 * Listens on loopback, prints its port, and serves each connection in a process of its own. It greets first with an SSH
 * banner line; then
 *   sink    reads SIZE bytes, answers one byte, and waits for the end
 *   source  waits for one byte, sends SIZE bytes, and waits for the end
 *   echo    sends back what comes. */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const char greeting[] = "SSH-2.0-bench\r\n";

/* False when the other side is gone. */
static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, data, len);
        if (written <= 0) {
            return false;
        }
        data += written;
        len -= (size_t)written;
    }
    return true;
}

static void wait_for_end(int fd, char *buffer, size_t size)
{
    while (read(fd, buffer, size) > 0) {
    }
}

static void serve_sink(int fd, uint64_t size, char *buffer, size_t buffer_size)
{
    uint64_t total = 0;
    while (total < size) {
        ssize_t got = read(fd, buffer, buffer_size);
        if (got <= 0) {
            return;
        }
        total += (uint64_t)got;
    }
    if (write_all(fd, "k", 1)) {
        wait_for_end(fd, buffer, buffer_size);
    }
}

static void serve_source(int fd, uint64_t size, char *buffer, size_t buffer_size)
{
    if (read(fd, buffer, 1) != 1) {
        return;
    }
    memset(buffer, 'x', buffer_size);
    for (uint64_t left = size; left > 0;) {
        size_t piece = left < buffer_size ? (size_t)left : buffer_size;
        if (!write_all(fd, buffer, piece)) {
            return;
        }
        left -= piece;
    }
    wait_for_end(fd, buffer, buffer_size);
}

static void serve_echo(int fd, char *buffer, size_t buffer_size)
{
    ssize_t got;
    while ((got = read(fd, buffer, buffer_size)) > 0 && write_all(fd, buffer, (size_t)got)) {
    }
}

static void serve(int fd, const char *mode, uint64_t size)
{
    static char buffer[256 * 1024];
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!write_all(fd, greeting, sizeof greeting - 1)) {
        return;
    }
    if (strcmp(mode, "sink") == 0) {
        serve_sink(fd, size, buffer, sizeof buffer);
    } else if (strcmp(mode, "source") == 0) {
        serve_source(fd, size, buffer, sizeof buffer);
    } else {
        serve_echo(fd, buffer, sizeof buffer);
    }
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        err(EXIT_FAILURE, "listen");
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc < 2 || (strcmp(argv[1], "echo") != 0 && argc < 3)) {
        errx(EXIT_FAILURE, "usage: bench_peer sink|source SIZE, bench_peer echo");
    }
    uint64_t size = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    signal(SIGCHLD, SIG_IGN);
    int listener = listen_on_loopback();
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            continue;
        }
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            close(listener);
            serve(fd, argv[1], size);
            _exit(0);
        }
        close(fd);
    }
}
