/* docs/protocol.md is a reference that people will write code from: what stands there in hexadecimal and in JSON is
 * read, and made, by the code that it describes. */
#include "tests/support/unit.h"

#include "common/auto.h"
#include "common/json_view.h"
#include "proxy/core/agent_message.h"
#include "proxy/core/control_message.h"
#include "proxy/core/ssm_api.h"

#include <inttypes.h>

#define PAGE_MAX (256 * 1024)

static char *page;
static struct sha256 *hash;

static int set_up(void **state)
{
    (void)state;
    const char *dir = getenv("SSM_SOURCE_DIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/docs/protocol.md", dir != NULL ? dir : ".");
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    page = calloc(1, PAGE_MAX);
    assert_non_null(page);
    assert_true(fread(page, 1, PAGE_MAX, file) < PAGE_MAX);
    fclose(file);
    return sha256_new(&hash) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(page);
    sha256_free(&hash);
    return 0;
}

/* The next fenced block of `language` from *place on; false when there is none. */
static bool next_block(const char *language, const char **place, struct bytes *ret_block)
{
    char fence[32];
    snprintf(fence, sizeof fence, "\n```%s\n", language);
    const char *begin = strstr(*place, fence);
    if (begin == NULL) {
        return false;
    }
    begin += strlen(fence);
    const char *end = strstr(begin, "\n```\n");
    assert_non_null(end);
    *ret_block = bytes_of(begin, (size_t)(end - begin) + 1); /* with the last newline */
    *place = end;
    return true;
}

/* ---- agent messages ---- */

struct example {
    uint8_t wire[512];
    size_t len;
    char words[2048]; /* what stands behind the '#', line by line */
};

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static void read_example(struct bytes block, struct example *example)
{
    *example = (struct example){.len = 0};
    struct text words = text_in(example->words, sizeof example->words);
    const char *at = (const char *)block.data;
    const char *end = at + block.len;
    for (; at < end; at = strchr(at, '\n') + 1) {
        for (; is_hex(at[0]); at += 2) {
            unsigned byte;
            assert_int_equal(sscanf(at, "%2x", &byte), 1);
            assert_true(example->len < sizeof example->wire);
            example->wire[example->len++] = (uint8_t)byte;
        }
        at += strspn(at, " #");
        text_put_bytes(&words, bytes_of(at, (size_t)(strchr(at, '\n') + 1 - at)));
    }
    assert_int_equal(text_finish(&words), ERR_OK);
}

/* What the page has to say beside the bytes. */
static void put_words(const struct agent_message *message, struct text *text)
{
    char id[UUID_TEXT_SIZE];
    uuid_to_text(&message->message_id, id);
    text_format(text, "HeaderLength %" PRIu32 "\nMessageType %s\nSchemaVersion %" PRIu32 "\n", message->header_len,
                message->type_name, message->schema_version);
    text_format(text, "CreatedDate %" PRIu64 "\nSequenceNumber %" PRId64 "\nFlags %" PRIu64 "\n",
                message->created_unix_ms, message->sequence_number, message->flags);
    text_format(text, "MessageId %s\nPayloadDigest\n", id);
    if (message->header_len >= 116) {
        text_format(text, "PayloadType %" PRIu32 "\n", message->payload_type);
    }
    text_format(text, "PayloadLength %zu\nPayload\n", message->payload.len);
}

static void expect_example(const struct example *example, struct agent_message *ret_message)
{
    assert_ok(agent_message_parse(bytes_of(example->wire, example->len), ret_message));
    assert_ok(agent_message_verify(ret_message, hash));
    char memory[2048];
    struct text words = text_in(memory, sizeof memory);
    put_words(ret_message, &words);
    assert_string_equal(example->words, memory);
}

static void worked_examples_are_true(void **state)
{
    (void)state;
    const char *place = page;
    struct bytes block;
    struct example example;
    struct agent_message message;
    uint8_t again[512];
    size_t again_len;
    assert_true(next_block("hex", &place, &block));
    read_example(block, &example);
    expect_example(&example, &message);
    assert_ok(agent_message_encode(&message, hash, again, sizeof again, &again_len));
    assert_int_equal(again_len, example.len);
    assert_memory_equal(again, example.wire, again_len);
    assert_memory_equal(message.payload.data, "uptime\n", 7);

    assert_true(next_block("hex", &place, &block)); /* the short header, which we only read */
    read_example(block, &example);
    expect_example(&example, &message);
    assert_int_equal(message.header_len, 112);
    assert_int_equal(message.type, AGENT_MESSAGE_START_PUBLICATION);
    assert_false(next_block("hex", &place, &block));
}

static void every_message_type_is_named(void **state)
{
    (void)state;
    for (enum agent_message_type type = AGENT_MESSAGE_UNKNOWN + 1; type < AGENT_MESSAGE_TYPE_COUNT; type++) {
        char name[64];
        snprintf(name, sizeof name, "`%s`", agent_message_type_name(type));
        if (strstr(page, name) == NULL) {
            fail_msg("docs/protocol.md does not name %s", name);
        }
    }
}

/* ---- JSON ---- */

/* The JSON object of the page that has this member. */
static struct bytes json_block_with(const char *member)
{
    const char *place = page;
    struct bytes block;
    while (next_block("json", &place, &block)) {
        AUTO_JSON json_t *root = NULL;
        assert_ok(json_view_parse_object(block, &root));
        if (json_object_get(root, member) != NULL) {
            return block;
        }
    }
    fail_msg("no JSON in docs/protocol.md has the member %s", member);
    return bytes_of(NULL, 0);
}

/* Both are objects with the same members. */
static void expect_same_members(struct bytes ours, struct bytes theirs)
{
    AUTO_JSON json_t *a = NULL;
    AUTO_JSON json_t *b = NULL;
    assert_ok(json_view_parse_object(ours, &a));
    assert_ok(json_view_parse_object(theirs, &b));
    const char *name;
    json_t *value;
    json_object_foreach(a, name, value)
    {
        assert_non_null(json_object_get(b, name));
        assert_int_equal(json_typeof(json_object_get(b, name)), json_typeof(value));
    }
    assert_int_equal(json_object_size(a), json_object_size(b));
}

static void every_json_example_is_one_object(void **state)
{
    (void)state;
    const char *place = page;
    struct bytes block;
    size_t count = 0;
    for (; next_block("json", &place, &block); count++) {
        AUTO_JSON json_t *root = NULL;
        if (json_view_parse_object(block, &root) != ERR_OK) {
            fail_msg("no JSON object:\n%.*s", (int)block.len, (const char *)block.data);
        }
    }
    assert_true(count >= 10);
}

static void what_the_client_sends_has_the_members_of_the_page(void **state)
{
    (void)state;
    struct chance chance = chance_from_number(1);
    struct uuid id = uuid_v4(&chance);
    char memory[2048];
    struct text made = text_in(memory, sizeof memory);
    AUTO_SECRET struct secret token = {0};
    assert_ok(secret_set(&token, bytes_of_text("token")));
    assert_ok(control_message_open_data_channel(&id, &token, &id, &made));
    expect_same_members(text_bytes(&made), json_block_with("ClientId"));
    assert_ok(control_message_acknowledge(&id, 42, &made));
    expect_same_members(text_bytes(&made), json_block_with("IsSequentialMessage"));

    struct handshake_request request;
    assert_ok(control_message_parse_handshake_request(json_block_with("RequestedClientActions"), &request));
    assert_int_equal(request.session_type, SESSION_TYPE_PORT);
    assert_int_equal(request.action_count, 2);
    assert_ok(control_message_handshake_response(
        &request, &(struct handshake_answer){.has_session_type = request.session_type == SESSION_TYPE_PORT}, &made));
    expect_same_members(text_bytes(&made), json_block_with("ProcessedClientActions"));

    struct ssm_api_parameter port = {"portNumber", "22"};
    struct ssm_api_start_session start = {.target = "i-0123456789abcdef0",
                                          .document_name = "AWS-StartSSHSession",
                                          .parameters = &port,
                                          .parameter_count = 1,
                                          .reason = "why"};
    AUTO(ssm_api_request_free) struct ssm_api_request body = {0};
    assert_ok(ssm_api_start_session(&start, &body));
    expect_same_members(bytes_of_text(body.body), json_block_with("Reason"));
}

static void what_the_client_reads_is_on_the_page(void **state)
{
    (void)state;
    int64_t sequence;
    assert_ok(control_message_parse_acknowledge(json_block_with("IsSequentialMessage"), &sequence));
    assert_int_equal(sequence, 42);
    char memory[64] = "unchanged";
    struct text words = text_in(memory, sizeof memory);
    assert_ok(control_message_parse_channel_closed(json_block_with("DestinationId"), &words));
    assert_string_equal(memory, "");
    assert_ok(control_message_parse_handshake_complete(json_block_with("CustomerMessage"), &words));

    struct bytes answer = json_block_with("StreamUrl");
    struct aws_reply reply = {.http_status = 200, .body = answer};
    AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = ""};
    struct service_failure failure;
    assert_ok(ssm_api_parse_session(&reply, &session, &failure));
    assert_string_equal(session.session_id, "alice-jbsvx7hu63l2yn3ef4gapt7ug8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_examples_are_true),
        cmocka_unit_test(every_message_type_is_named),
        cmocka_unit_test(every_json_example_is_one_object),
        cmocka_unit_test(what_the_client_sends_has_the_members_of_the_page),
        cmocka_unit_test(what_the_client_reads_is_on_the_page),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
