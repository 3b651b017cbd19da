/* agent_message: what must be refused, the layout byte for byte, and the vectors made by the plugin's own serializer
 * (wire.json, beside the checkout, where it is there). */
#include "tests/support/unit.h"

#include "common/auto.h"
#include "proxy/core/agent_message.h"

#include <jansson.h>

static struct sha256 *hash;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(sha256_new(&hash), ERR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sha256_free(&hash);
    return 0;
}

static struct uuid uuid_of(const char *text)
{
    struct uuid uuid;
    assert_int_equal(uuid_parse(bytes_of_text(text), &uuid), ERR_OK);
    return uuid;
}

/* A good message, to be broken. */
static size_t make_message(uint8_t *wire, size_t size, const char *payload)
{
    struct agent_message message = {
        .type = AGENT_MESSAGE_OUTPUT_STREAM_DATA,
        .created_unix_ms = 1700000000123,
        .sequence_number = 7,
        .message_id = uuid_of("01234567-89ab-4cde-8f01-23456789abcd"),
        .payload_type = PAYLOAD_OUTPUT,
        .payload = bytes_of_text(payload),
    };
    size_t len;
    assert_int_equal(agent_message_encode(&message, hash, wire, size, &len), ERR_OK);
    return len;
}

static void refuses_lengths_that_lie(void **state)
{
    (void)state;
    static const uint32_t bad_header_lens[] = {0, 1, 111, 200, 0x7fffffff, 0xffffffff, 0xfffffffc};
    uint8_t wire[256];
    struct agent_message message;
    size_t len = make_message(wire, sizeof wire, "hello\n");
    for (size_t i = 0; i < sizeof bad_header_lens / sizeof *bad_header_lens; i++) {
        bytes_put_be32(wire, bad_header_lens[i]);
        assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_MALFORMED);
    }
    bytes_put_be32(wire, 116);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(agent_message_parse(bytes_of(wire, cut), &message), ERR_MALFORMED);
    }
    bytes_put_be32(wire + 116, 5);
    assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_MALFORMED);
    bytes_put_be32(wire + 116, 0xffffffff);
    assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_MALFORMED);
    bytes_put_be32(wire + 116, 6);
    assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_OK);
}

static void refuses_an_empty_type_and_a_date_of_zero(void **state)
{
    (void)state;
    uint8_t wire[256];
    struct agent_message message;
    size_t len = make_message(wire, sizeof wire, "x");
    memset(wire + 4, ' ', 32);
    assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_MALFORMED);
    len = make_message(wire, sizeof wire, "x");
    bytes_put_be64(wire + 40, 0);
    assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_MALFORMED);
}

static void finds_a_wrong_digest(void **state)
{
    (void)state;
    uint8_t wire[256];
    struct agent_message message;
    size_t len = make_message(wire, sizeof wire, "hello\n");
    wire[len - 1] ^= 1;
    assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_OK);
    assert_int_equal(agent_message_verify(&message, hash), ERR_DIGEST);
    memset(wire + 80, 0, 32); /* the service may leave it out */
    assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_OK);
    assert_int_equal(agent_message_verify(&message, hash), ERR_OK);
}

static void does_not_write_past_its_room(void **state)
{
    (void)state;
    uint8_t wire[AGENT_MESSAGE_HEADER_LEN + 3];
    struct agent_message message = {.type = AGENT_MESSAGE_ACKNOWLEDGE, .payload = bytes_of("1234", 4)};
    size_t len = 99;
    assert_int_equal(agent_message_encode(&message, hash, wire, sizeof wire, &len), ERR_TOO_LONG);
    assert_int_equal(len, 99);
}

static void takes_a_payload_that_stands_in_place(void **state)
{
    (void)state;
    uint8_t wire[AGENT_MESSAGE_HEADER_LEN + 4];
    memcpy(wire + AGENT_MESSAGE_HEADER_LEN, "1234", 4);
    struct agent_message message = {.type = AGENT_MESSAGE_ACKNOWLEDGE,
                                    .created_unix_ms = 1,
                                    .payload = bytes_of(wire + AGENT_MESSAGE_HEADER_LEN, 4)};
    size_t len;
    assert_int_equal(agent_message_encode(&message, hash, wire, sizeof wire, &len), ERR_OK);
    assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_OK);
    assert_int_equal(agent_message_verify(&message, hash), ERR_OK);
    assert_memory_equal(message.payload.data, "1234", 4);
}

static void reads_a_newer_peers_types_as_data(void **state)
{
    (void)state;
    uint8_t wire[256];
    struct agent_message message;
    size_t len = make_message(wire, sizeof wire, "x");
    memcpy(wire + 4, "stream_of_tomorrow", 18);
    bytes_put_be32(wire + 112, 4711);
    assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_OK);
    assert_int_equal(message.type, AGENT_MESSAGE_UNKNOWN);
    assert_string_equal(message.type_name, "stream_of_tomorrow");
    assert_int_equal(message.payload_type, 4711);
}

static void reads_the_short_header(void **state)
{
    (void)state;
    uint8_t wire[116 + 2] = {0};
    struct agent_message message;
    bytes_put_be32(wire, 112);
    memcpy(wire + 4, "start_publication", 17);
    bytes_put_be32(wire + 112, 2);
    assert_int_equal(agent_message_parse(bytes_of(wire, sizeof wire), &message), ERR_OK); /* no date: nobody checks */
    assert_int_equal(message.type, AGENT_MESSAGE_START_PUBLICATION);
    assert_int_equal(message.payload_type, PAYLOAD_NONE);
    assert_int_equal(message.payload.len, 2);
}

/* ---- wire.json ---- */

static size_t from_hex(const char *hex, uint8_t *bytes, size_t size)
{
    size_t len = strlen(hex) / 2;
    assert_true(len <= size);
    for (size_t i = 0; i < len; i++) {
        int high = bytes_hex_value((uint8_t)hex[2 * i]);
        int low = bytes_hex_value((uint8_t)hex[2 * i + 1]);
        assert_true(high >= 0 && low >= 0);
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return len;
}

static const char *text_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return text;
}

static void expect_fields(const struct agent_message *message, const json_t *fields)
{
    char id[UUID_TEXT_SIZE];
    char digest[2 * SHA256_LEN + 1];
    uuid_to_text(&message->message_id, id);
    bytes_to_hex(bytes_of(message->digest, SHA256_LEN), digest);
    assert_string_equal(message->type_name, text_member(fields, "message_type"));
    assert_string_equal(agent_message_type_name(message->type), text_member(fields, "message_type"));
    assert_string_equal(id, text_member(fields, "message_id"));
    assert_string_equal(digest, text_member(fields, "payload_digest_hex"));
    assert_int_equal(message->schema_version, json_integer_value(json_object_get(fields, "schema_version")));
    assert_int_equal(message->created_unix_ms, json_integer_value(json_object_get(fields, "created_date_ms")));
    assert_int_equal(message->sequence_number, json_integer_value(json_object_get(fields, "sequence_number")));
    assert_int_equal(message->flags, json_integer_value(json_object_get(fields, "flags")));
    assert_int_equal(message->payload_type, json_integer_value(json_object_get(fields, "payload_type")));
    assert_int_equal(message->payload.len, json_integer_value(json_object_get(fields, "payload_length")));
}

static void expect_vector(const json_t *vector, bool is_full)
{
    uint8_t wire[8192];
    uint8_t again[8192];
    size_t len = from_hex(text_member(vector, "hex"), wire, sizeof wire);
    struct agent_message message;
    assert_int_equal(agent_message_parse(bytes_of(wire, len), &message), ERR_OK);
    assert_int_equal(agent_message_verify(&message, hash), ERR_OK);
    if (!is_full) {
        assert_int_equal(message.header_len, 112);
        return;
    }
    expect_fields(&message, json_object_get(vector, "fields"));
    size_t again_len;
    assert_int_equal(agent_message_encode(&message, hash, again, sizeof again, &again_len), ERR_OK);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, wire, len);
}

static void agrees_with_the_plugins_serializer(void **state)
{
    (void)state;
    char path[4096];
    const char *vectors = getenv("SSM_VECTORS");
    snprintf(path, sizeof path, "%s/wire.json", vectors != NULL ? vectors : "");
    json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL) {
        printf("SKIP: wire.json is not beside the checkout (%s)\n", path);
        skip();
    }
    const json_t *full = json_object_get(root, "agent_messages");
    const json_t *brief = json_object_get(json_object_get(root, "short_header_messages"), "messages");
    assert_true(json_array_size(full) >= 10);
    assert_true(json_array_size(brief) >= 2);
    for (size_t i = 0; i < json_array_size(full); i++) {
        expect_vector(json_array_get(full, i), true);
    }
    for (size_t i = 0; i < json_array_size(brief); i++) {
        expect_vector(json_array_get(brief, i), false);
    }
    json_decref(root);
}

/* ---- uuid ---- */

static void refuses_texts_that_are_no_uuid(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "0",
                                      "01234567-89ab-4cde-8f01-23456789abc",
                                      "01234567-89ab-4cde-8f01-23456789abcde",
                                      "01234567x89ab-4cde-8f01-23456789abcd",
                                      "g1234567-89ab-4cde-8f01-23456789abcd"};
    struct uuid uuid;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(uuid_parse(bytes_of_text(bad[i]), &uuid), ERR_MALFORMED);
    }
}

static void makes_version_4(void **state)
{
    (void)state;
    struct chance chance = chance_from_number(1);
    for (int i = 0; i < 100; i++) {
        struct uuid uuid = uuid_v4(&chance);
        struct uuid back;
        char text[UUID_TEXT_SIZE];
        uuid_to_text(&uuid, text);
        assert_int_equal(text[14], '4');
        assert_non_null(strchr("89ab", text[19]));
        assert_int_equal(uuid_parse(bytes_of_text(text), &back), ERR_OK);
        assert_true(uuid_equal(&uuid, &back));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_lengths_that_lie),
        cmocka_unit_test(refuses_an_empty_type_and_a_date_of_zero),
        cmocka_unit_test(finds_a_wrong_digest),
        cmocka_unit_test(does_not_write_past_its_room),
        cmocka_unit_test(takes_a_payload_that_stands_in_place),
        cmocka_unit_test(reads_a_newer_peers_types_as_data),
        cmocka_unit_test(reads_the_short_header),
        cmocka_unit_test(agrees_with_the_plugins_serializer),
        cmocka_unit_test(refuses_texts_that_are_no_uuid),
        cmocka_unit_test(makes_version_4),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
