/* liveness and reconnect: when a silent peer counts as dead, and when to try again. */
#include "tests/support/unit.h"

#include "proxy/core/liveness.h"
#include "proxy/core/reconnect.h"

#define SECOND_US (1000 * 1000LL)

static struct liveness liveness;
static int64_t now_us;
static int64_t boot_ms;

static int set_up(void **state)
{
    (void)state;
    now_us = 1000 * SECOND_US;
    boot_ms = 5000 * 1000;
    liveness = liveness_begin(20 * SECOND_US, now_us, boot_ms);
    return 0;
}

/* A second passes; something may have come in it. */
static void pass(bool is_heard, bool is_reading)
{
    now_us += SECOND_US;
    boot_ms += 1000;
    liveness_update(&liveness, is_heard ? now_us : liveness.heard_us, is_reading, now_us, boot_ms);
}

static void silence_is_death_after_two_intervals(void **state)
{
    (void)state;
    for (int second = 1; second < 40; second++) {
        pass(false, true);
        assert_false(liveness_is_dead(&liveness));
        assert_true(liveness_deadline_us(&liveness) >= now_us || liveness_wants_ping(&liveness));
    }
    pass(false, true);
    assert_true(liveness_is_dead(&liveness));
}

static void any_sign_of_life_counts(void **state)
{
    (void)state;
    for (int second = 1; second < 1000; second++) {
        pass(second % 39 == 0, true);
        assert_false(liveness_is_dead(&liveness));
    }
}

static void while_we_do_not_read_nobody_dies(void **state)
{
    (void)state;
    for (int second = 1; second < 1000; second++) {
        pass(false, false);
        assert_false(liveness_is_dead(&liveness));
    }
}

static void pings_in_its_interval(void **state)
{
    (void)state;
    int pings = 0;
    for (int second = 1; second <= 100; second++) {
        pass(true, true);
        if (liveness_wants_ping(&liveness)) {
            liveness_pinged(&liveness);
            pings++;
        }
    }
    assert_int_equal(pings, 5);
}

static void after_a_suspend_it_asks_at_once(void **state)
{
    (void)state;
    pass(true, true);
    assert_false(liveness_wants_ping(&liveness));
    boot_ms += 3600 * 1000; /* the monotonic clock stood still */
    pass(false, true);
    assert_true(liveness_wants_ping(&liveness));
    assert_false(liveness_is_dead(&liveness));
    liveness_pinged(&liveness);
    for (int second = 0; second < 5; second++) {
        pass(false, true);
    }
    assert_true(liveness_is_dead(&liveness));
}

static void tries_at_once_then_less_and_less_often(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct reconnect reconnect = reconnect_begin(chance_from_number(seed), 900 * SECOND_US, 0);
        assert_int_equal(reconnect.next_us, 0);
        int64_t at_us = 0;
        int tries = 1;
        while (reconnect_failed(&reconnect, at_us)) {
            int64_t pause_us = reconnect.next_us - at_us;
            assert_true(pause_us > 0 && pause_us <= 15 * SECOND_US);
            at_us = reconnect.next_us;
            tries++;
        }
        if (tries < 60 || tries > 140) {
            fail_msg("seed %llu: %d tries in 15 minutes", (unsigned long long)seed, tries);
        }
    }
}

static void a_connection_of_no_use_is_a_try_that_failed(void **state)
{
    (void)state;
    struct reconnect reconnect = reconnect_begin(chance_from_number(1), 900 * SECOND_US, 0);
    int64_t at_us = 0;
    int tries = 1;
    for (; !reconnect_is_over(&reconnect); tries++) {
        reconnect_again(&reconnect, false, 900 * SECOND_US, at_us);
        assert_true(reconnect.next_us > at_us);
        at_us = reconnect.next_us;
    }
    assert_true(tries >= 60 && tries <= 140);
    reconnect_again(&reconnect, true, 900 * SECOND_US, at_us);
    assert_int_equal(reconnect.next_us, at_us);
    assert_int_equal(reconnect.give_up_us, at_us + 900 * SECOND_US);
    assert_true(reconnect_failed(&reconnect, at_us));
    assert_true(reconnect.next_us - at_us <= SECOND_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(silence_is_death_after_two_intervals, set_up),
        cmocka_unit_test_setup(any_sign_of_life_counts, set_up),
        cmocka_unit_test_setup(while_we_do_not_read_nobody_dies, set_up),
        cmocka_unit_test_setup(pings_in_its_interval, set_up),
        cmocka_unit_test_setup(after_a_suspend_it_asks_at_once, set_up),
        cmocka_unit_test(tries_at_once_then_less_and_less_often),
        cmocka_unit_test(a_connection_of_no_use_is_a_try_that_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
