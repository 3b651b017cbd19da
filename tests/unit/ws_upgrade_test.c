#include "proxy/core/ws_upgrade.h"

#include "tests/support/unit.h"

/* RFC 6455, 1.3: the example's key "dGhlIHNhbXBsZSBub25jZQ==" is this nonce, and must be answered by this accept. */
static const uint8_t rfc_nonce[] = "the sample nonce";
#define RFC_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define RFC_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define GOOD_HEADERS "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " RFC_ACCEPT "\r\n"
#define GOOD_STATUS "HTTP/1.1 101 Switching Protocols\r\n"

static struct ws_upgrade begin(char *request, size_t size)
{
    struct endpoint_url url;
    assert_ok(endpoint_parse(bytes_of_text("wss://gateway.example:8443/v1/data-channel/a-0?role=p&cell-number=AA+/=="),
                             &url));
    struct ws_upgrade upgrade;
    struct text text = text_in(request, size);
    assert_ok(ws_upgrade_begin(&upgrade, &url, rfc_nonce, &text));
    return upgrade;
}

static struct ws_upgrade begin_any(void)
{
    char request[WS_UPGRADE_REQUEST_MAX];
    return begin(request, sizeof request);
}

/* Feeds `answer` in pieces of `piece` bytes. */
static enum err accept_in_pieces(const char *answer, size_t piece, size_t *ret_used, char *why, size_t why_size)
{
    struct ws_upgrade upgrade = begin_any();
    struct text words = text_in(why, why_size);
    struct bytes rest = bytes_of_text(answer);
    *ret_used = 0;
    while (rest.len > 0) {
        size_t used = 0;
        enum err err =
            ws_upgrade_accept(&upgrade, bytes_of(rest.data, rest.len < piece ? rest.len : piece), &used, &words);
        *ret_used += used;
        if (err != ERR_AGAIN) {
            return err;
        }
        rest = bytes_from(rest, used);
    }
    return ERR_AGAIN;
}

static void assert_refused(const char *answer, enum err expected, const char *word)
{
    static const size_t pieces[] = {1, 7, 100000};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t used = 0;
        char why[512];
        assert_err(accept_in_pieces(answer, pieces[i], &used, why, sizeof why), expected);
        if (strstr(why, word) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", word, why);
        }
    }
}

static void test_refuses_other_statuses(void **state)
{
    (void)state;
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ERR_PROTOCOL, "200 OK");
    assert_refused("HTTP/1.1 302 Found\r\nLocation: https://other.example/\r\n\r\n", ERR_PROTOCOL, "302");
    assert_refused("HTTP/1.1 403 Forbidden\r\n\r\n", ERR_DENIED, "403 Forbidden");
    assert_refused("HTTP/1.1 401\r\n\r\n", ERR_DENIED, "401");
    assert_refused("HTTP/1.1 500 Internal Server Error\r\n\r\n", ERR_SERVICE, "500");
    assert_refused("HTTP/1.1 599 X\r\n\r\n", ERR_SERVICE, "599");
    assert_refused("HTTP/1.1 600 X\r\n\r\n", ERR_PROTOCOL, "600");
    assert_refused("HTTP/1.1 429 Too Many Requests\r\n\r\n", ERR_THROTTLED, "429");
    assert_refused("HTTP/1.1 503 Service Unavailable\r\n\r\n", ERR_SERVICE, "503");
    assert_refused("HTTP/1.0 403 Forbidden\r\n\r\n", ERR_DENIED, "403 Forbidden");
    assert_refused("HTTP/1.1 1010 Odd\r\n" GOOD_HEADERS "\r\n", ERR_PROTOCOL, "status");
    assert_refused("HTTP/1.1 10\r\n" GOOD_HEADERS "\r\n", ERR_PROTOCOL, "status");
    assert_refused("HTTP/1.1 \r\n\r\n", ERR_PROTOCOL, "status");
    assert_refused("HTTP/1.1 1:1 X\r\n\r\n", ERR_PROTOCOL, "status");
    assert_refused("HTTP/1.1 /01 X\r\n\r\n", ERR_PROTOCOL, "status");
}

static void test_refuses_what_is_not_http(void **state)
{
    (void)state;
    assert_refused("HTTP/1.0 101 Switching Protocols\r\n" GOOD_HEADERS "\r\n", ERR_PROTOCOL, "not HTTP/1.1");
    assert_refused("SSH-2.0-OpenSSH_9.2\r\n", ERR_PROTOCOL, "not HTTP/1.1");
    assert_refused("\r\n\r\n", ERR_PROTOCOL, "not HTTP/1.1");
}

static void test_refuses_wrong_headers(void **state)
{
    (void)state;
    assert_refused(GOOD_STATUS "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", ERR_PROTOCOL, "Accept is missing");
    assert_refused(GOOD_STATUS "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
                   ERR_PROTOCOL, "not for our key");
    assert_refused(GOOD_STATUS GOOD_HEADERS "Sec-WebSocket-Accept: " RFC_ACCEPT "\r\n\r\n", ERR_PROTOCOL, "twice");
    assert_refused(GOOD_STATUS "Connection: Upgrade\r\nSec-WebSocket-Accept: " RFC_ACCEPT "\r\n\r\n", ERR_PROTOCOL,
                   "header Upgrade");
    assert_refused(GOOD_STATUS "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", ERR_PROTOCOL, "something else");
    assert_refused(GOOD_STATUS "Upgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Accept: " RFC_ACCEPT
                               "\r\n\r\n",
                   ERR_PROTOCOL, "Connection does not");
    assert_refused(GOOD_STATUS GOOD_HEADERS "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", ERR_PROTOCOL,
                   "extension");
    assert_refused(GOOD_STATUS GOOD_HEADERS "Sec-WebSocket-Protocol: chat\r\n\r\n", ERR_PROTOCOL, "subprotocol");
    assert_refused(GOOD_STATUS GOOD_HEADERS " folded: line\r\n\r\n", ERR_PROTOCOL, "malformed header");
    assert_refused(GOOD_STATUS GOOD_HEADERS "\tfolded: line\r\n\r\n", ERR_PROTOCOL, "malformed header");
    assert_refused(GOOD_STATUS GOOD_HEADERS "no colon\r\n\r\n", ERR_PROTOCOL, "malformed header");
    assert_refused(GOOD_STATUS GOOD_HEADERS ": no name\r\n\r\n", ERR_PROTOCOL, "malformed header");
    assert_refused(GOOD_STATUS GOOD_HEADERS "Name : blank before the colon\r\n\r\n", ERR_PROTOCOL, "malformed header");
}

static void test_refuses_endless_headers(void **state)
{
    (void)state;
    static char answer[3 * LIMIT_UPGRADE_ANSWER];
    struct text text = text_in(answer, sizeof answer);
    text_put(&text, GOOD_STATUS);
    while (text.len < LIMIT_UPGRADE_ANSWER + 100) {
        text_put(&text, "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
    }
    text_put(&text, GOOD_HEADERS "\r\n");
    assert_refused(answer, ERR_TOO_LONG, "longer than");
}

static void test_takes_the_longest_answer(void **state)
{
    (void)state;
    static char answer[LIMIT_UPGRADE_ANSWER + 16];
    struct text text = text_in(answer, sizeof answer);
    text_put(&text, GOOD_STATUS GOOD_HEADERS "X-Filler: ");
    while (text.len < LIMIT_UPGRADE_ANSWER - 4) {
        text_put_char(&text, 'a');
    }
    text_put(&text, "\r\n\r\n");
    assert_int_equal(text.len, LIMIT_UPGRADE_ANSWER);
    size_t used = 0;
    char why[512];
    assert_ok(accept_in_pieces(answer, 1000, &used, why, sizeof why));
    assert_int_equal(used, LIMIT_UPGRADE_ANSWER);
}

static void test_needs_more(void **state)
{
    (void)state;
    const char *answer = GOOD_STATUS GOOD_HEADERS "\r\n";
    for (size_t len = 1; len < strlen(answer); len++) {
        char *part = strndup(answer, len);
        size_t used = 0;
        char why[512];
        assert_err(accept_in_pieces(part, len, &used, why, sizeof why), ERR_AGAIN);
        assert_int_equal(used, len);
        free(part);
    }
}

static void test_leaves_the_websockets_bytes(void **state)
{
    (void)state;
    const char *answer = GOOD_STATUS GOOD_HEADERS "\r\n";
    char with_frame[512];
    struct text text = text_in(with_frame, sizeof with_frame);
    text_put(&text, answer);
    text_put(&text, "\x81\x02hi");
    for (size_t piece = 1; piece <= text.len; piece++) {
        size_t used = 0;
        char why[512];
        assert_ok(accept_in_pieces(with_frame, piece, &used, why, sizeof why));
        assert_int_equal(used, strlen(answer));
    }
}

static void test_is_lenient_where_http_is(void **state)
{
    (void)state;
    static const char *const answers[] = {
        GOOD_STATUS "upgrade:WebSocket\r\nconnection: keep-alive , UPGRADE\r\nsec-websocket-accept:\t" RFC_ACCEPT
                    " \r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\n",
        "HTTP/1.1 101 \n" GOOD_HEADERS "\n",
        "HTTP/1.1 101\r\nConnection: keep-alive\r\n" GOOD_HEADERS "X-Empty:\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        size_t used = 0;
        char why[512];
        assert_ok(accept_in_pieces(answers[i], 3, &used, why, sizeof why));
        assert_int_equal(used, strlen(answers[i]));
    }
}

static void test_request(void **state)
{
    (void)state;
    char request[WS_UPGRADE_REQUEST_MAX];
    struct ws_upgrade upgrade = begin(request, sizeof request);
    assert_string_equal(upgrade.accept, RFC_ACCEPT);
    assert_string_equal(request, "GET /v1/data-channel/a-0?role=p&cell-number=AA+/== HTTP/1.1\r\n"
                                 "Host: gateway.example:8443\r\n"
                                 "User-Agent: ssm-proxy/" SSM_VERSION "\r\n"
                                 "Connection: Upgrade\r\n"
                                 "Upgrade: websocket\r\n"
                                 "Sec-WebSocket-Version: 13\r\n"
                                 "Sec-WebSocket-Key: " RFC_KEY "\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_other_statuses),
        cmocka_unit_test(test_refuses_what_is_not_http),
        cmocka_unit_test(test_refuses_wrong_headers),
        cmocka_unit_test(test_refuses_endless_headers),
        cmocka_unit_test(test_takes_the_longest_answer),
        cmocka_unit_test(test_needs_more),
        cmocka_unit_test(test_leaves_the_websockets_bytes),
        cmocka_unit_test(test_is_lenient_where_http_is),
        cmocka_unit_test(test_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
