/* The example of host.conf says what the defaults are. */
#include "tests/support/unit.h"

#include "pam_ssm/core/host_policy.h"

#include <ctype.h>

/* Without the '#' before a setting; other comments are left out. */
static void read_settings(struct text *text)
{
    char path[1024], line[1024];
    (void)snprintf(path, sizeof path, "%s/sshd-config/ssm-bridge/host.conf", getenv("SSM_SOURCE_DIR"));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        bool is_setting = line[0] == '#' && isupper((unsigned char)line[1]) && strchr(line, '=') != NULL;
        text_put(text, is_setting ? line + 1 : line[0] == '#' ? "\n" : line);
    }
    (void)fclose(file);
    assert_ok(text_finish(text));
}

static void example_says_the_defaults(void **state)
{
    (void)state;
    static char content[8192], warnings_memory[1024], why_memory[512];
    struct text text = text_in(content, sizeof content);
    struct text warnings = text_in(warnings_memory, sizeof warnings_memory);
    struct text why = text_in(why_memory, sizeof why_memory);
    read_settings(&text);
    static struct host_policy policy, defaults;
    host_policy_defaults(&defaults);
    host_policy_defaults(&policy);
    assert_ok(host_policy_apply(&policy, text_bytes(&text), "host.conf", &warnings, &why));
    assert_string_equal(warnings_memory, "");
    assert_memory_equal(&policy, &defaults, sizeof policy);
    /* As it lies there, it changes nothing, too. */
    size_t settings = 0;
    for (const char *at = content; (at = strchr(at, '=')) != NULL; at++) {
        settings++;
    }
    assert_int_equal(settings, 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(example_says_the_defaults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
