/* state_log: a small file that any number of processes write; and where it is (state_directory). */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/limits.h"
#include "proxy/edge/state_directory.h"
#include "proxy/edge/state_log.h"
#include "tests/support/unit.h"

#define WRITERS 8
#define LINES_EACH 400

struct place {
    char root[64];
    char directory[STATE_DIRECTORY_PATH_SIZE];
};

static int place_make(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    (void)stpcpy(place->root, "/tmp/ssm-log-XXXXXX");
    assert_non_null(mkdtemp(place->root));
    assert_ok(state_directory_path(place->root, NULL, "", place->directory));
    *state = place;
    return 0;
}

static int place_drop(void **state)
{
    struct place *place = *state;
    char command[160];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", place->root);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
    free(place);
    return 0;
}

static const char *path_of(const struct place *place, const char *name)
{
    static char path[STATE_DIRECTORY_PATH_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/%s", place->directory, name);
    return path;
}

static enum err append(const struct place *place, const char *line)
{
    char words[512];
    struct text why = text_in(words, sizeof words);
    enum err err = state_log_append(place->directory, "a.log", bytes_of_text(line), &why);
    assert_true((err == ERR_OK) == (words[0] == '\0'));
    return err;
}

/* Of a file that may be absent: then "". */
static size_t read_file(const struct place *place, const char *name, char *ret_text, size_t size)
{
    FILE *file = fopen(path_of(place, name), "re");
    size_t len = file != NULL ? fread(ret_text, 1, size - 1, file) : 0;
    ret_text[len] = '\0';
    if (file != NULL) {
        (void)fclose(file);
    }
    return len;
}

static void write_file(const struct place *place, const char *name, size_t len, mode_t mode)
{
    int fd = open(path_of(place, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    close(fd);
}

/* ---- what must be left alone ---- */

static void test_no_link_is_followed(void **state)
{
    const struct place *place = *state;
    assert_ok(append(place, "first\n"));
    write_file(place, "victim", 3, 0600);
    char victim[STATE_DIRECTORY_PATH_SIZE + 32];
    (void)stpcpy(victim, path_of(place, "victim"));
    assert_int_equal(unlink(path_of(place, "a.log")), 0);
    assert_int_equal(symlink(victim, path_of(place, "a.log")), 0);
    assert_err(append(place, "second\n"), ERR_SYSTEM);
    struct stat status;
    assert_int_equal(stat(victim, &status), 0);
    assert_int_equal(status.st_size, 3);
}

static void test_what_is_no_file_holds_up_nothing(void **state)
{
    const struct place *place = *state;
    assert_ok(append(place, "first\n"));
    assert_int_equal(unlink(path_of(place, "a.log")), 0);
    assert_int_equal(mkfifo(path_of(place, "a.log"), 0600), 0);
    assert_err(append(place, "second\n"), ERR_SYSTEM);
    assert_int_equal(unlink(path_of(place, "a.log")), 0);
    assert_int_equal(mkdir(path_of(place, "a.log"), 0700), 0);
    assert_err(append(place, "third\n"), ERR_SYSTEM);
}

static void test_no_place(void **state)
{
    struct place *place = *state;
    char path[STATE_DIRECTORY_PATH_SIZE];
    assert_err(state_directory_path(NULL, NULL, "", path), ERR_CONFIG);
    assert_err(state_directory_path("relative", "", "", path), ERR_CONFIG);
    char longest[LIMIT_PATH + 2];
    memset(longest, '/', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_err(state_directory_path(longest, NULL, "", path), ERR_CONFIG);
    (void)snprintf(path, sizeof path, "%s/file", place->root);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    assert_ok(state_directory_path(path, NULL, "", place->directory)); /* a file where a directory should be */
    assert_err(append(place, "line\n"), ERR_SYSTEM);
}

/* ---- what works ---- */

static void test_where_it_is(void **state)
{
    (void)state;
    char path[STATE_DIRECTORY_PATH_SIZE];
    assert_ok(state_directory_path("/state", "/home/me", "", path));
    assert_string_equal(path, "/state/ssm-bridge");
    assert_ok(state_directory_path("state", "/home/me", "sessions", path));
    assert_string_equal(path, "/home/me/.local/state/ssm-bridge/sessions");
}

static void test_lines_and_modes(void **state)
{
    const struct place *place = *state;
    mode_t before = umask(0);
    assert_ok(append(place, "first\n"));
    (void)umask(before);
    assert_ok(append(place, "second\n"));
    char text[64];
    (void)read_file(place, "a.log", text, sizeof text);
    assert_string_equal(text, "first\nsecond\n");
    struct stat status;
    assert_int_equal(stat(path_of(place, "a.log"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(place->directory, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);

    write_file(place, "a.log", 0, 0644); /* as an editor may leave it */
    assert_ok(append(place, "third\n"));
    assert_int_equal(stat(path_of(place, "a.log"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_a_full_file_makes_place(void **state)
{
    const struct place *place = *state;
    assert_ok(append(place, "x\n"));
    write_file(place, "a.log", LIMIT_STATE_LOG - 5, 0600);
    assert_ok(append(place, "fits\n"));
    assert_int_equal(access(path_of(place, "a.log.1"), F_OK), -1);
    assert_ok(append(place, "newest\n"));
    char text[64];
    (void)read_file(place, "a.log", text, sizeof text);
    assert_string_equal(text, "newest\n");
    struct stat status;
    assert_int_equal(stat(path_of(place, "a.log.1"), &status), 0);
    assert_int_equal(status.st_size, LIMIT_STATE_LOG);
}

static void test_a_file_that_cannot_be_renamed_has_an_end_too(void **state)
{
    const struct place *place = *state;
    assert_ok(append(place, "x\n"));
    assert_int_equal(mkdir(path_of(place, "a.log.1"), 0700), 0);
    write_file(place, "a.log", 2 * LIMIT_STATE_LOG - 2, 0600);
    assert_ok(append(place, "x\n"));
    assert_err(append(place, "x\n"), ERR_SYSTEM);
}

static void test_a_rename_under_way_is_not_waited_for(void **state)
{
    const struct place *place = *state;
    assert_ok(append(place, "x\n"));
    write_file(place, "a.log", LIMIT_STATE_LOG, 0600);
    int fd = open(path_of(place, "a.log"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_ok(append(place, "newest\n"));
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_size, LIMIT_STATE_LOG + 7);
    close(fd);
}

static void write_many(const struct place *place, int writer)
{
    for (int i = 0; i < LINES_EACH; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "<%d %03d 0123456789>\n", writer, i);
        if (append(place, line) != ERR_OK) {
            _exit(1);
        }
    }
    _exit(0);
}

static unsigned count_lines(char *text)
{
    unsigned count = 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); rest != NULL; line = strsep(&rest, "\n")) {
        int writer;
        int number;
        char end;
        if (sscanf(line, "<%1d %3d 0123456789%c", &writer, &number, &end) != 3 || end != '>' || strlen(line) != 18) {
            fail_msg("a torn line: %s", line);
        }
        count++;
    }
    return count;
}

/* 8 times 400 lines of 19 bytes are 60 800: one rename, and so nothing is gone. */
static void test_many_at_once(void **state)
{
    const struct place *place = *state;
    pid_t children[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            write_many(place, i);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    static char text[2][3 * LIMIT_STATE_LOG];
    size_t len = read_file(place, "a.log", text[0], sizeof text[0]);
    size_t older_len = read_file(place, "a.log.1", text[1], sizeof text[1]);
    assert_int_equal(count_lines(text[0]) + count_lines(text[1]), WRITERS * LINES_EACH);
    assert_in_range(len, 1, LIMIT_STATE_LOG);
    assert_in_range(older_len, LIMIT_STATE_LOG - 64, LIMIT_STATE_LOG + WRITERS * 64);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(test_no_link_is_followed),
        IN_A_PLACE(test_what_is_no_file_holds_up_nothing),
        IN_A_PLACE(test_no_place),
        IN_A_PLACE(test_where_it_is),
        IN_A_PLACE(test_lines_and_modes),
        IN_A_PLACE(test_a_full_file_makes_place),
        IN_A_PLACE(test_a_file_that_cannot_be_renamed_has_an_end_too),
        IN_A_PLACE(test_a_rename_under_way_is_not_waited_for),
        IN_A_PLACE(test_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
