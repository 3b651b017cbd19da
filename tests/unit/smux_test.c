/* smux: the client's streams, frame by frame, against the published vectors, and against the server's end that
 * ssm-lab's nodes have, which other hands wrote from the same document. */
#include "tests/support/unit.h"

#include "common/json_view.h"
#include "proxy/core/chance.h"
#include "proxy/core/smux.h"
#include "tests/emulator/smux_session.h"

#include <unistd.h>

#define READ_AHEAD 1000
#define READ_AHEAD_ALL 2500

static struct smux *smux;

static int set_up(void **state)
{
    (void)state;
    assert_ok(smux_new(READ_AHEAD, READ_AHEAD_ALL, &smux));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(smux_check(smux));
    smux_free(&smux);
    return 0;
}

static size_t from_hex(const char *hex, uint8_t *ret_bytes)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        ret_bytes[i] = (uint8_t)(bytes_hex_value((uint8_t)hex[2 * i]) << 4 | bytes_hex_value((uint8_t)hex[2 * i + 1]));
    }
    return len;
}

static size_t receive(struct bytes bytes)
{
    size_t taken = smux_receive(smux, bytes);
    assert_true(smux_check(smux));
    return taken;
}

static void receive_hex(const char *hex)
{
    uint8_t bytes[64];
    size_t len = from_hex(hex, bytes);
    assert_int_equal(receive(bytes_of(bytes, len)), len);
}

/* PSH with `len` bytes of `byte`. */
static size_t receive_data(uint32_t id, uint8_t byte, size_t len)
{
    static uint8_t frame[8 + 65535];
    const uint8_t header[] = {1, 2, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)id, (uint8_t)(id >> 8), 0, 0};
    memcpy(frame, header, sizeof header);
    memset(frame + sizeof header, byte, len);
    return receive(bytes_of(frame, sizeof header + len));
}

static void expect_output(const char *hex)
{
    uint8_t expected[64];
    size_t len = from_hex(hex, expected);
    struct bytes output = smux_output(smux);
    assert_int_equal(output.len, len);
    if (len > 0) {
        assert_memory_equal(output.data, expected, len);
    }
    smux_output_consume(smux, output.len);
}

static void expect_failure(enum err expected, const char *words)
{
    const char *why;
    assert_err(smux_failure(smux, &why), expected);
    assert_string_equal(why, words);
}

/* ---- refused ---- */

static void refuses_what_is_no_frame(void **state)
{
    static const struct {
        const char *hex;
        const char *words;
    } cases[] = {
        {"0000000003000000", "the agent sends frames of another version of smux"},
        {"0202010003000000", "the agent sends frames of another version of smux"},
        {"0104000003000000", "the agent sends a frame of smux with an unknown command"},
        {"01ff000000000000", "the agent sends a frame of smux with an unknown command"},
        {"0101010003000000", "the agent sends data in a frame of smux that has none"},
        {"0103ff0000000000", "the agent sends data in a frame of smux that has none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        smux_free(&smux);
        set_up(state);
        uint32_t id = smux_open(smux);
        smux_output_consume(smux, 8);
        receive_hex(cases[i].hex);
        expect_failure(ERR_PROTOCOL, cases[i].words);
        assert_int_equal(receive_data(id, 'x', 1), 0); /* nothing more is taken, or made */
        assert_int_equal(smux_room(smux), 0);
        assert_false(smux_may_open(smux));
        smux_keep_alive(smux);
        expect_output("");
    }
}

static void drops_what_is_for_no_stream_of_ours(void **state)
{
    (void)state;
    receive_hex("0102020003000000"
                "6869"); /* before it is open */
    receive_hex("0100000002000000"
                "0102010002000000"
                "78"); /* one that the peer opens */
    receive_hex("0101000009000000");
    receive_hex("0103000000000000");
    expect_failure(ERR_OK, "");
    uint32_t id = smux_open(smux);
    assert_int_equal(smux_input(smux, id).len, 0);
    assert_false(smux_has_ended(smux, id));
    smux_close(smux, id);
    smux_close(smux, id); /* once */
    smux_write(smux, id, bytes_of_text("late"));
    expect_output("0100000003000000"
                  "0101000003000000");
    assert_int_equal(receive_data(id, 'x', 5), 13);
    assert_int_equal(smux_input(smux, id).len, 0);
}

/* ---- streams ---- */

static void an_end_comes_behind_the_data(void **state)
{
    (void)state;
    uint32_t id = smux_open(smux);
    /* What a real agent sends, in one message. */
    receive_hex("0102070003000000"
                "676f6f64627965"
                "0101000003000000");
    assert_true(smux_has_ended(smux, id));
    assert_true(bytes_equal_text(smux_input(smux, id), "goodbye"));
    assert_int_equal(receive_data(id, 'x', 5), 13); /* behind its end */
    smux_input_consume(smux, id, 7);
    assert_int_equal(smux_input(smux, id).len, 0);
    smux_close(smux, id);
    assert_false(smux_has_ended(smux, id));
    expect_output("0100000003000000"
                  "0101000003000000");
}

static void a_stream_that_nobody_reads_stops_all_and_its_end_frees_them(void **state)
{
    (void)state;
    uint32_t stalled = smux_open(smux);
    uint32_t other = smux_open(smux);
    assert_int_equal(receive_data(stalled, 'a', READ_AHEAD), 8 + READ_AHEAD);
    assert_int_equal(smux_full_stream(smux), 0); /* nothing more has come */
    assert_int_equal(receive_data(stalled, 'b', 10), 8);
    assert_int_equal(smux_full_stream(smux), stalled);
    smux_input_consume(smux, stalled, 4); /* a reader that is only slow */
    assert_int_equal(smux_full_stream(smux), 0);
    assert_int_equal(receive(bytes_of_text("bbbbbbbbbb")), 4);
    assert_int_equal(smux_full_stream(smux), stalled);
    smux_close(smux, stalled);
    assert_int_equal(smux_full_stream(smux), 0);
    assert_int_equal(receive(bytes_of_text("bbbbbb")), 6);
    assert_int_equal(receive_data(other, 'c', 3), 11);
    assert_true(bytes_equal_text(smux_input(smux, other), "ccc"));
}

static void what_waits_for_all_streams_is_bounded(void **state)
{
    (void)state;
    uint32_t ids[4];
    for (size_t i = 0; i < 4; i++) {
        ids[i] = smux_open(smux);
    }
    assert_int_equal(receive_data(ids[0], 'a', READ_AHEAD), 8 + READ_AHEAD);
    assert_int_equal(receive_data(ids[1], 'b', READ_AHEAD), 8 + READ_AHEAD);
    assert_int_equal(receive_data(ids[2], 'c', READ_AHEAD), 8 + 500);
    assert_int_equal(smux_full_stream(smux), ids[2]);
    assert_true(smux_is_crowded(smux));
    smux_close(smux, ids[0]);
    assert_int_equal(smux_full_stream(smux), 0);
    assert_false(smux_is_crowded(smux));
    assert_int_equal(receive(bytes_of_text("cccccccccc")), 10);
    assert_int_equal(smux_input(smux, ids[2]).len, 510);
}

static void frames_may_come_byte_by_byte(void **state)
{
    (void)state;
    static const char frames[] = "\1\2\5\0\3\0\0\0hello\1\1\0\0\3\0\0\0";
    uint32_t id = smux_open(smux);
    for (size_t i = 0; i < sizeof frames - 1; i++) {
        assert_int_equal(receive(bytes_of(frames + i, 1)), 1);
    }
    assert_true(bytes_equal_text(smux_input(smux, id), "hello"));
    assert_true(smux_has_ended(smux, id));
}

static void output_is_bounded_but_an_end_can_always_be_said(void **state)
{
    (void)state;
    static const uint8_t data[SMUX_DATA_MAX];
    uint32_t ids[SMUX_STREAMS_MAX];
    for (size_t i = 0; i < SMUX_STREAMS_MAX; i++) {
        assert_true(smux_may_open(smux));
        ids[i] = smux_open(smux);
        assert_int_equal(ids[i], 3 + 2 * i);
        smux_output_consume(smux, 8);
    }
    assert_false(smux_may_open(smux));
    size_t written = 0;
    for (size_t room = smux_room(smux); room > 0; room = smux_room(smux)) {
        smux_write(smux, ids[0], bytes_of(data, room));
        written += room;
    }
    assert_int_equal(written, 2 * SMUX_DATA_MAX);
    for (size_t i = 0; i < SMUX_STREAMS_MAX; i++) {
        smux_close(smux, ids[i]);
        assert_true(smux_check(smux));
    }
    assert_false(smux_may_open(smux)); /* too much is waiting */
    assert_int_equal(smux_output(smux).len, 2 * (8 + SMUX_DATA_MAX) + 8 * SMUX_STREAMS_MAX);
}

static void a_stream_that_stays_open_keeps_its_id(void **state)
{
    (void)state;
    uint32_t first = smux_open(smux);
    smux_output_consume(smux, 8);
    uint32_t id = first;
    for (size_t i = 0; i < 2 * SMUX_STREAMS_MAX; i++) {
        uint32_t next = smux_open(smux);
        assert_true(next > id && next % 2 == 1);
        id = next;
        smux_close(smux, id);
        smux_output_consume(smux, 16);
    }
    assert_true(id > 3 + 4 * SMUX_STREAMS_MAX);
    assert_int_equal(receive_data(first, 'x', 1), 9);
    assert_int_equal(smux_input(smux, first).len, 1);
}

static void a_peer_is_kept_awake_only_when_nothing_else_goes_out(void **state)
{
    (void)state;
    smux_keep_alive(smux);
    smux_keep_alive(smux);
    expect_output("0103000000000000");
    smux_open(smux);
    smux_keep_alive(smux);
    expect_output("0100000003000000");
}

/* ---- the published vectors ---- */

static const char *vector(const json_t *frames, const char *name)
{
    for (size_t i = 0; i < json_array_size(frames); i++) {
        const char *this_name = json_view_text(json_array_get(frames, i), "name");
        if (this_name != NULL && strncmp(this_name, name, strlen(name)) == 0) {
            return json_view_text(json_array_get(frames, i), "hex");
        }
    }
    fail_msg("no vector %s", name);
    return "";
}

static void writes_the_published_frames(void **state)
{
    (void)state;
    char path[4096];
    const char *vectors = getenv("SSM_VECTORS");
    snprintf(path, sizeof path, "%s/wire.json", vectors != NULL ? vectors : "");
    if (vectors == NULL || access(path, R_OK) != 0) {
        print_message("SKIP: the wire vectors are not beside this checkout (SSM_VECTORS)\n");
        skip();
    }
    AUTO_JSON json_t *root = json_load_file(path, 0, NULL);
    const json_t *frames = json_object_get(json_object_get(root, "smux"), "frames");
    assert_int_equal(smux_open(smux), 3);
    expect_output(vector(frames, "client OpenStream #1"));
    smux_write(smux, 3, bytes_of_text("GET /"));
    expect_output(vector(frames, "client Write"));
    assert_int_equal(smux_open(smux), 5);
    expect_output(vector(frames, "client OpenStream #2"));
    smux_close(smux, 3);
    expect_output(vector(frames, "client Close"));
    smux_keep_alive(smux);
    expect_output(vector(frames, "keepalive"));
    receive_hex(vector(frames, "hand-built")); /* of no stream: its length is what counts */
    receive_hex(vector(frames, "client OpenStream #1"));
    expect_failure(ERR_OK, "");
}

/* ---- two peers ---- */

#define PAIRS 12
#define BYTES_MAX 200000

/* One connection: the client writes `to_write` bytes, the server answers each byte with its complement, and ends. */
struct pair {
    uint32_t id; /* 0: not open yet */
    bool is_over;
    size_t to_write;
    size_t written;
    size_t echoed; /* by the server */
    size_t read;
};

struct world {
    struct chance chance;
    struct smux_session *server;
    struct pair pairs[PAIRS];
    size_t over;
};

/* The byte at `at` of the connection `id`, as the client writes it. */
static uint8_t byte_at(uint32_t id, size_t at)
{
    return (uint8_t)(id * 31 + at * 7 + (at >> 8));
}

static size_t some(struct world *world, size_t max)
{
    return max == 0 ? 0 : 1 + chance_next(&world->chance) % max;
}

static void client_writes(struct world *world, struct pair *pair)
{
    uint8_t data[SMUX_DATA_MAX];
    size_t left = pair->to_write - pair->written;
    size_t len = some(world, smux_room(smux) < left ? smux_room(smux) : left);
    for (size_t i = 0; i < len; i++) {
        data[i] = byte_at(pair->id, pair->written + i);
    }
    if (len > 0) {
        smux_write(smux, pair->id, bytes_of(data, len));
        pair->written += len;
    }
}

static void client_reads(struct world *world, struct pair *pair)
{
    struct bytes input = smux_input(smux, pair->id);
    size_t len = some(world, input.len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(input.data[i], (uint8_t)~byte_at(pair->id, pair->read + i));
    }
    smux_input_consume(smux, pair->id, len);
    pair->read += len;
    if (smux_has_ended(smux, pair->id) && smux_input(smux, pair->id).len == 0) {
        assert_int_equal(pair->read, pair->to_write);
        smux_close(smux, pair->id);
        pair->is_over = true;
        world->over++;
    }
}

static void client_acts(struct world *world)
{
    struct pair *pair = &world->pairs[chance_next(&world->chance) % PAIRS];
    if (pair->is_over) {
        return;
    }
    if (pair->id == 0) {
        if (smux_may_open(smux)) {
            pair->id = smux_open(smux);
        }
    } else if (chance_next(&world->chance) % 2 == 0) {
        client_writes(world, pair);
    } else {
        client_reads(world, pair);
    }
}

static void server_acts(struct world *world)
{
    struct pair *pair = &world->pairs[chance_next(&world->chance) % PAIRS];
    (void)smux_session_accept(world->server);
    struct bytes input = smux_session_received(world->server, pair->id);
    size_t len = some(world, input.len);
    uint8_t answer[4096];
    len = len < sizeof answer ? len : sizeof answer;
    for (size_t i = 0; i < len; i++) {
        answer[i] = (uint8_t)~input.data[i];
    }
    if (len > 0) {
        smux_session_write(world->server, pair->id, bytes_of(answer, len));
        smux_session_consume(world->server, pair->id, len);
        pair->echoed += len;
        if (pair->echoed == pair->to_write) {
            smux_session_close(world->server, pair->id);
        }
    }
}

/* The network: a piece of what waits, of any length, in both directions. */
static void network_acts(struct world *world)
{
    struct bytes up = smux_output(smux);
    size_t len = smux_session_receive(world->server, bytes_of(up.data, some(world, up.len)));
    smux_output_consume(smux, len);
    struct bytes down = smux_session_frames(world->server);
    size_t want = some(world, down.len);
    len = smux_receive(smux, bytes_of(down.data, want));
    assert_true(len == want || smux_full_stream(smux) != 0);
    smux_session_sent(world->server, len);
}

static void run_world(uint64_t seed)
{
    static const struct smux_config config = {false, SMUX_KEEP_ALIVE_US, SMUX_IDLE_LIMIT_US};
    struct world world = {.chance = chance_from_number(seed)};
    assert_ok(smux_new(20000, 60000, &smux));
    assert_ok(smux_session_new(&config, 0, &world.server));
    for (size_t i = 0; i < PAIRS; i++) {
        world.pairs[i].to_write = some(&world, i % 3 == 0 ? BYTES_MAX : 2000);
    }
    for (unsigned step = 0; world.over < PAIRS; step++) {
        assert_true(step < 3 * 1000 * 1000); /* somebody waits for ever */
        client_acts(&world);
        server_acts(&world);
        network_acts(&world);
        assert_true(step % 64 != 0 || (smux_check(smux) && smux_session_check(world.server)));
    }
    assert_false(smux_session_is_failed(world.server));
    expect_failure(ERR_OK, "");
    smux_session_free(world.server);
    smux_free(&smux);
}

static void every_byte_arrives_once_whatever_the_pieces(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run_world(seed);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_what_is_no_frame),
        TEST(drops_what_is_for_no_stream_of_ours),
        TEST(an_end_comes_behind_the_data),
        TEST(a_stream_that_nobody_reads_stops_all_and_its_end_frees_them),
        TEST(what_waits_for_all_streams_is_bounded),
        TEST(frames_may_come_byte_by_byte),
        TEST(output_is_bounded_but_an_end_can_always_be_said),
        TEST(a_stream_that_stays_open_keeps_its_id),
        TEST(a_peer_is_kept_awake_only_when_nothing_else_goes_out),
        TEST(writes_the_published_frames),
        cmocka_unit_test(every_byte_arrives_once_whatever_the_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
