#include "proxy/edge/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/auto.h"
#include "tests/support/unit.h"

struct bench {
    struct loop *loop;
    struct stdio_stream stream;
    int ours;   /* as inherited: blocking */
    int theirs; /* the other end */
    int flags;
};

static void bench_open(struct bench *bench, int ours, int theirs, enum stdio_direction direction)
{
    memset(bench, 0, sizeof *bench);
    assert_ok(loop_new(&bench->loop));
    bench->ours = ours;
    bench->theirs = theirs;
    bench->flags = fcntl(ours, F_GETFL);
    assert_ok(stdio_open(bench->loop, ours, direction, &bench->stream));
}

/* What all of them have in common: the inherited descriptor is as it was. */
static void bench_close(struct bench *bench)
{
    assert_int_equal(fcntl(bench->ours, F_GETFL), bench->flags);
    assert_int_equal(bench->flags & O_NONBLOCK, 0);
    stdio_close(&bench->stream);
    stdio_close(&bench->stream);
    assert_int_equal(fcntl(bench->ours, F_GETFL), bench->flags);
    loop_free(&bench->loop);
    close(bench->ours);
    if (bench->theirs >= 0) {
        close(bench->theirs);
    }
}

static void bench_pipe(struct bench *bench, enum stdio_direction direction)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    if (direction == STDIO_READ) {
        bench_open(bench, ends[0], ends[1], direction);
    } else {
        bench_open(bench, ends[1], ends[0], direction);
    }
}

static void bench_socket(struct bench *bench, enum stdio_direction direction)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    bench_open(bench, ends[0], ends[1], direction);
}

/* A named FIFO is used through poll, as everything is where /proc is missing. */
static void bench_fifo(struct bench *bench, enum stdio_direction direction)
{
    char path[] = "/tmp/ssm-stdio-XXXXXX";
    assert_non_null(mkdtemp(path));
    char fifo[64];
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int both = open(fifo, O_RDWR | O_CLOEXEC);
    int reading = open(fifo, O_RDONLY | O_CLOEXEC);
    int writing = open(fifo, O_WRONLY | O_CLOEXEC);
    close(both);
    assert_int_equal(unlink(fifo), 0);
    assert_int_equal(rmdir(path), 0);
    bench_open(bench, direction == STDIO_READ ? reading : writing, direction == STDIO_READ ? writing : reading,
               direction);
    assert_int_equal(bench->stream.how, STDIO_BY_POLL);
}

static void bench_terminal(struct bench *bench, enum stdio_direction direction)
{
    int master = -1;
    int slave = -1;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    bench_open(bench, slave, master, direction);
}

typedef void (*bench_maker)(struct bench *bench, enum stdio_direction direction);
static const bench_maker makers[] = {bench_pipe, bench_socket, bench_fifo, bench_terminal};
#define MAKERS (sizeof makers / sizeof makers[0])
#define WITHOUT_TERMINAL (MAKERS - 1)

static enum err write_all_zero(struct stdio_stream *stream, size_t len, size_t *ret_len)
{
    static const char zero[65536];
    return stdio_write(stream, bytes_of(zero, len), ret_len);
}

/* ---- never waits ---- */

static void test_reading_nothing_does_not_wait(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAKERS; i++) {
        struct bench bench;
        makers[i](&bench, STDIO_READ);
        char buffer[16];
        size_t len = 0;
        assert_err(stdio_read(&bench.stream, buffer, sizeof buffer, &len), ERR_AGAIN);
        assert_int_equal(write(bench.theirs, "hello\n", 6), 6);
        bench.stream.source.want_read = true;
        assert_ok(loop_wait(bench.loop, INSTANT_NEVER));
        assert_true(bench.stream.source.can_read);
        assert_ok(stdio_read(&bench.stream, buffer, sizeof buffer, &len));
        assert_int_equal(len, 6);
        assert_memory_equal(buffer, "hello\n", 6);
        assert_err(stdio_read(&bench.stream, buffer, sizeof buffer, &len), ERR_AGAIN);
        bench_close(&bench);
    }
}

static void test_writing_too_much_does_not_wait(void **state)
{
    (void)state;
    for (size_t i = 0; i < WITHOUT_TERMINAL; i++) {
        struct bench bench;
        makers[i](&bench, STDIO_WRITE);
        size_t total = 0;
        size_t len = 0;
        enum err err = write_all_zero(&bench.stream, 60000, &len);
        for (; err == ERR_OK; err = write_all_zero(&bench.stream, 60000, &len)) {
            assert_in_range(len, 1, 60000);
            total += len;
            assert_in_range(total, 1, 4000000);
        }
        assert_err(err, ERR_AGAIN);
        assert_true(total >= 4096);
        bench.stream.source.want_write = true;
        assert_ok(loop_wait(bench.loop, 0));
        assert_false(bench.stream.source.can_write);
        static char drain[65536];
        while (total > 0) {
            ssize_t got = read(bench.theirs, drain, sizeof drain);
            assert_true(got > 0);
            total -= (size_t)got;
        }
        assert_ok(loop_wait(bench.loop, INSTANT_NEVER));
        assert_true(bench.stream.source.can_write);
        assert_ok(write_all_zero(&bench.stream, 10, &len));
        bench_close(&bench);
    }
}

/* ---- ends ---- */

static void test_end_of_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < WITHOUT_TERMINAL; i++) {
        struct bench bench;
        makers[i](&bench, STDIO_READ);
        bench.stream.source.want_read = true;
        assert_int_equal(write(bench.theirs, "bye", 3), 3);
        close(bench.theirs);
        bench.theirs = -1;
        char buffer[16];
        size_t len = 0;
        assert_ok(loop_wait(bench.loop, INSTANT_NEVER));
        assert_ok(stdio_read(&bench.stream, buffer, sizeof buffer, &len));
        assert_int_equal(len, 3);
        assert_ok(loop_wait(bench.loop, INSTANT_NEVER));
        assert_true(bench.stream.source.can_read);
        assert_err(stdio_read(&bench.stream, buffer, sizeof buffer, &len), ERR_SYSTEM);
        assert_int_equal(bench.stream.end, STDIO_EOF);
        assert_false(bench.stream.source.want_read);
        assert_err(stdio_read(&bench.stream, buffer, sizeof buffer, &len), ERR_SYSTEM);
        bench_close(&bench);
    }
}

/* The writer was gone before we came: the kernel must tell all the same. */
static void test_end_before_the_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < WITHOUT_TERMINAL; i++) {
        struct bench made;
        makers[i](&made, STDIO_READ);
        stdio_close(&made.stream);
        close(made.theirs);
        struct bench bench;
        bench_open(&bench, made.ours, -1, STDIO_READ);
        bench.stream.source.want_read = true;
        assert_ok(loop_wait(bench.loop, INSTANT_NEVER));
        char buffer[16];
        size_t len = 0;
        assert_err(stdio_read(&bench.stream, buffer, sizeof buffer, &len), ERR_SYSTEM);
        assert_int_equal(bench.stream.end, STDIO_EOF);
        bench_close(&bench);
        loop_free(&made.loop);
    }
}

static void test_reader_gone(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < WITHOUT_TERMINAL; i++) {
        struct bench bench;
        makers[i](&bench, STDIO_WRITE);
        assert_ok(loop_wait(bench.loop, 0));
        assert_false(stdio_reader_is_gone(&bench.stream));
        close(bench.theirs);
        bench.theirs = -1;
        assert_ok(loop_wait(bench.loop, INSTANT_NEVER)); /* without wanting to write */
        assert_true(stdio_reader_is_gone(&bench.stream));
        size_t len = 0;
        assert_err(write_all_zero(&bench.stream, 10, &len), ERR_SYSTEM);
        assert_int_equal(bench.stream.end, STDIO_READER_GONE);
        assert_int_equal(bench.stream.end_errno, EPIPE);
        bench_close(&bench);
    }
}

static void test_socket_reset(void **state)
{
    (void)state;
    struct bench bench;
    bench_socket(&bench, STDIO_READ);
    assert_int_equal(write(bench.ours, "unread", 6), 6); /* unread at close: the kernel resets the connection */
    close(bench.theirs);
    bench.theirs = -1;
    char buffer[16];
    size_t len = 0;
    assert_err(stdio_read(&bench.stream, buffer, sizeof buffer, &len), ERR_SYSTEM);
    assert_int_equal(bench.stream.end, STDIO_RESET);
    bench_close(&bench);
}

/* ---- files ---- */

static void test_regular_files(void **state)
{
    (void)state;
    int file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_int_equal(write(file, "0123456789", 10), 10);
    assert_int_equal(lseek(file, 4, SEEK_SET), 4); /* as `{ read line; ssm-proxy; } < file` leaves it */
    struct bench bench;
    bench_open(&bench, file, -1, STDIO_READ);
    bench.stream.source.want_read = true;
    char buffer[16];
    size_t len = 0;
    assert_ok(loop_wait(bench.loop, INSTANT_NEVER));
    assert_ok(stdio_read(&bench.stream, buffer, sizeof buffer, &len));
    assert_memory_equal(buffer, "456789", 6);
    assert_err(stdio_read(&bench.stream, buffer, sizeof buffer, &len), ERR_SYSTEM);
    assert_int_equal(bench.stream.end, STDIO_EOF);
    bench_close(&bench);

    bench_open(&bench, open("/dev/full", O_WRONLY | O_CLOEXEC), -1, STDIO_WRITE);
    assert_err(write_all_zero(&bench.stream, 10, &len), ERR_SYSTEM);
    assert_int_equal(bench.stream.end, STDIO_FAILED);
    assert_int_equal(bench.stream.end_errno, ENOSPC);
    bench_close(&bench);

    bench_open(&bench, open("/dev/null", O_RDONLY | O_CLOEXEC), -1, STDIO_READ);
    bench.stream.source.want_read = true;
    assert_ok(loop_wait(bench.loop, INSTANT_NEVER));
    assert_err(stdio_read(&bench.stream, buffer, sizeof buffer, &len), ERR_SYSTEM);
    assert_int_equal(bench.stream.end, STDIO_EOF);
    bench_close(&bench);
}

static void test_descriptors_closed_at_start(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        close(0);
        close(1);
        if (stdio_guard() != ERR_OK || fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0) {
            _exit(1);
        }
        struct loop *loop = NULL;
        struct stdio_stream in;
        struct stdio_stream out;
        char buffer[4];
        size_t len = 0;
        if (loop_new(&loop) != ERR_OK || stdio_open(loop, 0, STDIO_READ, &in) != ERR_OK ||
            stdio_open(loop, 1, STDIO_WRITE, &out) != ERR_OK) {
            _exit(2);
        }
        bool refuses = stdio_read(&in, buffer, sizeof buffer, &len) == ERR_SYSTEM && in.end == STDIO_FAILED &&
                       in.end_errno == EBADF && write_all_zero(&out, 4, &len) == ERR_SYSTEM &&
                       out.end == STDIO_FAILED && out.end_errno == EBADF;
        _exit(refuses ? 0 : 3);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_nothing_does_not_wait),
        cmocka_unit_test(test_writing_too_much_does_not_wait),
        cmocka_unit_test(test_end_of_input),
        cmocka_unit_test(test_end_before_the_start),
        cmocka_unit_test(test_reader_gone),
        cmocka_unit_test(test_socket_reset),
        cmocka_unit_test(test_regular_files),
        cmocka_unit_test(test_descriptors_closed_at_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
