#include "tests/support/unit.h"
#include "tests/unit/given_config.h"

#include "proxy/core/sso_token.h"

#define SESSION "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
#define ROLE "sso_account_id = 111122223333\nsso_role_name = Dev\n"
#define PROFILE "[profile p]\nsso_session = corp\n" ROLE
#define LEGACY_SESSION "sso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"

static void refuses_half_a_profile(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        const char *words;
    } cases[] = {
        {"[profile p]\n" LEGACY_SESSION "sso_role_name = Dev\n",
         "profile \"p\" uses IAM Identity Center but lacks sso_account_id; run: aws configure sso"},
        {"[profile p]\n" LEGACY_SESSION "sso_account_id = 1\n", "lacks sso_role_name;"},
        {"[profile p]\n" ROLE, "lacks sso_start_url, sso_region;"},
        {"[profile p]\n" ROLE "sso_region = eu-west-1\n", "lacks sso_start_url;"},
        {"[profile p]\nsso_role_name =\nsso_account_id = 1\n" LEGACY_SESSION, "lacks sso_role_name;"},
        {"[profile p]\nsso_session = corp\nsso_role_name = Dev\n" SESSION, "lacks sso_account_id;"},
        {PROFILE "[sso-session corp]\nsso_region = eu-west-1\n", "lacks sso_start_url;"},
        {PROFILE, "there is no section [sso-session corp] in the configuration file"},
        {PROFILE "[sso-session Corp]\n", "there is no section [sso-session corp]"},
        {"[profile p]\nsso_session =\n" ROLE LEGACY_SESSION, "there is no section [sso-session ]"},
        {PROFILE "sso_region = us-east-1\n" SESSION,
         "sso_region in profile \"p\" is not the same as in its sso-session"},
        {PROFILE "region = us-east-1\n" SESSION "region = eu-west-1\n", "region in profile \"p\" is not the same"},
        {"[DEFAULT]\noutput = json\n" PROFILE "output = text\n" SESSION, "output in profile \"p\" is not the same"},
        {"[profile p]\n" ROLE "sso_start_url = u\nsso_region = eu west\n", "\"eu west\" (sso_region of profile \"p\")"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char memory[512];
        struct text why = text_in(memory, sizeof memory);
        struct given_config given = {.config = cases[i].config};
        AUTO(aws_config_free) struct aws_config *config = NULL;
        assert_ok(given_config_open(&given, &config, &why));
        struct sso_profile profile;
        enum err err = sso_profile_read(config, "p", &profile, &why);
        if (err != ERR_CONFIG || strstr(memory, cases[i].words) == NULL) {
            fail_msg("%s\n%d: %s", cases[i].config, (int)err, memory);
        }
    }
}

static struct sso_profile read_profile(const char *text, struct given_config *given, struct aws_config **ret_config)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    struct sso_profile profile;
    *given = (struct given_config){.environment = {{"HOME", "/home/a"}}, .config = text};
    assert_ok(given_config_open(given, ret_config, &why));
    if (sso_profile_read(*ret_config, "p", &profile, &why) != ERR_OK) {
        fail_msg("%s\n%s", text, memory);
    }
    return profile;
}

static void reads_both_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        const char *name; /* of the session; NULL: legacy */
        const char *scopes;
    } cases[] = {
        {PROFILE SESSION, "corp", NULL},
        {PROFILE SESSION "sso_registration_scopes = a, b\n", "corp", "a, b"},
        {PROFILE "sso_region = eu-west-1\nregion = us-east-1\n" SESSION, "corp", NULL},
        {"[DEFAULT]\nsso_region = eu-west-1\n" PROFILE "[sso-session 'corp']\nsso_start_url = "
         "https://corp.awsapps.com/start\n",
         "corp", NULL},
        {"[profile p]\n" ROLE LEGACY_SESSION, NULL, NULL},
        {"[profile p]\n" ROLE LEGACY_SESSION "sso_registration_scopes = a\n", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct given_config given;
        AUTO(aws_config_free) struct aws_config *config = NULL;
        struct sso_profile profile = read_profile(cases[i].config, &given, &config);
        assert_string_equal(profile.name, "p");
        assert_string_equal(profile.account_id, "111122223333");
        assert_string_equal(profile.role_name, "Dev");
        assert_string_equal(profile.session.start_url, "https://corp.awsapps.com/start");
        assert_string_equal(profile.session.region, "eu-west-1");
        assert_true((profile.session.name == NULL) == (cases[i].name == NULL));
        assert_true((profile.session.registration_scopes == NULL) == (cases[i].scopes == NULL));
    }
}

static void a_login_needs_neither_account_nor_role(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        const char *asked; /* --sso-session */
        const char *words; /* NULL: it is there */
    } cases[] = {
        {"[profile p]\nsso_session = corp\n" SESSION, NULL, NULL},
        {"[profile p]\n" LEGACY_SESSION, NULL, NULL},
        {"[profile p]\n" SESSION, "corp", NULL},
        {"[profile p]\nsso_session = other\n" SESSION, "corp", NULL},
        {"[profile p]\nregion = eu-west-1\n", NULL,
         "profile \"p\" has neither sso_session nor sso_start_url; name one"},
        {"[profile p]\nsso_region = eu-west-1\n", NULL,
         "profile \"p\" uses IAM Identity Center but lacks sso_start_url; run"},
        {"[profile p]\n" LEGACY_SESSION, "corp", "there is no section [sso-session corp]"},
        {"[profile p]\n" LEGACY_SESSION "[sso-session corp]\n", "corp",
         "sso-session \"corp\" uses IAM Identity Center but lacks"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char memory[512];
        struct text why = text_in(memory, sizeof memory);
        struct given_config given = {.flags = {.profile = "p"}, .config = cases[i].config};
        AUTO(aws_config_free) struct aws_config *config = NULL;
        assert_ok(given_config_open(&given, &config, &why));
        struct sso_session session;
        enum err err = sso_profile_read_session(config, cases[i].asked, &session, &why);
        if (cases[i].words == NULL ? err != ERR_OK : err != ERR_CONFIG || strstr(memory, cases[i].words) == NULL) {
            fail_msg("%s\n%d: %s", cases[i].config, (int)err, memory);
        }
    }
}

/* hashlib.sha1 of the session's name or the start URL; of json.dumps of the registration's parameters. */
static void names_are_the_cli_s(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        const char *token;
        const char *client;
    } cases[] = {
        {PROFILE SESSION "sso_registration_scopes = sso:account:access ,, x:y,\n",
         "ee0bfd2552fbd840c02cc48b6e823320543c450f", "281c20de0fe8df0efd570c949c69a95483e88b68"},
        {PROFILE SESSION "sso_registration_scopes =\n", "ee0bfd2552fbd840c02cc48b6e823320543c450f",
         "3185e08e1db2d8f4bd69a5e01ddd491e4ff3d9b9"},
        {"[profile p]\n" ROLE LEGACY_SESSION, "a51746d4aa793ae07b25e90c3a5db96fc7832bd7",
         "3a62fc7fd3ab838419eccab5b58d0124a95b510d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char why_memory[256];
        struct text why = text_in(why_memory, sizeof why_memory);
        struct given_config given;
        AUTO(aws_config_free) struct aws_config *config = NULL;
        struct sso_profile profile = read_profile(cases[i].config, &given, &config);
        char path[LIMIT_PATH + 1];
        char expected[128];
        assert_ok(sso_token_path(config, &profile.session, path, &why));
        (void)snprintf(expected, sizeof expected, "/home/a/.aws/sso/cache/%s.json", cases[i].token);
        assert_string_equal(path, expected);
        assert_ok(sso_token_client_path(config, &profile.session, path, &why));
        (void)snprintf(expected, sizeof expected, "/home/a/.aws/sso/cache/%s.json", cases[i].client);
        assert_string_equal(path, expected);
    }
}

static void needs_a_home(void **state)
{
    (void)state;
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    struct given_config given = {.config = PROFILE SESSION};
    AUTO(aws_config_free) struct aws_config *config = NULL;
    assert_ok(given_config_open(&given, &config, &why));
    struct sso_session session = {.name = "corp", .start_url = "https://a", .region = "eu-west-1"};
    char path[LIMIT_PATH + 1];
    assert_err(sso_token_path(config, &session, path, &why), ERR_CONFIG);
    assert_non_null(strstr(memory, "HOME is not set"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_half_a_profile),
        cmocka_unit_test(reads_both_kinds),
        cmocka_unit_test(a_login_needs_neither_account_nor_role),
        cmocka_unit_test(names_are_the_cli_s),
        cmocka_unit_test(needs_a_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
