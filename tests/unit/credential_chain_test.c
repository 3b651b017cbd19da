/* The whole chain: plans, roles, web identities. */
#include "tests/unit/chain_script.h"

#define LATER "2024-02-29T13:00:00Z"
#define SOON "2024-02-29T12:14:59Z"

#define ROLE(name) "arn:aws:iam::123456789012:role/" name
#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = secret-" id "\n"
#define ME "[me]\n" KEYS("AKIAME")

#define CACHED(id, until)                                                                                              \
    "{\"Credentials\": {\"AccessKeyId\": \"" id "\", \"SecretAccessKey\": \"hunter2\", \"SessionToken\": "             \
    "\"token-" id "\", \"Expiration\": \"" until "\"}}"
#define ASSUMED(id)                                                                                                    \
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" id "</AccessKeyId>"                             \
    "<SecretAccessKey>hunter2</SecretAccessKey><SessionToken>token-" id "</SessionToken>"                              \
    "<Expiration>" LATER "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
#define REFUSED(code, message)                                                                                         \
    "<ErrorResponse><Error><Code>" code "</Code><Message>" message "</Message></Error></ErrorResponse>"

/* ---- refused: plans ---- */

static void refuses_plans(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        const char *words;
    } cases[] = {
        {"[default]\nrole_arn =\nsource_profile = me\n[profile me]\n" KEYS("A"),
         "role_arn of profile \"default\" is empty"},
        {"[default]\nrole_arn = r\n", "has role_arn and neither source_profile nor credential_source; it needs one of"},
        {"[default]\nrole_arn = r\nsource_profile = me\ncredential_source = Environment\n[profile me]\n" KEYS("A"),
         "has role_arn and both source_profile and credential_source"},
        {"[default]\nrole_arn = r\nsource_profile = me\n", "no profile \"me\", the source_profile of \"default\""},
        {"[default]\nrole_arn = r\nsource_profile = me\n[profile me]\nregion = x\n",
         "profile \"me\", the source_profile of \"default\", has no credentials"},
        {"[default]\nrole_arn = r\nsource_profile = me\n[profile me]\naws_secret_access_key = hunter2\n",
         "has no credentials"},
        {"[default]\nrole_arn = r\nsource_profile = default\n",
         "the source profiles of \"default\" come back to \"default\"; one of them needs keys"},
        {"[default]\nrole_arn = r\nsource_profile = a\n[profile a]\nrole_arn = r\nsource_profile = b\n"
         "[profile b]\nrole_arn = r\nsource_profile = a\n",
         "the source profiles of \"default\" come back to \"a\""},
        {"[default]\nrole_arn = r\nsource_profile = a\n" KEYS(
             "A") "[profile a]\nrole_arn = r\nsource_profile = default\n",
         "come back to \"default\""},
        {"[default]\nrole_arn = r\nsource_profile = a\n[profile a]\nrole_arn = r\n",
         "profile \"a\" has role_arn and neither"},
        {"[default]\nrole_arn = r\ncredential_source = environment\n",
         "credential_source of profile \"default\" must be Environment, Ec2InstanceMetadata or EcsContainer"},
        {"[default]\nrole_arn = r\ncredential_source = Environment\n",
         "profile \"default\" has credential_source = Environment, but AWS_ACCESS_KEY_ID is not set"},
        {"[default]\nrole_arn = r\ncredential_source = EcsContainer\n",
         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set"},
        {"[default]\nweb_identity_token_file = /t\n", "no role for it: set role_arn or AWS_ROLE_ARN"},
        {"[default]\nrole_arn = r\nsource_profile = w\n[profile w]\nweb_identity_token_file = /t\n",
         "a web identity token for profile \"w\" and no role for it: set role_arn"},
        {"[default]\nrole_arn = r\nsource_profile = me\nmfa_serial =\n[profile me]\n" KEYS("A"),
         "mfa_serial of profile"},
        {"[default]\nrole_arn = r\nsource_profile = me\nexternal_id =\n[profile me]\n" KEYS("A"),
         "external_id of profile"},
        {"[default]\nrole_arn = r\nsource_profile = me\nexternal_id = \xe9\n[profile me]\n" KEYS("A"),
         "a setting of the role in profile \"default\" is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct given_config given = {.environment = {{"HOME", "/home/a"}}, .config = cases[i].config};
        assert_refused(given, &nothing_wanted, ERR_NO_CREDENTIALS, cases[i].words);
    }
}

static void refuses_a_chain_without_end(void **state)
{
    (void)state;
    char memory[8192];
    struct text config = text_in(memory, sizeof memory);
    text_put(&config, "[default]\nrole_arn = r\nsource_profile = p1\n");
    for (int i = 1; i <= LIMIT_ROLE_CHAIN; i++) {
        text_format(&config, "[profile p%d]\nrole_arn = r\nsource_profile = p%d\n", i, i + 1);
    }
    struct given_config given = {.config = memory};
    assert_refused(given, &nothing_wanted, ERR_NO_CREDENTIALS,
                   "\"default\" is the end of a chain of more than 32 roles");
}

/* ---- one role ---- */

#define CACHE "/home/a/.aws/cli/cache/"
#define HOME                                                                                                           \
    {                                                                                                                  \
        "HOME", "/home/a"                                                                                              \
    }
#define ONE_ROLE                                                                                                       \
    {                                                                                                                  \
        .environment = {HOME},                                                                                         \
        .config = "[default]\nregion = eu-west-1\nrole_arn = " ROLE("admin") "\n"                                      \
                                                                             "source_profile = me\n",                  \
        .credentials = ME                                                                                              \
    }
/* hashlib.sha1(b'{"RoleArn": "arn:aws:iam::123456789012:role/admin"}') */
#define ADMIN_FILE CACHE "85df843ebbf3964c64e26d66d796d302b1a7a5ff.json"
#define MISS(path)                                                                                                     \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_FILE, .holds = { path }                                                                \
    }
#define STORED(id)                                                                                                     \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_STORE, .holds = {                                                                      \
            CACHE,                                                                                                     \
            "\"AccessKeyId\": \"" id "\"",                                                                             \
            "\"Expiration\": \"" LATER "\""                                                                            \
        }                                                                                                              \
    }

static void a_role_is_assumed_and_stored(void **state)
{
    (void)state;
    static const struct script script = {{
        MISS(ADMIN_FILE),
        {.kind = CREDENTIAL_WANT_CALL,
         .holds = {"signer=AKIAME signing=sts url=https://sts.eu-west-1.amazonaws.com/ region=eu-west-1",
                   "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fadmin&RoleSessionName=ssm-proxy-1709208000&",
                   "!DurationSeconds", "!SerialNumber"},
         .text = ASSUMED("ASIAADMIN")},
        {.kind = CREDENTIAL_WANT_STORE,
         .holds = {ADMIN_FILE " {\"Credentials\": {\"AccessKeyId\": \"ASIAADMIN\"", "\"token-ASIAADMIN\"", LATER}},
    }};
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {.source = AWS_CREDENTIALS_NONE};
    assert_ok(resolve((struct given_config)ONE_ROLE, &script, &credentials));
    assert_string_equal(credentials.access_key_id, "ASIAADMIN");
    assert_string_equal(credentials.session_token.reveal, "token-ASIAADMIN");
    assert_int_equal(credentials.source, AWS_CREDENTIALS_ASSUME_ROLE);
    assert_int_equal(credentials.expires_unix_s, NOW + 3600);
}

static void a_cached_role_costs_one_look(void **state)
{
    (void)state;
    static const struct script script = {{
        {.kind = CREDENTIAL_WANT_FILE, .holds = {ADMIN_FILE}, .text = CACHED("ASIACACHED", LATER)},
    }};
    assert_resolved((struct given_config)ONE_ROLE, &script, "ASIACACHED", AWS_CREDENTIALS_ASSUME_ROLE);
}

/* Whatever is the matter with the cache, the role is assumed. */
static void the_cache_is_only_a_help(void **state)
{
    (void)state;
    static const struct exchange looks[] = {
        {.kind = CREDENTIAL_WANT_FILE, .holds = {ADMIN_FILE}, .text = CACHED("ASIACACHED", SOON)},
        {.kind = CREDENTIAL_WANT_FILE, .holds = {ADMIN_FILE}, .text = "{\"Credentials\": {\"Acc"},
        {.kind = CREDENTIAL_WANT_FILE, .holds = {ADMIN_FILE}, .text = ""},
        {.kind = CREDENTIAL_WANT_FILE, .holds = {ADMIN_FILE}, .err = ERR_SYSTEM, .why = "Permission denied"},
    };
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        struct script script = {{
            looks[i],
            {.kind = CREDENTIAL_WANT_CALL, .holds = {"signer=AKIAME"}, .text = ASSUMED("ASIAADMIN")},
            {.kind = CREDENTIAL_WANT_STORE, .holds = {ADMIN_FILE}, .err = ERR_SYSTEM, .why = "Read-only file system"},
        }};
        assert_resolved((struct given_config)ONE_ROLE, &script, "ASIAADMIN", AWS_CREDENTIALS_ASSUME_ROLE);
    }
    struct given_config homeless = ONE_ROLE;
    homeless.environment[0][0] = NULL;
    static const struct script without_files = {{
        {.kind = CREDENTIAL_WANT_CALL, .holds = {"signer=AKIAME"}, .text = ASSUMED("ASIAADMIN")},
    }};
    assert_resolved(homeless, &without_files, "ASIAADMIN", AWS_CREDENTIALS_ASSUME_ROLE);
}

static void every_setting_of_a_role_is_sent(void **state)
{
    (void)state;
    struct given_config given = {
        .environment = {HOME, {"AWS_REGION", "us-gov-west-1"}},
        .config = "[default]\nrole_arn = " ROLE(
            "admin") "\nsource_profile = default\nexternal_id = a/b:c\n"
                     "role_session_name = me\nmfa_serial = arn:aws:iam::1:mfa/x\nduration_seconds = 3600\n" KEYS(
                         "AKIAOWN"),
    };
    /* The name of the file: python3 -c, see credential_cache_test.c. */
    static const struct script script = {{
        MISS(CACHE "9152dec0067a07fc9010a5d5d2a6d48f83e75372.json"),
        {.kind = CREDENTIAL_WANT_CODE, .holds = {"MFA code for arn:aws:iam::1:mfa/x"}, .text = " 123456\n"},
        {.kind = CREDENTIAL_WANT_CALL,
         .holds = {"signer=AKIAOWN signing=sts url=https://sts.us-gov-west-1.amazonaws.com/",
                   "&RoleSessionName=me&ExternalId=a%2Fb%3Ac&SerialNumber=arn%3Aaws%3Aiam%3A%3A1%3Amfa%2Fx",
                   "&TokenCode=123456&DurationSeconds=3600&"},
         .text = ASSUMED("ASIA1")},
        {.kind = CREDENTIAL_WANT_STORE, .holds = {"9152dec0067a07fc9010a5d5d2a6d48f83e75372.json", "!123456"}},
    }};
    assert_resolved(given, &script, "ASIA1", AWS_CREDENTIALS_ASSUME_ROLE);
}

/* As the AWS CLI: no number, no duration; no name, a generated one. Neither is in the name of the file. */
static void settings_that_say_nothing_are_left_out(void **state)
{
    (void)state;
    struct given_config given = ONE_ROLE;
    given.config = "[default]\nrole_arn = " ROLE("admin") "\nsource_profile = me\nduration_seconds = 1h\n"
                                                          "role_session_name =\n";
    static const struct script script = {{
        MISS(ADMIN_FILE),
        {.kind = CREDENTIAL_WANT_CALL,
         .holds = {"url=https://sts.us-east-1.amazonaws.com/ region=us-east-1", "=ssm-proxy-1709208000&", "!Duration"},
         .text = ASSUMED("ASIA1")},
        STORED("ASIA1"),
    }};
    assert_resolved(given, &script, "ASIA1", AWS_CREDENTIALS_ASSUME_ROLE);
}

/* ---- one role: refused ---- */

static void says_why_a_role_is_not_assumed(void **state)
{
    (void)state;
    static const struct {
        struct exchange call;
        enum err err;
        const char *words;
    } cases[] = {
        {{.text = REFUSED("AccessDenied", "User: u is not authorized to perform: sts:AssumeRole on resource: r"),
          .http_status = 403},
         ERR_DENIED,
         "sts:AssumeRole of " ROLE("admin") " (profile \"default\") is not allowed: AccessDenied: User: u is not"},
        {{.text = REFUSED("ExpiredToken", "The security token included in the request is expired"), .http_status = 403},
         ERR_CREDENTIALS,
         "the credentials of profile \"me\", which assume " ROLE("admin") ", were not taken: ExpiredToken: The"},
        {{.text = REFUSED("ValidationError", "1 validation error detected"), .http_status = 400},
         ERR_CONFIG,
         "assuming " ROLE("admin") " (profile \"default\") failed: ValidationError: 1 validation"},
        {{.text = "<html>", .http_status = 503}, ERR_SERVICE, "failed: the reply is not one of AWS's"},
        {{.text = "<html>hunter2</html>"}, ERR_MALFORMED, "failed: the reply lacks credentials"},
        {{.err = ERR_UNREACHABLE, .why = "no route to host"},
         ERR_UNREACHABLE,
         "assuming " ROLE("admin") " (profile \"default\") failed: no route to host"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct script script = {{MISS(ADMIN_FILE), cases[i].call}};
        script.exchanges[1].kind = CREDENTIAL_WANT_CALL;
        assert_refused((struct given_config)ONE_ROLE, &script, cases[i].err, cases[i].words);
    }
    struct given_config unusable = ONE_ROLE;
    unusable.flags.region = "eu west";
    static const struct script miss = {{MISS(ADMIN_FILE)}};
    assert_refused(unusable, &miss, ERR_CONFIG, "is not the name of a region");
}

static void says_why_an_mfa_code_is_not_taken(void **state)
{
    (void)state;
    struct given_config given = ONE_ROLE;
    given.config = "[default]\nrole_arn = " ROLE("admin") "\nsource_profile = me\nmfa_serial = arn:mfa/x\n";
    static const struct {
        struct exchange code;
        enum err err;
        const char *words;
    } cases[] = {
        {{.err = ERR_NO_PROMPT, .why = "there is no terminal"},
         ERR_NO_PROMPT,
         "no MFA code for arn:mfa/x: there is no terminal; run first: aws sts get-caller-identity --profile default "
         "(without the AWS CLI: ssh to a node, at a terminal)"},
        {{.text = ""}, ERR_DENIED, "what was entered is no MFA code for arn:mfa/x, which is 6 digits"},
        {{.text = "hunter2"}, ERR_DENIED, "is 6 digits"},
        {{.text = "12345"}, ERR_DENIED, "is 6 digits"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct script script = {{MISS(CACHE), cases[i].code}};
        script.exchanges[1].kind = CREDENTIAL_WANT_CODE;
        assert_refused(given, &script, cases[i].err, cases[i].words);
    }
    static const struct script wrong = {{
        MISS(CACHE),
        {.kind = CREDENTIAL_WANT_CODE, .text = "654321"},
        {.kind = CREDENTIAL_WANT_CALL,
         .http_status = 403,
         .text = REFUSED("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ")},
    }};
    assert_refused(given, &wrong, ERR_DENIED,
                   "the MFA code for arn:mfa/x was not taken (each is good once, for 30 s; wait");
    static const struct script repeated = {{
        MISS(CACHE),
        {.kind = CREDENTIAL_WANT_CODE, .text = "654321"},
        {.kind = CREDENTIAL_WANT_CALL,
         .http_status = 400,
         .text = REFUSED("ValidationError", "Value '654321' at 'tokenCode' failed to satisfy constraint")},
    }};
    assert_refused(given, &repeated, ERR_CONFIG, "failed: ValidationError about the token");
    assert_null(strstr(why_memory, "654321"));
}

static void words_about_settings_are_one_line(void **state)
{
    (void)state;
    struct given_config given = ONE_ROLE;
    given.config = "[default]\nrole_arn = r\n  s\nsource_profile = me\nmfa_serial = one\n  two\n";
    static const struct script script = {{
        MISS(CACHE),
        {.kind = CREDENTIAL_WANT_CODE, .holds = {"MFA code for one?two"}, .text = "123456"},
        {.kind = CREDENTIAL_WANT_CALL, .http_status = 403, .text = REFUSED("AccessDenied", "no")},
    }};
    assert_refused(given, &script, ERR_DENIED, "sts:AssumeRole of r?s (profile \"default\") is not allowed");
}

/* ---- chains of roles ---- */

#define CHAIN                                                                                                          \
    {                                                                                                                  \
        .environment = {HOME}, .flags = {.profile = "c"}, .credentials = ME,                                           \
        .config = "[profile a]\nrole_arn = " ROLE("a") "\nsource_profile = me\nregion = ignored\n"                     \
                                                       "[profile b]\nrole_arn = " ROLE(                                \
                                                           "b") "\nsource_profile = a\n"                               \
                                                                "[profile c]\nrole_arn = " ROLE(                       \
                                                                    "c") "\nsource_profile = b\nregion = eu-west-1\n"  \
    }

static void roles_are_assumed_one_with_another(void **state)
{
    (void)state;
    static const struct script script = {{
        MISS(CACHE),
        MISS(CACHE),
        MISS(CACHE),
        {.kind = CREDENTIAL_WANT_CALL,
         .holds = {"signer=AKIAME", "role%2Fa&", "region=eu-west-1"},
         .text = ASSUMED("A")},
        STORED("A"),
        {.kind = CREDENTIAL_WANT_CALL, .holds = {"signer=A ", "role%2Fb&", "region=eu-west-1"}, .text = ASSUMED("B")},
        STORED("B"),
        {.kind = CREDENTIAL_WANT_CALL, .holds = {"signer=B ", "role%2Fc&", "region=eu-west-1"}, .text = ASSUMED("C")},
        STORED("C"),
    }};
    assert_resolved((struct given_config)CHAIN, &script, "C", AWS_CREDENTIALS_ASSUME_ROLE);
}

static void what_is_cached_is_not_assumed(void **state)
{
    (void)state;
    static const struct script middle = {{
        MISS(CACHE),
        {.kind = CREDENTIAL_WANT_FILE, .holds = {CACHE}, .text = CACHED("B", LATER)},
        {.kind = CREDENTIAL_WANT_CALL, .holds = {"signer=B ", "role%2Fc&"}, .text = ASSUMED("C")},
        STORED("C"),
    }};
    assert_resolved((struct given_config)CHAIN, &middle, "C", AWS_CREDENTIALS_ASSUME_ROLE);
    static const struct script last = {{
        {.kind = CREDENTIAL_WANT_FILE, .holds = {CACHE}, .text = CACHED("C", LATER)},
    }};
    assert_resolved((struct given_config)CHAIN, &last, "C", AWS_CREDENTIALS_ASSUME_ROLE);
    static const struct script expired = {{
        MISS(CACHE),
        {.kind = CREDENTIAL_WANT_FILE, .holds = {CACHE}, .text = CACHED("B", LATER)},
        {.kind = CREDENTIAL_WANT_CALL,
         .holds = {"signer=B "},
         .http_status = 403,
         .text = REFUSED("ExpiredToken", "old")},
    }};
    assert_refused((struct given_config)CHAIN, &expired, ERR_CREDENTIALS, "of profile \"b\", which assume " ROLE("c"));
}

/* A source profile with keys of its own is those keys, whatever role it has besides. */
static void keys_of_a_source_come_before_its_role(void **state)
{
    (void)state;
    struct given_config given = {
        .config = "[default]\nrole_arn = " ROLE("x") "\nsource_profile = a\n"
                                                     "[profile a]\nrole_arn = " ROLE(
                                                         "a") "\nsource_profile = nobody\n" KEYS("AKIAA")};
    static const struct script script = {{
        {.kind = CREDENTIAL_WANT_CALL, .holds = {"signer=AKIAA ", "role%2Fx&"}, .text = ASSUMED("X")},
    }};
    assert_resolved(given, &script, "X", AWS_CREDENTIALS_ASSUME_ROLE);
}

static void a_role_takes_the_environment_when_told_to(void **state)
{
    (void)state;
    struct given_config given = {.environment = {{"AWS_ACCESS_KEY_ID", "AKIAENV"}, {"AWS_SECRET_ACCESS_KEY", "s"}},
                                 .flags = {.profile = "p"},
                                 .config = "[profile p]\nrole_arn = " ROLE("x") "\ncredential_source = Environment\n"};
    static const struct script script = {{
        {.kind = CREDENTIAL_WANT_CALL, .holds = {"signer=AKIAENV "}, .text = ASSUMED("X")},
    }};
    assert_resolved(given, &script, "X", AWS_CREDENTIALS_ASSUME_ROLE);
}

/* ---- web identity ---- */

#define WEB                                                                                                            \
    {                                                                                                                  \
        .environment = {HOME}, .flags = {.profile = "w"},                                                              \
        .config = "[profile w]\nrole_arn = " ROLE("admin") "\nweb_identity_token_file = /run/token\n"                  \
    }
#define TOKEN_FILE(content)                                                                                            \
    {                                                                                                                  \
        .kind = CREDENTIAL_WANT_FILE, .holds = {"/run/token"}, .text = (content)                                       \
    }

static void a_web_identity_is_a_role_without_a_signer(void **state)
{
    (void)state;
    static const struct script script = {{
        MISS(ADMIN_FILE),
        TOKEN_FILE("ey.hunter2\n"),
        {.kind = CREDENTIAL_WANT_CALL,
         .holds = {"signer=nobody signing=none", "Action=AssumeRoleWithWebIdentity&", "&WebIdentityToken=ey.hunter2&",
                   "RoleSessionName=ssm-proxy-1709208000&"},
         .text = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
                 "<AccessKeyId>W</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
                 "<Expiration>" LATER "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
                 "</AssumeRoleWithWebIdentityResponse>"},
        STORED("W"),
    }};
    assert_resolved((struct given_config)WEB, &script, "W", AWS_CREDENTIALS_WEB_IDENTITY);
    static const struct script cached = {{
        {.kind = CREDENTIAL_WANT_FILE, .holds = {ADMIN_FILE}, .text = CACHED("W", LATER)},
    }};
    assert_resolved((struct given_config)WEB, &cached, "W", AWS_CREDENTIALS_WEB_IDENTITY);
}

static void a_web_identity_comes_from_the_environment(void **state)
{
    (void)state;
    struct given_config given = {.environment = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/run/token"},
                                                 {"AWS_ROLE_ARN", ROLE("env")},
                                                 {"AWS_ROLE_SESSION_NAME", "pod"}},
                                 .config = "[default]\nrole_session_name = me\n" KEYS("AKIA")};
    static const struct script script = {{
        TOKEN_FILE("ey"),
        {.kind = CREDENTIAL_WANT_CALL, .holds = {"role%2Fenv&RoleSessionName=pod&"}, .text = ASSUMED("W")},
    }};
    assert_resolved(given, &script, "W", AWS_CREDENTIALS_WEB_IDENTITY);
    given.flags.profile = "default"; /* turns the environment off */
    assert_resolved(given, &nothing_wanted, "AKIA", AWS_CREDENTIALS_CONFIG_FILE);
}

/* The environment's token is the chosen profile's, not that of a source profile. */
static void a_web_identity_may_be_the_source_of_a_role(void **state)
{
    (void)state;
    struct given_config given = WEB;
    given.environment[0][0] = NULL;
    given.flags.profile = NULL;
    given.config = "[default]\nrole_arn = " ROLE("x") "\nsource_profile = w\n"
                                                      "[profile w]\nrole_arn = " ROLE(
                                                          "admin") "\nweb_identity_token_file = /run/token\n"
                                                                   "role_session_name = w\n";
    given.environment[0][0] = "AWS_ROLE_ARN";
    given.environment[0][1] = ROLE("env");
    static const struct script script = {{
        TOKEN_FILE("ey"),
        {.kind = CREDENTIAL_WANT_CALL,
         .holds = {"signer=nobody", "role%2Fadmin&RoleSessionName=w&"},
         .text = ASSUMED("W")},
        {.kind = CREDENTIAL_WANT_CALL, .holds = {"signer=W ", "role%2Fx&"}, .text = ASSUMED("X")},
    }};
    assert_resolved(given, &script, "X", AWS_CREDENTIALS_ASSUME_ROLE);
}

static void says_why_a_web_identity_is_not_taken(void **state)
{
    (void)state;
    static const struct {
        struct exchange file;
        struct exchange call;
        enum err err;
        const char *words;
    } cases[] = {
        {TOKEN_FILE(NULL),
         {.kind = 0},
         ERR_NO_CREDENTIALS,
         "/run/token, the web identity token of profile \"w\", is not there"},
        {TOKEN_FILE(" \n"), {.kind = 0}, ERR_NO_CREDENTIALS, "is empty"},
        {{.kind = CREDENTIAL_WANT_FILE, .err = ERR_SYSTEM, .why = "/run/token: Permission denied"},
         {.kind = 0},
         ERR_SYSTEM,
         "the web identity token cannot be read: /run/token: Permission denied"},
        {TOKEN_FILE("ey.hunter2"),
         {.http_status = 400, .text = REFUSED("ExpiredTokenException", "Token expired: current date/time")},
         ERR_CREDENTIALS,
         "the web identity token in /run/token was not taken for " ROLE("admin") ": ExpiredTokenException: Token exp"},
        {TOKEN_FILE("ey.hunter2"),
         {.http_status = 403, .text = REFUSED("AccessDenied", "Not authorized to perform")},
         ERR_DENIED,
         "sts:AssumeRoleWithWebIdentity of " ROLE("admin") " (profile \"w\") is not allowed"},
        {TOKEN_FILE("ey.hunter2"),
         {.http_status = 400, .text = REFUSED("ValidationError", "Value 'ey.hunter2' at 'webIdentityToken' failed")},
         ERR_CONFIG,
         "ValidationError about the token"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct script script = {{MISS(ADMIN_FILE), cases[i].file, cases[i].call}};
        if (cases[i].call.http_status != 0) {
            script.exchanges[2].kind = CREDENTIAL_WANT_CALL;
        }
        assert_refused((struct given_config)WEB, &script, cases[i].err, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_plans),
        cmocka_unit_test(refuses_a_chain_without_end),
        cmocka_unit_test(a_role_is_assumed_and_stored),
        cmocka_unit_test(a_cached_role_costs_one_look),
        cmocka_unit_test(the_cache_is_only_a_help),
        cmocka_unit_test(every_setting_of_a_role_is_sent),
        cmocka_unit_test(settings_that_say_nothing_are_left_out),
        cmocka_unit_test(says_why_a_role_is_not_assumed),
        cmocka_unit_test(says_why_an_mfa_code_is_not_taken),
        cmocka_unit_test(words_about_settings_are_one_line),
        cmocka_unit_test(roles_are_assumed_one_with_another),
        cmocka_unit_test(what_is_cached_is_not_assumed),
        cmocka_unit_test(keys_of_a_source_come_before_its_role),
        cmocka_unit_test(a_role_takes_the_environment_when_told_to),
        cmocka_unit_test(a_web_identity_is_a_role_without_a_signer),
        cmocka_unit_test(a_web_identity_comes_from_the_environment),
        cmocka_unit_test(a_web_identity_may_be_the_source_of_a_role),
        cmocka_unit_test(says_why_a_web_identity_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
