#include "tests/support/unit.h"

#include "proxy/core/sso_token.h"

#define NOW INT64_C(1795274327) /* 2026-11-21T15:18:47Z */

static const struct sso_session session = {
    .name = "corp", .start_url = "https://corp/start", .region = "eu-west-1", .registration_scopes = "a, b"};

static void half_a_file_is_no_token(void **state)
{
    (void)state;
    static const char whole[] =
        "{\"startUrl\": \"https://corp/start\", \"region\": \"eu-west-1\", \"accessToken\": \"t\", "
        "\"expiresAt\": \"2026-11-21T16:18:47Z\"}";
    AUTO(sso_token_wipe) struct sso_token token = {.expires_unix_s = 0};
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        assert_err(sso_token_read(bytes_of(whole, len), &token), ERR_MALFORMED);
    }
    assert_ok(sso_token_read(bytes_of_text(whole), &token));
    assert_string_equal(token.access_token.reveal, "t");
    assert_int_equal(token.expires_unix_s, NOW + 3600);
    assert_false(sso_token_can_renew(&token, NOW));
}

static void garbage_is_no_token(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "[]",
        "null",
        "{}",
        "{\"accessToken\": \"t\"}",
        "{\"expiresAt\": \"2026-11-21T16:18:47Z\"}",
        "{\"accessToken\": 1, \"expiresAt\": \"2026-11-21T16:18:47Z\"}",
        "{\"accessToken\": \"\", \"expiresAt\": \"2026-11-21T16:18:47Z\"}",
        "{\"accessToken\": \"t\", \"expiresAt\": 1795274327}",
        "{\"accessToken\": \"t\", \"expiresAt\": \"soon\"}",
        "{\"accessToken\": \"t\", \"expiresAt\": \"2026-11-21T16:18:47\"}",
        "{\"accessToken\": \"t\\r\\nX: y\", \"expiresAt\": \"2026-11-21T16:18:47Z\"}",
        "{\"accessToken\": \"t\", \"expiresAt\": \"2026-11-21T16:18:47Z\"} more",
    };
    AUTO(sso_token_wipe) struct sso_token token = {.expires_unix_s = 0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (sso_token_read(bytes_of_text(cases[i]), &token) != ERR_MALFORMED || secret_is_set(&token.access_token)) {
            fail_msg("accepted: %s", cases[i]);
        }
    }
}

#define FULL(expires, client_expires, members)                                                                         \
    "{\"accessToken\": \"t\", \"expiresAt\": \"" expires "\", \"registrationExpiresAt\": \"" client_expires            \
    "\"" members "}"
#define CLIENT ", \"clientId\": \"i\", \"clientSecret\": \"s\""
#define REFRESH ", \"refreshToken\": \"r\""

static void renews_with_everything_at_hand_only(void **state)
{
    (void)state;
    static const struct {
        const char *document;
        bool can_renew;
    } cases[] = {
        {FULL("2026-11-21T15:18:47Z", "2026-11-21T15:18:48Z", CLIENT REFRESH), true},
        {FULL("2026-11-21T15:18:47Z", "2026-11-21T15:18:47Z", CLIENT REFRESH), false},
        {FULL("2026-11-21T15:18:47Z", "whenever", CLIENT REFRESH), false},
        {FULL("2026-11-21T15:18:47Z", "2027-01-01T00:00:00UTC", CLIENT), false},
        {FULL("2026-11-21T15:18:47Z", "2027-01-01T00:00:00UTC", REFRESH ", \"clientId\": \"i\""), false},
        {FULL("2026-11-21T15:18:47Z", "2027-01-01T00:00:00UTC", REFRESH ", \"clientSecret\": \"s\""), false},
        {"{\"accessToken\": \"t\", \"expiresAt\": \"2026-11-21T15:18:47+00:00\"" CLIENT REFRESH "}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(sso_token_wipe) struct sso_token token = {.expires_unix_s = 0};
        assert_ok(sso_token_read(bytes_of_text(cases[i].document), &token));
        if (sso_token_can_renew(&token, NOW) != cases[i].can_renew) {
            fail_msg("%s", cases[i].document);
        }
    }
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    static const char text[] =
        "{\"startUrl\": \"https://corp/start\", \"region\": \"eu-west-1\", \"accessToken\": \"t\", "
        "\"expiresAt\": \"2026-11-21T16:18:47Z\", \"clientId\": \"i\", \"clientSecret\": \"s\", "
        "\"registrationExpiresAt\": \"2027-01-01T00:00:00Z\", \"refreshToken\": \"r\"}";
    AUTO(sso_token_wipe) struct sso_token token = {.expires_unix_s = 0};
    AUTO_SECRET struct secret document = {0};
    assert_ok(sso_token_read(bytes_of_text(text), &token));
    assert_ok(sso_token_write(&token, &session, &document));
    assert_string_equal(document.reveal, text);
    secret_wipe(&token.refresh_token); /* a renewal may bring none: then there is none */
    assert_ok(sso_token_write(&token, &session, &document));
    assert_null(strstr(document.reveal, "refreshToken"));
    assert_int_equal(document.len, strlen(document.reveal));
}

static void clients(void **state)
{
    (void)state;
    static const char text[] =
        "{\"clientId\": \"i\", \"clientSecret\": \"s\", \"expiresAt\": \"2027-01-01T00:00:00Z\", "
        "\"scopes\": [\"a\", \"b\"]}";
    AUTO(sso_token_wipe_client) struct sso_client client = {.expires_unix_s = 0};
    AUTO_SECRET struct secret document = {0};
    for (size_t len = 0; len < sizeof text - 1; len++) {
        assert_err(sso_token_read_client(bytes_of(text, len), &client), ERR_MALFORMED);
    }
    assert_err(sso_token_read_client(bytes_of_text("{\"clientId\": \"i\"}"), &client), ERR_MALFORMED);
    assert_ok(sso_token_read_client(bytes_of_text(text), &client));
    assert_int_equal(client.expires_unix_s, 1798761600);
    assert_ok(sso_token_write_client(&client, &session, &document));
    assert_string_equal(document.reveal, text);
    struct sso_session without = {
        .start_url = "https://corp/start", .region = "eu-west-1", .registration_scopes = " , "};
    assert_ok(sso_token_write_client(&client, &without, &document));
    assert_null(strstr(document.reveal, "scopes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_a_file_is_no_token),
        cmocka_unit_test(garbage_is_no_token),
        cmocka_unit_test(renews_with_everything_at_hand_only),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
