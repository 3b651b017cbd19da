/* What the edges read from the disk and the kernel: aws_files, trust, entropy, clock. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/auto.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/entropy.h"
#include "proxy/edge/person_file.h"
#include "proxy/edge/trust.h"
#include "tests/support/unit.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)stpcpy(folder, "/tmp/ssm-files-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int drop_folder(void **state)
{
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command); /* NOLINT(cert-env33-c) */
}

static const char *path_of(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *write_file(const char *name, const char *text, size_t len)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    (void)fclose(file);
    return path;
}

/* ---- aws_files ---- */

static void assert_unreadable(const char *path, const char *word)
{
    char words[512];
    struct text why = text_in(words, sizeof words);
    struct aws_file file;
    assert_err(aws_files_read(path, INSTANT_NEVER, &file, &why), ERR_CONFIG);
    if (strstr(words, word) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", word, words);
    }
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    assert_unreadable(folder, "is not a file");
    assert_unreadable("/dev/zero", "is not a file");
    char *large = calloc(1, LIMIT_CONFIG_FILE + 1);
    assert_unreadable(write_file("large", large, LIMIT_CONFIG_FILE + 1), "larger than");
    free(large);
    assert_int_equal(symlink("loop", path_of("loop")), 0);
    assert_unreadable(path_of("loop"), "cannot be read");
}

static void test_missing_files_are_no_error(void **state)
{
    (void)state;
    char words[512];
    struct text why = text_in(words, sizeof words);
    struct aws_file file = {.data = words};
    assert_ok(aws_files_read(path_of("missing"), INSTANT_NEVER, &file, &why));
    assert_null(file.data);
    (void)write_file("plain", "x", 1);
    assert_ok(aws_files_read(path_of("plain/below"), INSTANT_NEVER, &file, &why));
    assert_null(file.data);
}

static void test_files_of_all_sizes(void **state)
{
    (void)state;
    char words[512];
    struct text why = text_in(words, sizeof words);
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 32768, 100000, LIMIT_CONFIG_FILE};
    char *content = malloc(LIMIT_CONFIG_FILE);
    assert_non_null(content);
    for (size_t i = 0; i < LIMIT_CONFIG_FILE; i++) {
        content[i] = (char)('a' + i % 26);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        AUTO(aws_files_wipe) struct aws_file file = {0};
        assert_ok(aws_files_read(write_file("config", content, sizes[i]), INSTANT_NEVER, &file, &why));
        assert_non_null(file.data);
        assert_int_equal(file.len, sizes[i]);
        assert_memory_equal(file.data, content, sizes[i]);
        assert_int_equal(file.data[file.len], '\0');
    }
    free(content);
}

/* Process substitution: somebody opens the other end when they get to it. */
static void test_pipe_with_a_late_writer(void **state)
{
    (void)state;
    char words[512];
    struct text why = text_in(words, sizeof words);
    const char *path = path_of("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    pid_t writer = fork();
    if (writer == 0) {
        (void)usleep(30 * 1000);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        bool is_written = write(fd, "half", 4) == 4 && usleep(30 * 1000) == 0 && write(fd, " and half", 9) == 9;
        _exit(is_written ? 0 : 1);
    }
    AUTO(aws_files_wipe) struct aws_file file = {0};
    assert_ok(aws_files_read(path, INSTANT_NEVER, &file, &why));
    assert_string_equal(file.data, "half and half");
    int status = 0;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
}

static void test_pipe_that_nobody_writes_into(void **state)
{
    (void)state;
    char words[512];
    struct text why = text_in(words, sizeof words);
    struct aws_file file;
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    (void)alarm(60); /* ends a test that would wait for ever */
    assert_err(aws_files_read(path_of("pipe"), clock_mono_us() + 20 * 1000, &file, &why), ERR_CONFIG);
    assert_non_null(strstr(words, "/pipe cannot be read: it is a pipe"));
    int fd = open(path_of("pipe"), O_RDWR | O_CLOEXEC); /* opened, but never to its end */
    assert_int_equal(write(fd, "x", 1), 1);
    assert_err(aws_files_read(path_of("pipe"), clock_mono_us() + 20 * 1000, &file, &why), ERR_CONFIG);
    (void)close(fd);
    (void)alarm(0);
}

static void test_environment(void **state)
{
    (void)state;
    struct aws_config_environment environment = aws_files_environment();
    assert_int_equal(setenv("SSM_TEST_VARIABLE", "value", 1), 0);
    assert_string_equal(environment.get(environment.context, "SSM_TEST_VARIABLE"), "value");
    assert_null(environment.get(environment.context, "SSM_TEST_NO_SUCH_VARIABLE"));
}

/* ---- trust ---- */

static enum err find_trust(const char *ca_path, const char *file, const char *directory, struct trust *ret_trust)
{
    char words[512];
    struct text why = text_in(words, sizeof words);
    return trust_find(ca_path, file, directory, ret_trust, &why);
}

static bool system_is_hashed(void)
{
    struct trust trust;
    return find_trust(NULL, NULL, NULL, &trust) == ERR_OK && trust.directory[0] != '\0';
}

static void test_trust_that_cannot_be_read(void **state)
{
    (void)state;
    struct trust trust;
    assert_err(find_trust(path_of("missing"), NULL, NULL, &trust), ERR_CONFIG);
    assert_err(find_trust(folder, NULL, NULL, &trust), ERR_CONFIG);
    assert_err(find_trust("", path_of("missing"), NULL, &trust), ERR_CONFIG);
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_err(find_trust(path_of("pipe"), NULL, NULL, &trust), ERR_CONFIG);
    assert_err(find_trust(NULL, path_of("pipe"), NULL, &trust), ERR_CONFIG);
    assert_err(find_trust(NULL, folder, NULL, &trust), ERR_CONFIG);
}

static void test_ca_path_is_trusted_alone(void **state)
{
    (void)state;
    struct trust trust;
    char file[128];
    (void)stpcpy(file, write_file("ca.pem", "x", 1));
    assert_ok(find_trust(file, "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs", &trust));
    assert_string_equal(trust.file, file);
    assert_string_equal(trust.directory, "");
    assert_int_equal(mkdir(path_of("hashed"), 0700), 0);
    (void)write_file("hashed/0123abcd.0", "x", 1);
    (void)write_file("hashed/0123abcg.0", "x", 1);
    char directory[128];
    (void)stpcpy(directory, path_of("hashed"));
    assert_ok(find_trust(directory, NULL, NULL, &trust));
    assert_string_equal(trust.file, "");
    assert_string_equal(trust.directory, directory);
}

static void test_variables_replace_their_half(void **state)
{
    (void)state;
    struct trust trust;
    char file[128];
    (void)stpcpy(file, write_file("ca.pem", "x", 1));
    assert_ok(find_trust(NULL, file, "/one:/two", &trust));
    assert_string_equal(trust.file, file);
    assert_string_equal(trust.directory, "/one:/two");
    if (!system_is_hashed()) {
        return; /* without the package ca-certificates */
    }
    assert_ok(find_trust(NULL, file, NULL, &trust));
    assert_string_equal(trust.file, file);
    assert_string_equal(trust.directory, "/etc/ssl/certs");
    assert_ok(find_trust(NULL, NULL, "/one", &trust));
    assert_string_equal(trust.file, "");
    assert_string_equal(trust.directory, "/one:/etc/ssl/certs");
    /* the system's bundle, named by a variable, is not worth 20 ms of parsing */
    assert_ok(find_trust(NULL, "/etc/ssl/certs/ca-certificates.crt", NULL, &trust));
    assert_string_equal(trust.file, "");
    assert_string_equal(trust.directory, "/etc/ssl/certs");
}

/* ---- entropy, clock ---- */

static void test_entropy(void **state)
{
    (void)state;
    struct entropy_pool pool = {0};
    uint32_t seen[1000];
    for (size_t i = 0; i < 1000; i++) {
        assert_ok(entropy_take(&pool, &seen[i], sizeof seen[i]));
        for (size_t j = 0; j < pool.left; j++) {
            if (pool.bytes[j] != 0) {
                break; /* what is left is random */
            }
            assert_true(j + 1 < pool.left || pool.left < 8);
        }
        for (size_t j = pool.left; j < sizeof pool.bytes; j++) {
            assert_int_equal(pool.bytes[j], 0); /* what was taken is wiped */
        }
    }
    unsigned equal = 0;
    for (size_t i = 1; i < 1000; i++) {
        equal += seen[i] == seen[i - 1];
    }
    assert_true(equal < 3);
    uint8_t whole[ENTROPY_POOL_LEN];
    assert_ok(entropy_take(&pool, whole, sizeof whole));
    assert_int_equal(pool.left, 0);
}

static void test_clock(void **state)
{
    (void)state;
    struct instant first = clock_now();
    int64_t boot_ms = clock_boot_ms();
    assert_int_equal(usleep(2000), 0);
    struct instant second = clock_now();
    assert_true(second.mono_us >= first.mono_us + 2000);
    assert_true(second.unix_ms > 1700000000000u && second.unix_ms < 10000000000000u);
    assert_true(clock_boot_ms() > boot_ms && boot_ms >= first.mono_us / 1000);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

/* ---- person_file ---- */

static void test_file_that_somebody_changes_meanwhile(void **state)
{
    (void)state;
    char words[512];
    struct text why = text_in(words, sizeof words);
    AUTO(person_file_free) struct person_file file = {.exists = false};
    AUTO(person_file_free) struct person_file none = {.exists = false};
    char path[128];
    (void)stpcpy(path, write_file("person", "mine\n", 5));
    assert_ok(person_file_open(path, &file, &why));
    write_file("person", "more of mine\n", 13);
    assert_err(person_file_replace(&file, bytes_of_text("ours\n"), bytes_of_text("mine\n"), &why), ERR_CONFIG);
    assert_non_null(strstr(words, "was changed meanwhile"));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 13);
    assert_ok(person_file_open(path_of("person-none"), &none, &why));
    write_file("person-none", "mine\n", 5);
    assert_err(person_file_replace(&none, bytes_of_text("ours\n"), bytes_of(NULL, 0), &why), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_files_that_cannot_be_read),
        IN_FOLDER(test_missing_files_are_no_error),
        IN_FOLDER(test_files_of_all_sizes),
        IN_FOLDER(test_pipe_with_a_late_writer),
        IN_FOLDER(test_pipe_that_nobody_writes_into),
        cmocka_unit_test(test_environment),
        IN_FOLDER(test_trust_that_cannot_be_read),
        IN_FOLDER(test_ca_path_is_trusted_alone),
        IN_FOLDER(test_variables_replace_their_half),
        IN_FOLDER(test_file_that_somebody_changes_meanwhile),
        cmocka_unit_test(test_entropy),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
