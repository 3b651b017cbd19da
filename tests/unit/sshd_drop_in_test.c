/* Our file for sshd, and how the answers of sshd -T are read. */
#include "tests/support/unit.h"

#include "pam_ssm/core/sshd_drop_in.h"

static char memory[4096];

static void example_is_what_is_written(void **state)
{
    (void)state;
    char path[1024], example[4096];
    (void)snprintf(path, sizeof path, "%s/sshd-config/sshd_config.d/10-ssm-bridge.conf", getenv("SSM_SOURCE_DIR"));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    example[fread(example, 1, sizeof example - 1, file)] = '\0';
    (void)fclose(file);
    struct text text = text_in(memory, sizeof memory);
    struct sshd_drop_in wish = {"ssm-user", "/run/ssm-bridge/keys", ".ssh/authorized_keys .ssh/authorized_keys2"};
    sshd_drop_in_render(&wish, &text);
    assert_string_equal(memory, example);
    wish.key_files = "none";
    text_clear(&text);
    sshd_drop_in_render(&wish, &text);
    assert_non_null(strstr(memory, "\nAuthorizedKeysFile /run/ssm-bridge/keys/%u\n"));
}

static void answers_are_read(void **state)
{
    (void)state;
    static const char effective[] =
        "usepam yes\nauthorizedkeysfile a b\ndenyusers root\ndenyusers ssm-user\nusepamx no\n";
    struct text text = text_in(memory, sizeof memory);
    assert_false(sshd_drop_in_find(effective, "denyuser", &text));
    assert_false(sshd_drop_in_find("", "usepam", &text));
    assert_true(sshd_drop_in_find(effective, "denyusers", &text));
    assert_string_equal(memory, "root ssm-user");
    assert_true(sshd_drop_in_has_word(memory, "root") && sshd_drop_in_has_word(memory, "ssm-user"));
    assert_false(sshd_drop_in_has_word(memory, "ssm") || sshd_drop_in_has_word(memory, "user"));
    text_clear(&text);
    sshd_drop_in_put_rest(effective, &text);
    assert_string_equal(memory, "usepam yes\ndenyusers root\ndenyusers ssm-user\nusepamx no\n");
}

static bool expand(void *context, const char *patterns, struct text *text)
{
    (*(size_t *)context)++;
    text_format(text, "[%s]\n", patterns);
    return true;
}

static void includes_are_taken_apart(void **state)
{
    (void)state;
    size_t count = 0;
    struct text text = text_in(memory, sizeof memory);
    sshd_drop_in_expand(bytes_of_text("# Include /no\nInclude /a/*.conf\n  include=/b /c\nIncluded /no\nPort 22"),
                        expand, &count, &text);
    assert_int_equal(count, 2);
    assert_string_equal(memory, "# Include /no\n[/a/*.conf]\n[/b /c]\nIncluded /no\nPort 22");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(example_is_what_is_written), cmocka_unit_test(answers_are_read),
                                       cmocka_unit_test(includes_are_taken_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
