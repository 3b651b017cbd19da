/* Files that say who may what, with one line lost or spoilt: none of them is believed. */
#include "tests/support/unit.h"

#include "common/auto.h"
#include "pam_ssm/core/grant.h"
#include "pam_ssm/core/login_record.h"
#include "pam_ssm/core/rfc3339.h"

static const char grant_text[] = "ID=\"0123456789abcdef\"\n"
                                 "SESSION_ID=\"alice-1\"\n"
                                 "OWNER=\"arn:x\"\n"
                                 "REASON=\"a reason\"\n"
                                 "GRANTED_BY=\"root\"\n"
                                 "BOOT_ID=\"11111111-1111-1111-1111-111111111111\"\n"
                                 "CREATED=\"1\"\n"
                                 "NOT_AFTER=\"100\"\n"
                                 "BOOT_DEADLINE=\"50\"\n";

static const char record_text[] = "PID=\"1234\"\n"
                                  "START=\"5678\"\n"
                                  "BOOT_ID=\"11111111-1111-1111-1111-111111111111\"\n"
                                  "USER=\"ssm-user\"\n"
                                  "SERVICE=\"sshd\"\n"
                                  "PEER=\"127.0.0.1 1 127.0.0.1 22\"\n"
                                  "OPENED=\"5\"\n"
                                  "SESSION_ID=\"alice-1\"\n"
                                  "OWNER=\"arn:x\"\n"
                                  "DOCUMENT=\"AWS-StartSSHSession\"\n"
                                  "PLUGIN=\"Port\"\n"
                                  "WORKER_PID=\"7\"\n"
                                  "WORKER_START=\"4242\"\n"
                                  "WORKER_START_MS=\"1\"\n";

typedef enum err parse(char *memory, size_t len);

static enum err parse_grant(char *memory, size_t len)
{
    struct grant grant;
    return grant_parse(memory, len, &grant);
}

static enum err parse_record(char *memory, size_t len)
{
    struct login_record record;
    return login_record_parse(memory, len, &record);
}

/* `text` with the value of `key` replaced; without the line when `value` is NULL. */
static enum err parse_with(parse *parse_text, const char *text, const char *key, const char *value)
{
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted, "%s=\"", key);
    const char *line = strstr(text, wanted);
    while (line != NULL && line != text && line[-1] != '\n') {
        line = strstr(line + 1, wanted); /* the key is the end of another */
    }
    assert_non_null(line);
    size_t size = strlen(text) + LIMIT_STATE_FILE;
    AUTO_FREE char *memory = malloc(size);
    assert_non_null(memory);
    int len = snprintf(memory, size, "%.*s%s%s%s%s", (int)(line - text), text, value != NULL ? wanted : "",
                       value != NULL ? value : "", value != NULL ? "\"\n" : "", strchr(line, '\n') + 1);
    return parse_text(memory, (size_t)len);
}

static void assert_wrong(parse *parse_text, const char *text, const char *key, const char *value)
{
    if (parse_with(parse_text, text, key, value) == ERR_OK) {
        fail_msg("accepted: %s=%.40s", key, value != NULL ? value : "(no such line)");
    }
}

static void a_grant_with_a_line_lost_or_spoilt(void **state)
{
    (void)state;
    char endless[3000];
    memset(endless, 'a', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    static const char *const needed[] = {"ID",      "SESSION_ID", "OWNER",        "BOOT_ID",
                                         "CREATED", "NOT_AFTER",  "BOOT_DEADLINE"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        assert_wrong(parse_grant, grant_text, needed[i], NULL);
        assert_wrong(parse_grant, grant_text, needed[i], endless);
    }
    assert_wrong(parse_grant, grant_text, "REASON", endless);
    assert_wrong(parse_grant, grant_text, "GRANTED_BY", endless);
    assert_wrong(parse_grant, grant_text, "ID", "0123456789abcdeF");
    assert_wrong(parse_grant, grant_text, "ID", "0123456789abcde");
    assert_wrong(parse_grant, grant_text, "SESSION_ID", "../alice");
    assert_wrong(parse_grant, grant_text, "BOOT_ID", "");
    assert_wrong(parse_grant, grant_text, "NOT_AFTER", "soon");
    assert_ok(parse_with(parse_grant, grant_text, "SESSION_ID", ""));
    assert_ok(parse_with(parse_grant, grant_text, "REASON", NULL));
}

static void a_record_with_a_line_lost_or_spoilt(void **state)
{
    (void)state;
    char endless[3000];
    memset(endless, 'a', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    static const char *const needed[] = {"PID",        "START",      "BOOT_ID",      "OPENED",
                                         "SESSION_ID", "WORKER_PID", "WORKER_START", "WORKER_START_MS"};
    static const char *const texts[] = {"USER", "SERVICE", "PEER", "OWNER", "DOCUMENT", "PLUGIN"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        assert_wrong(parse_record, record_text, needed[i], NULL);
        assert_wrong(parse_record, record_text, needed[i], endless);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_wrong(parse_record, record_text, texts[i], endless);
    }
    assert_wrong(parse_record, record_text, "PID", "0");
    assert_wrong(parse_record, record_text, "START", "-1");
    assert_wrong(parse_record, record_text, "SESSION_ID", "a b");
    assert_ok(parse_with(parse_record, record_text, "PID", "4711"));
}

static void times_that_cannot_be(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "1969-12-31T23:59:59Z",      "2023x11-14T22:13:20Z",
        "2023-00-14T22:13:20Z",      "2023-13-14T22:13:20Z",
        "2023-11x14T22:13:20Z",      "2023-11-00T22:13:20Z",
        "2023-11-32T22:13:20Z",      "2023-04-31T22:13:20Z",
        "2023-11-14 22:13:20Z",      "2023-11-14T24:13:20Z",
        "2023-11-14Tx2:13:20Z",      "2023-11-14T22x13:20Z",
        "2023-11-14T22:60:20Z",      "2023-11-14T22:x3:20Z",
        "2023-11-14T22:13x20Z",      "2023-11-14T22:13:61Z",
        "2023-11-14T22:13:x0Z",      "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20",       "2023-11-14T22:13:20+24:00",
        "2023-11-14T22:13:20+x1:00", "2023-11-14T22:13:20+01x00",
        "2023-11-14T22:13:20+01:60", "2023-11-14T22:13:20+01:x0",
        "2023-11-14T22:13:20Zx",     "",
    };
    int64_t unix_ms = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (rfc3339_parse(wrong[i], &unix_ms) == ERR_OK) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
    assert_ok(rfc3339_parse("2016-12-31T23:59:60Z", &unix_ms));
    assert_ok(rfc3339_parse("2023-11-14T20:13:20-02:00", &unix_ms));
    assert_int_equal(unix_ms, 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grant_with_a_line_lost_or_spoilt),
        cmocka_unit_test(a_record_with_a_line_lost_or_spoilt),
        cmocka_unit_test(times_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
