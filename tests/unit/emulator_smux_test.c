/* smux_session: the multiplexer of ssm-lab's nodes, against the protocol document and its vectors. */
#include "tests/support/unit.h"

#include <jansson.h>

#include "tests/emulator/agent_version.h"
#include "tests/emulator/smux_session.h"

#define SECOND 1000000u
#define START 77u

static struct smux_session *session;

static int set_up_with(bool has_keep_alive)
{
    struct smux_config config = {has_keep_alive, SMUX_KEEP_ALIVE_US, SMUX_IDLE_LIMIT_US};
    assert_ok(smux_session_new(&config, START, &session));
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_with(false);
}

static int set_up_kept_alive(void **state)
{
    (void)state;
    return set_up_with(true);
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(smux_session_check(session));
    smux_session_free(session);
    return 0;
}

static size_t receive(const void *data, size_t len)
{
    size_t taken = smux_session_receive(session, bytes_of(data, len));
    assert_true(smux_session_check(session));
    return taken;
}

static size_t receive_frame(uint8_t command, uint32_t id, size_t len)
{
    static uint8_t frame[SMUX_HEADER_LEN + 65535];
    const uint8_t header[] = {1,
                              command,
                              (uint8_t)len,
                              (uint8_t)(len >> 8),
                              (uint8_t)id,
                              (uint8_t)(id >> 8),
                              (uint8_t)(id >> 16),
                              (uint8_t)(id >> 24)};
    memcpy(frame, header, sizeof header);
    return receive(frame, sizeof header + len);
}

static void expect_sent(const char *hex)
{
    uint8_t expected[64];
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        expected[i] = (uint8_t)(bytes_hex_value((uint8_t)hex[2 * i]) << 4 | bytes_hex_value((uint8_t)hex[2 * i + 1]));
    }
    struct bytes frames = smux_session_frames(session);
    assert_int_equal(frames.len, len);
    if (len > 0) {
        assert_memory_equal(frames.data, expected, len);
    }
    smux_session_sent(session, frames.len);
}

/* ---- what is refused ---- */

static void test_what_is_no_frame(void **state)
{
    (void)state;
    static const uint8_t wrong[][SMUX_HEADER_LEN] = {{0}, {2, 0, 0, 0, 3}, {1, 4, 0, 0, 3}, {1, 255}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(receive(wrong[i], sizeof wrong[i]), sizeof wrong[i]);
        assert_true(smux_session_is_failed(session));
        assert_int_equal(receive_frame(0, 3, 0), 0);
        assert_int_equal(smux_session_accept(session), 0);
        smux_session_free(session);
        set_up_with(false);
    }
}

static void test_what_is_thrown_away(void **state)
{
    (void)state;
    receive_frame(2, 9, 100); /* for a stream that nobody has opened */
    receive_frame(1, 9, 0);
    receive_frame(3, 0, 0);
    receive_frame(0, 3, 0);
    receive_frame(2, 3, 10);
    receive_frame(0, 3, 0); /* again */
    assert_int_equal(smux_session_accept(session), 3);
    assert_int_equal(smux_session_accept(session), 0);
    assert_int_equal(smux_session_received(session, 3).len, 10);
    smux_session_write(session, 9, bytes_of_text("x"));
    smux_session_close(session, 9);
    expect_sent("");
}

/* ---- streams ---- */

/* The client's frames of the published vectors, byte by byte, give what they say they are; ours are their like. */
static void test_vectors(void **state)
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
    const json_t *frames = json_object_get(json_object_get(root, "smux"), "frames");
    assert_true(json_array_size(frames) >= 6);
    for (size_t i = 0; i < json_array_size(frames); i++) {
        const char *hex = json_string_value(json_object_get(json_array_get(frames, i), "hex"));
        for (; hex != NULL && *hex != '\0'; hex += 2) {
            uint8_t byte = (uint8_t)(bytes_hex_value((uint8_t)hex[0]) << 4 | bytes_hex_value((uint8_t)hex[1]));
            assert_int_equal(receive(&byte, 1), 1);
        }
    }
    json_decref(root);
    assert_false(smux_session_is_failed(session));
    assert_int_equal(smux_session_accept(session), 3);
    assert_int_equal(smux_session_accept(session), 5);
    assert_int_equal(smux_session_accept(session), 0);
    assert_true(bytes_equal_text(smux_session_received(session, 3), "GET /"));
    assert_true(smux_session_is_finished(session, 3));
    assert_false(smux_session_is_finished(session, 5));
    smux_session_write(session, 3, bytes_of_text("goodbye"));
    smux_session_close(session, 3);
    expect_sent("0102070003000000676f6f646279650101000003000000");
}

static void test_large_data_in_frames(void **state)
{
    (void)state;
    static const uint8_t data[SMUX_MAX_FRAME + 5];
    receive_frame(0, 3, 0);
    smux_session_write(session, smux_session_accept(session), bytes_of(data, sizeof data));
    struct bytes frames = smux_session_frames(session);
    assert_int_equal(frames.len, 2 * SMUX_HEADER_LEN + sizeof data);
    static const uint8_t first[] = {1, 2, 0, 0x80, 3, 0, 0, 0}, second[] = {1, 2, 5, 0, 3, 0, 0, 0};
    assert_memory_equal(frames.data, first, sizeof first);
    assert_memory_equal(frames.data + SMUX_HEADER_LEN + SMUX_MAX_FRAME, second, sizeof second);
}

static void test_allowance_of_all_streams(void **state)
{
    (void)state;
    receive_frame(0, 3, 0);
    receive_frame(0, 5, 0);
    smux_session_accept(session);
    smux_session_accept(session);
    size_t standing = 0;
    while (receive_frame(2, standing % 3 == 0 ? 3 : 5, 60000) > 0) {
        standing += 60000;
    }
    /* The last frame overdraws it. */
    assert_true(standing >= SMUX_RECEIVE_BUFFER && standing < SMUX_RECEIVE_BUFFER + 60000);
    assert_int_equal(smux_session_standing(session), standing);
    assert_int_equal(receive_frame(3, 0, 0), 0);
    smux_session_consume(session, 3, standing - SMUX_RECEIVE_BUFFER);
    assert_int_equal(receive_frame(3, 0, 0), 0);
    smux_session_consume(session, 3, 1);
    assert_int_equal(receive_frame(3, 0, 0), SMUX_HEADER_LEN);
    smux_session_close(session, 5);
    smux_session_close(session, 3);
    assert_int_equal(smux_session_standing(session), 0);
}

static void test_backlog(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SMUX_BACKLOG; i++) {
        assert_int_equal(receive_frame(0, 3 + 2 * i, 0), SMUX_HEADER_LEN);
    }
    assert_int_equal(receive_frame(0, 1, 0), 0);
    assert_int_equal(smux_session_accept(session), 3);
    assert_int_equal(receive_frame(0, 1, 0), SMUX_HEADER_LEN);
    assert_int_equal(receive_frame(3, 0, 0), 0);
}

static void test_a_closed_stream_in_the_middle_of_a_frame(void **state)
{
    (void)state;
    static const uint8_t header[] = {1, 2, 4, 0, 3, 0, 0, 0};
    receive_frame(0, 3, 0);
    smux_session_accept(session);
    receive(header, sizeof header);
    receive("ab", 2);
    smux_session_close(session, 3);
    receive("cd", 2);
    receive_frame(0, 5, 0);
    assert_int_equal(smux_session_accept(session), 5);
    expect_sent("0101000003000000");
}

/* ---- keep-alive ---- */

static void test_silence_ends_it(void **state)
{
    (void)state;
    assert_int_equal(smux_session_deadline(session), START + 10 * SECOND);
    smux_session_tick(session, START + 10 * SECOND - 1);
    expect_sent("");
    smux_session_tick(session, START + 10 * SECOND);
    expect_sent("0103000000000000");
    smux_session_tick(session, START + 20 * SECOND);
    receive_frame(3, 0, 0);
    smux_session_tick(session, START + 30 * SECOND);
    assert_false(smux_session_is_failed(session));
    smux_session_tick(session, START + 60 * SECOND - 1);
    assert_false(smux_session_is_failed(session));
    smux_session_tick(session, START + 60 * SECOND);
    assert_true(smux_session_is_failed(session));
    assert_int_equal(smux_session_deadline(session), UINT64_MAX);
}

/* With no allowance left it is we who do not listen. */
static void test_who_does_not_listen_does_not_complain(void **state)
{
    (void)state;
    receive_frame(0, 3, 0);
    while (receive_frame(2, 3, 60000) > 0) {
    }
    smux_session_tick(session, START + 30 * SECOND);
    smux_session_tick(session, START + 60 * SECOND);
    assert_false(smux_session_is_failed(session));
}

static void test_without_keep_alive(void **state)
{
    (void)state;
    assert_int_equal(smux_session_deadline(session), UINT64_MAX);
    smux_session_tick(session, START + 1000ull * SECOND);
    assert_false(smux_session_is_failed(session));
    expect_sent("");
}

/* ---- versions ---- */

static void test_versions(void **state)
{
    (void)state;
    static const struct {
        const char *left, *right;
        int order;
    } cases[] = {{"1.1.70", "1.1.70", 0},       {"1.1.70.0", "1.1.70", 1},
                 {"1.1.69.9", "1.1.70", -1},    {"1.2.331.0", "1.2.331.0", 0},
                 {"1.2.331.1", "1.2.331.0", 1}, {"1.2.650.0", "1.2.331.0", 1},
                 {"1.10.0", "1.9.0", 1},        {"", "1.1.70", -1},
                 {"1.1.070", "1.1.70", 0},      {"99999999999999999999.1", "1", 1},
                 {"1.2.x", "1.2.3", 1},         {"1.1", "1.1.70", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int order = agent_version_compare(cases[i].left, cases[i].right);
        int back = agent_version_compare(cases[i].right, cases[i].left);
        if ((order > 0) - (order < 0) != cases[i].order || (back > 0) - (back < 0) != -cases[i].order) {
            fail_msg("%s and %s", cases[i].left, cases[i].right);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_no_frame),
        TEST(test_what_is_thrown_away),
        TEST(test_vectors),
        TEST(test_large_data_in_frames),
        TEST(test_allowance_of_all_streams),
        TEST(test_backlog),
        TEST(test_a_closed_stream_in_the_middle_of_a_frame),
        cmocka_unit_test_setup_teardown(test_silence_ends_it, set_up_kept_alive, tear_down),
        cmocka_unit_test_setup_teardown(test_who_does_not_listen_does_not_complain, set_up_kept_alive, tear_down),
        TEST(test_without_keep_alive),
        cmocka_unit_test(test_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
