/* Credentials of a process, of a container's endpoint and of the instance metadata service, against answers that a test
 * writes down. */
#include "tests/support/unit.h"
#include "tests/unit/given_config.h"

#include "common/auto.h"
#include "proxy/core/askpass.h"
#include "proxy/core/container_credentials.h"
#include "proxy/core/imds.h"
#include "proxy/core/process_credentials.h"

#define NOW INT64_C(1709208000) /* 2024-02-29T12:00:00Z */
#define LATER "2024-02-29T13:00:00Z"
#define KEYS(token) "\"AccessKeyId\":\"ASIAX\",\"SecretAccessKey\":\"hunter2\",\"" token "\":\"tok\""
#define PRINTED(more) "{\"Version\":1," KEYS("SessionToken") more "}"
#define GIVEN(more) "{" KEYS("Token") ",\"Expiration\":\"" LATER "\"" more "}"

static char words[2048];

static struct text why(void)
{
    return text_in(words, sizeof words);
}

static struct credential_answer start(void)
{
    return (struct credential_answer){.unix_seconds = NOW};
}

static struct credential_answer reply(int status, const char *body)
{
    return (struct credential_answer){
        .kind = CREDENTIAL_WANT_CALL,
        .unix_seconds = NOW,
        .reply = {.http_status = status, .body = bytes_of_text(body)},
    };
}

static struct credential_answer failure(enum err err, const char *reason)
{
    return (struct credential_answer){.unix_seconds = NOW, .err = err, .why = reason};
}

static void assert_words(const char *const *expected, size_t count)
{
    for (size_t i = 0; i < count && expected[i] != NULL; i++) {
        if (strstr(words, expected[i]) == NULL) {
            fail_msg("\"%s\" does not say: %s", words, expected[i]);
        }
    }
    assert_null(strstr(words, "hunter2")); /* never */
}

/* ---- words of a command ---- */

static void commands_that_make_no_sense(void **state)
{
    (void)state;
    static const char *const wrong[] = {"a 'b",   "a \"b",   "a \\",     "\"", "'",     "a \"b\\", "a \"\\",
                                        "a 'b\\", "a\"'\"'", "'a' \"b'", "",   "  \t ", "\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct text text = why();
        AUTO(process_credentials_free) struct process_credentials *process = NULL;
        assert_err(process_credentials_new(wrong[i], "me", &process, &text), ERR_CONFIG);
        assert_words((const char *const[]){"credential_process ", " in profile \"me\""}, 2);
    }
}

static void commands_are_split_as_by_shlex(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *joined; /* each word in <> */
    } cases[] = {
        {"a", "<a>"},
        {"  a\tb\r\nc ", "<a><b><c>"},
        {"a '' \"\" b", "<a><><><b>"},
        {"'a b'\"c d\"e\\ f", "<a bc de f>"},
        {"'\\' \"\\\\\" \"\\\"\" \"\\n$x\" '\"' \"'\"", "<\\><\\><\"><\\n$x><\"><'>"},
        {"a\\\nb \\'", "<a\nb><'>"},
        {"~/x $HOME * a=b;c #d", "<~/x><$HOME><*><a=b;c><#d>"},
        {"\xc3\xa4 b\xff", "<\xc3\xa4><b\xff>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text text = why();
        AUTO_FREE char **split = NULL;
        assert_ok(process_credentials_split(cases[i].command, &split, &text));
        char joined[256] = "";
        struct text list = text_in(joined, sizeof joined);
        for (char **word = split; *word != NULL; word++) {
            text_format(&list, "<%s>", *word);
        }
        assert_string_equal(joined, cases[i].joined);
    }
}

/* ---- a process ---- */

static enum err print(struct credential_answer answer, struct aws_credentials *ret_credentials)
{
    struct text text = why();
    AUTO(process_credentials_free) struct process_credentials *process = NULL;
    assert_ok(process_credentials_new("tool --secret 'hunter2 x'", "me", &process, &text));
    struct credential_want want = {.kind = CREDENTIAL_WANT_NOTHING};
    struct credential_answer first = start();
    assert_err(process_credentials_next(process, &first, &want, ret_credentials, &text), ERR_AGAIN);
    assert_int_equal(want.kind, CREDENTIAL_WANT_PROCESS);
    assert_string_equal(want.arguments[0], "tool");
    assert_string_equal(want.arguments[2], "hunter2 x");
    assert_null(want.arguments[3]);
    return process_credentials_next(process, &answer, &want, ret_credentials, &text);
}

static struct credential_answer printed(const char *output, int exit_status)
{
    return (struct credential_answer){
        .kind = CREDENTIAL_WANT_PROCESS,
        .unix_seconds = NOW,
        .text = bytes_of_text(output),
        .exit_status = exit_status,
    };
}

static void what_a_process_should_not_print(void **state)
{
    (void)state;
    static const struct {
        const char *output;
        int exit_status;
        enum err err;
        const char *says;
    } cases[] = {
        {"hunter2", 1, ERR_NO_CREDENTIALS, "profile \"me\": tool ended with exit status 1"},
        {PRINTED(""), 137, ERR_NO_CREDENTIALS, "exit status 137"},
        {"", 0, ERR_NO_CREDENTIALS, "what tool printed is no JSON object"},
        {"hunter2", 0, ERR_NO_CREDENTIALS, "is no JSON object"},
        {"[\"hunter2\"]", 0, ERR_NO_CREDENTIALS, "is no JSON object"},
        {PRINTED("") PRINTED(""), 0, ERR_NO_CREDENTIALS, "is no JSON object"},
        {"{" KEYS("SessionToken") "}", 0, ERR_NO_CREDENTIALS, "has no Version"},
        {"{\"Version\":2," KEYS("SessionToken") "}", 0, ERR_NO_CREDENTIALS, "has another Version than 1"},
        {"{\"Version\":0," KEYS("SessionToken") "}", 0, ERR_NO_CREDENTIALS, "has another Version than 1"},
        {"{\"Version\":\"1\"," KEYS("SessionToken") "}", 0, ERR_NO_CREDENTIALS, "has another Version than 1"},
        {"{\"Version\":1,\"SecretAccessKey\":\"hunter2\"}", 0, ERR_NO_CREDENTIALS, "has no AccessKeyId"},
        {"{\"Version\":1,\"AccessKeyId\":\"A\"}", 0, ERR_NO_CREDENTIALS, "has no SecretAccessKey"},
        {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":7}", 0, ERR_NO_CREDENTIALS,
         "has no SecretAccessKey"},
        {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter2\",\"SessionToken\":7}", 0,
         ERR_NO_CREDENTIALS, "has no SessionToken"},
        {"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter2\\n\"}", 0, ERR_NO_CREDENTIALS,
         "has a key or a token that has blanks"},
        {PRINTED(",\"Expiration\":\"hunter2\""), 0, ERR_NO_CREDENTIALS, "has an Expiration that is no time"},
        {PRINTED(",\"Expiration\":1709208000"), 0, ERR_NO_CREDENTIALS, "has an Expiration that is no time"},
        {PRINTED(",\"Expiration\":\"1970-01-01T00:00:00Z\""), 0, ERR_CREDENTIALS, "has expired at"},
        {PRINTED(",\"Expiration\":\"1970-01-01T00:00:00+01:00\""), 0, ERR_CREDENTIALS, "has expired at"},
        {PRINTED(",\"Expiration\":\"2024-02-29T12:00:00Z\""), 0, ERR_CREDENTIALS,
         "has expired at 2024-02-29T12:00:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
        assert_err(print(printed(cases[i].output, cases[i].exit_status), &credentials), cases[i].err);
        assert_words((const char *const[]){"credential_process of profile \"me\": ", cases[i].says}, 2);
        assert_string_equal(credentials.access_key_id, "");
    }
}

static void a_process_that_does_not_run(void **state)
{
    (void)state;
    AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
    assert_err(print(failure(ERR_CONFIG, "tool cannot be started: no"), &credentials), ERR_CONFIG);
    assert_string_equal(words, "credential_process of profile \"me\": tool cannot be started: no");
    assert_err(print(failure(ERR_TIMEOUT, "tool did not end in time"), &credentials), ERR_TIMEOUT);
    assert_err(print(failure(ERR_TOO_LONG, "tool printed too much"), &credentials), ERR_NO_CREDENTIALS);
}

static void what_a_process_may_print(void **state)
{
    (void)state;
    static const struct {
        const char *output;
        const char *token; /* NULL: none */
        int64_t expires_unix_s;
    } cases[] = {
        {PRINTED(""), "tok", 0},
        {PRINTED(",\"Expiration\":null,\"AccountId\":\"1\",\"x\":[]") "\n", "tok", 0},
        {PRINTED(",\"Expiration\":\"" LATER "\""), "tok", NOW + 3600},
        {PRINTED(",\"Expiration\":\"2024-02-29T15:00:00.5+02:00\""), "tok", NOW + 3600},
        {"{\"Version\":1.0,\"AccessKeyId\":\"ASIAX\",\"SecretAccessKey\":\"hunter2\",\"SessionToken\":null}", NULL, 0},
        {" {\"Version\":1,\"AccessKeyId\":\"ASIAX\",\"SecretAccessKey\":\"hunter2\",\"SessionToken\":\"\"}", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(aws_credentials_wipe) struct aws_credentials credentials = {0};
        assert_ok(print(printed(cases[i].output, 0), &credentials));
        assert_string_equal(credentials.access_key_id, "ASIAX");
        assert_string_equal(credentials.secret_access_key.reveal, "hunter2");
        assert_int_equal(credentials.source, AWS_CREDENTIALS_PROCESS);
        assert_int_equal(credentials.expires_unix_s, cases[i].expires_unix_s);
        assert_int_equal(secret_is_set(&credentials.session_token), cases[i].token != NULL);
    }
}

/* ---- a container ---- */

#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

struct container {
    struct given_config given;
    struct aws_config *config;
    struct container_credentials *machine;
    struct credential_want want;
    struct aws_credentials credentials;
    struct text why;
};

static void close_container(struct container *container)
{
    container_credentials_free(&container->machine);
    aws_config_free(&container->config);
    aws_credentials_wipe(&container->credentials);
}

static enum err open_container(struct container *container)
{
    container->why = why();
    assert_ok(given_config_open(&container->given, &container->config, &container->why));
    return container_credentials_new(container->config, &container->machine, &container->why);
}

static enum err step(struct container *container, struct credential_answer answer)
{
    return container_credentials_next(container->machine, &answer, &container->want, &container->credentials,
                                      &container->why);
}

static const char *header_of(const struct aws_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, name) == 0) {
            return request->headers[i].value;
        }
    }
    return NULL;
}

static void hosts_that_get_no_token(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *says;
    } cases[] = {
        {FULL, "http://example.com/x", "names example.com"},
        {FULL, "http://169.254.170.3/", "names 169.254.170.3"},
        {FULL, "http://169.254.169.254/", "names 169.254.169.254"},
        {FULL, "http://127.0.0.1.example.com/", "names 127.0.0.1.example.com"},
        {FULL, "http://localhost.example.com/", "names"},
        {FULL, "http://[fd00:ec2::24]/", "names fd00:ec2::24"},
        {FULL, "http://[::ffff:10.0.0.1]/", "names"},
        {FULL, "http://10.0.0.1/", "names"},
        {FULL, "ws://127.0.0.1/", "names 127.0.0.1"},
        {FULL, "http://169.254.170.2@example.com/", "is no URL"},
        {FULL, "/v2/credentials", "is no URL"},
        {FULL, "file:///etc/passwd", "is no URL"},
        {RELATIVE, "@example.com/", "is no path that begins with a slash"},
        {RELATIVE, ".example.com/", "is no path that begins with a slash"},
        {RELATIVE, ":80@example.com/", "is no path that begins with a slash"},
        {RELATIVE, "/a b", "is no path that begins with a slash"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(close_container)
        struct container container = {.given = {.environment = {{cases[i].name, cases[i].value}, {TOKEN, "hunter2"}}}};
        assert_err(open_container(&container), ERR_CONFIG);
        assert_words((const char *const[]){cases[i].name, cases[i].says}, 2);
    }
    AUTO(close_container) struct container none = {.given = {.environment = {{FULL, ""}}}};
    assert_err(open_container(&none), ERR_NO_CREDENTIALS);
    assert_false(container_credentials_are_offered(none.config));
}

static void hosts_that_get_a_token(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *url;
    } cases[] = {
        {RELATIVE, "/v2/credentials/x?y=z", "http://169.254.170.2/v2/credentials/x?y=z"},
        {FULL, "http://localhost:8080/c", "http://localhost:8080/c"},
        {FULL, "http://127.1.2.3/c", "http://127.1.2.3/c"},
        {FULL, "http://[::1]:99/c", "http://[::1]:99/c"},
        {FULL, "http://169.254.170.2/c", "http://169.254.170.2/c"},
        {FULL, "http://169.254.170.23/v1/credentials", "http://169.254.170.23/v1/credentials"},
        {FULL, "http://[fd00:ec2:0::0:23]/v1/credentials", "http://[fd00:ec2:0::0:23]/v1/credentials"},
        {FULL, "https://example.com/c", "https://example.com/c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(close_container)
        struct container container = {.given = {.environment = {{cases[i].name, cases[i].value}, {TOKEN, "Bearer t"}}}};
        assert_ok(open_container(&container));
        assert_true(container_credentials_are_offered(container.config));
        assert_err(step(&container, start()), ERR_AGAIN);
        assert_int_equal(container.want.kind, CREDENTIAL_WANT_CALL);
        assert_true(container.want.is_direct && container.want.tries == 3 && container.want.timeout_us == 2000000);
        assert_null(container.want.signer);
        const struct aws_request *request = container.want.request;
        char memory[256];
        struct text url = text_in(memory, sizeof memory);
        endpoint_put_url(&request->url, &url);
        assert_string_equal(memory, cases[i].url);
        assert_string_equal(request->method, "GET");
        assert_null(request->signing_name);
        assert_string_equal(header_of(request, "Authorization"), "Bearer t");
        assert_string_equal(header_of(request, "Accept"), "application/json");
        assert_ok(step(&container, reply(200, GIVEN(",\"RoleArn\":\"x\""))));
        assert_string_equal(container.credentials.session_token.reveal, "tok");
        assert_int_equal(container.credentials.expires_unix_s, NOW + 3600);
        assert_int_equal(container.credentials.source, AWS_CREDENTIALS_CONTAINER);
    }
}

/* The relative URI wins over the full one, and the file over the variable. */
static void what_wins(void **state)
{
    (void)state;
    AUTO(close_container)
    struct container container = {
        .given = {.environment = {
                      {FULL, "http://localhost/"}, {RELATIVE, "/r"}, {TOKEN, "variable"}, {TOKEN_FILE, "/run/token"}}}};
    assert_ok(open_container(&container));
    assert_err(step(&container, start()), ERR_AGAIN);
    assert_int_equal(container.want.kind, CREDENTIAL_WANT_FILE);
    assert_string_equal(container.want.path, "/run/token");
    struct credential_answer file = {.kind = CREDENTIAL_WANT_FILE, .text = bytes_of_text("of the file")};
    assert_err(step(&container, file), ERR_AGAIN);
    assert_string_equal(container.want.request->url.host, "169.254.170.2");
    assert_string_equal(header_of(container.want.request, "Authorization"), "of the file");
}

static void tokens_that_cannot_be_sent(void **state)
{
    (void)state;
    static const char *const wrong[] = {"hunter2\n", "a\r\nHost: hunter2", "a\nb"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        AUTO(close_container)
        struct container by_file = {.given = {.environment = {{RELATIVE, "/"}, {TOKEN_FILE, "/t"}}}};
        assert_ok(open_container(&by_file));
        assert_err(step(&by_file, start()), ERR_AGAIN);
        struct credential_answer file = {.kind = CREDENTIAL_WANT_FILE, .text = bytes_of_text(wrong[i])};
        assert_err(step(&by_file, file), ERR_CONFIG);
        assert_words((const char *const[]){"the token in /t has a line's end"}, 1);
        AUTO(close_container)
        struct container by_value = {.given = {.environment = {{RELATIVE, "/"}, {TOKEN, wrong[i]}}}};
        assert_ok(open_container(&by_value));
        assert_err(step(&by_value, start()), ERR_CONFIG);
        assert_words((const char *const[]){"the token in " TOKEN " has a line's end"}, 1);
    }
    static const struct {
        struct credential_answer answer;
        enum err err;
        const char *says;
    } files[] = {
        {{.text = {NULL, 0}}, ERR_NO_CREDENTIALS, TOKEN_FILE ": /t is not there"},
        {{.text = {(const uint8_t *)"", 0}}, ERR_CONFIG, "is empty"},
        {{.text = {(const uint8_t *)"a\0b", 3}}, ERR_CONFIG, "NUL"},
        {{.err = ERR_CONFIG, .why = "/t cannot be read: no"}, ERR_CONFIG, TOKEN_FILE ": /t cannot be read: no"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        AUTO(close_container)
        struct container container = {.given = {.environment = {{RELATIVE, "/"}, {TOKEN_FILE, "/t"}}}};
        assert_ok(open_container(&container));
        assert_err(step(&container, start()), ERR_AGAIN);
        assert_err(step(&container, files[i].answer), files[i].err);
        assert_words(&files[i].says, 1);
    }
}

static void what_a_container_should_not_be_told(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum err err;
        const char *says;
    } cases[] = {
        {403, "{\"code\":\"AccessDenied\",\"message\":\"not\\nyou\"}", ERR_CREDENTIALS,
         "HTTP status 403: AccessDenied: not?you"},
        {400, "<html>", ERR_CREDENTIALS, "answered with HTTP status 400"},
        {500, "{\"message\":\"later\"}", ERR_SERVICE, "HTTP status 500: later"},
        {429, "", ERR_SERVICE, "HTTP status 429"},
        {302, "", ERR_NO_CREDENTIALS, "HTTP status 302"},
        {200, "", ERR_NO_CREDENTIALS, "is no JSON object"},
        {200, "{\"Code\":\"Success\"}", ERR_NO_CREDENTIALS, "has no AccessKeyId"},
        {200, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter2\",\"Expiration\":\"" LATER "\"}",
         ERR_NO_CREDENTIALS, "has no Token"},
        {200, "{" KEYS("Token") "}", ERR_NO_CREDENTIALS, "has no Expiration"},
        {200, "{" KEYS("Token") ",\"Expiration\":\"2024-02-29T11:59:59Z\"}", ERR_CREDENTIALS, "has expired at"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(close_container) struct container container = {.given = {.environment = {{RELATIVE, "/"}}}};
        assert_ok(open_container(&container));
        assert_err(step(&container, start()), ERR_AGAIN);
        assert_null(header_of(container.want.request, "Authorization"));
        assert_err(step(&container, reply(cases[i].status, cases[i].body)), cases[i].err);
        assert_words((const char *const[]){"the container's credential endpoint 169.254.170.2 ", cases[i].says}, 2);
        assert_string_equal(container.credentials.access_key_id, "");
    }
    AUTO(close_container) struct container container = {.given = {.environment = {{RELATIVE, "/"}}}};
    assert_ok(open_container(&container));
    assert_err(step(&container, start()), ERR_AGAIN);
    assert_err(step(&container, failure(ERR_UNREACHABLE, "no route")), ERR_UNREACHABLE);
    assert_words((const char *const[]){"the container's credential endpoint: no route"}, 1);
}

/* ---- the instance metadata service ---- */

struct instance {
    struct given_config given;
    enum imds_item item;
    struct aws_config *config;
    struct imds *imds;
    struct credential_want want;
    struct aws_credentials credentials;
    char region[LIMIT_REGION + 1];
    struct text why;
};

static void close_instance(struct instance *instance)
{
    imds_free(&instance->imds);
    aws_config_free(&instance->config);
    aws_credentials_wipe(&instance->credentials);
}

static enum err next(struct instance *instance, struct credential_answer answer)
{
    if (instance->item == IMDS_REGION) {
        return imds_next_region(instance->imds, &answer, &instance->want, instance->region, &instance->why);
    }
    return imds_next(instance->imds, &answer, &instance->want, &instance->credentials, &instance->why);
}

static enum err open_instance(struct instance *instance)
{
    instance->why = why();
    assert_ok(given_config_open(&instance->given, &instance->config, &instance->why));
    assert_ok(imds_new(instance->config, instance->item, &instance->imds));
    return next(instance, start());
}

/* What is asked for now: "PUT http://...", and the session token in it. */
static void assert_asks(const struct instance *instance, const char *expected, const char *token)
{
    char memory[512];
    struct text text = text_in(memory, sizeof memory);
    text_format(&text, "%s ", instance->want.request->method);
    endpoint_put_url(&instance->want.request->url, &text);
    assert_string_equal(memory, expected);
    const char *sent = header_of(instance->want.request, "X-aws-ec2-metadata-token");
    assert_int_equal(sent == NULL, token == NULL);
    if (sent != NULL && token != NULL) {
        assert_string_equal(sent, token);
    }
    assert_true(instance->want.is_direct && instance->want.kind == CREDENTIAL_WANT_CALL);
    assert_null(instance->want.signer);
}

#define AT "http://169.254.169.254/latest/"
#define ROLES AT "meta-data/iam/security-credentials/"

static void settings_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        enum err err;
        const char *says;
    } cases[] = {
        {{.environment = {{"AWS_EC2_METADATA_DISABLED", "True"}}},
         ERR_NO_CREDENTIALS,
         "AWS_EC2_METADATA_DISABLED is true"},
        {{.environment = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://example.com/"}}},
         ERR_CONFIG,
         "names example.com"},
        {{.environment = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "x"}}}, ERR_CONFIG, "is no URL"},
        {{.environment = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://localhost/?x"}}}, ERR_CONFIG, "is no URL"},
        {{.config = "[default]\nec2_metadata_service_endpoint = http://169.254.169.25\n"},
         ERR_CONFIG,
         "ec2_metadata_service_endpoint names 169.254.169.25"},
        {{.environment = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "v6"}}}, ERR_CONFIG, "neither IPv4 nor IPv6: v6"},
        {{.config = "[default]\nmetadata_service_timeout = 0\n"}, ERR_CONFIG, "metadata_service_timeout is no number"},
        {{.environment = {{"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "x"}}}, ERR_CONFIG, "NUM_ATTEMPTS is no number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (enum imds_item item = IMDS_CREDENTIALS; item <= IMDS_REGION; item++) {
            AUTO(close_instance) struct instance instance = {.given = cases[i].given, .item = item};
            assert_err(open_instance(&instance), cases[i].err);
            assert_words(&cases[i].says, 1);
        }
    }
}

static void settings_say_where_it_answers(void **state)
{
    (void)state;
    static const struct {
        struct given_config given;
        const char *asks;
        int64_t timeout_us;
        int tries;
    } cases[] = {
        {{.environment = {{NULL}}}, "PUT " AT "api/token", 750000, 1},
        {{.environment = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6"}}},
         "PUT http://[fd00:ec2::254]/latest/api/token",
         750000,
         1},
        {{.config = "[default]\nec2_metadata_service_endpoint_mode = IPv6\n",
          .environment = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4"}}},
         "PUT " AT "api/token",
         750000,
         1},
        {{.config = "[default]\nimds_use_ipv6 = true\n"}, "PUT http://[fd00:ec2::254]/latest/api/token", 750000, 1},
        {{.config = "[default]\nec2_metadata_service_endpoint = http://localhost:99/base\n"},
         "PUT http://localhost:99/base/latest/api/token",
         750000,
         1},
        {{.config = "[default]\nec2_metadata_service_endpoint = http://localhost:99/\n",
          .environment = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "https://example.com"}}},
         "PUT https://example.com/latest/api/token",
         750000,
         1},
        {{.config = "[default]\nmetadata_service_timeout = 4\nmetadata_service_num_attempts = 3\n"},
         "PUT " AT "api/token",
         3000000,
         3},
        {{.config = "[default]\nec2_metadata_v1_disabled = true\n"}, "PUT " AT "api/token", 1000000, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(close_instance) struct instance instance = {.given = cases[i].given};
        assert_err(open_instance(&instance), ERR_AGAIN);
        assert_asks(&instance, cases[i].asks, NULL);
        assert_string_equal(header_of(instance.want.request, "X-aws-ec2-metadata-token-ttl-seconds"), "21600");
        assert_int_equal(instance.want.timeout_us, cases[i].timeout_us);
        assert_int_equal(instance.want.tries, cases[i].tries);
    }
}

static void credentials_by_a_token(void **state)
{
    (void)state;
    AUTO(close_instance) struct instance instance = {.item = IMDS_CREDENTIALS};
    assert_err(open_instance(&instance), ERR_AGAIN);
    assert_err(next(&instance, reply(200, "session")), ERR_AGAIN);
    assert_asks(&instance, "GET " ROLES, "session");
    assert_int_equal(instance.want.timeout_us, 1000000);
    assert_err(next(&instance, reply(200, "a-role\n")), ERR_AGAIN);
    assert_asks(&instance, "GET " ROLES "a-role", "session");
    assert_ok(next(&instance, reply(200, GIVEN(",\"Code\":\"Success\",\"Type\":\"AWS-HMAC\""))));
    assert_string_equal(instance.credentials.access_key_id, "ASIAX");
    assert_int_equal(instance.credentials.source, AWS_CREDENTIALS_INSTANCE);
    assert_int_equal(instance.credentials.expires_unix_s, NOW + 3600);
}

/* What makes the client ask without a token, and what comes of it where that is disabled. */
static void without_a_token(void **state)
{
    (void)state;
    const struct {
        struct credential_answer answer;
        const char *refusal; /* without IMDSv1 */
        int64_t timeout_us;
    } cases[] = {
        {reply(404, ""), "gives no token (HTTP status 404)", 1000000},
        {reply(403, ""), "gives no token (HTTP status 403)", 1000000},
        {reply(405, "x"), "gives no token (HTTP status 405)", 1000000},
        {reply(500, "x"), "gives no token (HTTP status 500)", 1000000},
        {reply(200, "a\nb"), "gives no token (what it gave is none)", 1000000},
        {failure(ERR_TIMEOUT, "no answer"), "no instance metadata service answers at 169.254.169.254 (no answer)",
         250000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(close_instance) struct instance instance = {.item = IMDS_CREDENTIALS};
        assert_err(open_instance(&instance), ERR_AGAIN);
        assert_err(next(&instance, cases[i].answer), ERR_AGAIN);
        assert_asks(&instance, "GET " ROLES, NULL);
        assert_int_equal(instance.want.timeout_us, cases[i].timeout_us);
        assert_err(next(&instance, reply(200, "r")), ERR_AGAIN);
        assert_int_equal(instance.want.timeout_us, 1000000);
        assert_ok(next(&instance, reply(200, GIVEN(""))));

        AUTO(close_instance)
        struct instance strict = {.given = {.environment = {{"AWS_EC2_METADATA_V1_DISABLED", "true"}}}};
        assert_err(open_instance(&strict), ERR_AGAIN);
        assert_err(next(&strict, cases[i].answer), ERR_NO_CREDENTIALS);
        assert_words(&cases[i].refusal, 1);
    }
}

static void no_service(void **state)
{
    (void)state;
    AUTO(close_instance) struct instance refused = {.item = IMDS_CREDENTIALS};
    assert_err(open_instance(&refused), ERR_AGAIN);
    assert_err(next(&refused, failure(ERR_UNREACHABLE, "refused")), ERR_NO_CREDENTIALS);
    assert_words((const char *const[]){"no instance metadata service answers at 169.254.169.254 (refused)"}, 1);
    AUTO(close_instance) struct instance silent = {.item = IMDS_REGION};
    assert_err(open_instance(&silent), ERR_AGAIN);
    int64_t budget_us = silent.want.timeout_us;
    assert_err(next(&silent, failure(ERR_TIMEOUT, "silence")), ERR_AGAIN);
    assert_int_equal(budget_us + silent.want.timeout_us, 1000000);
    assert_err(next(&silent, failure(ERR_TIMEOUT, "silence")), ERR_NO_CREDENTIALS);
}

/* Of 136 characters: what is left of it when it is cut would be another role. */
#define LONG_NAME_PART "0123456789abcdefghijklmnopqrstuvwx"
#define LONG_NAME LONG_NAME_PART LONG_NAME_PART LONG_NAME_PART LONG_NAME_PART

static struct credential_answer with_nul(const char *body)
{
    struct credential_answer answer = reply(200, body);
    answer.reply.body.len++;
    return answer;
}

static void what_an_instance_should_not_be_told(void **state)
{
    (void)state;
    const struct {
        struct credential_answer role;
        struct credential_answer credentials; /* when the role is one */
        enum err err;
        const char *says;
    } cases[] = {
        {reply(404, ""), start(), ERR_NO_CREDENTIALS, "at 169.254.169.254 has no role for this instance"},
        {reply(200, ""), start(), ERR_NO_CREDENTIALS, "has no role for this instance"},
        {reply(200, "../../user-data"), start(), ERR_NO_CREDENTIALS, "gives no role's name"},
        {reply(200, ".."), start(), ERR_NO_CREDENTIALS, "gives no role's name"},
        {reply(200, "<html>"), start(), ERR_NO_CREDENTIALS, "gives no role's name"},
        {reply(200, LONG_NAME), start(), ERR_NO_CREDENTIALS, "gives no role's name"},
        {with_nul("role"), start(), ERR_NO_CREDENTIALS, "gives no role's name"},
        {reply(401, ""), start(), ERR_NO_CREDENTIALS, "answered with HTTP status 401"},
        {reply(503, ""), start(), ERR_SERVICE, "answered with HTTP status 503"},
        {failure(ERR_TIMEOUT, "slow"), start(), ERR_TIMEOUT, "the instance metadata service: slow"},
        {reply(200, "r"), reply(404, ""), ERR_NO_CREDENTIALS, "has no role"},
        {reply(200, "r"), reply(200, "hunter2"), ERR_NO_CREDENTIALS, "is no JSON object"},
        {reply(200, "r"), reply(200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 may not\"}"),
         ERR_NO_CREDENTIALS, "has no credentials of role r: AssumeRoleUnauthorizedAccess: EC2 may not"},
        {reply(200, "r"), reply(200, "{" KEYS("Token") "}"), ERR_NO_CREDENTIALS, "has no Expiration"},
        {reply(200, "r"), reply(200, "{" KEYS("SessionToken") "}"), ERR_NO_CREDENTIALS, "has no Token"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(close_instance) struct instance instance = {.item = IMDS_CREDENTIALS};
        assert_err(open_instance(&instance), ERR_AGAIN);
        assert_err(next(&instance, reply(200, "session")), ERR_AGAIN);
        enum err err = next(&instance, cases[i].role);
        err = err == ERR_AGAIN ? next(&instance, cases[i].credentials) : err;
        assert_err(err, cases[i].err);
        assert_words(&cases[i].says, 1);
        assert_string_equal(instance.credentials.access_key_id, "");
    }
}

/* The service gives out the last ones when it cannot renew them. */
static void expired_credentials_are_used(void **state)
{
    (void)state;
    AUTO(close_instance) struct instance instance = {.item = IMDS_CREDENTIALS};
    assert_err(open_instance(&instance), ERR_AGAIN);
    assert_err(next(&instance, reply(200, "session")), ERR_AGAIN);
    assert_err(next(&instance, reply(200, "r")), ERR_AGAIN);
    assert_ok(next(&instance, reply(200, "{" KEYS("Token") ",\"Expiration\":\"2024-02-28T12:00:00Z\"}")));
    assert_int_equal(instance.credentials.expires_unix_s, NOW + 900);
}

static void the_region(void **state)
{
    (void)state;
    const struct {
        struct credential_answer answer;
        enum err err;
        const char *says;
    } cases[] = {
        {reply(200, "eu-west-1"), ERR_OK, ""},
        {reply(200, ""), ERR_NO_CREDENTIALS, "gives no region's name"},
        {with_nul("eu-west-1"), ERR_NO_CREDENTIALS, "gives no region's name"},
        {reply(200, "eu-west-1.example.com"), ERR_NO_CREDENTIALS, "gives no region's name"},
        {reply(404, ""), ERR_NO_CREDENTIALS, "does not tell the region"},
        {reply(500, ""), ERR_SERVICE, "HTTP status 500"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(close_instance) struct instance instance = {.item = IMDS_REGION};
        assert_err(open_instance(&instance), ERR_AGAIN);
        assert_err(next(&instance, reply(200, "session")), ERR_AGAIN);
        assert_asks(&instance, "GET " AT "meta-data/placement/region", "session");
        assert_err(next(&instance, cases[i].answer), cases[i].err);
        assert_string_equal(instance.region, cases[i].err == ERR_OK ? "eu-west-1" : "");
        assert_words(&cases[i].says, 1);
    }
}

/* ---- who asks ---- */

static void the_terminal_or_a_program(void **state)
{
    (void)state;
    struct {
        struct given_config given;
        const char *program;
        bool is_first;
    } cases[] = {
        {{.environment = {{NULL}}}, NULL, false},
        {{.environment = {{"SSH_ASKPASS", "/p"}}}, NULL, false},
        {{.environment = {{"SSH_ASKPASS", "/p"}, {"DISPLAY", ":0"}}}, "/p", false},
        {{.environment = {{"DISPLAY", ":0"}}}, "/usr/bin/ssh-askpass", false},
        {{.environment = {{"SSH_ASKPASS", "/p"}, {"SSH_ASKPASS_REQUIRE", "prefer"}}}, NULL, false},
        {{.environment = {{"SSH_ASKPASS", "/p"}, {"WAYLAND_DISPLAY", "w"}, {"SSH_ASKPASS_REQUIRE", "Prefer"}}},
         "/p",
         true},
        {{.environment = {{"SSH_ASKPASS", "/p"}, {"SSH_ASKPASS_REQUIRE", "force"}}}, "/p", true},
        {{.environment = {{"SSH_ASKPASS", "/p"}, {"DISPLAY", ":0"}, {"SSH_ASKPASS_REQUIRE", "never"}}}, NULL, false},
        {{.environment = {{"SSH_ASKPASS", "/p"}, {"DISPLAY", ":0"}, {"SSH_ASKPASS_REQUIRE", "x"}}}, "/p", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct aws_config_environment environment = {given_variable, &cases[i].given};
        struct askpass askpass = askpass_choose(&environment);
        assert_int_equal(askpass.program == NULL, cases[i].program == NULL);
        if (askpass.program != NULL && cases[i].program != NULL) {
            assert_string_equal(askpass.program, cases[i].program);
        }
        assert_int_equal(askpass.is_first, cases[i].is_first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_that_make_no_sense),
        cmocka_unit_test(commands_are_split_as_by_shlex),
        cmocka_unit_test(what_a_process_should_not_print),
        cmocka_unit_test(a_process_that_does_not_run),
        cmocka_unit_test(what_a_process_may_print),
        cmocka_unit_test(hosts_that_get_no_token),
        cmocka_unit_test(hosts_that_get_a_token),
        cmocka_unit_test(what_wins),
        cmocka_unit_test(tokens_that_cannot_be_sent),
        cmocka_unit_test(what_a_container_should_not_be_told),
        cmocka_unit_test(settings_that_make_no_sense),
        cmocka_unit_test(settings_say_where_it_answers),
        cmocka_unit_test(credentials_by_a_token),
        cmocka_unit_test(without_a_token),
        cmocka_unit_test(no_service),
        cmocka_unit_test(what_an_instance_should_not_be_told),
        cmocka_unit_test(expired_credentials_are_used),
        cmocka_unit_test(the_region),
        cmocka_unit_test(the_terminal_or_a_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
