#include "tests/support/unit.h"

#include "common/base64.h"
#include "common/json_view.h"
#include "proxy/core/session_crypt.h"

static uint8_t data_key[SESSION_CRYPT_KEY_LEN];
static const uint8_t nonce[SESSION_CRYPT_NONCE_LEN] = {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};

static struct session_crypt *crypt_of(const uint8_t key[SESSION_CRYPT_KEY_LEN])
{
    struct session_crypt *crypt = NULL;
    assert_ok(session_crypt_new(key, &crypt));
    return crypt;
}

/* The other end: its halves are ours the other way round. */
static struct session_crypt *agent(void)
{
    uint8_t key[SESSION_CRYPT_KEY_LEN];
    memcpy(key, data_key + 32, 32);
    memcpy(key + 32, data_key, 32);
    return crypt_of(key);
}

static int make_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof data_key; i++) {
        data_key[i] = (uint8_t)i;
    }
    return 0;
}

/* ---- base64 ---- */

/* RFC 4648, section 10; and the alphabet. */
static void writes_and_reads_base64(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *base64;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbe", "+/++"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char memory[16];
        uint8_t bytes[16];
        size_t len;
        struct text text = text_in(memory, sizeof memory);
        base64_put(bytes_of_text(cases[i].bytes), &text);
        assert_string_equal(memory, cases[i].base64);
        assert_err(base64_decode(text_bytes(&text), bytes, &len), text.len == 0 ? ERR_MALFORMED : ERR_OK);
        len = text.len == 0 ? 0 : len;
        assert_true(bytes_equal_text(bytes_of(bytes, len), cases[i].bytes));
    }
}

/* ---- payloads ---- */

static void refuses_what_the_agent_did_not_encrypt(void **state)
{
    (void)state;
    AUTO(session_crypt_free) struct session_crypt *ours = crypt_of(data_key);
    AUTO(session_crypt_free) struct session_crypt *theirs = agent();
    uint8_t payload[SESSION_CRYPT_OVERHEAD + 5];
    struct bytes plain;
    assert_ok(session_crypt_seal(theirs, nonce, bytes_of_text("hello"), payload));
    for (size_t bit = 0; bit < 8 * sizeof payload; bit++) {
        payload[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_err(session_crypt_open(ours, bytes_of(payload, sizeof payload), &plain), ERR_DIGEST);
        payload[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < sizeof payload; len++) {
        enum err expected = len < SESSION_CRYPT_OVERHEAD ? ERR_MALFORMED : ERR_DIGEST;
        assert_err(session_crypt_open(ours, bytes_of(payload, len), &plain), expected);
    }
    assert_ok(session_crypt_open(ours, bytes_of(payload, sizeof payload), &plain)); /* and it recovers */
    assert_true(bytes_equal_text(plain, "hello"));
    assert_ok(session_crypt_seal(ours, nonce, bytes_of_text("hello"), payload)); /* ours, sent back to us */
    assert_err(session_crypt_open(ours, bytes_of(payload, sizeof payload), &plain), ERR_DIGEST);
}

static void carries_any_length_both_ways(void **state)
{
    (void)state;
    AUTO(session_crypt_free) struct session_crypt *ours = crypt_of(data_key);
    AUTO(session_crypt_free) struct session_crypt *theirs = agent();
    static uint8_t plain[1100];
    static uint8_t payload[sizeof plain + SESSION_CRYPT_OVERHEAD];
    struct bytes back;
    for (size_t len = 0; len <= sizeof plain; len += len < 40 ? 1 : 53) {
        memset(plain, (int)len, len);
        assert_ok(session_crypt_seal(ours, nonce, bytes_of(plain, len), payload));
        assert_memory_equal(payload, nonce, sizeof nonce);
        assert_ok(session_crypt_open(theirs, bytes_of(payload, len + SESSION_CRYPT_OVERHEAD), &back));
        assert_true(bytes_equal(back, bytes_of(plain, len)));
    }
}

/* ---- challenges ---- */

static void refuses_a_challenge(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",
                                            "[]",
                                            "{}",
                                            "{\"Challenge\":1}",
                                            "{\"Challenge\":\"\"}",
                                            "{\"Challenge\":\"AAA\"}",
                                            "{\"challenge\":\"AAAA\"}",
                                            "{\"Challenge\":\"AAAA\",\"Challenge\":\"AAAA\"}"};
    AUTO(session_crypt_free) struct session_crypt *ours = crypt_of(data_key);
    char memory[SESSION_CRYPT_RESPONSE_SIZE];
    struct text response = text_in(memory, sizeof memory);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        if (session_crypt_answer_challenge(ours, nonce, bytes_of_text(malformed[i]), &response) != ERR_MALFORMED) {
            fail_msg("taken: %s", malformed[i]);
        }
    }
    char request[1024] = "{\"Challenge\":\"";
    memset(request + strlen(request), 'A', 400);
    strcat(request, "\"}");
    assert_err(session_crypt_answer_challenge(ours, nonce, bytes_of_text(request), &response), ERR_TOO_LONG);
    request[14 + 80] = '\0';
    strcat(request, "\"}");
    assert_err(session_crypt_answer_challenge(ours, nonce, bytes_of_text(request), &response), ERR_DIGEST);
    assert_int_equal(response.len, 0);
}

static void answers_the_longest_challenge(void **state)
{
    (void)state;
    AUTO(session_crypt_free) struct session_crypt *ours = crypt_of(data_key);
    AUTO(session_crypt_free) struct session_crypt *theirs = agent();
    uint8_t plain[SESSION_CRYPT_CHALLENGE_MAX] = {1, 2, 3};
    uint8_t payload[sizeof plain + SESSION_CRYPT_OVERHEAD];
    char memory[1024];
    char response_memory[SESSION_CRYPT_RESPONSE_SIZE];
    struct text request = text_in(memory, sizeof memory);
    struct text response = text_in(response_memory, sizeof response_memory);
    assert_ok(session_crypt_seal(theirs, nonce, bytes_of(plain, sizeof plain), payload));
    text_put(&request, "{\"Challenge\":\"");
    base64_put(bytes_of(payload, sizeof payload), &request);
    text_put(&request, "\"}");
    assert_ok(session_crypt_answer_challenge(ours, nonce, text_bytes(&request), &response));
    assert_true(response.len > BASE64_LEN(sizeof payload));
}

/* ---- the vectors ---- */

static size_t from_hex(const char *hex, uint8_t *ret_bytes)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        ret_bytes[i] = (uint8_t)(bytes_hex_value((uint8_t)hex[2 * i]) << 4 | bytes_hex_value((uint8_t)hex[2 * i + 1]));
    }
    return len;
}

static void expect_payload(const json_t *vector)
{
    AUTO(session_crypt_free) struct session_crypt *ours = crypt_of(data_key);
    AUTO(session_crypt_free) struct session_crypt *theirs = agent();
    bool is_ours = strcmp(json_view_text(vector, "direction"), "client_to_agent") == 0;
    const char *nonce_hex = json_view_text(vector, "nonce_hex");
    uint8_t payload[256];
    uint8_t expected[256];
    struct bytes plain;
    size_t len = from_hex(json_view_text(vector, "payload_hex"), payload);
    size_t expected_len = from_hex(json_view_text(vector, "plaintext_hex"), expected);
    assert_int_equal(len, expected_len + SESSION_CRYPT_OVERHEAD);
    assert_ok(session_crypt_open(is_ours ? theirs : ours, bytes_of(payload, len), &plain));
    assert_true(bytes_equal(plain, bytes_of(expected, expected_len)));
    if (nonce_hex != NULL) {
        uint8_t sealed[256];
        uint8_t vectors_nonce[SESSION_CRYPT_NONCE_LEN];
        assert_int_equal(from_hex(nonce_hex, vectors_nonce), sizeof vectors_nonce);
        assert_ok(session_crypt_seal(is_ours ? ours : theirs, vectors_nonce, plain, sealed));
        assert_memory_equal(sealed, payload, len);
    }
}

/* The nonce of the answer is ours to choose: that of the vector. */
static void expect_challenge(const json_t *encryption)
{
    AUTO(session_crypt_free) struct session_crypt *ours = crypt_of(data_key);
    const char *request = json_view_text(encryption, "enc_challenge_request_json");
    const char *expected = json_view_text(encryption, "enc_challenge_response_json");
    uint8_t vectors_nonce[SESSION_CRYPT_NONCE_LEN];
    char memory[SESSION_CRYPT_RESPONSE_SIZE];
    struct text response = text_in(memory, sizeof memory);
    memset(vectors_nonce, 0xbb, sizeof vectors_nonce);
    assert_ok(session_crypt_answer_challenge(ours, vectors_nonce, bytes_of_text(request), &response));
    assert_string_equal(memory, expected);
}

static void agrees_with_the_plugins_encryption(void **state)
{
    (void)state;
    char path[4096];
    const char *vectors = getenv("SSM_VECTORS");
    snprintf(path, sizeof path, "%s/wire.json", vectors != NULL ? vectors : "");
    AUTO_JSON json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL) {
        printf("SKIP: wire.json is not beside the checkout (%s)\n", path);
        skip();
    }
    const json_t *encryption = json_object_get(root, "encryption");
    assert_int_equal(from_hex(json_view_text(encryption, "data_key_plaintext_hex"), data_key), sizeof data_key);
    const json_t *payloads = json_object_get(encryption, "aes_gcm");
    assert_true(json_array_size(payloads) >= 3);
    for (size_t i = 0; i < json_array_size(payloads); i++) {
        expect_payload(json_array_get(payloads, i));
    }
    expect_challenge(encryption);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_base64),       cmocka_unit_test(refuses_what_the_agent_did_not_encrypt),
        cmocka_unit_test(carries_any_length_both_ways),  cmocka_unit_test(refuses_a_challenge),
        cmocka_unit_test(answers_the_longest_challenge), cmocka_unit_test(agrees_with_the_plugins_encryption),
    };
    return cmocka_run_group_tests(tests, make_key, NULL);
}
