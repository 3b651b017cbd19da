/* Aliases, and the order in which a name is tried. */
#include "tests/support/unit.h"

#include "proxy/core/target_plan.h"

static enum err parse(const char *file, struct aliases *ret_aliases, char *ret_why, size_t size)
{
    struct text why = text_in(ret_why, size);
    return aliases_parse(bytes_of_text(file), ret_aliases, &why);
}

static void assert_refused(const char *file, const char *words)
{
    char why[512];
    AUTO(aliases_free) struct aliases aliases = {.ini = {.memory = NULL}};
    if (parse(file, &aliases, why, sizeof why) != ERR_CONFIG || strcmp(why, words) != 0) {
        fail_msg("%s\n  gives: %s", file, why);
    }
    assert_int_equal(aliases.ini.section_count, 0);
}

#define KEYS "not a key of an alias (target, region, profile, document_name, reason): "

static void refuses_what_is_no_alias_file(void **state)
{
    (void)state;
    assert_refused("[alias a]\ntarget = x\ntargt = y\n", "line 3: " KEYS "\"targt\"");
    assert_refused("[alias a]\n# why not\nport = 22\ntarget = x\n", "line 3: " KEYS "\"port\"");
    assert_refused("[web]\ntarget = x\n", "line 1: a section must be [alias NAME], not \"web\"");
    assert_refused("[default]\n", "line 1: a section must be [alias NAME], not \"default\"");
    assert_refused("\n[alias]\ntarget = x\n", "line 2: a section must be [alias NAME], not \"alias\"");
    assert_refused("[alias ]\ntarget = x\n", "line 1: a section must be [alias NAME], not \"alias \"");
    assert_refused("[alias a]\nregion = eu-west-1\n", "line 1: there is no target for the alias \"a\"");
    assert_refused("[alias a]\ntarget =\n", "line 2: one line with a value is needed for \"target\"");
    assert_refused("[alias a]\ntarget = x\n y\n", "line 2: one line with a value is needed for \"target\"");
    assert_refused("[alias a]\ntarget = x\nprofile =\n", "line 3: one line with a value is needed for \"profile\"");
    assert_refused("[alias a]\ntarget = tag:x\n", "line 2: not a target: \"tag:x\"");
    assert_refused("[alias a]\ntarget = x\nregion = eu_west\n", "line 3: not the name of a region: \"eu_west\"");
    assert_refused("[alias a]\ntarget =\n  x = y\n", "line 2: an alias has no key with indented lines below it");
    assert_refused("[alias i-01234567]\ntarget = x\n", "line 1: an alias cannot have the name \"i-01234567\"");
    char why[512];
    struct aliases aliases;
    assert_err(parse("[alias a]\ntarget = x\n[alias a]\ntarget = y\n", &aliases, why, sizeof why), ERR_CONFIG);
    assert_err(parse("target = x\n", &aliases, why, sizeof why), ERR_CONFIG);
}

static void finds_aliases_by_their_exact_name(void **state)
{
    (void)state;
    char why[512];
    AUTO(aliases_free) struct aliases aliases = {.ini = {.memory = NULL}};
    struct alias alias;
    assert_false(aliases_find(&aliases, "db", &alias));
    assert_ok(parse("[alias db]\nTarget = tag:Role=database\nregion = eu-west-1\nprofile = my team\nreason = on call\n"
                    "document_name = Our-SSHSession\n[alias  web server]\ntarget=10.0.0.1\n",
                    &aliases, why, sizeof why));
    assert_false(aliases_find(&aliases, "DB", &alias));
    assert_false(aliases_find(&aliases, "alias db", &alias));
    assert_true(aliases_find(&aliases, "db", &alias));
    assert_string_equal(alias.target, "tag:Role=database");
    assert_string_equal(alias.region, "eu-west-1");
    assert_string_equal(alias.profile, "my team");
    assert_string_equal(alias.reason, "on call");
    assert_string_equal(alias.document_name, "Our-SSHSession");
    assert_true(aliases_find(&aliases, "web server", &alias));
    assert_string_equal(alias.target, "10.0.0.1");
    assert_null(alias.region);
    assert_null(alias.profile);
    assert_null(alias.reason);
    assert_null(alias.document_name);
}

static const char *look_up(void *context, const char *name)
{
    const char *const *variables = context;
    return strcmp(name, "XDG_CONFIG_HOME") == 0 ? variables[0] : strcmp(name, "HOME") == 0 ? variables[1] : NULL;
}

static void assert_path(const char *config_home, const char *home, const char *expected)
{
    const char *variables[] = {config_home, home};
    struct aws_config_environment environment = {look_up, variables};
    char path[LIMIT_PATH + 1];
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    assert_ok(aliases_path(&environment, path, &why));
    assert_string_equal(path, expected);
}

static void looks_where_xdg_says(void **state)
{
    (void)state;
    assert_path(NULL, "/home/a", "/home/a/.config/ssm-bridge/config");
    assert_path("", "/home/a", "/home/a/.config/ssm-bridge/config");
    assert_path("relative", "/home/a", "/home/a/.config/ssm-bridge/config");
    assert_path("/etc/mine", "/home/a", "/etc/mine/ssm-bridge/config");
    assert_path("/etc/mine", NULL, "/etc/mine/ssm-bridge/config");
    assert_path(NULL, NULL, "");
}

#define ALIASES                                                                                                        \
    "[alias db]\ntarget = tag:Role=database\nregion = eu-west-1\nprofile = prod\n"                                     \
    "[alias web]\ntarget = front.us-east-2\n"                                                                          \
    "[alias host]\ntarget = ip-10-0-0-1.eu-west-1.compute.internal\n"                                                  \
    "[alias web.eu-west-3]\ntarget = whole\n"                                                                          \
    "[alias 10.0.0.1]\ntarget = ip-10-0-0-1.eu-west-1.compute.internal\n"                                              \
    "[alias loop]\ntarget = loop\n"

/* "text@region/profile, ..." as given to account and look-up; `flags` are those of the command line. */
static void put_ways(const char *text, struct aws_config_flags flags, struct text *line)
{
    char why_memory[512];
    struct text why = text_in(why_memory, sizeof why_memory);
    AUTO(aliases_free) struct aliases aliases = {.ini = {.memory = NULL}};
    struct target_plan plan;
    assert_ok(aliases_parse(bytes_of_text(ALIASES), &aliases, &why));
    assert_ok(target_plan_make(text, &aliases, &plan));
    for (size_t i = 0; i < plan.count; i++) {
        struct aws_config_flags applied = flags;
        text_put(line, i > 0 ? ", " : "");
        if (target_plan_apply(&plan.ways[i], &applied, &why) != ERR_OK) {
            text_format(line, "refused: %s", why.data);
            text_clear(&why);
            continue;
        }
        text_put(line, plan.ways[i].target.text);
        text_format(line, "%s%s", applied.region != NULL ? "@" : "", applied.region != NULL ? applied.region : "");
        text_format(line, "%s%s", applied.profile != NULL ? "/" : "", applied.profile != NULL ? applied.profile : "");
    }
}

static void assert_ways(const char *text, struct aws_config_flags flags, const char *expected)
{
    char memory[4096];
    struct text line = text_in(memory, sizeof memory);
    put_ways(text, flags, &line);
    assert_string_equal(line.data, expected);
}

static const struct aws_config_flags no_flags = {.profile = NULL};

static void puts_aliases_in_their_place(void **state)
{
    (void)state;
    assert_ways("i-0123456789abcdef0", no_flags, "i-0123456789abcdef0");
    assert_ways("other", no_flags, "other");
    assert_ways("db", no_flags, "tag:Role=database@eu-west-1/prod");
    assert_ways("web", no_flags, "front.us-east-2, front@us-east-2");
    assert_ways("host", no_flags, "ip-10-0-0-1.eu-west-1.compute.internal@eu-west-1");
    assert_ways("loop", no_flags, "loop");
    /* An alias as a whole is what was meant, whatever it ends in. */
    assert_ways("web.eu-west-3", no_flags, "whole");
    /* An alias with a suffix: the name as a whole may be a Name tag. */
    assert_ways("db.eu-west-2", no_flags, "db.eu-west-2, tag:Role=database@eu-west-2/prod");
    assert_ways("db.eu-west-2.test", no_flags, "db.eu-west-2.test, tag:Role=database@eu-west-2/test");
    assert_ways("web.eu-west-2", no_flags, "web.eu-west-2, front.us-east-2@eu-west-2");
    assert_ways("host.eu-west-2", no_flags, "host.eu-west-2");
    assert_ways("10.0.0.1", no_flags, "ip-10-0-0-1.eu-west-1.compute.internal@eu-west-1");
    assert_ways("10.0.0.1.eu-west-2", no_flags, "10.0.0.1@eu-west-2");
    assert_ways("host.eu-west-1.prod", no_flags,
                "host.eu-west-1.prod, ip-10-0-0-1.eu-west-1.compute.internal@eu-west-1/prod");
}

static void lets_the_command_line_win_or_refuses(void **state)
{
    (void)state;
    struct aws_config_flags ireland = {.region = "eu-west-1"};
    struct aws_config_flags ohio = {.region = "us-east-2", .profile = "test"};
    struct aws_config_flags empty = {.region = "", .profile = ""};
    assert_ways("db", ohio, "tag:Role=database@us-east-2/test");
    assert_ways("db", empty, "tag:Role=database@eu-west-1/prod");
    assert_ways("x.eu-west-1", ireland, "x.eu-west-1@eu-west-1, x@eu-west-1");
    assert_ways("x.eu-west-1", ohio,
                "x.eu-west-1@us-east-2/test, refused: the target names the region eu-west-1, --region says us-east-2; "
                "leave one of them out");
    assert_ways("i-01234567.us-east-2.prod", ohio,
                "refused: the target names the profile prod, --profile says test; leave one of them out");
    assert_ways("ip-10-0-0-1.ec2.internal", ireland,
                "refused: the target names the region us-east-1, --region says eu-west-1; leave one of them out");
}

static void bounds_ways(void **state)
{
    (void)state;
    char why_memory[512];
    struct text why = text_in(why_memory, sizeof why_memory);
    AUTO(aliases_free) struct aliases aliases = {.ini = {.memory = NULL}};
    struct target_plan plan;
    static const char file[] = "[alias a]\ntarget = b.eu-west-1.eu-west-1.eu-west-1\n"
                               "[alias a.eu-west-1]\ntarget = b.eu-west-1.eu-west-1.eu-west-1\n"
                               "[alias a.eu-west-1.eu-west-1]\ntarget = b.eu-west-1.eu-west-1.eu-west-1\n";
    assert_ok(aliases_parse(bytes_of_text(file), &aliases, &why));
    assert_ok(target_plan_make("a.eu-west-1.eu-west-1.eu-west-1", &aliases, &plan));
    assert_int_equal(plan.count, TARGET_PLAN_MAX);
    assert_err(target_plan_make("a\nb", &aliases, &plan), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_alias_file),
        cmocka_unit_test(finds_aliases_by_their_exact_name),
        cmocka_unit_test(looks_where_xdg_says),
        cmocka_unit_test(puts_aliases_in_their_place),
        cmocka_unit_test(lets_the_command_line_win_or_refuses),
        cmocka_unit_test(bounds_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
