#include "tests/support/unit.h"
#include "tests/unit/given_config.h"

#include "proxy/core/aws_settings.h"

/* The sentence of the last failure. */
static char why_memory[1024];

static enum err open_config(struct given_config *given, struct aws_config **ret_config)
{
    struct text why = text_in(why_memory, sizeof why_memory);
    return given_config_open(given, ret_config, &why);
}

static enum err settings_of(struct given_config given, struct aws_settings *ret_settings)
{
    AUTO(aws_config_free) struct aws_config *config = NULL;
    TRY(open_config(&given, &config));
    struct text why = text_in(why_memory, sizeof why_memory);
    return aws_settings_choose(config, ret_settings, &why);
}

static void assert_says(const char *words)
{
    if (strstr(why_memory, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", why_memory, words);
    }
}

/* ---- refused: files and profiles ---- */

static void refuses_a_broken_file(void **state)
{
    (void)state;
    struct aws_config *config = NULL;
    struct given_config given = {.config = "[default]\nregion eu-west-1\n"};
    assert_err(open_config(&given, &config), ERR_CONFIG);
    assert_says(GIVEN_CONFIG_PATH ": line 2: neither");
    given = (struct given_config){.credentials = "[default]\n[default]\n"};
    assert_err(open_config(&given, &config), ERR_CONFIG);
    assert_says(GIVEN_CREDENTIALS_PATH ": line 2: section [default] is given twice");
    assert_null(config);
}

static void refuses_a_profile_that_is_not_there(void **state)
{
    (void)state;
    struct aws_config *config = NULL;
    struct given_config given = {.flags = {.profile = "dev"}, .config = "[dev]\nregion = x\n"};
    assert_err(open_config(&given, &config), ERR_CONFIG);
    assert_says("no profile \"dev\" in " GIVEN_CONFIG_PATH " or " GIVEN_CREDENTIALS_PATH " (no such file)");
    given = (struct given_config){.environment = {{"AWS_PROFILE", "dev"}}, .credentials = "[profile dev]\n"};
    assert_err(open_config(&given, &config), ERR_CONFIG);
    assert_says("\"dev\" (AWS_PROFILE) in " GIVEN_CONFIG_PATH " (no such file) or " GIVEN_CREDENTIALS_PATH);
    given = (struct given_config){.environment = {{"AWS_DEFAULT_PROFILE", "default"}}};
    assert_err(open_config(&given, &config), ERR_CONFIG);
    assert_says("(AWS_DEFAULT_PROFILE)");
    given = (struct given_config){
        .flags = {.profile = "DEFAULT"}, .config = "[DEFAULT]\nk=v\n", .credentials = "[DEFAULT]\n"};
    assert_err(open_config(&given, &config), ERR_CONFIG);
    static const char *const not_dev[] = {"[profile dev x]\n", "[profile]\n",         "[profile 'dev]\n",
                                          "[ profile dev ]\n", "[Profile dev]\n",     "[profiledev]\n",
                                          "[profile Dev]\n",   "[sso-session dev]\n", "[profile dev\\]\n"};
    for (size_t i = 0; i < sizeof not_dev / sizeof not_dev[0]; i++) {
        given = (struct given_config){.flags = {.profile = "dev"}, .config = not_dev[i]};
        assert_err(open_config(&given, &config), ERR_CONFIG);
    }
    char long_name[LIMIT_PROFILE + 2];
    memset(long_name, 'p', sizeof long_name - 1);
    long_name[LIMIT_PROFILE + 1] = '\0';
    given = (struct given_config){.flags = {.profile = long_name}};
    assert_err(open_config(&given, &config), ERR_CONFIG);
    assert_says("longer than 255");
    assert_null(config);
}

/* ---- refused: settings ---- */

static void refuses_settings(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        const char *words;
    } cases[] = {
        {{.config = ""},
         "no region: give --region, set AWS_REGION, or set region in profile \"default\" of " GIVEN_CONFIG_PATH},
        {{.config = "[default]\nregion =\n"}, "no region"},
        {{.config = "[default]\nregion =\n  a = b\n"}, "no region"},
        {{.flags = {.region = "eu west"}}, "\"eu west\" (--region)"},
        {{.environment = {{"AWS_REGION", "evil.com/"}}}, "(AWS_REGION)"},
        {{.config = "[default]\nregion = eu-west-1 # Ireland\n"}, "(region of the profile)"},
        {{.flags = {.region = "fips-us-east-1"}}, "names an endpoint: give the region, and set AWS_USE_FIPS_ENDPOINT"},
        {{.environment = {{"AWS_REGION", "us-gov-west-1-fips"}}}, "(AWS_REGION) names an endpoint"},
        {{.flags = {.region = "r", .endpoint_url = "nonsense"}}, "--endpoint-url cannot be used"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_settings settings = {.region = "before"};
        assert_err(settings_of(cases[i].given, &settings), ERR_CONFIG);
        assert_says(cases[i].words);
        assert_null(strstr(why_memory, "secret"));
        assert_string_equal(settings.region, "before");
    }
    AUTO_FREE char *path = calloc(1, LIMIT_PATH + 2);
    memset(path, 'p', LIMIT_PATH + 1);
    struct aws_settings settings;
    assert_err(settings_of((struct given_config){.flags = {.region = "r", .ca_bundle = path}}, &settings), ERR_CONFIG);
    assert_says("--ca-bundle is too long");
}

/* ---- settings ---- */

static void chooses_the_region(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        const char *region;
    } cases[] = {
        {{.flags = {.region = "r1"},
          .environment = {{"AWS_REGION", "r2"}, {"AWS_DEFAULT_REGION", "r3"}},
          .config = "[default]\nregion = r4\n"},
         "r1"},
        {{.environment = {{"AWS_REGION", "r2"}, {"AWS_DEFAULT_REGION", "r3"}}}, "r2"},
        {{.environment = {{"AWS_REGION", ""}, {"AWS_DEFAULT_REGION", "r3"}}, .config = "[default]\nregion = r4\n"},
         "r3"},
        {{.config = "[default]\nregion = r4\n", .credentials = "[default]\nregion = r5\n"}, "r5"},
        {{.flags = {.profile = "p"}, .config = "[default]\nregion = r4\n[profile p]\nregion = r6\n"}, "r6"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_settings settings;
        assert_ok(settings_of(cases[i].given, &settings));
        assert_string_equal(settings.region, cases[i].region);
    }
}

static void chooses_the_number_of_tries(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        int tries; /* 0: refused */
    } cases[] = {
        {{.config = NULL}, 3},
        {{.environment = {{"AWS_RETRY_MODE", "adaptive"}}, .config = "[default]\nmax_attempts = 7\n"}, 7},
        {{.environment = {{"AWS_MAX_ATTEMPTS", "1"}}, .config = "[default]\nmax_attempts = 7\n"}, 1},
        {{.config = "[default]\nretry_mode = legacy\n"}, 5},
        {{.environment = {{"AWS_RETRY_MODE", "standard"}}, .config = "[default]\nretry_mode = legacy\n"}, 3},
        {{.environment = {{"AWS_MAX_ATTEMPTS", "0"}}}, 0},
        {{.environment = {{"AWS_MAX_ATTEMPTS", "three"}}}, 0},
        {{.config = "[default]\nretry_mode = eager\n"}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct given_config given = cases[i].given;
        given.flags.region = "r";
        struct aws_settings settings = {.tries = 0};
        assert_err(settings_of(given, &settings), cases[i].tries == 0 ? ERR_CONFIG : ERR_OK);
        assert_int_equal(settings.tries, cases[i].tries);
    }
}

static void chooses_the_ca(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        const char *ca_path;
        const char *file;
        const char *directory;
    } cases[] = {
        {{.config = NULL}, "", "", ""},
        {{.environment = {{"SSL_CERT_FILE", "/f"}, {"SSL_CERT_DIR", "/d"}}}, "", "/f", "/d"},
        {{.environment = {{"SSL_CERT_FILE", "/f"}}, .config = "[default]\nca_bundle = /c\n"}, "/c", "", ""},
        {{.environment = {{"SSL_CERT_DIR", "/d"}, {"AWS_CA_BUNDLE", "/a"}}, .config = "[default]\nca_bundle = /c\n"},
         "/a",
         "",
         ""},
        {{.flags = {.ca_bundle = "/x"}, .environment = {{"AWS_CA_BUNDLE", "/a"}}}, "/x", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct given_config given = cases[i].given;
        given.flags.region = "r";
        struct aws_settings settings;
        assert_ok(settings_of(given, &settings));
        assert_string_equal(settings.ca_path, cases[i].ca_path);
        assert_string_equal(settings.ssl_cert_file, cases[i].file);
        assert_string_equal(settings.ssl_cert_dir, cases[i].directory);
    }
}

/* ---- paths ---- */

static void names_the_files(void **state)
{
    (void)state;
    static const struct {
        struct given_variables variables;
        const char *config;
        const char *credentials;
    } cases[] = {
        {{{{"HOME", "/home/a"}}}, "/home/a/.aws/config", "/home/a/.aws/credentials"},
        {{{{NULL, NULL}}}, "~/.aws/config", "~/.aws/credentials"},
        {{{{"HOME", ""}, {"AWS_CONFIG_FILE", ""}}}, "~/.aws/config", "~/.aws/credentials"},
        {{{{"HOME", "/h"}, {"AWS_CONFIG_FILE", "~"}, {"AWS_SHARED_CREDENTIALS_FILE", "~b/c"}}}, "/h", "~b/c"},
        {{{{"D", "/d"}, {"AWS_CONFIG_FILE", "${$D"}, {"AWS_SHARED_CREDENTIALS_FILE", "${D"}}}, "${$D", "${D"},
        {{{{"HOME", "/h"}, {"AWS_CONFIG_FILE", "rel/x"}, {"AWS_SHARED_CREDENTIALS_FILE", "/a/~/b"}}},
         "rel/x",
         "/a/~/b"},
        {{{{"HOME", "/h"},
           {"D", "/d"},
           {"AWS_CONFIG_FILE", "$D/$NOT/${D}x/$HOME"},
           {"AWS_SHARED_CREDENTIALS_FILE", "${D/${}/$/$D"}}},
         "/d/$NOT//dx//h",
         "${D/${}/$//d"},
        /* a name goes on as far as letters of both cases, digits and '_' */
        {{{{"azAZ09_", "v"},
           {"AWS_CONFIG_FILE", "$azAZ09_-$azAZ09_.$azAZ09_@"},
           {"AWS_SHARED_CREDENTIALS_FILE", "$azAZ09_[$azAZ09_`{"}}},
         "v-v.v@",
         "v[v`{"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct given_variables variables = cases[i].variables;
        struct aws_config_environment environment = {given_variable, variables.pairs};
        struct aws_config_paths paths;
        struct text why = text_in(why_memory, sizeof why_memory);
        assert_ok(aws_config_paths(&environment, &paths, &why));
        assert_string_equal(paths.config, cases[i].config);
        assert_string_equal(paths.credentials, cases[i].credentials);
    }
    AUTO_FREE char *path = calloc(1, LIMIT_PATH + 2);
    memset(path, 'p', LIMIT_PATH + 1);
    struct given_variables variables = {{{"AWS_CONFIG_FILE", path}}};
    struct aws_config_environment environment = {given_variable, variables.pairs};
    struct aws_config_paths paths;
    struct text why = text_in(why_memory, sizeof why_memory);
    assert_err(aws_config_paths(&environment, &paths, &why), ERR_CONFIG);
    assert_says("too long");
    variables = (struct given_variables){{{"AWS_SHARED_CREDENTIALS_FILE", path}}};
    assert_err(aws_config_paths(&environment, &paths, &why), ERR_CONFIG);
    path[LIMIT_PATH] = '\0'; /* fits, but not behind a home */
    path[0] = '~';
    path[1] = '/';
    variables = (struct given_variables){{{"HOME", "/home/a"}, {"AWS_CONFIG_FILE", path}}};
    assert_err(aws_config_paths(&environment, &paths, &why), ERR_CONFIG);
    memset(path, 'N', LIMIT_PATH);
    path[0] = '$'; /* nobody has a variable of this name */
    variables = (struct given_variables){{{"AWS_CONFIG_FILE", path}}};
    assert_ok(aws_config_paths(&environment, &paths, &why));
    assert_string_equal(paths.config, path);
}

/* Section names are words of a shell, as Python's shlex reads them. */
static void finds_sections_of_other_kinds(void **state)
{
    (void)state;
    static const char file[] = "[DEFAULT]\nshared = d\n[profile corp]\nkey = p\n[sso-session corp]\nkey = 1\n"
                               "[sso-session default]\nkey = 3\n[default]\nkey = 4\n[sso-session 'corp']\nkey = 2\n";
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    AUTO(aws_profile_files_free) struct aws_profile_files files = {0};
    assert_ok(ini_parse(bytes_of_text(file), &files.config, &why));
    assert_null(aws_profile_find_section(&files, "sso-session", "Corp"));
    assert_null(aws_profile_find_section(&files, "services", "corp"));
    const struct ini_section *corp = aws_profile_find_section(&files, "sso-session", "corp");
    assert_string_equal(aws_profile_get_from_section(&files, corp, "key"), "2");
    assert_string_equal(aws_profile_get_from_section(&files, corp, "shared"), "d");
    assert_null(aws_profile_get_from_section(&files, corp, "other"));
    assert_null(aws_profile_get_from_section(&files, NULL, "shared"));
    const struct ini_section *other = aws_profile_find_section(&files, "sso-session", "default");
    assert_string_equal(aws_profile_get_from_section(&files, other, "key"), "3");
}

static void reads_profile_names_like_a_shell(void **state)
{
    (void)state;
    static const struct {
        const char *section;
        const char *name; /* NULL: it names no profile */
    } cases[] = {
        {"[profile\tdev]", "dev"},        {"[profile  dev ]", "dev"},         {"[profile d\\ev]", "dev"},
        {"[profile d\\\\ev]", "d\\ev"},   {"[profile \"d\\\"ev\"]", "d\"ev"}, {"[profile \"d\\\\ev\"]", "d\\ev"},
        {"[profile \"d\\ev\"]", "d\\ev"}, {"[profile 'd\\ev']", "d\\ev"},     {"[profile 'd\\\\ev']", "d\\\\ev"},
        {"[profile d'e'\"v\"]", "dev"},   {"[profile'x dev]", NULL},          {"[profile \"dev]", NULL},
        {"[profile dev\\]", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char config[128];
        snprintf(config, sizeof config, "%s\nregion = found\n", cases[i].section);
        const char *name = cases[i].name != NULL ? cases[i].name : "dev";
        struct given_config given = {.flags = {.profile = name}, .config = config};
        struct aws_settings settings;
        enum err err = settings_of(given, &settings);
        if (err != (cases[i].name != NULL ? ERR_OK : ERR_CONFIG)) {
            fail_msg("%s: %s", cases[i].section, err_text(err));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_the_number_of_tries),
        cmocka_unit_test(refuses_a_broken_file),
        cmocka_unit_test(refuses_a_profile_that_is_not_there),
        cmocka_unit_test(refuses_settings),
        cmocka_unit_test(chooses_the_region),
        cmocka_unit_test(chooses_the_ca),
        cmocka_unit_test(names_the_files),
        cmocka_unit_test(reads_profile_names_like_a_shell),
        cmocka_unit_test(finds_sections_of_other_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
