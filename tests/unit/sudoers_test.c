/* The sudoers file of ssm-user: its text, the list of the level limited, and what the linter says of it. visudo judges
 * every text that should be right. */
#include "tests/support/unit.h"

#include "common/auto.h"
#include "pam_ssm/core/sudoers_lint.h"
#include "pam_ssm/core/sudoers_render.h"

#include <sys/wait.h>
#include <unistd.h>

static const char digest[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static char memory[LIMIT_SUDOERS_FILE];
static char words[512];

static bool has_visudo(void)
{
    return access("/usr/sbin/visudo", X_OK) == 0;
}

/* visudo's status for this file, or the end of the test. */
static int visudo_status(const char *content)
{
    char path[] = "/tmp/sudoers-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(close(fd), 0);
    char command[128];
    (void)snprintf(command, sizeof command, "/usr/sbin/visudo -cqf %s 2>/dev/null", path);
    int status = system(command);
    assert_int_equal(unlink(path), 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static enum err add(struct sudoers_limited *limited, const char *content, struct text *why)
{
    *why = text_in(words, sizeof words);
    return sudoers_limited_add(limited, bytes_of_text(content), "web", why);
}

/* ---- sudo's version ---- */

static void versions_are_told_apart(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",        "sudo 1.9", "Sudo version ", "Sudo version 1", "Sudo version x.y",
                                        "doas 6.8"};
    struct sudo_version version;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (sudo_version_parse(wrong[i], &version) != ERR_MALFORMED) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
    assert_ok(sudo_version_parse("Sudo version 1.9.13p3\nSudoers policy plugin version 1.9.13p3\n", &version));
    assert_true(sudo_version_is_classic(&version, 1, 9, 13));
    assert_true(sudo_version_is_classic(&version, 1, 8, 28));
    assert_true(sudo_version_is_classic(&version, 0, 99, 99));
    assert_false(sudo_version_is_classic(&version, 1, 9, 14));
    assert_false(sudo_version_is_classic(&version, 2, 0, 0));
    assert_ok(sudo_version_parse("Sudo version 1.9", &version));
    assert_true(sudo_version_is_classic(&version, 1, 9, 0));
    assert_false(sudo_version_is_classic(&version, 1, 9, 1));
    assert_ok(sudo_version_parse("sudo-rs 3.2.8\n", &version));
    assert_false(sudo_version_is_classic(&version, 0, 0, 0));
}

/* ---- the list ---- */

static void limited_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *content, *why;
    } wrong[] = {
        {"ssm-user ALL=(ALL) ALL", "web:1: only comments"},
        {"\n\nDefaults !authenticate", "web:3: only comments"},
        {"@include /tmp/x", "only comments"},
        {"#include /tmp/x", "more than a comment"},
        {"#includedir /tmp", "more than a comment"},
        {"#1000 ALL=(ALL) ALL", "more than a comment"},
        {"# comment \\\nssm-user ALL=(ALL) ALL", "web:2: only comments"},
        {"User_Alias SSMLIM_A = x", "only comments"},
        {"Cmnd_Alias WEB = /bin/ls", "an alias is called SSMLIM_"},
        {"Cmnd_Alias SSMLIM_ = /bin/ls", "an alias is called SSMLIM_"},
        {"Cmnd_Alias SSMLIM_a = /bin/ls", "an alias is called SSMLIM_"},
        {"Cmnd_Alias SSMLIM_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA = /bin/ls", "at most 64"},
        {"Cmnd_Alias SSMLIM_A /bin/ls", "comes '='"},
        {"Cmnd_Alias SSMLIM_A =", "a command is missing"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls,", "a command is missing"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls,,/bin/id", "a command is missing"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls\nCmnd_Alias SSMLIM_A = /bin/id", "web:2: there is an alias"},
        {"Cmnd_Alias SSMLIM_A = ALL", "an absolute path or sudoedit"},
        {"Cmnd_Alias SSMLIM_A = SSMLIM_B", "an absolute path or sudoedit"},
        {"Cmnd_Alias SSMLIM_A = ls", "an absolute path or sudoedit"},
        {"Cmnd_Alias SSMLIM_A = list", "an absolute path or sudoedit"},
        {"Cmnd_Alias SSMLIM_A = ^/bin/.*$", "an absolute path or sudoedit"},
        {"Cmnd_Alias SSMLIM_A = !/bin/sh", "taken away again"},
        {"Cmnd_Alias SSMLIM_A = /bin/", "a directory"},
        {"Cmnd_Alias SSMLIM_A = /bin/*", "without wildcards"},
        {"Cmnd_Alias SSMLIM_A = /bin/a\\,b", "without wildcards"},
        {"Cmnd_Alias SSMLIM_A = /bin/../tmp/x", "write the path plainly"},
        {"Cmnd_Alias SSMLIM_A = /bin//x", "write the path plainly"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls : SSMLIM_B = /bin/id", "':'"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls a:b", "':'"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls a#b", "'#'"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls # all", "'#'"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls \"a b\"", "no quotes"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls \"\" a", "stands alone"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls a\\b", "a backslash stands before"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls a\\", "a backslash stands before"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls ^a", "ends with $"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls ^a\\$", "ends with $"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls ^a$ b", "holds all arguments"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls ^a$b$", "holds all arguments"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls ^a#$", "'#'"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls ^a\tb$", "no tab"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls ^a\\\tb$", "no tab"},
        {"Cmnd_Alias SSMLIM_A = sha256:0123 /bin/ls", "a digest is"},
        {"Cmnd_Alias SSMLIM_A = sha1:0123456789abcdef0123456789abcdef01234567 /bin/ls", "a digest is"},
        {"Cmnd_Alias SSMLIM_A = /bin/l\\\ns", "continued behind a blank"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls \x01", "printable ASCII"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls \xc3\xa9", "printable ASCII"},
        {"Cmnd_Alias SSMLIM_A = /bin/ls\r\n", "printable ASCII"},
        {"Cmnd_AliasSSMLIM_A = /bin/ls", "only comments"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
        struct text why;
        enum err err = add(&limited, wrong[i].content, &why);
        if (err != ERR_CONFIG || strstr(words, wrong[i].why) == NULL) {
            fail_msg("%s\ngives %s, \"%s\"; expected \"%s\"", wrong[i].content, err_text(err), words, wrong[i].why);
        }
    }
    AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
    struct text why;
    const char nul[] = "Cmnd_Alias SSMLIM_A = /bin/ls\0, /bin/sh";
    why = text_in(words, sizeof words);
    assert_err(sudoers_limited_add(&limited, bytes_of(nul, sizeof nul - 1), "web", &why), ERR_CONFIG);
}

static void limited_reads_what_visudo_reads(void **state)
{
    (void)state;
    static const struct {
        const char *command, *text, *path, *arguments;
    } right[] = {
        {"/bin/ls", "/bin/ls", "/bin/ls", NULL},
        {"/bin/ls \"\"  ", "/bin/ls \"\"", "/bin/ls", ""},
        {"/bin/ls\t -l \t/tmp  ", "/bin/ls -l /tmp", "/bin/ls", "-l /tmp"},
        {"/bin/ls a\\,b c\\:d e\\=f g=h i\\#j k\\\\l m\\ n", "/bin/ls a\\,b c\\:d e\\=f g\\=h i\\#j k\\\\l m\\ n",
         "/bin/ls", "a,b c:d e=f g=h i#j k\\l m n"},
        {"/bin/ls ^-[a,b]{1,2} (x|y)\\.z$", "/bin/ls ^-[a,b]{1,2} (x|y)\\.z$", "/bin/ls", "^-[a,b]{1,2} (x|y)\\.z$"},
        {"/bin/ls \\\n  -l, /bin/id", "/bin/ls -l", "/bin/ls", "-l"},
        {"/bin/ls a\\\\", "/bin/ls a\\\\", "/bin/ls", "a\\"},
        {"sudoedit /etc/motd", "sudoedit /etc/motd", "sudoedit", "/etc/motd"},
    };
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
        struct text why;
        char line[256];
        (void)snprintf(line, sizeof line, "# a list\n\n \tCmnd_Alias SSMLIM_A1 = %s\n", right[i].command);
        assert_err(add(&limited, line, &why), ERR_OK);
        assert_int_equal(limited.alias_count, 1);
        assert_string_equal(limited.aliases[0].name, "SSMLIM_A1");
        assert_int_equal(limited.commands[0].line, 3);
        assert_string_equal(limited.commands[0].text, right[i].text);
        assert_string_equal(limited.commands[0].path, right[i].path);
        assert_true((limited.commands[0].arguments == NULL) == (right[i].arguments == NULL));
        if (right[i].arguments != NULL) {
            assert_string_equal(limited.commands[0].arguments, right[i].arguments);
        }
        assert_true(!has_visudo() || visudo_status(line) == 0);
    }
    AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
    struct text why;
    char line[256];
    (void)snprintf(line, sizeof line, "Cmnd_Alias SSMLIM_A=%s /bin/ls *.c,/bin/id", digest);
    assert_ok(add(&limited, line, &why));
    assert_ok(add(&limited, "Cmnd_Alias SSMLIM_B = /bin/true", &why));
    assert_int_equal(limited.alias_count, 2);
    assert_int_equal(limited.aliases[0].count, 2);
    assert_int_equal(limited.aliases[1].first, 2);
    assert_true(limited.commands[0].has_digest && limited.commands[0].has_wildcard);
    assert_false(limited.commands[1].has_digest);
}

/* ---- the text ---- */

static struct host_policy policy_with(enum host_level level)
{
    struct host_policy policy;
    host_policy_defaults(&policy);
    policy.privilege.level = level;
    return policy;
}

static const char *render(const struct sudoers_rules *rules)
{
    struct text text = text_in(memory, sizeof memory);
    struct text why = text_in(words, sizeof words);
    assert_err(sudoers_render(rules, &text, &why), ERR_OK);
    assert_null(strstr(memory, "NOPASSWD"));
    assert_null(strstr(memory, "!authenticate"));
    if (has_visudo() && !rules->version.is_rs && visudo_status(memory) != 0) {
        fail_msg("visudo refuses:\n%s", memory);
    }
    return memory;
}

#define SUDO_1_9_13 ((struct sudo_version){.major = 1, .minor = 9, .patch = 13})
#define DEFAULTS                                                                                                       \
    "Defaults:ssm-user pam_service=ssm-sudo, pam_login_service=ssm-sudo, pam_askpass_service=ssm-sudo\n"               \
    "Defaults:ssm-user authenticate, pam_acct_mgmt, !rootpw, !targetpw, !runaspw, !exempt_group\n"                     \
    "Defaults:ssm-user timestamp_timeout=0, passwd_tries=1, lecture=never, use_pty, !visiblepw, env_reset, "           \
    "noninteractive_auth\n"                                                                                            \
    "Defaults:ssm-user log_output, iolog_dir=\"/var/log/sudo-io/ssm\", log_subcmds\n"                                  \
    "Defaults:ssm-user secure_path=\"/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin\"\n"
#define ALIAS                                                                                                          \
    "Cmnd_Alias SSMLIM_A = /bin/ls -l, \\\n    /bin/id\n"                                                              \
    "Defaults!SSMLIM_A pam_service=ssm-sudo-limited, pam_login_service=ssm-sudo-limited, "                             \
    "pam_askpass_service=ssm-sudo-limited\n"                                                                           \
    "Cmnd_Alias SSMLIM_B = /bin/true\n"                                                                                \
    "Defaults!SSMLIM_B pam_service=ssm-sudo-limited, pam_login_service=ssm-sudo-limited, "                             \
    "pam_askpass_service=ssm-sudo-limited\n"

static void the_text_of_each_level(void **state)
{
    (void)state;
    AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
    struct text why;
    assert_ok(add(&limited, "Cmnd_Alias SSMLIM_A = /bin/ls -l, /bin/id\nCmnd_Alias SSMLIM_B = /bin/true", &why));
    struct host_policy none = policy_with(HOST_LEVEL_NONE);
    struct host_policy some = policy_with(HOST_LEVEL_LIMITED);
    struct host_policy root = policy_with(HOST_LEVEL_ROOT);
    struct sudoers_rules rules = {.policy = &none, .limited = &limited, .version = SUDO_1_9_13};
    assert_string_equal(render(&rules), DEFAULTS "ssm-user ALL=(ALL:ALL) PASSWD: !ALL\n");
    rules.grant_not_after_unix_s = 1795235400; /* 2026-11-21T04:30:00Z */
    assert_string_equal(render(&rules),
                        DEFAULTS "ssm-user ALL=(ALL:ALL) PASSWD: !ALL\n"
                                 "ssm-user ALL=(ALL:ALL) NOTAFTER=20261121043000Z PASSWD: NOSETENV: ALL\n");
    rules.policy = &some;
    assert_string_equal(render(&rules),
                        DEFAULTS ALIAS "ssm-user ALL=(ALL:ALL) PASSWD: !ALL\n"
                                       "ssm-user ALL=(ALL:ALL) NOTAFTER=20261121043000Z PASSWD: NOSETENV: ALL\n"
                                       "ssm-user ALL=(ALL:ALL) PASSWD: !SSMLIM_A, !SSMLIM_B\n"
                                       "ssm-user ALL=(root) PASSWD: NOEXEC: NOSETENV: SSMLIM_A, SSMLIM_B\n");
    rules.grant_not_after_unix_s = 0;
    assert_string_equal(render(&rules),
                        DEFAULTS ALIAS "ssm-user ALL=(ALL:ALL) PASSWD: !ALL\n"
                                       "ssm-user ALL=(root) PASSWD: NOEXEC: NOSETENV: SSMLIM_A, SSMLIM_B\n");
    rules.limited = NULL;
    assert_string_equal(render(&rules), DEFAULTS "ssm-user ALL=(ALL:ALL) PASSWD: !ALL\n");
    rules.policy = &root;
    rules.grant_not_after_unix_s = 1795235400;
    assert_string_equal(render(&rules), DEFAULTS "ssm-user ALL=(ALL:ALL) PASSWD: !ALL\n"
                                                 "ssm-user ALL=(ALL:ALL) PASSWD: NOSETENV: ALL\n");
}

static void the_text_follows_the_policy(void **state)
{
    (void)state;
    struct host_policy policy = policy_with(HOST_LEVEL_NONE);
    struct sudoers_rules rules = {.policy = &policy, .version = SUDO_1_9_13};
    policy.privilege.io_log = HOST_IO_LOG_NO;
    policy.privilege.command_timeout_s = 90;
    (void)snprintf(policy.account.name, sizeof policy.account.name, "%s", "other_user-1");
    assert_null(strstr(render(&rules), "iolog"));
    assert_non_null(strstr(memory, "Defaults:other_user-1 command_timeout=90\n"));
    assert_non_null(strstr(memory, "other_user-1 ALL=(ALL:ALL) PASSWD: !ALL\n"));
    assert_null(strstr(memory, "ssm-user"));
    policy.privilege.io_log = HOST_IO_LOG_ALL;
    assert_non_null(strstr(render(&rules), "log_input, log_output"));
}

static void old_sudo_gets_what_it_knows(void **state)
{
    (void)state;
    AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
    struct text why;
    assert_ok(add(&limited, "Cmnd_Alias SSMLIM_A = /bin/ls ^[a-z]+$", &why));
    struct host_policy policy = policy_with(HOST_LEVEL_NONE);
    struct sudoers_rules rules = {
        .policy = &policy, .limited = &limited, .version = {.major = 1, .minor = 8, .patch = 31}};
    assert_null(strstr(render(&rules), "noninteractive_auth"));
    assert_null(strstr(memory, "pam_askpass_service"));
    assert_null(strstr(memory, "log_subcmds"));
    policy.privilege.level = HOST_LEVEL_LIMITED;
    struct text text = text_in(memory, sizeof memory);
    why = text_in(words, sizeof words);
    assert_err(sudoers_render(&rules, &text, &why), ERR_DENIED);
    assert_non_null(strstr(words, "older than 1.9.10"));
    rules.version = (struct sudo_version){.major = 1, .minor = 8, .patch = 27};
    policy.privilege.level = HOST_LEVEL_NONE;
    text_clear(&why);
    assert_err(sudoers_render(&rules, &text, &why), ERR_DENIED);
    assert_non_null(strstr(words, "older than 1.8.28"));

    rules.version = (struct sudo_version){.is_rs = true, .minor = 2, .patch = 8};
    assert_null(strstr(render(&rules), "pam_service"));
    assert_null(strstr(memory, "log_output"));
    assert_non_null(strstr(memory, "ssm-user ALL=(ALL:ALL) PASSWD: !ALL\n"));
    static const struct {
        enum host_level level;
        int64_t not_after_unix_s;
    } refused[] = {{HOST_LEVEL_LIMITED, 0}, {HOST_LEVEL_ROOT, 0}, {HOST_LEVEL_NONE, 1795235400}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        policy.privilege.level = refused[i].level;
        rules.grant_not_after_unix_s = refused[i].not_after_unix_s;
        text_clear(&why);
        assert_err(sudoers_render(&rules, &text, &why), ERR_DENIED);
        assert_non_null(strstr(words, "the session would not be verified for sudo"));
    }
}

/* ---- the linter ---- */

static const char *lint(const char *command, const struct sudoers_file_facts *facts)
{
    static char report[2048];
    AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
    struct text why;
    char line[512];
    (void)snprintf(line, sizeof line, "Cmnd_Alias SSMLIM_A = %s", command);
    enum err err = add(&limited, line, &why);
    if (err != ERR_OK) {
        fail_msg("%s: %s", command, words);
    }
    struct sudoers_finding findings[SUDOERS_LINT_FINDINGS];
    size_t count = sudoers_lint(&limited.commands[0], facts, findings);
    struct text text = text_in(report, sizeof report);
    for (size_t i = 0; i < count; i++) {
        text_format(&text, "%c:%s;", findings[i].is_error ? 'E' : 'W', findings[i].reason);
    }
    return report;
}

static void lint_finds(void **state)
{
    (void)state;
    static const struct {
        const char *command, *finding;
    } table[] = {
        {"/bin/bash", "E:runs whatever"},
        {"/usr/bin/python3.11 /opt/x.py", "E:runs whatever"},
        {"/usr/bin/perl5.36.0 \"\"", "E:runs whatever"},
        {"/usr/bin/less /var/log/syslog", "E:shows text in a pager"},
        {"/usr/bin/git -C /srv pull", "E:shows text in a pager"},
        {"/usr/bin/vim.basic /etc/motd", "E:is an editor"},
        {"/usr/bin/ssh-agent /usr/bin/id", "E:runs the command"},
        {"/usr/bin/kmod insmod x.ko", "E:runs scripts"},
        {"/usr/bin/ssh-keygen -D x.so", "E:loads"},
        {"/usr/bin/env ls", "E:runs the command"},
        {"/lib64/ld-linux-x86-64.so.2 /bin/ls", "E:runs the command"},
        {"/usr/bin/tee /var/log/x", "E:writes files"},
        {"/usr/sbin/mkfs.ext4 /dev/sdb", "E:writes files"},
        {"/usr/sbin/sysctl -w a\\=b", "E:writes files"},
        {"/usr/bin/apt-get update", "E:runs scripts of packages"},
        {"/usr/bin/crontab -l", "E:runs scripts of packages"},
        {"/usr/sbin/ssm-userctl level root", "E:runs the command"},
        {"/usr/bin/systemctl", "E:changes units"},
        {"/usr/bin/systemctl status nginx", "E:shows its answer in a pager"},
        {"/usr/bin/systemctl --no-pager edit nginx", "E:changes units"},
        {"/usr/bin/systemctl -aHroot@host --no-pager status", "E:changes units"},
        {"/usr/bin/systemctl --host\\=x restart nginx", "E:changes units"},
        {"/usr/bin/systemctl ^(restart|status) nginx$", "E:shows its answer in a pager"},
        {"/usr/bin/systemctl ^--no-pager (edit|status) nginx$", "E:changes units"},
        {"/usr/bin/systemctl ^restart [a-z.-]+$", "E:changes units"},
        {"/usr/bin/journalctl -u nginx", "E:shows its answer in a pager"},
        {"/usr/bin/journalctl ^-u [a-z]+( --no-pager)?$", "E:shows its answer in a pager"},
        {"/usr/bin/dmesg -TH", "E:shows its answer in a pager"},
        {"/usr/bin/find /var -name x -exec id {}", "E:runs a program"},
        {"/usr/bin/tcpdump -nw /etc/x", "E:runs a program on"},
        {"/usr/sbin/ip netns exec x id", "E:runs commands in a namespace"},
        {"/usr/bin/cat", "E:reads any file"},
        {"/usr/bin/sort -o /etc/x y", "E:writes any file"},
        {"/usr/bin/stat *", "E:a wildcard"},
        {"/usr/bin/stat ^.*$", "E:the regular expression matches blanks"},
        {"/usr/bin/stat ^[^;]+$", "E:the regular expression matches blanks"},
        {"/usr/bin/stat ^[ -~]+$", "E:the regular expression matches blanks"},
        {"/usr/bin/stat ^[[:print:]]+$", "E:the regular expression matches blanks"},
        {"/usr/bin/stat ^/var/log/[a-z./]+$", "E:the regular expression matches ../"},
        {"/usr/bin/stat ^/var/log/[a-z+-9]+$", "E:the regular expression matches ../"},
        {"/usr/bin/stat ^a|b$", "E:a branch"},
        {"/usr/bin/stat ^\\w+$", "E:a backslash"},
        {"/usr/bin/stat ^(x|[a-z-]+)$", "W:an argument may begin"},
        {"/usr/bin/stat", "W:any arguments"},
        {"sudoedit", "E:sudoedit of any file"},
        {"sudoedit /srv/*", "E:sudoedit of any file"},
        {"sudoedit srv/x", "E:a file to edit"},
        {"sudoedit /srv/a /srv/../etc/sudoers", "E:a file to edit"},
        {"sudoedit /srv/a /etc/sudoers.d/x", "E:whoever edits"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *report = lint(table[i].command, NULL);
        if (strstr(report, table[i].finding) == NULL) {
            fail_msg("%s: \"%s\" instead of \"%s\"", table[i].command, report, table[i].finding);
        }
    }
}

static void lint_is_content(void **state)
{
    (void)state;
    static const char *const right[] = {
        "/usr/bin/systemctl restart nginx.service",
        "/usr/bin/systemctl --no-pager status nginx.service",
        "/usr/bin/systemctl ^--no-pager (restart|status) (nginx|php-fpm)\\.service$",
        "/usr/bin/journalctl ^-u [a-z0-9][a-z0-9.@-]+ --no-pager$",
        "/usr/bin/dmesg -T",
        "/usr/bin/find /var/log -name x.log",
        "/usr/bin/tail -n 100 /var/log/nginx/error.log",
        "/usr/bin/stat ^/var/log/[a-z]+[.]log$",
        "/usr/bin/stat ^(a|b)$",
        "/usr/bin/id \"\"",
        "/usr/sbin/reboot \"\"",
        "sudoedit /etc/nginx/nginx.conf /srv/www/index.html",
    };
    static const struct sudoers_file_facts sound = {.exists = true, .is_regular = true, .real = "/usr/bin/some"};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        const char *report = lint(right[i], &sound);
        if (report[0] != '\0') {
            fail_msg("%s: \"%s\"", right[i], report);
        }
    }
}

static void lint_looks_at_the_file(void **state)
{
    (void)state;
    struct sudoers_file_facts facts = {.exists = true, .is_regular = true, .real = "/usr/bin/vim.basic"};
    assert_string_equal(lint("/usr/bin/pretty \"\"", &facts), "E:is an editor: it writes any file and starts a shell;");
    (void)strcpy(facts.real, "/usr/bin/some");
    facts.is_foreign = true;
    assert_non_null(strstr(lint("/usr/bin/pretty \"\"", &facts), "E:somebody other than root can replace"));
    facts.is_foreign = false;
    facts.is_writable = true;
    assert_non_null(strstr(lint("/usr/bin/pretty \"\"", &facts), "E:somebody other than root can replace"));
    facts.is_writable = false;
    facts.is_script = true;
    assert_non_null(strstr(lint("/usr/bin/pretty \"\"", &facts), "W:a script"));
    facts.is_regular = false;
    assert_non_null(strstr(lint("/usr/bin/pretty \"\"", &facts), "E:this is not a program"));
    facts = (struct sudoers_file_facts){0};
    assert_string_equal(lint("/usr/bin/pretty \"\"", &facts), "W:there is no such program;");
}

int main(void)
{
    if (!has_visudo()) {
        printf("no /usr/sbin/visudo here: the texts are compared, and not judged by it\n");
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_told_apart),
        cmocka_unit_test(limited_refuses),
        cmocka_unit_test(limited_reads_what_visudo_reads),
        cmocka_unit_test(the_text_of_each_level),
        cmocka_unit_test(the_text_follows_the_policy),
        cmocka_unit_test(old_sudo_gets_what_it_knows),
        cmocka_unit_test(lint_finds),
        cmocka_unit_test(lint_is_content),
        cmocka_unit_test(lint_looks_at_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
