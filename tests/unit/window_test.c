/* The windows, the ring, the queue and the timer under the engine: bounds, order, and random scripts against simple
 * models. Seeds are printed. */
#include "tests/support/unit.h"

#include "proxy/core/ack_queue.h"
#include "proxy/core/byte_ring.h"
#include "proxy/core/instant.h"
#include "proxy/core/recv_window.h"
#include "proxy/core/send_pace.h"
#include "proxy/core/send_window.h"

/* ---- send_window ---- */

#define MESSAGES 8u
#define STORE 64u

struct send_block {
    struct send_window window;
    uint8_t memory[MESSAGES * sizeof(struct send_entry) + STORE];
};

static void init_send(struct send_block *block)
{
    assert_true(send_window_memory(MESSAGES, STORE) <= sizeof block->memory);
    send_window_init(&block->window, offsetof(struct send_block, memory), MESSAGES, STORE);
}

static int64_t sample_us; /* of the last acknowledgement */

static bool push(struct send_block *block, uint8_t fill, size_t len)
{
    bool has_room = send_window_has_room(&block->window, len);
    uint8_t *wire = send_window_reserve(&block->window, len);
    assert_int_equal(wire != NULL, has_room);
    if (wire == NULL) {
        return false;
    }
    assert_true(wire >= block->memory && wire + len <= block->memory + sizeof block->memory);
    memset(wire, fill, len);
    send_window_commit(&block->window, len);
    return true;
}

static void send_is_bounded(void **state)
{
    (void)state;
    struct send_block block;
    init_send(&block);
    assert_false(push(&block, 1, STORE + 1));
    assert_true(push(&block, 1, STORE));
    assert_false(push(&block, 2, 1));
    init_send(&block);
    for (unsigned i = 0; i < MESSAGES; i++) {
        assert_true(push(&block, (uint8_t)i, 1));
    }
    assert_false(push(&block, 9, 1));
}

static void send_acknowledges_in_any_order(void **state)
{
    (void)state;
    struct send_block block;
    struct rtt rtt = rtt_initial();
    init_send(&block);
    for (uint8_t i = 0; i < 3; i++) {
        push(&block, i, 4);
    }
    assert_false(send_window_acknowledge(&block.window, 0, 1, &sample_us)); /* not sent yet */
    for (uint8_t i = 0; i < 3; i++) {
        struct bytes wire = send_window_take(&block.window, &rtt, 1000);
        assert_int_equal(wire.len, 4);
        assert_int_equal(wire.data[0], i);
    }
    assert_int_equal(send_window_take(&block.window, &rtt, 1000).len, 0);
    assert_true(send_window_acknowledge(&block.window, 2, 2000, &sample_us));
    assert_false(send_window_acknowledge(&block.window, 2, 2000, &sample_us));
    assert_false(send_window_acknowledge(&block.window, 3, 2000, &sample_us));
    assert_int_equal(block.window.first, 0);
    assert_true(send_window_acknowledge(&block.window, 0, 2000, &sample_us));
    assert_true(send_window_acknowledge(&block.window, 1, 2000, &sample_us));
    assert_true(send_window_is_empty(&block.window));
    assert_true(block.window.expiry_us == INSTANT_NEVER);
}

static void silence_brings_one_probe_and_an_answer_the_rest(void **state)
{
    (void)state;
    struct send_block block;
    struct rtt rtt = rtt_initial();
    init_send(&block);
    for (uint8_t i = 0; i < 4; i++) {
        push(&block, i, 4);
        send_window_take(&block.window, &rtt, 0);
    }
    int64_t timeout_us = rtt.timeout_us;
    assert_true(block.window.expiry_us == timeout_us);
    send_window_expire(&block.window, &rtt, timeout_us - 1);
    assert_int_equal(block.window.due_count, 0);
    send_window_expire(&block.window, &rtt, timeout_us);
    assert_int_equal(block.window.due_count, 1);
    assert_true(rtt.timeout_us == 2 * timeout_us);
    assert_int_equal(send_window_take(&block.window, &rtt, timeout_us).data[0], 0);
    assert_true(send_window_acknowledge(&block.window, 0, timeout_us + 5000, &sample_us));
    assert_int_equal(sample_us, -1); /* Karn: no sample from a message that went out twice */
    send_window_expire(&block.window, &rtt, 4 * timeout_us);
    assert_int_equal(block.window.due_count, 1); /* silent again: the next probe */
    assert_true(send_window_check(&block.window));
}

static void everything_expired_goes_out_while_answers_come(void **state)
{
    (void)state;
    struct send_block block;
    struct rtt rtt = rtt_initial();
    init_send(&block);
    for (uint8_t i = 0; i < 5; i++) {
        push(&block, i, 4);
        send_window_take(&block.window, &rtt, 0);
    }
    send_window_acknowledge(&block.window, 4, 190 * 1000, &sample_us);
    send_window_expire(&block.window, &rtt, rtt.timeout_us);
    assert_int_equal(block.window.due_count, 4);
    for (uint8_t i = 0; i < 4; i++) {
        assert_int_equal(send_window_take(&block.window, &rtt, 400 * 1000).data[0], i); /* oldest first */
    }
    assert_int_equal(block.window.resends, 4);
}

/* Whatever happens, what is taken is what was pushed, byte for byte, and every message is acknowledged once. */
static void send_survives_random_scripts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct chance chance = chance_from_number(seed);
        struct send_block block;
        struct rtt rtt = rtt_initial();
        size_t lens[4096];
        int64_t now_us = 0;
        init_send(&block);
        for (int step = 0; step < 500; step++) {
            now_us += (int64_t)chance_below(&chance, 300 * 1000);
            size_t len = 1 + chance_below(&chance, STORE / 2);
            int64_t number = block.window.next;
            if (number < 4096 && push(&block, (uint8_t)number, len)) {
                lens[number] = len;
            }
            if (now_us >= block.window.expiry_us) {
                send_window_expire(&block.window, &rtt, now_us);
            }
            if (chance_below(&chance, 20) == 0) {
                send_window_resend_all(&block.window);
            }
            for (uint64_t i = chance_below(&chance, 4); i > 0; i--) {
                struct bytes wire = send_window_take(&block.window, &rtt, now_us);
                if (wire.len > 0) {
                    size_t at = (size_t)(wire.data - block.memory);
                    assert_true(at < sizeof block.memory);
                    bool found = false;
                    for (int64_t n = block.window.first; n < block.window.unsent; n++) {
                        found = found || ((uint8_t)n == wire.data[0] && lens[n] == wire.len &&
                                          wire.data[wire.len - 1] == (uint8_t)n);
                    }
                    if (!found) {
                        fail_msg("seed %llu step %d: a message that nobody made", (unsigned long long)seed, step);
                    }
                }
            }
            int64_t span = block.window.unsent - block.window.first;
            if (span > 0 && chance_below(&chance, 2) == 0) {
                int64_t number_acked = block.window.first + (int64_t)chance_below(&chance, (uint64_t)span);
                (void)send_window_acknowledge(&block.window, number_acked, now_us, &sample_us);
            }
            if (!send_window_check(&block.window)) {
                fail_msg("seed %llu step %d: invariants", (unsigned long long)seed, step);
            }
        }
    }
}

/* ---- rtt ---- */

static void timer_follows_the_round_trip(void **state)
{
    (void)state;
    struct rtt rtt = rtt_initial();
    assert_true(rtt.timeout_us == 200 * 1000);
    for (int i = 0; i < 200; i++) {
        rtt_sample(&rtt, 3000);
    }
    assert_true(rtt.smoothed_us >= 2900 && rtt.smoothed_us <= 3100);
    assert_true(rtt.timeout_us >= 102 * 1000 && rtt.timeout_us <= 104 * 1000); /* the margin is the floor */
    for (int i = 0; i < 20; i++) {
        rtt_back_off(&rtt);
    }
    assert_true(rtt.timeout_us == 8 * 1000 * 1000);
    rtt_sample(&rtt, 3000);
    assert_true(rtt.timeout_us < 120 * 1000);
}

/* ---- recv_window ---- */

#define SLOTS 8u
#define SLOT_SIZE 16u

struct recv_block {
    struct recv_window window;
    uint64_t memory[SLOTS * (sizeof(struct recv_slot) + sizeof(uint32_t) + SLOT_SIZE) / 8 + 1];
};

static void init_recv(struct recv_block *block)
{
    memset(block, 0, sizeof *block);
    assert_true(recv_window_memory(SLOTS, SLOT_SIZE) <= sizeof block->memory);
    recv_window_init(&block->window, offsetof(struct recv_block, memory), SLOTS, SLOT_SIZE);
}

static void receiving_refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct recv_block block;
    init_recv(&block);
    struct bytes small = bytes_of_text("x");
    struct bytes large = bytes_of_text("12345678901234567");
    assert_int_equal(recv_window_accept(&block.window, SLOTS, 1, small, true), RECV_NO_ROOM);
    assert_int_equal(recv_window_accept(&block.window, INT64_MAX, 1, small, true), RECV_NO_ROOM);
    assert_int_equal(recv_window_accept(&block.window, 1, 1, large, true), RECV_NO_ROOM);
    assert_int_equal(recv_window_accept(&block.window, 0, 1, large, false), RECV_NO_ROOM);
    assert_int_equal(recv_window_accept(&block.window, 0, 1, large, true),
                     RECV_DELIVERABLE); /* handed on, not stored */
    assert_true(recv_window_check(&block.window));
}

static void receiving_puts_in_order(void **state)
{
    (void)state;
    struct recv_block block;
    init_recv(&block);
    uint32_t type;
    struct bytes payload;
    assert_int_equal(recv_window_accept(&block.window, 2, 1, bytes_of_text("c"), true), RECV_STORED);
    assert_int_equal(recv_window_accept(&block.window, 2, 1, bytes_of_text("c"), true), RECV_DUPLICATE);
    assert_true(recv_window_has_gap(&block.window));
    assert_false(recv_window_peek(&block.window, &type, &payload));
    assert_int_equal(recv_window_accept(&block.window, 0, 1, bytes_of_text("a"), true), RECV_DELIVERABLE);
    recv_window_advance(&block.window);
    assert_int_equal(recv_window_accept(&block.window, 0, 1, bytes_of_text("a"), true), RECV_DUPLICATE);
    assert_int_equal(recv_window_accept(&block.window, 1, 5, bytes_of_text("b"), false), RECV_STORED);
    assert_false(recv_window_has_gap(&block.window));
    assert_true(recv_window_peek(&block.window, &type, &payload));
    assert_int_equal(type, 5);
    assert_memory_equal(payload.data, "b", 1);
    recv_window_advance(&block.window);
    assert_true(recv_window_peek(&block.window, &type, &payload));
    assert_memory_equal(payload.data, "c", 1);
    recv_window_advance(&block.window);
    assert_false(recv_window_peek(&block.window, &type, &payload));
    assert_int_equal(block.window.stored, 0);
    assert_true(recv_window_check(&block.window));
}

/* Batches of messages in any order: each comes out with its own payload, and no more places are used than are needed at
 * one time. */
static void receiving_touches_no_more_memory_than_it_holds(void **state)
{
    (void)state;
    struct recv_block block;
    init_recv(&block);
    struct chance chance = chance_from_number(11);
    int64_t first = 0;
    for (int batch = 0; batch < 1000; batch++) {
        bool is_sent[4] = {false};
        for (int sent = 0; sent < 4;) {
            uint32_t i = (uint32_t)chance_below(&chance, 4);
            int64_t sequence = first + i;
            if (!is_sent[i]) {
                is_sent[i] = true;
                sent++;
                assert_int_equal(recv_window_accept(&block.window, sequence, 1, bytes_of(&sequence, 8), false),
                                 RECV_STORED);
                assert_true(recv_window_check(&block.window));
            }
        }
        for (int64_t sequence = first; sequence < first + 4; sequence++) {
            uint32_t type;
            struct bytes payload;
            assert_true(recv_window_peek(&block.window, &type, &payload));
            assert_memory_equal(payload.data, &sequence, 8);
            recv_window_advance(&block.window);
            assert_true(recv_window_check(&block.window));
        }
        first += 4;
    }
    assert_int_equal(block.window.used, 4);
}

/* ---- byte_ring, ack_queue ---- */

static void ring_keeps_the_bytes(void **state)
{
    (void)state;
    struct {
        struct byte_ring ring;
        uint8_t memory[37];
    } block;
    byte_ring_init(&block.ring, (size_t)((uint8_t *)block.memory - (uint8_t *)&block.ring), sizeof block.memory);
    struct chance chance = chance_from_number(7);
    uint8_t next_in = 0;
    uint8_t next_out = 0;
    for (int step = 0; step < 10000; step++) {
        uint8_t piece[37];
        size_t len = chance_below(&chance, byte_ring_room(&block.ring) + 1);
        for (size_t i = 0; i < len; i++) {
            piece[i] = next_in++;
        }
        byte_ring_put(&block.ring, bytes_of(piece, len));
        assert_true(byte_ring_check(&block.ring));
        struct bytes front = byte_ring_front(&block.ring);
        assert_true(front.len > 0 || block.ring.len == 0);
        size_t take = chance_below(&chance, front.len + 1);
        for (size_t i = 0; i < take; i++) {
            assert_int_equal(front.data[i], next_out++);
        }
        byte_ring_consume(&block.ring, take);
    }
}

struct ack_block {
    struct ack_queue queue;
    struct ack memory[ACK_QUEUE_LEN];
};

static void init_acks(struct ack_block *block, uint32_t max_acks)
{
    assert_true(ack_queue_memory(max_acks) <= sizeof block->memory);
    ack_queue_init(&block->queue, offsetof(struct ack_block, memory), max_acks);
}

static void fill_and_empty(struct ack_queue *queue, uint32_t max_acks)
{
    struct uuid id = {{0}};
    for (int64_t i = 0; i < max_acks; i++) {
        assert_true(ack_queue_has_room(queue));
        ack_queue_put(queue, i, &id);
    }
    assert_false(ack_queue_has_room(queue));
    for (int64_t i = 0; i < max_acks; i++) {
        assert_int_equal(ack_queue_take(queue).sequence, i);
    }
    assert_false(ack_queue_is_owing(queue));
}

static void queue_owes_and_remembers(void **state)
{
    (void)state;
    static struct ack_block block;
    struct uuid id = {{0}};
    init_acks(&block, ACK_QUEUE_LEN);
    fill_and_empty(&block.queue, ACK_QUEUE_LEN);
    ack_queue_put(&block.queue, ACK_QUEUE_LEN, &id);
    ack_queue_rewind(&block.queue);
    /* the last ones only */
    assert_int_equal(ack_queue_take(&block.queue).sequence, ACK_QUEUE_LEN + 1 - ACK_QUEUE_AGAIN);
    assert_true(ack_queue_check(&block.queue));
}

static void a_short_queue_remembers_what_it_holds(void **state)
{
    (void)state;
    static struct ack_block block;
    struct uuid id = {{0}};
    init_acks(&block, 4);
    fill_and_empty(&block.queue, 4);
    ack_queue_put(&block.queue, 4, &id);
    ack_queue_rewind(&block.queue);
    assert_false(ack_queue_has_room(&block.queue));
    for (int64_t i = 1; i <= 4; i++) {
        assert_int_equal(ack_queue_take(&block.queue).sequence, i);
    }
    assert_true(ack_queue_check(&block.queue));
}

/* ---- send_pace ---- */

/* One round of ten samples, of which the first `calm` take the path's own time, the others longer. */
static void pace_round(struct send_pace *pace, int calm, int64_t later_us)
{
    send_pace_was_limited(pace);
    for (int i = 1; i <= 10; i++) {
        int64_t sequence = i < 10 ? pace->round_end - 1 : pace->round_end;
        send_pace_sample(pace, sequence, i <= calm ? 50 * 1000 : later_us, pace->round_end + 1, 0);
    }
}

/* What TCP's own slow start, or a batch of the peer's, does to a round is gone in the next one, and with it the reason
 * to grow slowly. A round without one sample that is short again is a queue. */
static void pace_starts_until_the_first_setback(void **state)
{
    (void)state;
    struct send_pace pace = send_pace_initial(100000);
    pace_round(&pace, 10, 0);
    pace_round(&pace, 10, 0);
    uint32_t limit = pace.limit;
    pace_round(&pace, 3, 300 * 1000);
    assert_int_equal(pace.limit, limit + limit / 8);
    limit = pace.limit;
    pace_round(&pace, 10, 0);
    assert_int_equal(pace.limit, 2 * limit);
    limit = pace.limit;
    pace_round(&pace, 0, 300 * 1000);
    assert_true(pace.limit < limit);
    limit = pace.limit;
    pace_round(&pace, 10, 0);
    assert_int_equal(pace.limit, limit + limit / 8);
    send_pace_lost(&pace);
    limit = pace.limit;
    pace_round(&pace, 10, 0);
    assert_int_equal(pace.limit, limit - limit / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_is_bounded),
        cmocka_unit_test(send_acknowledges_in_any_order),
        cmocka_unit_test(silence_brings_one_probe_and_an_answer_the_rest),
        cmocka_unit_test(everything_expired_goes_out_while_answers_come),
        cmocka_unit_test(send_survives_random_scripts),
        cmocka_unit_test(timer_follows_the_round_trip),
        cmocka_unit_test(receiving_refuses_what_does_not_fit),
        cmocka_unit_test(receiving_puts_in_order),
        cmocka_unit_test(receiving_touches_no_more_memory_than_it_holds),
        cmocka_unit_test(ring_keeps_the_bytes),
        cmocka_unit_test(queue_owes_and_remembers),
        cmocka_unit_test(a_short_queue_remembers_what_it_holds),
        cmocka_unit_test(pace_starts_until_the_first_setback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
