/* sudoers_limited, sudoers_lint, sudoers_render: any text as a list of commands. What is accepted is written again as
 * it was read, stays on its lines, and says nothing of NOPASSWD; the linter looks at any command and any file. */
#include "tests/fuzz/fuzz_support.h"

#include "common/auto.h"
#include "pam_ssm/core/sudoers_lint.h"
#include "pam_ssm/core/sudoers_render.h"

static void check_command(const struct sudoers_command *command, const uint8_t *data, size_t size)
{
    MUST(command->path[0] == '/' || strcmp(command->path, "sudoedit") == 0);
    for (const char *at = command->text; *at != '\0'; at++) {
        MUST(*at >= ' ' && *at <= '~');
        MUST(*at != '#' || (at > command->text && at[-1] == '\\'));
    }
    struct sudoers_finding findings[SUDOERS_LINT_FINDINGS];
    struct sudoers_file_facts facts = {.exists = size & 1, .is_regular = size & 2, .is_script = size & 4};
    struct text real = text_in(facts.real, sizeof facts.real);
    text_put_bytes(&real, bytes_of(data, size < 64 ? size : 64));
    MUST(sudoers_lint(command, NULL, findings) <= SUDOERS_LINT_FINDINGS);
    size_t count = sudoers_lint(command, &facts, findings);
    MUST(count <= SUDOERS_LINT_FINDINGS);
    for (size_t i = 0; i < count; i++) {
        MUST(findings[i].reason != NULL);
    }
}

/* The rendered aliases alone, as a list again. */
static void check_read_again(const struct sudoers_limited *limited)
{
    size_t size = 256;
    for (size_t i = 0; i < limited->command_count; i++) {
        size += strlen(limited->commands[i].text) + 2;
    }
    size += limited->alias_count * (LIMIT_SUDOERS_ALIAS + 16);
    AUTO_FREE char *memory = malloc(size);
    struct text text = text_in(memory, size);
    for (size_t i = 0; i < limited->alias_count; i++) {
        text_format(&text, "Cmnd_Alias %s = ", limited->aliases[i].name);
        for (size_t j = 0; j < limited->aliases[i].count; j++) {
            text_format(&text, "%s%s", j > 0 ? ", " : "", limited->commands[limited->aliases[i].first + j].text);
        }
        text_put_char(&text, '\n');
    }
    MUST(text_finish(&text) == ERR_OK);
    AUTO(sudoers_limited_free) struct sudoers_limited again = {0};
    char words[256];
    struct text why = text_in(words, sizeof words);
    MUST(sudoers_limited_add(&again, text_bytes(&text), "again", &why) == ERR_OK);
    MUST(again.command_count == limited->command_count && again.alias_count == limited->alias_count);
    for (size_t i = 0; i < again.command_count; i++) {
        const struct sudoers_command *a = &limited->commands[i];
        const struct sudoers_command *b = &again.commands[i];
        MUST(strcmp(a->text, b->text) == 0 && strcmp(a->path, b->path) == 0);
        MUST((a->arguments == NULL) == (b->arguments == NULL));
        MUST(a->arguments == NULL || strcmp(a->arguments, b->arguments) == 0);
        MUST(a->is_regex == b->is_regex && a->has_wildcard == b->has_wildcard && a->has_digest == b->has_digest);
    }
}

static void check_render(const struct sudoers_limited *limited, size_t variant)
{
    struct host_policy policy;
    host_policy_defaults(&policy);
    policy.privilege.level = (enum host_level)(variant % 3);
    struct sudoers_rules rules = {.policy = &policy,
                                  .limited = limited,
                                  .grant_not_after_unix_s = (variant & 4) != 0 ? 1795235400 : 0,
                                  .version = {.is_rs = (variant & 8) != 0, .major = 1, .minor = 9, .patch = 13}};
    AUTO_FREE char *memory = malloc(LIMIT_SUDOERS_FILE);
    char words[512];
    struct text text = text_in(memory, LIMIT_SUDOERS_FILE);
    struct text why = text_in(words, sizeof words);
    enum err err = sudoers_render(&rules, &text, &why);
    MUST(err == ERR_OK || err == ERR_DENIED || err == ERR_TOO_LONG);
    MUST((err == ERR_DENIED) == (why.len > 0));
    if (err == ERR_OK) {
        MUST(strncmp(memory, "Defaults:ssm-user ", 18) == 0 && memory[text.len - 1] == '\n');
        MUST(strstr(memory, "\nssm-user ALL=(ALL:ALL) PASSWD: !ALL\n") != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
    char words[256];
    struct text why = text_in(words, sizeof words);
    enum err err = sudoers_limited_add(&limited, bytes_of(data, size), "input", &why);
    MUST(err == ERR_OK || err == ERR_CONFIG || err == ERR_TOO_LONG);
    MUST((err == ERR_OK) == (why.len == 0));
    if (err != ERR_OK) {
        return 0;
    }
    for (size_t i = 0; i < limited.command_count; i++) {
        check_command(&limited.commands[i], data, size);
    }
    check_read_again(&limited);
    check_render(&limited, size);
    return 0;
}
