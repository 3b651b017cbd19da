/* agent_crypt: encrypted sessions of ssm-lab's nodes, against vectors that the real plugin has made or read. */
#include "tests/support/unit.h"

#include <jansson.h>

#include "common/base64.h"
#include "tests/emulator/agent_crypt.h"

static json_t *vectors;

static int load(void **state)
{
    (void)state;
    char path[4096];
    const char *folder = getenv("SSM_VECTORS");
    snprintf(path, sizeof path, "%s/wire.json", folder != NULL ? folder : "");
    vectors = json_load_file(path, 0, NULL);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static const json_t *encryption(void)
{
    if (vectors == NULL) {
        printf("SKIP: wire.json is not beside the checkout (SSM_VECTORS)\n");
        skip();
    }
    return json_object_get(vectors, "encryption");
}

static struct bytes from_hex(const json_t *object, const char *name, uint8_t *memory)
{
    const char *hex = json_string_value(json_object_get(object, name));
    assert_non_null(hex);
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        memory[i] = (uint8_t)(bytes_hex_value((uint8_t)hex[2 * i]) << 4 | bytes_hex_value((uint8_t)hex[2 * i + 1]));
    }
    return bytes_of(memory, len);
}

/* With the data key of the vectors, and the nonce given. */
static struct agent_crypt with_key(const json_t *root)
{
    uint8_t data_key[AGENT_CRYPT_DATA_KEY_LEN];
    struct agent_crypt crypt = {0};
    struct chance chance = chance_from_number(1);
    assert_int_equal(from_hex(root, "data_key_plaintext_hex", data_key).len, sizeof data_key);
    agent_crypt_set_key(&crypt, data_key, &chance);
    return crypt;
}

static void test_payloads(void **state)
{
    (void)state;
    const json_t *root = encryption();
    size_t count[2] = {0}, i = 0;
    const json_t *vector = NULL;
    json_array_foreach(json_object_get(root, "aes_gcm"), i, vector)
    {
        uint8_t plain_memory[256], payload_memory[256], made[256];
        struct agent_crypt crypt = with_key(root);
        struct bytes plain = from_hex(vector, "plaintext_hex", plain_memory);
        struct bytes payload = from_hex(vector, "payload_hex", payload_memory);
        bool is_ours = strcmp(json_string_value(json_object_get(vector, "direction")), "agent_to_client") == 0;
        count[is_ours]++;
        if (is_ours) {
            from_hex(vector, "nonce_hex", crypt.nonce);
            assert_ok(agent_crypt_seal(&crypt, plain, made));
            assert_memory_equal(made, payload.data, payload.len);
            continue;
        }
        assert_ok(agent_crypt_open(&crypt, payload, made));
        assert_memory_equal(made, plain.data, plain.len);
        payload_memory[payload.len - 1] ^= 1;
        assert_err(agent_crypt_open(&crypt, payload, made), ERR_DIGEST);
    }
    assert_true(count[0] >= 2 && count[1] >= 1);
}

static void test_what_is_too_short(void **state)
{
    (void)state;
    uint8_t nothing[AES_GCM_EXTRA_LEN] = {0}, plain[AES_GCM_EXTRA_LEN];
    struct agent_crypt crypt = {0};
    for (size_t len = 0; len <= sizeof nothing; len++) {
        assert_err(agent_crypt_open(&crypt, bytes_of(nothing, len), plain), ERR_DIGEST);
    }
}

static void test_nonces_count_up(void **state)
{
    (void)state;
    static const uint8_t first[AES_GCM_NONCE_LEN] = {0xff, 0xff, 7}, second[AES_GCM_NONCE_LEN] = {0, 0, 8};
    struct agent_crypt crypt = {0};
    uint8_t made[AES_GCM_EXTRA_LEN + 1];
    memcpy(crypt.nonce, first, sizeof first);
    assert_ok(agent_crypt_seal(&crypt, bytes_of_text("x"), made));
    assert_memory_equal(made, first, sizeof first);
    assert_memory_equal(crypt.nonce, second, sizeof second);
    memset(crypt.nonce, 0xff, sizeof crypt.nonce);
    assert_ok(agent_crypt_seal(&crypt, bytes_of_text("x"), made));
    static const uint8_t zero[AES_GCM_NONCE_LEN] = {0};
    assert_memory_equal(crypt.nonce, zero, sizeof zero);
}

static void test_challenge(void **state)
{
    (void)state;
    const json_t *root = encryption();
    struct agent_crypt crypt = with_key(root);
    const char *request = json_string_value(json_object_get(root, "enc_challenge_request_json"));
    const char *response = json_string_value(json_object_get(root, "enc_challenge_response_json"));
    assert_err(agent_crypt_check_answer(&crypt, bytes_of_text(response)), ERR_DIGEST);
    from_hex(root, "challenge_plaintext_hex", crypt.challenge);
    assert_ok(agent_crypt_check_answer(&crypt, bytes_of_text(response)));
    assert_err(agent_crypt_check_answer(&crypt, bytes_of_text(request)), ERR_DIGEST); /* under the wrong half */
    assert_err(agent_crypt_check_answer(&crypt, bytes_of_text("{\"Challenge\":\"AAAA\"}")), ERR_DIGEST);
    static const char *const malformed[] = {"", "{", "{}", "{\"Challenge\":1}", "{\"Challenge\":\"A\"}"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        assert_err(agent_crypt_check_answer(&crypt, bytes_of_text(malformed[i])), ERR_MALFORMED);
    }
    struct chance chance = chance_from_number(2);
    char *made = agent_crypt_challenge(&crypt, &chance);
    assert_non_null(made);
    assert_int_equal(strlen(made), strlen(request));
    free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_what_is_too_short),
        cmocka_unit_test(test_nonces_count_up),
        cmocka_unit_test(test_challenge),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
