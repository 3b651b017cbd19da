/* The invariants of windows, ring and queue: each state that must never be is found by its check. Simulation, model and
 * fuzzers rely on that. */
#include "tests/support/unit.h"

#include "proxy/core/ack_queue.h"
#include "proxy/core/byte_ring.h"
#include "proxy/core/instant.h"
#include "proxy/core/recv_window.h"
#include "proxy/core/send_window.h"

#define MESSAGES 4u
#define STORE 64u

struct send_block {
    struct send_window window;
    struct send_entry entries[MESSAGES];
    uint8_t store[STORE];
};

/* Three messages, the second of which is acknowledged, the third not yet sent. */
static struct send_block good_send_block(void)
{
    struct send_block block = {0};
    struct rtt rtt = rtt_initial();
    int64_t sample_us;
    send_window_init(&block.window, offsetof(struct send_block, entries), MESSAGES, STORE);
    for (int i = 0; i < 3; i++) {
        assert_non_null(send_window_reserve(&block.window, 8));
        send_window_commit(&block.window, 8);
    }
    assert_int_equal(send_window_take(&block.window, &rtt, 1000).len, 8);
    assert_int_equal(send_window_take(&block.window, &rtt, 1000).len, 8);
    assert_true(send_window_acknowledge(&block.window, 1, 2000, &sample_us));
    assert_true(send_window_check(&block.window));
    return block;
}

#define ASSERT_FOUND(change)                                                                                           \
    do {                                                                                                               \
        struct send_block block = good_send_block();                                                                   \
        (change);                                                                                                      \
        if (send_window_check(&block.window)) {                                                                        \
            fail_msg("not found: %s", #change);                                                                        \
        }                                                                                                              \
    } while (0)

static void numbers_out_of_order_are_found(void **state)
{
    (void)state;
    ASSERT_FOUND(block.window.first = -1);
    ASSERT_FOUND(block.window.first = 3);
    ASSERT_FOUND(block.window.unsent = 4);
    ASSERT_FOUND(block.window.next = 5);
    ASSERT_FOUND(block.window.first = 1); /* acknowledged, so it ought to have been let go */
}

/* The same where no message is there that would disagree, too. */
static void numbers_of_an_empty_window_are_found(void **state)
{
    (void)state;
    struct send_block block = {0};
    send_window_init(&block.window, offsetof(struct send_block, entries), MESSAGES, STORE);
    assert_true(send_window_check(&block.window));
    block.window.first = block.window.unsent = block.window.next = -1;
    assert_false(send_window_check(&block.window));
    block.window.first = block.window.unsent = 1;
    block.window.next = 0;
    assert_false(send_window_check(&block.window));
    block.window.first = block.window.unsent = 0;
    block.window.next = MESSAGES;
    assert_true(send_window_check(&block.window));
    block.window.next = MESSAGES + 1;
    assert_false(send_window_check(&block.window));
}

static void memory_out_of_bounds_is_found(void **state)
{
    (void)state;
    ASSERT_FOUND(block.window.store_head = STORE + 1);
    ASSERT_FOUND(block.entries[0].len = STORE + 1);
    ASSERT_FOUND(block.entries[0].at = STORE - 7);
}

static void marks_that_disagree_are_found(void **state)
{
    (void)state;
    ASSERT_FOUND(block.entries[0].sends = 0);
    ASSERT_FOUND(block.entries[2].sends = 1);
    ASSERT_FOUND((block.entries[1].is_due = true, block.window.due_count = 1)); /* and acknowledged */
    ASSERT_FOUND(block.entries[0].is_due = true);                               /* and not counted */
    ASSERT_FOUND(block.window.due_count = 1);
    ASSERT_FOUND((block.entries[0].is_due = true, block.window.due_count = 1, block.window.due_from = 1));
    ASSERT_FOUND(block.window.expiry_us = INSTANT_NEVER); /* nobody would look after what is in flight */
}

struct recv_block {
    struct recv_window window;
    uint64_t memory[64];
};

static void a_broken_reorder_store_is_found(void **state)
{
    (void)state;
    struct recv_block block = {0};
    assert_true(recv_window_memory(MESSAGES, 16) <= sizeof block.memory);
    recv_window_init(&block.window, offsetof(struct recv_block, memory), MESSAGES, 16);
    assert_int_equal(recv_window_accept(&block.window, 1, 1, bytes_of_text("x"), true), RECV_STORED);
    assert_true(recv_window_check(&block.window));
    struct recv_slot *slots = (void *)block.memory;
    slots[1].len = 17;
    assert_false(recv_window_check(&block.window));
    slots[1].len = 1;
    slots[2].is_stored = true;
    assert_false(recv_window_check(&block.window));
    slots[2].is_stored = false;
    assert_true(recv_window_check(&block.window));
    block.window.expected = -1;
    assert_false(recv_window_check(&block.window));
}

static void a_broken_ring_is_found(void **state)
{
    (void)state;
    struct byte_ring ring = {.size = 8, .head = 7, .len = 8};
    assert_true(byte_ring_check(&ring));
    ring.len = 9;
    assert_false(byte_ring_check(&ring));
    ring = (struct byte_ring){.size = 8, .head = 8};
    assert_false(byte_ring_check(&ring));
}

static void a_broken_queue_is_found(void **state)
{
    (void)state;
    struct ack_queue queue = {.max_acks = 2, .made = 3, .sent = 1};
    assert_true(ack_queue_check(&queue));
    queue.sent = 0; /* owes more than it holds */
    assert_false(ack_queue_check(&queue));
    queue.sent = 4;
    assert_false(ack_queue_check(&queue));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_out_of_order_are_found),  cmocka_unit_test(numbers_of_an_empty_window_are_found),
        cmocka_unit_test(memory_out_of_bounds_is_found),   cmocka_unit_test(marks_that_disagree_are_found),
        cmocka_unit_test(a_broken_reorder_store_is_found), cmocka_unit_test(a_broken_ring_is_found),
        cmocka_unit_test(a_broken_queue_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
