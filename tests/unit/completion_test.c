#include "tests/support/unit.h"

#include "common/text.h"
#include "proxy/core/completion.h"

enum { HELP, OUTPUT, PROFILE, REGION, CA_BUNDLE, WAIT, TAG, ROWS };

static const struct option_row rows[ROWS] = {
    [HELP] = {"help", NULL, "show this"},         [OUTPUT] = {"output", "table|json", "how"},
    [PROFILE] = {"profile", "NAME", "whose"},     [REGION] = {"region", "REGION", "where"},
    [CA_BUNDLE] = {"ca-bundle", "FILE", "trust"}, [WAIT] = {"wait", "SECONDS", "wait", true},
    [TAG] = {"tag", "NUMBER|SHARE%", "which"},
};

static const struct verb connect = {
    .name = "connect", .arguments = "[--] TARGET [PORT [USER]]", .options = ~UINT64_C(0)};
static const struct verb config = {.name = "config", .arguments = "", .summary = "all"};
static const struct verb match = {.name = "config match", .arguments = "[--] NAME", .summary = "one"};
static const struct verb ls = {.name = "ls", .arguments = "[--] [PATTERN]...", .options = OPTION_BIT(OUTPUT)};
static const struct verb run = {.name = "run", .arguments = "TARGETS -- COMMAND... | --show ID"};
static const struct verb script = {.name = "script", .arguments = "bash|zsh"};
static const struct verb script_words = {.name = "script words", .arguments = "[--] WORD..."};
static const struct verb *const verbs[] = {&connect, &config, &match, &ls, &run, &script, &script_words};

static const struct program program = {.name = "p",
                                       .rows = rows,
                                       .row_count = ROWS,
                                       .help = HELP,
                                       .verbs = verbs,
                                       .verb_count = sizeof verbs / sizeof verbs[0]};

static void note(void *context, const char *candidate, const char *help)
{
    (void)help;
    text_format(context, "%s%s", ((struct text *)context)->len > 0 ? " " : "", candidate);
}

/* `line` is cut at blanks; an empty last word where it ends in one. */
static void check(const char *line, enum completion_kind kind, const char *candidates)
{
    char copy[256];
    const char *words[16];
    int count = 0;
    assert_true(strlen(line) < sizeof copy);
    memcpy(copy, line, strlen(line) + 1);
    for (char *at = copy; at != NULL; count++) {
        words[count] = strsep(&at, " ");
    }
    char memory[512];
    struct text text = text_in(memory, sizeof memory);
    struct completion completion = completion_find(&program, words, count);
    completion_visit(&program, &completion, note, &text);
    if (completion.kind != kind || strcmp(memory, candidates) != 0) {
        fail_msg("\"%s\": kind %d, candidates %s", line, (int)completion.kind, memory);
    }
}

static void nothing_is_made_up(void **state)
{
    (void)state;
    check("nosuch ", COMPLETION_NOTHING, "");
    check("nosuch words", COMPLETION_NOTHING, "");
    check("connect web 22 root ", COMPLETION_NOTHING, "");
    check("connect web 2", COMPLETION_NOTHING, "");
    check("connect --nosuch=", COMPLETION_NOTHING, "");
    check("connect --help=", COMPLETION_NOTHING, "");
    check("connect --tag 5", COMPLETION_NOTHING, "");
    check("connect --wait=", COMPLETION_NOTHING, "");
    check("run web -- l", COMPLETION_NOTHING, "");
    check("ls --output j x", COMPLETION_TARGETS, "");
    check("ls --profile=", COMPLETION_NOTHING, ""); /* which it does not take */
    check("x", COMPLETION_VERBS, "");
}

static void verbs_and_options(void **state)
{
    (void)state;
    check("", COMPLETION_VERBS, "connect config ls run script");
    check("con", COMPLETION_VERBS, "connect config");
    check("config ", COMPLETION_GROUP, "match");
    check("config -", COMPLETION_OPTIONS, "--help");
    check("script ", COMPLETION_GROUP, "words bash zsh");
    check("script z", COMPLETION_GROUP, "zsh");
    check("ls -", COMPLETION_OPTIONS, "--help --output");
    check("ls --output=json --", COMPLETION_OPTIONS, "--help --output");
    check("connect --p", COMPLETION_OPTIONS, "--profile");
    check("connect --wait --p", COMPLETION_OPTIONS, "--profile");
}

static void values(void **state)
{
    (void)state;
    check("ls --output ", COMPLETION_CHOICES, "table json");
    check("ls --output=", COMPLETION_CHOICES, "--output=table --output=json");
    check("ls --output=j", COMPLETION_CHOICES, "--output=json");
    check("connect --profile ", COMPLETION_PROFILES, "");
    check("connect --region=eu", COMPLETION_REGIONS, "");
    check("connect --ca-bundle ", COMPLETION_FILES, "");
    check("connect ", COMPLETION_TARGETS, "");
    check("connect --output json we", COMPLETION_TARGETS, "");
    check("connect --wait we", COMPLETION_TARGETS, "");
    check("connect -- --we", COMPLETION_TARGETS, "");
    check("ls a b c", COMPLETION_TARGETS, "");
    check("run a b", COMPLETION_TARGETS, "");
    static const char *const words[] = {"ls", "--output=js"};
    struct completion completion = completion_find(&program, words, 2);
    assert_int_equal(completion.before_len, strlen("--output="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_made_up),
        cmocka_unit_test(verbs_and_options),
        cmocka_unit_test(values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
