/* Our lines in somebody else's PAM file: what is refused, where they go, and that they leave without a trace. */
#include "tests/support/unit.h"

#include "pam_ssm/core/pam_stack.h"

#define GATE "-account [success=done ignore=ignore module_unknown=ignore default=die] pam_ssm.so"
#define BEGIN "# BEGIN ssm-bridge: taken away by \"ssm-userctl pam disable\"\n"
#define END "# END ssm-bridge\n"
#define ACCOUNT BEGIN GATE "\n" END
#define SESSION BEGIN "-session optional pam_ssm.so\n" END

static const struct pam_stack_wish login = {PAM_STACK_LOGIN, "ssm-user", ""};
static char memory[64 * 1024], second[64 * 1024], words[512];

static enum err insert(const char *file, const struct pam_stack_wish *wish)
{
    struct text text = text_in(memory, sizeof memory);
    struct text why = text_in(words, sizeof words);
    return pam_stack_insert(bytes_of_text(file), wish, &text, &why);
}

static enum err check(const char *file, const struct pam_stack_wish *wish)
{
    struct text why = text_in(words, sizeof words);
    return pam_stack_check(bytes_of_text(file), wish, &why);
}

static void doubtful_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file, *word;
    } wrong[] = {
        {"", "no place"},
        {"account required pam_permit.so\nsession required pam_permit.so\n", "no place for our line"},
        {"@include common-account\n", "common-session"},
        {"account -account required pam_unix.so\n@include common-account\n@include common-session\n",
         "no such control"},
        {"account [default pam_unix.so\n@include common-account\n@include common-session\n", "something is missing"},
        {"acount required pam_nologin.so\n@include common-account\n@include common-session\n", "line 1: PAM knows no"},
        {"account required\n@include common-account\n@include common-session\n", "line 1: something is missing"},
        {"@include\n@include common-account\n@include common-session\n", "line 1: something is missing"},
        {"account [success=1 pam_x.so\n@include common-account\n@include common-session\n", "something is missing"},
        {"account required \\\npam_unix.so\n@include common-session\n", "line 1: it goes on"},
        {"account required pam_unix.so\r\n@include common-session\r\n", "line 1: a control character"},
        {"account sufficient pam_localuser.so\n@include common-account\n@include common-session\n",
         "line 1: it may let"},
        {"account [default=bad success=DONE] pam_x.so\n@include common-account\n@include common-session\n", "may let"},
        {"account [success=1 default=bad] pam_x.so\n@include common-account\n@include common-session\n",
         "line 1: it jumps"},
        {"account [success=2 default=ignore] pam_x.so\naccount required pam_access.so\n@include common-account\n"
         "@include common-session\n",
         "line 1: it jumps"},
        {"account [success=1 default=ignore] pam_x.so\naccount include mine\n@include common-account\n"
         "@include common-session\n",
         "line 1: it jumps"},
        {"account required pam_ssm.so\n@include common-account\n@include common-session\n",
         "line 1: a line of pam_ssm"},
        {"account required /opt/pam_ssm.so\n@include common-account\n@include common-session\n", "line 1: a line of"},
        {BEGIN "@include common-account\n@include common-session\n", "END of ssm-bridge is missing"},
        {END "@include common-account\n@include common-session\n", "line 1: a mark"},
        {BEGIN BEGIN END "@include common-account\n@include common-session\n", "line 2: a mark"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (insert(wrong[i].file, &login) != ERR_DENIED || strstr(words, wrong[i].word) == NULL) {
            fail_msg("%s\nsays: %s", wrong[i].file, words);
        }
    }
    static char longest[2000];
    memset(longest, 'x', sizeof longest - 1);
    assert_err(insert(longest, &login), ERR_DENIED);
}

static void lines_go_to_their_places(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
    } files[] = {
        {"@include common-auth\naccount required pam_nologin.so\naccount required pam_access.so\n@include "
         "common-account\n"
         "session optional pam_selinux.so close\n@include common-session\nsession required pam_limits.so\n",
         "@include common-auth\naccount required pam_nologin.so\naccount required pam_access.so\n" ACCOUNT
         "@include common-account\nsession optional pam_selinux.so close\n" SESSION
         "@include common-session\nsession required pam_limits.so\n"},
        /* Fedora's */
        {"auth substack password-auth\naccount required pam_nologin.so\naccount include password-auth\n"
         "session required pam_loginuid.so\nsession include password-auth\nsession include postlogin",
         "auth substack password-auth\naccount required pam_nologin.so\n" ACCOUNT "account include password-auth\n"
         "session required pam_loginuid.so\n" SESSION "session include password-auth\nsession include postlogin"},
        /* the admin's own file comes before ours, the distribution's behind it */
        {"account include mine\n@include common-account\n@include common-session\n",
         "account include mine\n" ACCOUNT "@include common-account\n" SESSION "@include common-session\n"},
        /* a jump that ends at our place asks us, too */
        {"account [success=1 default=ignore] pam_x.so\naccount required pam_access.so\nAccount required pam_unix.so\n"
         "session required pam_unix.so",
         "account [success=1 default=ignore] pam_x.so\naccount required pam_access.so\n" ACCOUNT
         "Account required pam_unix.so\n" SESSION "session required pam_unix.so"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        assert_ok(insert(files[i].before, &login));
        assert_string_equal(memory, files[i].after);
        assert_ok(check(files[i].after, &login));
    }
}

static void sudo_of_another_account(void **state)
{
    (void)state;
    const struct pam_stack_wish wish = {PAM_STACK_SUDO, "visitor", "require=grant"};
    assert_ok(insert("session required pam_limits.so\n@include common-auth\n@include common-account\n", &wish));
    assert_string_equal(memory,
                        "session required pam_limits.so\n" BEGIN
                        "-auth [success=done ignore=ignore module_unknown=ignore default=die] pam_ssm.so user=visitor "
                        "require=grant\n" END "@include common-auth\n" BEGIN GATE " user=visitor require=grant\n" END
                        "@include common-account\n");
}

static void check_sees_what_is_not_in_force(void **state)
{
    (void)state;
    assert_err(check("@include common-account\n@include common-session\n", &login), ERR_NO_TARGET);
    static const char *const wrong[] = {
        "@include common-account\n" ACCOUNT SESSION "@include common-session\n",
        ACCOUNT "account required pam_nologin.so\n@include common-account\n" SESSION "@include common-session\n",
        ACCOUNT "@include common-account\n@include common-session\n",
        ACCOUNT ACCOUNT "@include common-account\n" SESSION "@include common-session\n",
        BEGIN "account required pam_ssm.so\n" END "@include common-account\n" SESSION "@include common-session\n",
        GATE "\n@include common-account\n" SESSION "@include common-session\n",
        "account sufficient pam_x.so\n" ACCOUNT "@include common-account\n" SESSION "@include common-session\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (check(wrong[i], &login) != ERR_DENIED) {
            fail_msg("in force?\n%s", wrong[i]);
        }
    }
    const struct pam_stack_wish other = {PAM_STACK_LOGIN, "visitor", ""};
    assert_err(check(ACCOUNT "@include common-account\n" SESSION "@include common-session\n", &other), ERR_DENIED);
}

/* ---- any file ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void make_file(uint32_t seed, char *ret_file, size_t size)
{
    static const char account_block[] = ACCOUNT;
    static const char session_block[] = SESSION;
    static const char *const pieces[] = {
        "@include common-account\n",
        "@include common-session\n",
        "@include common-auth\n",
        "@include mine\n",
        "account required pam_nologin.so\n",
        "account [success=1 default=ignore] pam_succeed_if.so user ingroup wheel\n",
        "account required pam_access.so # comment\n",
        "account sufficient pam_localuser.so\n",
        "\taccount  include\tpassword-auth\n",
        "account required pam_unix.so\n",
        "session include password-auth\n",
        "session required pam_unix.so\n",
        "-session optional pam_x.so a=[b c]\n",
        "# comment \\\n",
        "\n",
        "   \n",
        account_block,
        session_block,
        "auth required pam_unix.so",
        BEGIN,
    };
    struct text text = text_in(ret_file, size);
    size_t count = next_random(&seed) % 12;
    for (size_t i = 0; i < count; i++) {
        /* the last two are rare */
        size_t among = next_random(&seed) % 16 == 0 ? 20 : 18;
        text_put(&text, pieces[next_random(&seed) % among]);
    }
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    char file[4096], bare[8192];
    size_t inserted = 0;
    for (uint32_t seed = 1; seed <= 20000; seed++) {
        make_file(seed, file, sizeof file);
        struct text without = text_in(bare, sizeof bare);
        struct text why = text_in(words, sizeof words);
        enum err removed = pam_stack_remove(bytes_of_text(file), &without, &why);
        if (insert(file, &login) != ERR_OK) {
            continue;
        }
        inserted++;
        struct text text = text_in(second, sizeof second);
        bool is_right = removed == ERR_OK && check(memory, &login) == ERR_OK &&
                        pam_stack_insert(bytes_of_text(memory), &login, &text, &why) == ERR_OK &&
                        strcmp(memory, second) == 0 && pam_stack_remove(bytes_of_text(memory), &text, &why) == ERR_OK &&
                        strcmp(second, bare) == 0;
        is_right = is_right && (strstr(file, BEGIN) != NULL || strcmp(bare, file) == 0);
        const char *gate = strstr(memory, GATE "\n" END);
        is_right = is_right && gate != NULL && strstr(gate + 1, GATE) == NULL;
        if (!is_right) {
            fail_msg("seed %u: %s\n%s----\n%s", seed, words, file, memory);
        }
    }
    assert_true(inserted > 1000);
}

/* ---- the examples in the tree ---- */

static void read_example(const char *name, char *ret_content, size_t size)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/sshd-config/pam.d/%s", getenv("SSM_SOURCE_DIR"), name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    ret_content[fread(ret_content, 1, size - 1, file)] = '\0';
    (void)fclose(file);
}

static void examples_are_what_is_written(void **state)
{
    (void)state;
    char example[4096];
    struct text text = text_in(memory, sizeof memory);
    pam_stack_put_sudo(&text, "ssm-user");
    read_example("ssm-sudo", example, sizeof example);
    assert_string_equal(memory, example);
    text_clear(&text);
    pam_stack_put_sudo_limited(&text, "ssm-user");
    read_example("ssm-sudo-limited", example, sizeof example);
    assert_string_equal(memory, example);
    text_clear(&text);
    pam_stack_put_sudo(&text, "visitor");
    assert_non_null(strstr(memory, "auth       required     pam_ssm.so user=visitor require=grant\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubtful_files_are_refused), cmocka_unit_test(lines_go_to_their_places),
        cmocka_unit_test(sudo_of_another_account),    cmocka_unit_test(check_sees_what_is_not_in_force),
        cmocka_unit_test(what_goes_in_comes_out),     cmocka_unit_test(examples_are_what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
