#include "tests/support/unit.h"

#include "common/text.h"
#include "proxy/core/target.h"

static void refuses_what_is_no_target(void **state)
{
    (void)state;
    struct target target = {.kind = TARGET_NAME, .text = "before"};
    static const char *const refused[] = {"", "a\nb", "a\tb", "\x7f", "a\x1b[31m"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_err(target_parse(refused[i], &target), ERR_USAGE);
    }
    char long_name[LIMIT_TARGET + 2];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[LIMIT_TARGET + 1] = '\0';
    assert_err(target_parse(long_name, &target), ERR_USAGE);
    assert_string_equal(target.text, "before");
    long_name[LIMIT_TARGET] = '\0';
    assert_ok(target_parse(long_name, &target));
    assert_string_equal(target.text, long_name);
}

static void refuses_what_is_no_port(void **state)
{
    (void)state;
    uint16_t port = 7;
    static const char *const refused[] = {"",    "0",   "00",  "022",   "65536", "99999",      "100000",
                                          "-1",  "+22", "22 ", " 22",   "22x",   "0x16",       "2 2",
                                          "ssh", "1e3", "22.", "22\n2", "٢٢",    "4294967318", "18446744073709551638"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_err(target_parse_port(refused[i], &port), ERR_USAGE);
    }
    assert_int_equal(port, 7);
}

static void reads_ports(void **state)
{
    (void)state;
    for (unsigned wanted = 1; wanted <= UINT16_MAX; wanted++) {
        char text[8];
        snprintf(text, sizeof text, "%u", wanted);
        uint16_t port = 0;
        assert_ok(target_parse_port(text, &port));
        assert_int_equal(port, wanted);
    }
}

#define TASK "ecs:my_cluster_0123456789abcdef0123456789abcdef_0123456789abcdef0123456789abcdef-0527074092"

static void classifies(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum target_kind kind;
    } cases[] = {
        {"i-0123456789abcdef0", TARGET_INSTANCE},
        {"i-01234567", TARGET_INSTANCE},
        {"mi-0123456789abcdef0", TARGET_MANAGED_NODE},
        {TASK, TARGET_TASK},
        {"ecs:c_t_r", TARGET_TASK},
        {"10.0.0.12", TARGET_ADDRESS},
        {"2001:db8::12", TARGET_ADDRESS},
        {"tag:env=prod", TARGET_TAG},
        {"i-0123456", TARGET_NAME},
        {"i-012345678", TARGET_NAME},
        {"i-0123456789abcdef01", TARGET_NAME},
        {"i-0123456789ABCDEF0", TARGET_NAME},
        {"i-0123456789abcdeg0", TARGET_NAME},
        {"I-01234567", TARGET_NAME},
        {"mi-01234567", TARGET_NAME},
        {"mi-0123456789abcdef", TARGET_NAME},
        {" i-01234567", TARGET_NAME},
        {"i-01234567 ", TARGET_NAME},
        {"i-", TARGET_NAME},
        {"mi-", TARGET_NAME},
        {"web server 1", TARGET_NAME},
        {"-oProxyCommand=x", TARGET_NAME},
        {"größe", TARGET_NAME},
        {"ecs:cluster", TARGET_NAME},
        {"ecs:cluster_task", TARGET_NAME},
        {"ecs:cluster__runtime", TARGET_NAME},
        {"ecs:_task_runtime", TARGET_NAME},
        {"ecs:cluster_task_", TARGET_NAME},
        {"ecs:cluster_task_run time", TARGET_NAME},
        {"10.0.0.256", TARGET_NAME},
        {"10.0.0", TARGET_NAME},
        {"10.0.0.012", TARGET_NAME},
        {"[10.0.0.12]", TARGET_NAME},
        {"[2001:db8::12", TARGET_NAME},
        {"2001:db8::12%eth0", TARGET_NAME},
        {"[]", TARGET_NAME},
        {"ec2.internal", TARGET_NAME},
        {".ec2.internal", TARGET_NAME},
        {"a.b.ec2.internal", TARGET_NAME},
        {"a;b.ec2.internal", TARGET_NAME},
        {"db.nowhere.compute.internal", TARGET_NAME},
        {"eu-west-1.compute.internal", TARGET_NAME},
        {"db1.corp.example", TARGET_NAME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct target target;
        assert_ok(target_parse(cases[i].text, &target));
        assert_string_equal(target.text, cases[i].text);
        if (target.kind != cases[i].kind) {
            fail_msg("%s: kind %d", cases[i].text, (int)target.kind);
        }
        assert_int_equal(target_is_id(&target), cases[i].kind <= TARGET_TASK);
        assert_string_equal(target.region, "");
        assert_string_equal(target.profile, "");
        if (cases[i].kind == TARGET_NAME) {
            assert_string_equal(target.tag_key, "Name");
            assert_string_equal(target_tag_value(&target), cases[i].text);
        }
    }
}

static void takes_tags_apart(void **state)
{
    (void)state;
    static const char *const refused[] = {"tag:", "tag:env", "tag:=prod", "tag::prod", "tag:env=", "tag:env:"};
    static const struct {
        const char *text, *key, *value;
    } cases[] = {
        {"tag:env=prod", "env", "prod"},
        {"tag:env:prod", "env", "prod"},
        {"tag:env=a=b", "env", "a=b"},
        {"tag:aws:autoscaling:groupName:web", "aws:autoscaling:groupName", "web"},
        {"tag:aws:autoscaling:groupName=web:1", "aws:autoscaling:groupName", "web:1"},
        {"tag:Name=web server", "Name", "web server"},
    };
    struct target target;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_err(target_parse(refused[i], &target), ERR_USAGE);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(target_parse(cases[i].text, &target));
        assert_int_equal(target.kind, TARGET_TAG);
        assert_string_equal(target.tag_key, cases[i].key);
        assert_string_equal(target_tag_value(&target), cases[i].value);
    }
    char text[LIMIT_TARGET + 1] = "tag:";
    memset(text + 4, 'k', LIMIT_TAG_KEY + 1);
    memcpy(text + 4 + LIMIT_TAG_KEY, "=v", 3);
    assert_ok(target_parse(text, &target));
    memcpy(text + 4 + LIMIT_TAG_KEY, "k=v", 4);
    assert_err(target_parse(text, &target), ERR_USAGE);
}

static void writes_addresses_as_aws_does(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[2001:db8::12]", "2001:db8::12"},
        {"2001:DB8:0:0::12", "2001:db8::12"},
        {"2001:0db8:0000:0000:0000:0000:0000:0012", "2001:db8::12"},
        {"203.0.113.12", "203.0.113.12"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct target target;
        assert_ok(target_parse(cases[i][0], &target));
        assert_int_equal(target.kind, TARGET_ADDRESS);
        assert_string_equal(target.text, cases[i][1]);
    }
}

static void knows_dns_names_of_ec2(void **state)
{
    (void)state;
    static const struct {
        const char *given, *text, *region;
        enum target_kind kind;
    } cases[] = {
        {"ip-10-0-0-12.eu-west-1.compute.internal", "ip-10-0-0-12.eu-west-1.compute.internal", "eu-west-1",
         TARGET_PRIVATE_DNS},
        {"IP-10-0-0-12.ec2.internal", "ip-10-0-0-12.ec2.internal", "us-east-1", TARGET_PRIVATE_DNS},
        {"ec2-203-0-113-12.compute-1.amazonaws.com", "ec2-203-0-113-12.compute-1.amazonaws.com", "us-east-1",
         TARGET_PUBLIC_DNS},
        {"ec2-203-0-113-12.us-gov-west-1.compute.amazonaws.com", "ec2-203-0-113-12.us-gov-west-1.compute.amazonaws.com",
         "us-gov-west-1", TARGET_PUBLIC_DNS},
        {"ec2-1-2-3-4.cn-north-1.compute.amazonaws.com.cn", "ec2-1-2-3-4.cn-north-1.compute.amazonaws.com.cn",
         "cn-north-1", TARGET_PUBLIC_DNS},
        {"i-0123456789abcdef0.ec2.internal", "i-0123456789abcdef0", "us-east-1", TARGET_INSTANCE},
        {"i-0123456789abcdef0.eu-west-1.compute.internal", "i-0123456789abcdef0", "eu-west-1", TARGET_INSTANCE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct target readings[TARGET_READINGS_MAX];
        size_t count = 0;
        assert_ok(target_read(cases[i].given, readings, &count));
        assert_int_equal(count, 1);
        assert_int_equal(readings[0].kind, cases[i].kind);
        assert_string_equal(readings[0].text, cases[i].text);
        assert_string_equal(readings[0].region, cases[i].region);
    }
}

/* The readings in one line: "text@region/profile text@region ..." */
static void assert_read(const char *text, const char *expected)
{
    struct target readings[TARGET_READINGS_MAX];
    size_t count = 0;
    char memory[4 * LIMIT_TARGET];
    struct text line = text_in(memory, sizeof memory);
    assert_ok(target_read(text, readings, &count));
    for (size_t i = 0; i < count; i++) {
        text_format(&line, "%s%s", i > 0 ? " " : "", readings[i].text);
        text_format(&line, "%s%s", readings[i].region[0] != '\0' ? "@" : "", readings[i].region);
        text_format(&line, "%s%s", readings[i].profile[0] != '\0' ? "/" : "", readings[i].profile);
    }
    assert_string_equal(line.data, expected);
}

static void reads_suffixes(void **state)
{
    (void)state;
    assert_read("web", "web");
    assert_read("web.example.com", "web.example.com");
    assert_read("web.eu-west-1", "web.eu-west-1 web@eu-west-1");
    assert_read("web--eu-west-1", "web--eu-west-1 web@eu-west-1");
    assert_read("web.eu-west-1.prod", "web.eu-west-1.prod web@eu-west-1/prod");
    assert_read("web.eu-west-1.my.team", "web.eu-west-1.my.team web@eu-west-1/my.team");
    assert_read("web.prod.eu-west-1", "web.prod.eu-west-1 web.prod@eu-west-1");
    /* The last region foremost. */
    assert_read("web.eu-west-1.us-east-1", "web.eu-west-1.us-east-1 web.eu-west-1@us-east-1 web@eu-west-1/us-east-1");
    /* What begins with an id or an address is that alone. */
    assert_read("i-0123456789abcdef0.eu-west-1", "i-0123456789abcdef0@eu-west-1");
    assert_read("i-0123456789abcdef0--eu-west-1", "i-0123456789abcdef0@eu-west-1");
    assert_read("i-0123456789abcdef0--eu-west-1.prod", "i-0123456789abcdef0@eu-west-1/prod");
    assert_read("mi-0123456789abcdef0.us-gov-east-1.prod", "mi-0123456789abcdef0@us-gov-east-1/prod");
    assert_read(TASK ".ap-southeast-4", TASK "@ap-southeast-4");
    assert_read("10.0.0.12.eu-west-1", "10.0.0.12@eu-west-1");
    assert_read("[2001:db8::12].eu-west-1.prod", "2001:db8::12@eu-west-1/prod");
    assert_read("tag:env=prod.eu-west-1", "tag:env=prod.eu-west-1 tag:env=prod@eu-west-1");
    assert_read("ip-10-0-0-1.ec2.internal.us-east-1.prod", "ip-10-0-0-1.ec2.internal@us-east-1/prod");
}

static void reads_no_suffix_where_there_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "eu-west-1",      ".eu-west-1",      "--eu-west-1",   "web.eu-west-1.", "web.",         "web..",
        "web.eu-west",    "web.eu-west-123", "web.db-node-1", "web.eu-west-1a", "web.eu--1",    "web.EU-west-1",
        "web-eu-west-1",  "web-.eu-west1",   "web.us-gov-1x", "web.xx-west-1",  "i-0123.local", "web.eu-west-",
        "web.eu-west-1-", "web--eu-west-1-", "web.eu-wést-1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_read(texts[i], texts[i]);
    }
    /* A DNS name cannot be in two regions. */
    assert_read("ip-10-0-0-1.ec2.internal.eu-west-1", "ip-10-0-0-1.ec2.internal.eu-west-1");
    static const char *const regions[] = {"us-east-1",       "eu-central-2",   "ap-southeast-5", "us-gov-west-1",
                                          "cn-northwest-1",  "us-iso-east-1",  "us-isob-east-1", "eu-isoe-west-1",
                                          "us-isof-south-1", "eusc-de-east-1", "il-central-1",   "mx-central-1",
                                          "me-south-1",      "af-south-1",     "ca-west-1"};
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        char text[64];
        char expected[128];
        snprintf(text, sizeof text, "a.%s", regions[i]);
        snprintf(expected, sizeof expected, "a.%s a@%s", regions[i], regions[i]);
        assert_read(text, expected);
    }
}

static void bounds_readings(void **state)
{
    (void)state;
    struct target readings[TARGET_READINGS_MAX];
    size_t count = 0;
    assert_ok(target_read("a.eu-west-1.eu-west-1.eu-west-1.eu-west-1.eu-west-1.eu-west-1", readings, &count));
    assert_int_equal(count, TARGET_READINGS_MAX);
    char text[LIMIT_TARGET + 1] = "a.eu-west-1.";
    memset(text + 12, 'p', LIMIT_PROFILE);
    assert_ok(target_read(text, readings, &count));
    assert_int_equal(count, 2);
    text[12 + LIMIT_PROFILE] = 'p'; /* no profile has so long a name */
    assert_ok(target_read(text, readings, &count));
    assert_int_equal(count, 1);
    assert_err(target_read("", readings, &count), ERR_USAGE);
    assert_err(target_read("a\033.eu-west-1", readings, &count), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_target),
        cmocka_unit_test(refuses_what_is_no_port),
        cmocka_unit_test(reads_ports),
        cmocka_unit_test(classifies),
        cmocka_unit_test(takes_tags_apart),
        cmocka_unit_test(writes_addresses_as_aws_does),
        cmocka_unit_test(knows_dns_names_of_ec2),
        cmocka_unit_test(reads_suffixes),
        cmocka_unit_test(reads_no_suffix_where_there_is_none),
        cmocka_unit_test(bounds_readings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
