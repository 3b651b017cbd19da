/* Other programs run for ssm-userctl, and one writer at a time. */
#include "tests/support/unit.h"

#include "common/auto.h"
#include "pam_ssm/edge/helper_process.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/host_lock.h"
#include "pam_ssm/edge/path_trust.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000

static char memory[8192];

/* `script` is run by sh; both streams come back. */
static enum err run_shell(const char *script, int64_t timeout_ms, struct text *output, int *ret_status)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct helper_process helper = {.argv = argv, .timeout_ms = timeout_ms, .output = output};
    return helper_process_run(&helper, ret_status);
}

static void a_program_that_is_missing_is_told_apart(void **state)
{
    (void)state;
    int status = -1;
    const char *const absolute[] = {"/nowhere/visudo", NULL};
    assert_err(helper_process_run(&(struct helper_process){.argv = absolute, .timeout_ms = PATIENCE_MS}, &status),
               ERR_NO_TARGET);
    const char *const name[] = {"no-such-program-here", NULL};
    assert_err(helper_process_run(&(struct helper_process){.argv = name, .timeout_ms = PATIENCE_MS}, &status),
               ERR_NO_TARGET);
    const char *const no_program[] = {"/etc/passwd", NULL};
    assert_err(helper_process_run(&(struct helper_process){.argv = no_program, .timeout_ms = PATIENCE_MS}, &status),
               ERR_SYSTEM);
    assert_int_equal(status, -1);
}

static void it_is_killed_at_its_deadline(void **state)
{
    (void)state;
    struct text output = text_in(memory, sizeof memory);
    int status = -1;
    assert_err(run_shell("echo $$; trap '' TERM INT; while :; do sleep 1; done", 300, &output, &status), ERR_TIMEOUT);
    pid_t pid = atoi(memory);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left to wait for */
    text_clear(&output);
    assert_err(run_shell("while :; do echo words without end; done", 300, &output, &status), ERR_TIMEOUT);
    assert_err(text_finish(&output), ERR_TOO_LONG);
}

static void what_it_leaves_running_does_not_hold_us(void **state)
{
    (void)state;
    struct text output = text_in(memory, sizeof memory);
    int status = -1;
    int64_t begin_us = host_clock_mono_us();
    assert_ok(run_shell("echo begun; sleep 30 & exit 3", PATIENCE_MS, &output, &status));
    assert_int_equal(status, 3);
    assert_string_equal(memory, "begun\n");
    assert_true(host_clock_mono_us() - begin_us < 25 * 1000000);
}

static void its_surroundings_are_the_same_every_time(void **state)
{
    (void)state;
    struct text output = text_in(memory, sizeof memory);
    int status = -1;
    int leaked = fcntl(STDOUT_FILENO, F_DUPFD, 100); /* without O_CLOEXEC */
    assert_true(leaked >= 100);
    assert_int_equal(setenv("LD_PRELOAD_OF_A_STRANGER", "x", 1), 0);
    sigset_t blocked, before;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
    assert_true(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
    mode_t mask = umask(0777);
    /* glibc's posix_spawn leaves the two signals ignored that it keeps for its threads, 32 and 33 */
    assert_ok(run_shell("pwd; umask; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort; cat; ls -l /proc/self/fd | "
                        "grep -c ' [0-9][0-9]* -> '; grep -e SigBlk -e SigIgn /proc/self/status | sed "
                        "'s/0000000180000000/0000000000000000/'",
                        PATIENCE_MS, &output, &status));
    assert_int_equal(umask(mask), 0777);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    (void)signal(SIGUSR1, SIG_DFL);
    (void)close(leaked);
    /* ls has 0, 1, 2 and the directory that it reads */
    assert_string_equal(memory, "/\n0022\nHOME=/root\nLC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n4\n"
                                "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    assert_int_equal(status, 0);
}

static void its_streams_and_its_end_are_reported(void **state)
{
    (void)state;
    char more[64];
    struct text output = text_in(memory, sizeof memory);
    struct text complaints = text_in(more, sizeof more);
    const char *const argv[] = {"sh", "-c", "printf '%s' \"$1\"; echo bad >&2; kill -9 $$", "sh", "a  'b' $(id)", NULL};
    const struct helper_process helper = {
        .argv = argv, .timeout_ms = PATIENCE_MS, .output = &output, .complaints = &complaints};
    int status = -1;
    assert_ok(helper_process_run(&helper, &status));
    assert_int_equal(status, 128 + SIGKILL);
    assert_string_equal(memory, "a  'b' $(id)");
    assert_string_equal(more, "bad\n");
    const char *const silent[] = {"sh", "-c", "seq 100000", NULL}; /* more than a pipe holds */
    assert_ok(helper_process_run(&(struct helper_process){.argv = silent, .timeout_ms = PATIENCE_MS}, &status));
    assert_int_equal(status, 0);
}

static void the_lock_has_one_holder(void **state)
{
    (void)state;
    char folder[] = "/tmp/host-lock-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char runtime_dir[64], lock_file[80], words[256];
    (void)snprintf(runtime_dir, sizeof runtime_dir, "%s/run", folder);
    (void)snprintf(lock_file, sizeof lock_file, "%s/lock", runtime_dir);
    struct host_paths paths = host_paths_system;
    paths.owner = getuid();
    paths.runtime_dir = runtime_dir;
    paths.lock_file = lock_file;
    struct text why = text_in(words, sizeof words);

    int first = -1, second = -1;
    assert_ok(host_lock_take(&paths, 1000, &first, &why));
    assert_err(host_lock_take(&paths, 50, &second, &why), ERR_TIMEOUT);
    assert_non_null(strstr(words, "another ssm-userctl holds the lock"));
    assert_int_equal(second, -1);
    path_trust_close(&first);
    assert_ok(host_lock_take(&paths, 1000, &second, &why));
    path_trust_close(&second);

    assert_int_equal(unlink(lock_file), 0);
    assert_int_equal(symlink("/etc/passwd", lock_file), 0);
    assert_err(host_lock_take(&paths, 50, &second, &why), ERR_SYSTEM);
    assert_int_equal(unlink(lock_file), 0);
    assert_int_equal(rmdir(runtime_dir), 0);
    assert_int_equal(symlink("/tmp", runtime_dir), 0);
    assert_err(host_lock_take(&paths, 50, &second, &why), ERR_DENIED);
    assert_int_equal(unlink(runtime_dir), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_that_is_missing_is_told_apart),
        cmocka_unit_test(it_is_killed_at_its_deadline),
        cmocka_unit_test(what_it_leaves_running_does_not_hold_us),
        cmocka_unit_test(its_surroundings_are_the_same_every_time),
        cmocka_unit_test(its_streams_and_its_end_are_reported),
        cmocka_unit_test(the_lock_has_one_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
