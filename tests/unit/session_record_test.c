#include "proxy/edge/session_record.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/auto.h"
#include "proxy/edge/process_identity.h"
#include "tests/support/unit.h"

/* Each test has a state directory of its own. */
struct place {
    char root[64];
    char sessions[128];
};

static int place_make(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    (void)stpcpy(place->root, "/tmp/ssm-record-XXXXXX");
    assert_non_null(mkdtemp(place->root));
    (void)snprintf(place->sessions, sizeof place->sessions, "%s/ssm-bridge/sessions", place->root);
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

static struct session_records *open_records(const struct place *place)
{
    struct session_records *records = NULL;
    assert_ok(session_record_open(place->root, NULL, &records));
    return records;
}

static struct session_record record_of(const char *session_id)
{
    struct session_record record = {.region = "eu-west-1",
                                    .endpoint_url = "https://ssm.eu-west-1.amazonaws.com/",
                                    .profile = "a profile with blanks"};
    (void)stpcpy(record.session_id, session_id);
    return record;
}

static void write_record(struct session_records *records, const char *session_id)
{
    char words[256];
    struct text why = text_in(words, sizeof words);
    struct session_record record = record_of(session_id);
    if (session_record_write(records, &record, &why) != ERR_OK) {
        fail_msg("%s", words);
    }
}

/* A process that writes records and is gone. */
static void leave_record(const struct place *place, const char *session_id)
{
    pid_t child = fork();
    if (child == 0) {
        write_record(open_records(place), session_id);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static unsigned count_files(const struct place *place)
{
    DIR *directory = opendir(place->sessions);
    unsigned count = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(directory);
    return count;
}

static void age_file(const char *path, int days)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - days * 86400 - 60}};
    times[1] = times[0];
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void age_files(const struct place *place, int days)
{
    DIR *directory = opendir(place->sessions);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", place->sessions, entry->d_name);
        age_file(path, days);
    }
    closedir(directory);
}

static void write_text(const struct place *place, const char *name, const char *text, int days_old)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", place->sessions, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
    age_file(path, days_old);
}

static bool exists(const struct place *place, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", place->sessions, name);
    return access(path, F_OK) == 0;
}

static unsigned count_stale(const struct place *place)
{
    AUTO(session_record_close) struct session_records *records = open_records(place);
    struct session_record record;
    unsigned count = 0;
    while (session_record_next_stale(records, &record)) {
        count++;
    }
    return count;
}

/* ---- what must not be taken for stale ---- */

static void test_own_session_is_not_stale(void **state)
{
    const struct place *place = *state;
    AUTO(session_record_close) struct session_records *records = open_records(place);
    write_record(records, "alice-1");
    assert_int_equal(count_stale(place), 0);
    assert_int_equal(count_files(place), 1);
}

static void text_with_identity(const struct process_identity *identity, char *text, size_t size)
{
    struct text out = text_in(text, size);
    text_put(&out, "ssm-bridge-session 1\nsession bob-1\nregion r\nendpoint e\nprofile \nnew-key of 2030\nprocess ");
    process_identity_put_process(identity, &out);
    text_put(&out, "\nhost ");
    process_identity_put_host(identity, &out);
    text_put(&out, "\n");
    assert_ok(text_finish(&out));
}

static void test_other_places_cannot_be_judged(void **state)
{
    const struct place *place = *state;
    leave_record(place, "alice-1"); /* makes the directory */
    assert_int_equal(count_stale(place), 1);
    struct process_identity gone;
    assert_ok(process_identity_self(&gone));
    gone.pid = 1 << 30; /* over any pid_max */
    char text[1024];

    struct process_identity other_host = gone;
    (void)stpcpy(other_host.host_name, "elsewhere");
    (void)stpcpy(other_host.boot_id, "11111111-2222-3333-4444-555555555555");
    text_with_identity(&other_host, text, sizeof text);
    write_text(place, "other-host.session", text, 0);
    write_text(place, "other-host-old.session", text, 8);
    assert_int_equal(count_stale(place), 1);
    assert_true(exists(place, "other-host.session"));
    assert_false(exists(place, "other-host-old.session"));

    struct process_identity other_namespace = gone;
    (void)stpcpy(other_namespace.pid_namespace, "pid:[1]");
    text_with_identity(&other_namespace, text, sizeof text);
    write_text(place, "other-namespace.session", text, 0);
    assert_int_equal(count_stale(place), 1);

    text_with_identity(&gone, text, sizeof text);
    write_text(place, "gone.session", text, 0);
    assert_int_equal(count_stale(place), 2);

    struct process_identity other_boot = other_namespace;
    (void)stpcpy(other_boot.boot_id, "11111111-2222-3333-4444-555555555555");
    text_with_identity(&other_boot, text, sizeof text);
    write_text(place, "other-boot.session", text, 0);
    assert_int_equal(count_stale(place), 3);
}

static void test_pid_that_is_used_again(void **state)
{
    const struct place *place = *state;
    leave_record(place, "alice-1");
    struct process_identity reused;
    assert_ok(process_identity_self(&reused));
    char text[1024];
    text_with_identity(&reused, text, sizeof text);
    write_text(place, "alive.session", text, 0);
    assert_int_equal(count_stale(place), 1);
    reused.start--;
    text_with_identity(&reused, text, sizeof text);
    write_text(place, "reused.session", text, 0);
    assert_int_equal(count_stale(place), 2);
}

static void test_garbage_is_tolerated(void **state)
{
    const struct place *place = *state;
    leave_record(place, "alice-1");
    struct process_identity gone;
    assert_ok(process_identity_self(&gone));
    gone.pid = 1 << 30;
    char good[1024];
    text_with_identity(&gone, good, sizeof good);
    good[strlen(good) - 1] = '\0'; /* cut short: no last newline */
    static char huge[LIMIT_SESSION_RECORD + 100];
    memset(huge, 'x', sizeof huge - 1);
    const char *const texts[] = {"",
                                 "\n",
                                 "ssm-bridge-session 1\n",
                                 "ssm-bridge-session 2\nsession a\n",
                                 "ssm-bridge-session 1\nsession a\nprocess x y z\nhost a b\n",
                                 "ssm-bridge-session 1\nsession a\nprocess -1 2 c d\nhost a b\n",
                                 "ssm-bridge-session 1\nsession a\nprocess 1 2 c d e\nhost a b\n",
                                 "ssm-bridge-session 1\nnothing\n",
                                 "\177ELF",
                                 good,
                                 huge};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "new%zu.session", i);
        write_text(place, name, texts[i], 0);
        (void)snprintf(name, sizeof name, "old%zu.session", i);
        write_text(place, name, texts[i], 2);
    }
    write_text(place, ".tmp-1", "half", 2);
    write_text(place, ".tmp-2", "half", 0);
    write_text(place, "README", "not ours", 100);
    char path[256];
    (void)snprintf(path, sizeof path, "%s/directory.session", place->sessions);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/fifo.session", place->sessions);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(path, sizeof path, "%s/link.session", place->sessions);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(count_stale(place), 1);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "new%zu.session", i);
        assert_true(exists(place, name));
        (void)snprintf(name, sizeof name, "old%zu.session", i);
        assert_false(exists(place, name));
    }
    assert_false(exists(place, ".tmp-1"));
    assert_true(exists(place, ".tmp-2"));
    assert_true(exists(place, "README"));
    assert_true(exists(place, "fifo.session"));
}

static void test_values_that_do_not_fit(void **state)
{
    const struct place *place = *state;
    AUTO(session_record_close) struct session_records *records = open_records(place);
    char words[256];
    struct text why = text_in(words, sizeof words);
    struct session_record record = record_of("two\nlines");
    assert_err(session_record_write(records, &record, &why), ERR_MALFORMED);
    record = record_of("");
    assert_err(session_record_write(records, &record, &why), ERR_MALFORMED);
}

static void test_nothing_is_fatal(void **state)
{
    const struct place *place = *state;
    AUTO(session_record_close) struct session_records *records = NULL;
    assert_err(session_record_open(NULL, NULL, &records), ERR_CONFIG);
    assert_err(session_record_open("relative", "", &records), ERR_CONFIG);
    /* a file stands where a directory should be: fails for root too */
    char path[128];
    (void)snprintf(path, sizeof path, "%s/file", place->root);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fclose(file);
    assert_ok(session_record_open(path, NULL, &records));
    char words[256];
    struct text why = text_in(words, sizeof words);
    struct session_record record = record_of("alice-1");
    assert_err(session_record_write(records, &record, &why), ERR_SYSTEM);
    assert_non_null(strstr(words, "cannot be made: Not a directory"));
    session_record_remove(records, "alice-1");
    assert_false(session_record_next_stale(records, &record));
}

/* ---- what works ---- */

static void test_stale_record_is_claimed_once(void **state)
{
    const struct place *place = *state;
    leave_record(place, "alice-0a1b2c3d4e5f67890");
    AUTO(session_record_close) struct session_records *first = open_records(place);
    AUTO(session_record_close) struct session_records *second = open_records(place);
    struct session_record record;
    assert_true(session_record_next_stale(first, &record));
    struct session_record expected = record_of("alice-0a1b2c3d4e5f67890");
    assert_string_equal(record.session_id, expected.session_id);
    assert_string_equal(record.region, expected.region);
    assert_string_equal(record.endpoint_url, expected.endpoint_url);
    assert_string_equal(record.profile, expected.profile);
    assert_false(session_record_next_stale(second, &record));
    assert_false(session_record_next_stale(first, &record));
    session_record_remove(first, expected.session_id);
    assert_int_equal(count_files(place), 0);
    assert_int_equal(count_stale(place), 0);
}

static void test_stale_record_that_nobody_could_end_goes_after_a_week(void **state)
{
    const struct place *place = *state;
    leave_record(place, "alice-1");
    age_files(place, 6);
    assert_int_equal(count_stale(place), 1);
    age_files(place, 8);
    assert_int_equal(count_stale(place), 0);
    assert_int_equal(count_files(place), 0);
}

static void test_claim_falls_with_its_holder(void **state)
{
    const struct place *place = *state;
    leave_record(place, "alice-1");
    AUTO(session_record_close) struct session_records *first = open_records(place);
    struct session_record record;
    assert_true(session_record_next_stale(first, &record));
    assert_int_equal(count_stale(place), 0);
    session_record_close(&first);
    assert_int_equal(count_stale(place), 1);
}

static void test_fifty_at_once(void **state)
{
    const struct place *place = *state;
    for (int i = 0; i < 50; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "alice-%d", i);
        leave_record(place, id);
    }
    assert_int_equal(count_files(place), 50);
    AUTO(session_record_close) struct session_records *records = open_records(place);
    struct session_record record;
    unsigned count = 0;
    while (session_record_next_stale(records, &record)) {
        session_record_remove(records, record.session_id);
        count++;
    }
    assert_int_equal(count, 50);
    assert_int_equal(count_files(place), 0);
}

static void test_modes_and_replacement(void **state)
{
    const struct place *place = *state;
    mode_t before = umask(0);
    AUTO(session_record_close) struct session_records *records = open_records(place);
    write_record(records, "alice-1");
    write_record(records, "alice-1");
    (void)umask(before);
    assert_int_equal(count_files(place), 1);
    struct stat status;
    assert_int_equal(stat(place->sessions, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    DIR *directory = opendir(place->sessions);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            assert_int_equal(fstatat(dirfd(directory), entry->d_name, &status, 0), 0);
            assert_int_equal(status.st_mode & 07777, 0600);
        }
    }
    closedir(directory);
    session_record_remove(records, "alice-1");
    session_record_remove(records, "alice-1");
    assert_int_equal(count_files(place), 0);
}

static void test_home_is_the_fallback(void **state)
{
    const struct place *place = *state;
    AUTO(session_record_close) struct session_records *records = NULL;
    assert_ok(session_record_open("relative/is/ignored", place->root, &records));
    write_record(records, "alice-1");
    char path[128];
    (void)snprintf(path, sizeof path, "%s/.local/state/ssm-bridge/sessions", place->root);
    assert_int_equal(access(path, F_OK), 0);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(test_own_session_is_not_stale),
        IN_A_PLACE(test_other_places_cannot_be_judged),
        IN_A_PLACE(test_pid_that_is_used_again),
        IN_A_PLACE(test_garbage_is_tolerated),
        IN_A_PLACE(test_values_that_do_not_fit),
        IN_A_PLACE(test_nothing_is_fatal),
        IN_A_PLACE(test_stale_record_is_claimed_once),
        IN_A_PLACE(test_stale_record_that_nobody_could_end_goes_after_a_week),
        IN_A_PLACE(test_claim_falls_with_its_holder),
        IN_A_PLACE(test_fifty_at_once),
        IN_A_PLACE(test_modes_and_replacement),
        IN_A_PLACE(test_home_is_the_fallback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
