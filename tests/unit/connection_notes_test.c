/* What connect leaves for known-hosts: the words, the file of one ssh process, and the wait for more. */
#include "tests/support/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/auto.h"
#include "proxy/core/connection_note.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/connection_notes.h"
#include "proxy/edge/file_lock.h"

static char folder[64], words[256];

static int make_folder(void **state)
{
    (void)state;
    (void)stpcpy(folder, "/tmp/ssm-notes-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int drop_folder(void **state)
{
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command); /* NOLINT(cert-env33-c): our own folder */
}

static struct text why(void)
{
    return text_in(words, sizeof words);
}

/* ---- the words ---- */

#define HEAD "ssm-bridge-connection 1\n"
#define REST "port 22\nuser alice\nnode i-0a\n"

static void a_damaged_note_is_no_note(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "\n",
        HEAD,
        "name web\n" REST,
        "ssm-bridge-connection 2\nname web\n" REST,
        HEAD REST,
        HEAD "name web\nport 22\nuser alice\n",
        HEAD "name web\nuser alice\nnode i-0a\n",
        HEAD "name web\n" REST "cut",
        HEAD "name we\tb\n" REST,
        HEAD "name web\n" REST "port 222222\n",
    };
    struct connection_note note;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (connection_note_parse(bytes_of_text(wrong[i]), &note) != ERR_MALFORMED) {
            fail_msg("taken: %s", wrong[i]);
        }
    }
    assert_ok(connection_note_parse(bytes_of_text(HEAD "colour blue\nname a b\n" REST), &note));
    assert_string_equal(note.name, "a b");
    assert_string_equal(note.node_id, "i-0a");
}

static void a_note_is_about_one_connection(void **state)
{
    (void)state;
    struct connection_note note;
    assert_err(connection_note_make("we\nnode i-0b", "22", "", &note), ERR_MALFORMED);
    assert_err(connection_note_make("web", "22", "a\x1b", &note), ERR_MALFORMED);
    assert_err(connection_note_make("web", "222222", "", &note), ERR_TOO_LONG);
    assert_ok(connection_note_make("Web-1", "22", "", &note));
    assert_true(connection_note_is_of(&note, "Web-1", "22", "anybody"));
    assert_ok(connection_note_make("Web-1", "22", "alice", &note));
    (void)stpcpy(note.node_id, "i-0a");
    char memory[CONNECTION_NOTE_FILE];
    struct text text = text_in(memory, sizeof memory);
    connection_note_put(&note, &text);
    struct connection_note again;
    assert_ok(connection_note_parse(text_bytes(&text), &again));
    assert_true(connection_note_is_of(&again, "Web-1", "22", "alice"));
    assert_false(connection_note_is_of(&again, "web-1", "22", "alice"));
    assert_false(connection_note_is_of(&again, "Web-1", "23", "alice"));
    assert_false(connection_note_is_of(&again, "Web-1", "22", "bob"));
}

/* ---- the file: a child is to us what connect and known-hosts are to ssh ---- */

/* The exit status of a child that runs `act`. */
static int in_child(int (*act)(void))
{
    pid_t child = fork();
    if (child == 0) {
        _exit(act());
    }
    int status = 0;
    assert_true(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static enum err find(char content[64], struct connection_notes *notes)
{
    size_t len = 0;
    enum err err = connection_notes_find(folder, content, 64, &len, notes);
    content[err == ERR_OK ? len : 0] = '\0';
    return err;
}

static int leave_and_go(void)
{
    struct connection_notes notes = connection_notes_none();
    struct text text = why();
    return connection_notes_leave(folder, bytes_of_text("for you"), &notes, &text) != ERR_OK;
}

/* Of a brother, whose parent we are, too. */
static int finds_it(void)
{
    char content[64];
    AUTO(connection_notes_close) struct connection_notes notes = connection_notes_none();
    bool is_it = find(content, &notes) == ERR_OK && strcmp(content, "for you") == 0;
    /* whoever left it is gone, and the lock with it */
    return is_it && connection_notes_wait(&notes, clock_mono_us()) ? 0 : 1;
}

static int finds_none(void)
{
    char content[64];
    AUTO(connection_notes_close) struct connection_notes notes = connection_notes_none();
    return find(content, &notes) == ERR_NO_TARGET && notes.fd == -1 ? 0 : 1;
}

/* A nephew has another parent. */
static int has_a_child_that_finds_none(void)
{
    return in_child(finds_none);
}

static void a_note_is_found_by_children_of_the_same_process(void **state)
{
    (void)state;
    assert_int_equal(in_child(finds_none), 0);
    assert_int_equal(in_child(leave_and_go), 0);
    assert_int_equal(in_child(finds_it), 0);
    assert_int_equal(in_child(has_a_child_that_finds_none), 0);
    assert_int_equal(in_child(finds_it), 0);
}

/* Who else may write there could put the note of another node in its place. */
static void a_folder_that_others_may_write_to_has_no_notes(void **state)
{
    (void)state;
    AUTO(connection_notes_close) struct connection_notes left = connection_notes_none();
    struct text text = why();
    assert_int_equal(in_child(leave_and_go), 0);
    assert_int_equal(in_child(finds_it), 0);
    assert_int_equal(chmod(folder, 0770), 0);
    assert_int_equal(in_child(finds_none), 0);
    assert_err(connection_notes_leave(folder, bytes_of_text("x"), &left, &text), ERR_CONFIG);
    assert_non_null(strstr(words, "must be yours, and writable by nobody else"));
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(in_child(finds_it), 0);
}

static void a_note_is_waited_for_until_it_is_settled(void **state)
{
    (void)state;
    char content[64];
    AUTO(connection_notes_close) struct connection_notes left = connection_notes_none();
    AUTO(connection_notes_close) struct connection_notes found = connection_notes_none();
    struct text text = why();
    assert_ok(connection_notes_leave(folder, bytes_of_text("old"), &left, &text));
    assert_ok(connection_notes_leave(folder, bytes_of_text("for you"), &left, &text));
    assert_ok(find(content, &found));
    assert_string_equal(content, "for you");
    assert_false(connection_notes_wait(&found, clock_mono_us()));
    connection_notes_settle(&left);
    connection_notes_settle(&left);
    assert_true(connection_notes_wait(&found, clock_mono_us()));
    connection_notes_take_back(&left);
    assert_err(find(content, &found), ERR_NO_TARGET);
    assert_ok(connection_notes_leave(
        folder, bytes_of_text("a note that is too long for whoever reads it, which is 64 bytes and not so many"), &left,
        &text));
    assert_err(find(content, &found), ERR_NO_TARGET);
    connection_notes_take_back(&left);
    assert_err(connection_notes_leave("/proc/nowhere", bytes_of_text("x"), &left, &text), ERR_SYSTEM);
    assert_non_null(strstr(words, "/proc/nowhere"));
}

static void what_is_no_file_of_ours_is_no_note(void **state)
{
    (void)state;
    char content[64], path[256], target[128];
    AUTO(connection_notes_close) struct connection_notes left = connection_notes_none();
    AUTO(connection_notes_close) struct connection_notes found = connection_notes_none();
    struct text text = why();
    assert_ok(connection_notes_leave(folder, bytes_of_text("x"), &left, &text));
    (void)snprintf(path, sizeof path, "%s/%s", folder, left.name);
    (void)snprintf(target, sizeof target, "%s/target", folder);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink(target, path), 0);
    assert_err(find(content, &found), ERR_NO_TARGET);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_err(find(content, &found), ERR_NO_TARGET);
    connection_notes_take_back(&left);
}

static void notes_left_behind_go_after_a_day(void **state)
{
    (void)state;
    char path[128];
    AUTO(connection_notes_close) struct connection_notes left = connection_notes_none();
    struct text text = why();
    for (int hours = 23; hours <= 25; hours += 2) {
        (void)snprintf(path, sizeof path, "%s/1-2-3-%d", folder, hours);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - (time_t)hours * 3600}};
        assert_true(fd >= 0 && futimens(fd, times) == 0);
        close(fd);
    }
    assert_ok(connection_notes_leave(folder, bytes_of_text("x"), &left, &text));
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof path, "%s/1-2-3-23", folder);
    assert_int_equal(access(path, F_OK), 0);
    connection_notes_take_back(&left);
}

static void a_lock_is_for_one(void **state)
{
    (void)state;
    char path[128];
    AUTO(file_lock_release) int first = -1;
    AUTO(file_lock_release) int second = -1;
    struct text text = why();
    (void)snprintf(path, sizeof path, "%s/new", folder);
    assert_ok(file_lock_try(path, "a", &first, &text));
    assert_err(file_lock_try(path, "a", &second, &text), ERR_AGAIN);
    assert_ok(file_lock_try(path, "b", &second, &text));
    file_lock_release(&first);
    file_lock_release(&second);
    assert_ok(file_lock_try(path, "a", &second, &text));
    assert_err(file_lock_try("/proc/nowhere", "a", &first, &text), ERR_SYSTEM);
    text = why();
    assert_err(file_lock_try(folder, "new", &first, &text), ERR_SYSTEM);
    assert_non_null(strstr(words, "cannot be locked"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_note_is_no_note),
        cmocka_unit_test(a_note_is_about_one_connection),
        cmocka_unit_test(a_note_is_found_by_children_of_the_same_process),
        cmocka_unit_test(a_folder_that_others_may_write_to_has_no_notes),
        cmocka_unit_test(a_note_is_waited_for_until_it_is_settled),
        cmocka_unit_test(what_is_no_file_of_ours_is_no_note),
        cmocka_unit_test(notes_left_behind_go_after_a_day),
        cmocka_unit_test(a_lock_is_for_one),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
