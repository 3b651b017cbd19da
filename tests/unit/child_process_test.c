/* edge/child_process with real programs, and edge/private_file with real files. */
#include "tests/support/unit.h"

#include "common/auto.h"
#include "common/limits.h"
#include "proxy/edge/child_process.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char words[1024];
static char folder[64];

static struct text why(void)
{
    return text_in(words, sizeof words);
}

static const char *path_of(const char *name)
{
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* ---- programs ---- */

struct run {
    struct loop *loop;
    struct child_process *child;
    struct child_process_result result;
};

static enum err run_to_end(struct run *run, const char *const *arguments, size_t output_max, int64_t timeout_us)
{
    struct text text = why();
    struct child_process_command command = {arguments, output_max, clock_mono_us() + timeout_us};
    assert_ok(loop_new(&run->loop));
    enum err err = child_process_start(run->loop, &command, &run->child, &text);
    if (err != ERR_OK) {
        return err;
    }
    while ((err = child_process_result(run->child, &run->result, &text)) == ERR_AGAIN) {
        assert_ok(loop_wait(run->loop, child_process_deadline_us(run->child)));
    }
    return err;
}

static void close_run(struct run *run)
{
    child_process_free(&run->child);
    loop_free(&run->loop);
}

#define MINUTE_US (60 * 1000 * 1000LL)

static void there_is_no_such_program(void **state)
{
    (void)state;
    const char *const wrong[] = {
        "no-such-program-anywhere", "/nonexistent/program", "/etc/passwd", "/", "", "relative/none"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        AUTO(close_run) struct run run = {NULL};
        const char *const arguments[] = {wrong[i], NULL};
        assert_err(run_to_end(&run, arguments, 10, MINUTE_US), ERR_CONFIG);
        assert_non_null(strstr(words, "cannot be started: "));
    }
}

/* execvp would give it to a shell. */
static void a_file_without_a_format_is_not_given_to_a_shell(void **state)
{
    (void)state;
    FILE *file = fopen(path_of("formless"), "we");
    assert_non_null(file);
    (void)fputs("echo from the shell\n", file);
    (void)fclose(file);
    assert_int_equal(chmod(path_of("formless"), 0700), 0);
    AUTO(close_run) struct run run = {NULL};
    char path[160];
    (void)strcpy(path, path_of("formless"));
    const char *const arguments[] = {path, NULL};
    assert_err(run_to_end(&run, arguments, 100, MINUTE_US), ERR_CONFIG);
}

static void output_and_status_come_back(void **state)
{
    (void)state;
    AUTO(close_run) struct run run = {NULL};
    const char *const arguments[] = {"printf", "%s|", "a b", "$HOME", "", NULL};
    assert_ok(run_to_end(&run, arguments, 100, MINUTE_US));
    assert_string_equal((const char *)run.result.output.data, "a b|$HOME||");
    assert_int_equal(run.result.output.len, 11);
    assert_int_equal(run.result.exit_status, 0);
    struct text text = why();
    struct child_process_result again;
    assert_ok(child_process_result(run.child, &again, &text));
    assert_ptr_equal(again.output.data, run.result.output.data);
}

static void every_way_to_end_has_its_status(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int status;
    } ends[] = {{"exit 3", 3}, {"kill -TERM $$", 128 + SIGTERM}, {"exit 255", 255}, {"exec >&-; exit 4", 4}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        AUTO(close_run) struct run run = {NULL};
        const char *const arguments[] = {"sh", "-c", ends[i].script, NULL};
        assert_ok(run_to_end(&run, arguments, 100, MINUTE_US));
        assert_int_equal(run.result.exit_status, ends[i].status);
    }
}

/* A pipe in place of standard input, until the other one is put back. */
static int give_pipe_as_input(void)
{
    int pipe_fds[2];
    int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_true(kept > 2 && pipe(pipe_fds) == 0);
    assert_int_equal(write(pipe_fds[1], "tunnel", 6), 6);
    assert_int_equal(dup2(pipe_fds[0], STDIN_FILENO), STDIN_FILENO);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
    return kept;
}

/* What it finds: nothing to read, no descriptor of ours or of whoever started us, no signal blocked, SIGPIPE. */
static void the_program_finds_nothing_of_ours(void **state)
{
    (void)state;
    int inherited = open("/dev/null", O_RDONLY);
    int kept = give_pipe_as_input();
    sigset_t blocked;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &blocked, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    AUTO(close_run) struct run files = {NULL};
    AUTO(close_run) struct run signals = {NULL};
    const char *const list[] = {"sh", "-c", "cat; readlink /proc/$$/fd/0; ls /proc/$$/fd", NULL};
    const char *const masks[] = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL};
    assert_ok(run_to_end(&files, list, 1000, MINUTE_US));
    assert_ok(run_to_end(&signals, masks, 1000, MINUTE_US));
    (void)sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_DFL);
    (void)close(inherited);
    (void)dup2(kept, STDIN_FILENO);
    (void)close(kept);
    assert_string_equal((const char *)files.result.output.data, "/dev/null\n0\n1\n2\n");
    const char *seen = (const char *)signals.result.output.data;
    assert_non_null(strstr(seen, "SigBlk:\t0000000000000000\n"));
    uint64_t ignored = strtoull(strstr(seen, "SigIgn:") + strlen("SigIgn:"), NULL, 16);
    assert_int_equal(ignored & (1ULL << (SIGPIPE - 1) | 1ULL << (SIGXFSZ - 1)), 0);
}

static void more_output_than_allowed_is_refused(void **state)
{
    (void)state;
    const char *const exact[] = {"printf", "0123456789", NULL};
    AUTO(close_run) struct run fits = {NULL};
    assert_ok(run_to_end(&fits, exact, 10, MINUTE_US));
    AUTO(close_run) struct run over = {NULL};
    assert_err(run_to_end(&over, exact, 9, MINUTE_US), ERR_TOO_LONG);
    assert_string_equal(words, "printf printed more than 9 bytes and was killed");
    const char *const endless[] = {"yes", NULL};
    AUTO(close_run) struct run flood = {NULL};
    assert_err(run_to_end(&flood, endless, 65536, MINUTE_US), ERR_TOO_LONG);
}

static bool is_alive(int64_t pid)
{
    char path[64];
    char status[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t got = fread(status, 1, sizeof status - 1, file);
    (void)fclose(file);
    return got > 0 && strstr(status, ") Z ") == NULL && strstr(status, ") X ") == NULL;
}

static bool dies_soon(int64_t pid)
{
    for (int i = 0; i < 1000 && is_alive(pid); i++) {
        (void)usleep(10 * 1000);
    }
    return !is_alive(pid);
}

/* Two of them in one line; the second is the first's child. */
static void read_pids(const char *name, int64_t ret_pids[2])
{
    char line[64] = "";
    for (int i = 0; i < 1000 && strchr(line, '\n') == NULL; i++) {
        FILE *file = fopen(path_of(name), "re");
        if (file != NULL) {
            (void)!fgets(line, sizeof line, file);
            (void)fclose(file);
        }
        (void)usleep(10 * 1000);
    }
    char *rest = line;
    ret_pids[0] = strtol(rest, &rest, 10);
    ret_pids[1] = strtol(rest, &rest, 10);
    assert_true(ret_pids[0] > 1 && ret_pids[1] > 1);
}

#define TREE "(sleep 60; true) & echo $$ $! >\"$0.new\"; mv \"$0.new\" \"$0\"; wait"

static void a_late_program_dies_with_all_below_it(void **state)
{
    (void)state;
    char path[160];
    (void)strcpy(path, path_of("late"));
    AUTO(close_run) struct run run = {NULL};
    const char *const arguments[] = {"sh", "-c", TREE, path, NULL};
    struct text text = why();
    struct child_process_command command = {arguments, 10, clock_mono_us() + MINUTE_US};
    assert_ok(loop_new(&run.loop));
    assert_ok(child_process_start(run.loop, &command, &run.child, &text));
    int64_t pids[2];
    read_pids("late", pids);
    assert_true(is_alive(pids[0]) && is_alive(pids[1]));
    assert_err(child_process_result(run.child, &run.result, &text), ERR_AGAIN);
    child_process_free(&run.child); /* what a deadline does too */
    assert_true(dies_soon(pids[0]) && dies_soon(pids[1]));
}

/* Their numbers do not fit into a page. */
#define CROWD                                                                                                          \
    "i=0; while [ $i -lt 1000 ]; do sleep 300 & i=$((i+1)); done; echo $$ $! >\"$0.new\"; mv \"$0.new\" \"$0\"; wait"

/* And nobody else: a list that is cut would end with half a number. */
static void all_of_many_die(void **state)
{
    (void)state;
    char path[160];
    (void)strcpy(path, path_of("crowd"));
    AUTO(close_run) struct run run = {NULL};
    const char *const arguments[] = {"sh", "-c", CROWD, path, NULL};
    struct text text = why();
    struct child_process_command command = {arguments, 10, clock_mono_us() + MINUTE_US};
    assert_ok(loop_new(&run.loop));
    assert_ok(child_process_start(run.loop, &command, &run.child, &text));
    int64_t pids[2];
    read_pids("crowd", pids);
    assert_true(is_alive(pids[0]) && is_alive(pids[1]));
    child_process_free(&run.child);
    assert_true(dies_soon(pids[0]) && dies_soon(pids[1]));
}

static void time_is_up_for_a_program_that_does_not_end(void **state)
{
    (void)state;
    AUTO(close_run) struct run run = {NULL};
    const char *const arguments[] = {"sleep", "60", NULL};
    assert_err(run_to_end(&run, arguments, 10, 50 * 1000), ERR_TIMEOUT);
    assert_string_equal(words, "sleep did not end in time and was killed");
}

/* What it leaves behind holds its output open. */
static void the_programs_own_end_counts(void **state)
{
    (void)state;
    AUTO(close_run) struct run run = {NULL};
    const char *const arguments[] = {"sh", "-c", "sleep 60 & echo $!", NULL};
    assert_ok(run_to_end(&run, arguments, 100, MINUTE_US));
    int64_t left = strtol((const char *)run.result.output.data, NULL, 10);
    assert_true(left > 1 && is_alive(left)); /* a daemon that a program starts stays */
    (void)kill((pid_t)left, SIGKILL);
}

/* SIGKILL at us: the program does not go on alone. */
static void the_program_dies_with_us(void **state)
{
    (void)state;
    char path[160];
    (void)strcpy(path, path_of("orphan"));
    pid_t us = fork();
    if (us == 0) {
        struct run run = {NULL};
        const char *const arguments[] = {"sh", "-c", "echo $$ $$ >\"$0.new\"; mv \"$0.new\" \"$0\"; exec sleep 60",
                                         path, NULL};
        (void)run_to_end(&run, arguments, 10, MINUTE_US);
        _exit(1);
    }
    int64_t pids[2];
    read_pids("orphan", pids);
    assert_true(is_alive(pids[0]));
    (void)kill(us, SIGKILL);
    assert_int_equal(waitpid(us, NULL, 0), us);
    assert_true(dies_soon(pids[0]));
}

/* ---- files ---- */

static void assert_content(const char *path, const char *expected)
{
    char content[256] = "";
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t got = fread(content, 1, sizeof content - 1, file);
    (void)fclose(file);
    content[got] = '\0';
    assert_string_equal(content, expected);
}

static unsigned mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

static enum err store(const char *name, const char *content)
{
    struct text text = why();
    return private_file_store(path_of(name), bytes_of_text(content), &text);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    struct text text = why();
    assert_err(private_file_store("relative", bytes_of_text("x"), &text), ERR_SYSTEM);
    assert_ok(store("plain", "x"));
    assert_err(store("plain/below", "x"), ERR_SYSTEM);
    assert_non_null(strstr(words, "plain/below cannot be written: Not a directory"));
    assert_int_equal(mkdir(path_of("directory"), 0700), 0);
    assert_err(store("directory", "x"), ERR_SYSTEM);
    char long_path[LIMIT_PATH + 2];
    memset(long_path, '/', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    struct text again = why();
    assert_err(private_file_store(long_path, bytes_of_text("x"), &again), ERR_SYSTEM);
}

static void only_the_owner_may_read_it(void **state)
{
    (void)state;
    (void)umask(0);
    assert_ok(store("a/b/c.json", "one"));
    (void)umask(022);
    assert_content(path_of("a/b/c.json"), "one");
    assert_int_equal(mode_of(path_of("a/b/c.json")), 0600);
    assert_int_equal(mode_of(path_of("a/b")), 0700);
    assert_int_equal(mode_of(path_of("a")), 0700);
    assert_int_equal(chmod(path_of("a/b/c.json"), 0644), 0);
    assert_ok(store("a/b/c.json", "two"));
    assert_int_equal(mode_of(path_of("a/b/c.json")), 0600);
    assert_content(path_of("a/b/c.json"), "two");
}

/* Whoever holds the old one reads it to its end: it was replaced, not written over. */
static void the_old_file_stays_whole(void **state)
{
    (void)state;
    assert_ok(store("held", "the old content"));
    FILE *held = fopen(path_of("held"), "re");
    assert_non_null(held);
    assert_ok(store("held", "new"));
    char content[64] = "";
    assert_int_equal(fread(content, 1, sizeof content, held), strlen("the old content"));
    (void)fclose(held);
    assert_content(path_of("held"), "new");
}

static void links_stay_links(void **state)
{
    (void)state;
    assert_ok(store("real/file", "old"));
    char target[160];
    (void)strcpy(target, path_of("real/file"));
    assert_int_equal(symlink(target, path_of("link")), 0);
    (void)strcpy(target, path_of("real"));
    assert_int_equal(symlink(target, path_of("linked")), 0);
    assert_ok(store("link", "new"));
    assert_content(path_of("real/file"), "new");
    assert_ok(store("linked/file", "newer"));
    assert_content(path_of("real/file"), "newer");
    struct stat status;
    assert_true(lstat(path_of("link"), &status) == 0 && S_ISLNK(status.st_mode));
}

/* No file beside it is left over, also where it failed. */
static void nothing_is_left_over(void **state)
{
    (void)state;
    assert_ok(store("clean/file", "x"));
    assert_int_equal(mkdir(path_of("clean/directory"), 0700), 0);
    assert_err(store("clean/directory", "x"), ERR_SYSTEM);
    AUTO(close_run) struct run run = {NULL};
    char path[160];
    (void)strcpy(path, path_of("clean"));
    const char *const arguments[] = {"ls", "-A", path, NULL};
    assert_ok(run_to_end(&run, arguments, 1000, MINUTE_US));
    assert_string_equal((const char *)run.result.output.data, "directory\nfile\n");
}

static int make_folder(void **state)
{
    (void)state;
    (void)strcpy(folder, "/tmp/ssm-child-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command); /* NOLINT(cert-env33-c): our own text */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_no_such_program),
        cmocka_unit_test(a_file_without_a_format_is_not_given_to_a_shell),
        cmocka_unit_test(output_and_status_come_back),
        cmocka_unit_test(every_way_to_end_has_its_status),
        cmocka_unit_test(the_program_finds_nothing_of_ours),
        cmocka_unit_test(more_output_than_allowed_is_refused),
        cmocka_unit_test(a_late_program_dies_with_all_below_it),
        cmocka_unit_test(all_of_many_die),
        cmocka_unit_test(time_is_up_for_a_program_that_does_not_end),
        cmocka_unit_test(the_programs_own_end_counts),
        cmocka_unit_test(the_program_dies_with_us),
        cmocka_unit_test(a_file_that_cannot_be_written_is_told),
        cmocka_unit_test(only_the_owner_may_read_it),
        cmocka_unit_test(the_old_file_stays_whole),
        cmocka_unit_test(links_stay_links),
        cmocka_unit_test(nothing_is_left_over),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
