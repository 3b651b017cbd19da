/* What lies on a node: host.conf, and whose files are believed. */
#include "tests/support/unit.h"

#include "common/auto.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static struct host_paths paths;
static char grants_dir[128], sessions_dir[128], config_file[128], config_dir[128];

static const char *below(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_file(const char *path, const char *content, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/host-files-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(grants_dir, sizeof grants_dir, "%s/grants", folder);
    (void)snprintf(sessions_dir, sizeof sessions_dir, "%s/sessions", folder);
    (void)snprintf(config_file, sizeof config_file, "%s/host.conf", folder);
    (void)snprintf(config_dir, sizeof config_dir, "%s/host.conf.d", folder);
    paths = host_paths_system;
    paths.owner = getuid();
    paths.grants_dir = grants_dir;
    paths.sessions_dir = sessions_dir;
    paths.config_file = config_file;
    paths.config_dir = config_dir;
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* ---- host.conf ---- */

static enum err apply(const char *content, struct host_policy *policy, char *warnings, char *why)
{
    host_policy_defaults(policy);
    struct text warning_text = text_in(warnings, 512);
    struct text why_text = text_in(why, 512);
    return host_policy_apply(policy, bytes_of_text(content), "host.conf", &warning_text, &why_text);
}

static void bad_values_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *content, *words;
    } cases[] = {
        {"[Account]\nName=Bad Name\n", "host.conf:2: name wants a user name"},
        {"[Account]\nName=root;x\n", "host.conf:2: name wants"},
        {"[Account]\nUid=0\n", "host.conf:2: uid wants a user id"},
        {"[Account]\nUid=5x\n", "host.conf:2: uid wants"},
        {"[Account]\nShell=bash\n", "host.conf:2: shell wants an absolute path"},
        {"[Account]\nHome=/home/../root\n", "host.conf:2: home wants"},
        {"[Account]\n\nGroups=video docker\n", "host.conf:3: groups wants no group whose members are as good as root"},
        {"[Account]\nPark=maybe\n", "host.conf:2: park not one of static, dynamic, remove"},
        {"[Privilege]\nLevel=admin\n", "host.conf:2: level not one of none, limited, root"},
        {"[Privilege]\nMaxGrant=8d\n", "host.conf:2: maxgrant wants a time"},
        {"[Session]\nWorkerPath=worker\n", "host.conf:2: workerpath wants absolute paths"},
        {"[Session]\nRequireSsm=true\n", "host.conf:2: requiressm not one of no, log, yes"},
        {"[Audit]\nJsonl=a b\n", "host.conf:2: jsonl wants"},
        {"Level=root\n", "host.conf: line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_policy policy;
        char warnings[512];
        char why[512];
        assert_err(apply(cases[i].content, &policy, warnings, why), ERR_CONFIG);
        if (strstr(why, cases[i].words) == NULL) {
            fail_msg("%s: %s", cases[i].content, why);
        }
    }
}

static void unknown_keys_are_warnings(void **state)
{
    (void)state;
    struct host_policy policy;
    char warnings[512];
    char why[512];
    assert_ok(apply("[Account]\nColour=blue\nName=guest\n[Future]\nA=b\n", &policy, warnings, why));
    assert_string_equal(warnings, "host.conf:2: no key colour is known in [Account]; it is ignored\n"
                                  "host.conf:4: no section [Future] is known; it is ignored\n");
    assert_string_equal(policy.account.name, "guest");
    assert_string_equal(why, "");
}

static void every_setting_is_read(void **state)
{
    (void)state;
    struct host_policy policy;
    char warnings[512];
    char why[512];
    assert_ok(
        apply("# a comment\n[Account]\nUid=2001\nShell=/bin/sh\nHome=/srv/ssm\nGroups=video render\nPark=dynamic\n"
              "[Privilege]\nLevel=limited\nMaxGrant=30m\nCommandTimeout=1h\nIoLog=all\n"
              "[Session]\nRequireSsm=log\nDocuments=A B\nShellDocuments=C\nWorkerPath=/opt/w\nAllowOwner=arn:x\n"
              "[Audit]\nSyslog=no\nJsonl=\nAudit=required\n",
              &policy, warnings, why));
    assert_string_equal(warnings, "");
    assert_int_equal(policy.account.uid, 2001);
    assert_string_equal(policy.account.shell, "/bin/sh");
    assert_string_equal(policy.account.home, "/srv/ssm");
    assert_true(word_list_contains(&policy.account.groups, "render"));
    assert_int_equal(policy.account.park, HOST_PARK_DYNAMIC);
    assert_int_equal(policy.privilege.level, HOST_LEVEL_LIMITED);
    assert_int_equal(policy.privilege.max_grant_s, 1800);
    assert_int_equal(policy.privilege.command_timeout_s, 3600);
    assert_int_equal(policy.privilege.io_log, HOST_IO_LOG_ALL);
    assert_int_equal(policy.session.require_ssm, HOST_REQUIRE_LOG);
    assert_true(word_list_contains(&policy.session.documents, "B"));
    assert_false(word_list_contains(&policy.session.documents, "AWS-StartSSHSession"));
    assert_true(word_list_contains(&policy.session.shell_documents, "C"));
    assert_true(word_list_contains(&policy.session.worker_paths, "/opt/w"));
    assert_true(word_list_contains(&policy.session.allow_owners, "arn:x"));
    assert_false(policy.audit.has_syslog);
    assert_string_equal(policy.audit.jsonl, "");
    assert_true(policy.audit.is_required);
}

static enum err read_policy(struct host_policy *policy, char *why)
{
    char memory[512];
    struct text warnings = text_in(memory, sizeof memory);
    struct text why_text = text_in(why, 512);
    return host_files_read_policy(&paths, policy, &warnings, &why_text);
}

static void policy_files_in_order(void **state)
{
    (void)state;
    struct host_policy policy;
    char why[512];
    assert_ok(read_policy(&policy, why)); /* nothing there: the defaults */
    assert_int_equal(policy.privilege.level, HOST_LEVEL_NONE);
    put_file(config_file, "[Privilege]\nLevel=root\n", 0644);
    assert_int_equal(mkdir(config_dir, 0755), 0);
    put_file(below("host.conf.d/10-a.conf"), "[Privilege]\nLevel=limited\n", 0644);
    put_file(below("host.conf.d/20-b.conf~"), "[Privilege]\nLevel=root\n", 0644);
    assert_ok(read_policy(&policy, why));
    assert_int_equal(policy.privilege.level, HOST_LEVEL_LIMITED);
    assert_int_equal(chmod(config_file, 0666), 0);
    assert_err(read_policy(&policy, why), ERR_DENIED);
    assert_non_null(strstr(why, "may be written by others"));
    assert_int_equal(unlink(config_file), 0);
    assert_int_equal(symlink("/dev/null", config_file), 0);
    assert_err(read_policy(&policy, why), ERR_DENIED);
    assert_non_null(strstr(why, "symbolic link"));
}

/* A part of them must not pass for all: the restriction may be in the part that is missing. */
static void too_many_files_are_refused_with_words(void **state)
{
    (void)state;
    struct host_policy policy;
    char why[512];
    assert_int_equal(mkdir(config_dir, 0755), 0);
    for (int i = 0; i <= STATE_DIR_NAMES; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "host.conf.d/%d", i);
        put_file(below(name), "", 0644);
    }
    assert_err(read_policy(&policy, why), ERR_TOO_LONG);
    assert_non_null(strstr(why, "host.conf.d: more than 1024 files"));
}

/* ---- files that are believed ---- */

static void only_trusted_paths_are_read(void **state)
{
    (void)state;
    char words[256];
    char *memory = NULL;
    size_t len = 0;
    struct text why = text_in(words, sizeof words);
    put_file(below("plain"), "content", 0644);
    assert_ok(path_trust_read(below("plain"), getuid(), 100, &memory, &len, &why));
    assert_int_equal(len, 7);
    assert_string_equal(memory, "content");
    free(memory);
    assert_err(path_trust_read(below("plain"), getuid(), 6, &memory, &len, &why), ERR_TOO_LONG);
    assert_err(path_trust_read(below("absent"), getuid(), 100, &memory, &len, &why), ERR_NO_TARGET);
    assert_err(path_trust_read("relative", getuid(), 100, &memory, &len, &why), ERR_DENIED);
    assert_int_equal(mkfifo(below("pipe"), 0600), 0);
    assert_err(path_trust_read(below("pipe"), getuid(), 100, &memory, &len, &why), ERR_DENIED);
    assert_int_equal(mkdir(below("open"), 0755), 0);
    put_file(below("open/file"), "x", 0644);
    assert_int_equal(chmod(below("open"), 0775), 0);
    assert_err(path_trust_read(below("open/file"), getuid(), 100, &memory, &len, &why), ERR_DENIED);
    assert_int_equal(chmod(below("open"), 0755), 0);
    assert_int_equal(symlink("open", below("link")), 0);
    assert_err(path_trust_read(below("link/file"), getuid(), 100, &memory, &len, &why), ERR_DENIED);
    if (getuid() == 0) {
        assert_int_equal(chown(below("plain"), 12345, 0), 0);
        assert_err(path_trust_read(below("plain"), 0, 100, &memory, &len, &why), ERR_DENIED);
    }
}

static void state_files_are_whole_or_absent(void **state)
{
    (void)state;
    char words[256];
    struct text why = text_in(words, sizeof words);
    assert_ok(state_dir_make(grants_dir, getuid(), &why));
    assert_ok(state_dir_make(grants_dir, getuid(), &why));
    assert_ok(state_dir_write(grants_dir, "b", bytes_of_text("one"), 0600, true, &why));
    assert_ok(state_dir_write(grants_dir, "b", bytes_of_text("two"), 0640, false, &why));
    assert_ok(state_dir_write(grants_dir, "a", bytes_of_text(""), 0600, false, &why));
    assert_err(state_dir_write(below("absent"), "a", bytes_of_text(""), 0600, false, &why), ERR_SYSTEM);
    assert_err(state_dir_write(grants_dir, "no/such", bytes_of_text(""), 0600, false, &why), ERR_SYSTEM);
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    assert_ok(state_dir_list(grants_dir, getuid(), &names, &why));
    assert_int_equal(names.count, 2);
    assert_string_equal(names.names[0], "a");
    struct stat stat_of_b;
    assert_int_equal(stat(below("grants/b"), &stat_of_b), 0);
    assert_int_equal(stat_of_b.st_mode & 07777u, 0640);
    assert_int_equal(stat_of_b.st_size, 3);
    assert_ok(state_dir_remove(grants_dir, "b", &why));
    assert_ok(state_dir_remove(grants_dir, "b", &why));
    state_dir_names_free(&names);
    assert_ok(state_dir_list(below("absent"), getuid(), &names, &why));
    assert_int_equal(names.count, 0);
}

static void grants_that_make_no_sense_are_counted(void **state)
{
    (void)state;
    char words[256];
    struct text why = text_in(words, sizeof words);
    struct host_moment now;
    assert_ok(host_clock_now(&paths, &now));
    struct grant grant = {
        .id = "0123456789abcdef", .not_after_unix_s = now.unix_s + 60, .boot_deadline_s = now.boot_s + 60};
    strcpy(grant.boot_id, now.boot_id);
    char memory[LIMIT_STATE_FILE];
    struct text text = text_in(memory, sizeof memory);
    grant_render(&grant, &text);
    assert_ok(state_dir_make(grants_dir, getuid(), &why));
    assert_ok(state_dir_write(grants_dir, grant.id, text_bytes(&text), 0600, true, &why));
    assert_ok(
        state_dir_write(grants_dir, "fedcba9876543210", text_bytes(&text), 0600, true, &why)); /* not its own name */
    assert_ok(state_dir_write(grants_dir, "0000000000000000", text_bytes(&text), 0666, true, &why));
    assert_ok(state_dir_write(grants_dir, "README", bytes_of_text("hello"), 0600, true, &why));
    AUTO(host_files_free_grants) struct host_grants grants = {0};
    assert_ok(host_files_read_grants(&paths, &grants, &why));
    assert_int_equal(grants.count, 1);
    assert_int_equal(grants.unreadable, 3);
    assert_true(grant_is_active(&grants.grants[0], &now));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_values_are_refused_with_their_line),
        cmocka_unit_test(unknown_keys_are_warnings),
        cmocka_unit_test(every_setting_is_read),
        IN_FOLDER(policy_files_in_order),
        IN_FOLDER(too_many_files_are_refused_with_words),
        IN_FOLDER(only_trusted_paths_are_read),
        IN_FOLDER(state_files_are_whole_or_absent),
        IN_FOLDER(grants_that_make_no_sense_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
