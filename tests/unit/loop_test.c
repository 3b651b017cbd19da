#include "proxy/edge/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/auto.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/signals.h"
#include "tests/support/unit.h"

static struct loop *new_loop(void)
{
    struct loop *loop = NULL;
    assert_ok(loop_new(&loop));
    return loop;
}

/* Waits until `deadline_us` from now and returns how long it took. */
static int64_t wait_for(struct loop *loop, int64_t timeout_us)
{
    int64_t before_us = clock_mono_us();
    assert_ok(loop_wait(loop, timeout_us == INSTANT_NEVER ? INSTANT_NEVER : before_us + timeout_us));
    return clock_mono_us() - before_us;
}

static void test_refuses_a_closed_descriptor(void **state)
{
    (void)state;
    AUTO(loop_free) struct loop *loop = new_loop();
    struct loop_source source = {.fd = 900};
    assert_err(loop_add(loop, &source), ERR_SYSTEM);
    loop_remove(loop, &source);
    assert_in_range(wait_for(loop, 1000), 1000, 1000000);
}

static void test_deadlines(void **state)
{
    (void)state;
    AUTO(loop_free) struct loop *loop = new_loop();
    assert_in_range(wait_for(loop, 0), 0, 50000);
    assert_in_range(wait_for(loop, -5), 0, 50000);
    assert_in_range(wait_for(loop, 300), 300, 100000);
    assert_in_range(wait_for(loop, 20000), 20000, 500000);
    assert_ok(loop_wait(loop, 0));
}

static void test_interest(void **state)
{
    (void)state;
    AUTO(loop_free) struct loop *loop = new_loop();
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    struct loop_source reader = {.fd = ends[0], .want_read = true};
    struct loop_source writer = {.fd = ends[1]};
    assert_ok(loop_add(loop, &reader));
    assert_ok(loop_add(loop, &writer));
    assert_in_range(wait_for(loop, 5000), 5000, 500000); /* writable, but nobody wants to know */
    assert_false(reader.can_read || writer.can_write);
    writer.want_write = true;
    assert_in_range(wait_for(loop, INSTANT_NEVER), 0, 500000);
    assert_true(writer.can_write);
    assert_int_equal(write(ends[1], "x", 1), 1);
    writer.want_write = false;
    assert_in_range(wait_for(loop, INSTANT_NEVER), 0, 500000);
    assert_true(reader.can_read);
    assert_false(writer.can_write);
    assert_in_range(wait_for(loop, INSTANT_NEVER), 0, 500000); /* not served: told again */
    assert_true(reader.can_read);
    reader.want_read = false;
    assert_in_range(wait_for(loop, 5000), 5000, 500000);
    assert_false(reader.can_read);
    loop_remove(loop, &reader);
    loop_remove(loop, &reader);
    close(ends[0]);
    close(ends[1]);
}

static void test_reader_gone_is_told_without_wanting(void **state)
{
    (void)state;
    AUTO(loop_free) struct loop *loop = new_loop();
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    struct loop_source writer = {.fd = ends[1]};
    assert_ok(loop_add(loop, &writer));
    assert_in_range(wait_for(loop, 5000), 5000, 500000);
    assert_false(writer.is_broken);
    close(ends[0]);
    assert_in_range(wait_for(loop, INSTANT_NEVER), 0, 500000);
    assert_true(writer.is_broken);
    assert_false(writer.can_write);
    assert_in_range(wait_for(loop, 5000), 5000, 500000); /* told once: no spinning */
    assert_true(writer.is_broken);
    writer.want_write = true;
    assert_in_range(wait_for(loop, INSTANT_NEVER), 0, 500000);
    assert_true(writer.can_write);
    close(ends[1]);
}

static void test_end_of_file_does_not_spin(void **state)
{
    (void)state;
    AUTO(loop_free) struct loop *loop = new_loop();
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    struct loop_source source = {.fd = ends[0], .want_read = true};
    assert_ok(loop_add(loop, &source));
    close(ends[1]);
    assert_in_range(wait_for(loop, INSTANT_NEVER), 0, 500000);
    assert_true(source.can_read && source.is_broken);
    source.want_read = false;
    assert_in_range(wait_for(loop, 5000), 5000, 500000);
    source.want_read = true; /* and back again */
    assert_in_range(wait_for(loop, INSTANT_NEVER), 0, 500000);
    assert_true(source.can_read);
    close(ends[0]);
}

static void test_what_epoll_refuses_is_always_ready(void **state)
{
    (void)state;
    AUTO(loop_free) struct loop *loop = new_loop();
    struct loop_source null = {.fd = open("/dev/null", O_RDWR | O_CLOEXEC)};
    struct loop_source file = {.fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    assert_ok(loop_add(loop, &null));
    assert_ok(loop_add(loop, &file));
    assert_in_range(wait_for(loop, 5000), 5000, 500000);
    null.want_read = true;
    file.want_write = true;
    assert_in_range(wait_for(loop, INSTANT_NEVER), 0, 500000);
    assert_true(null.can_read && file.can_write);
    assert_false(null.can_write || file.can_read);
    close(null.fd);
    close(file.fd);
}

static void test_more_sources_than_events(void **state)
{
    (void)state;
    AUTO(loop_free) struct loop *loop = new_loop();
    struct loop_source sources[40];
    unsigned seen = 0;
    for (size_t i = 0; i < 40; i++) {
        int ends[2];
        assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
        assert_int_equal(write(ends[1], "x", 1), 1);
        sources[i] = (struct loop_source){.fd = ends[0], .want_read = true};
        assert_ok(loop_add(loop, &sources[i]));
        close(ends[1]);
    }
    for (int round = 0; round < 10; round++) {
        assert_ok(loop_wait(loop, 0));
        for (size_t i = 0; i < 40; i++) {
            if (sources[i].can_read) {
                seen++;
                loop_remove(loop, &sources[i]);
                close(sources[i].fd);
            }
        }
    }
    assert_int_equal(seen, 40);
}

/* ---- signals ---- */

static void test_signals(void **state)
{
    (void)state;
    AUTO(loop_free) struct loop *loop = new_loop();
    (void)signal(SIGHUP, SIG_IGN); /* as below nohup */
    struct signals signals;
    assert_ok(signals_open(loop, &signals));
    assert_int_equal(signals_take(&signals), 0);
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(kill(getpid(), numbers[i]), 0);
        assert_in_range(wait_for(loop, INSTANT_NEVER), 0, 500000);
        assert_true(signals.source.can_read);
        assert_int_equal(signals_take(&signals), numbers[i]);
        assert_int_equal(signals_take(&signals), 0);
    }
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1); /* SIGPIPE would have ended us */
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
    signals_close(&signals);
    signals_close(&signals);
    (void)signal(SIGHUP, SIG_DFL);
}

static void test_children_get_the_old_mask(void **state)
{
    (void)state;
    AUTO(loop_free) struct loop *loop = new_loop();
    struct signals signals;
    assert_ok(signals_open(loop, &signals));
    pid_t child = fork();
    if (child == 0) {
        signals_restore(&signals);
        sigset_t mask;
        struct sigaction pipe_action;
        struct sigaction file_size_action;
        (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
        (void)sigaction(SIGPIPE, NULL, &pipe_action);
        (void)sigaction(SIGXFSZ, NULL, &file_size_action);
        bool is_as_before = !sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGHUP) &&
                            !sigismember(&mask, SIGINT) && pipe_action.sa_handler == SIG_DFL &&
                            file_size_action.sa_handler == SIG_DFL;
        _exit(is_as_before ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    signals_close(&signals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_a_closed_descriptor),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_interest),
        cmocka_unit_test(test_reader_gone_is_told_without_wanting),
        cmocka_unit_test(test_end_of_file_does_not_spin),
        cmocka_unit_test(test_what_epoll_refuses_is_always_ready),
        cmocka_unit_test(test_more_sources_than_events),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_children_get_the_old_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
