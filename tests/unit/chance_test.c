/* chance: the generator against its authors' published values, and the seed that it cannot use. */
#include "tests/support/unit.h"

#include "proxy/core/chance.h"

/* The reference code's first outputs from the state 1, 2, 3, 4 (prng.di.unimi.it/xoshiro256starstar.c; also the test
 * vector of Rust's rand_xoshiro). */
static void agrees_with_the_reference(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
    };
    const uint64_t seed[] = {1, 2, 3, 4};
    uint8_t bytes[CHANCE_SEED_LEN];
    memcpy(bytes, seed, sizeof bytes);
    struct chance chance = chance_from_entropy(bytes);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(chance_next(&chance) == expected[i]);
    }
}

static void a_seed_of_zeros_does_not_stand_still(void **state)
{
    (void)state;
    static const uint8_t zeros[CHANCE_SEED_LEN];
    struct chance chance = chance_from_entropy(zeros);
    uint64_t first = chance_next(&chance);
    assert_true(first != 0 && chance_next(&chance) != first);
}

static void numbers_stay_below_their_bound(void **state)
{
    (void)state;
    struct chance chance = chance_from_number(1);
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t number = chance_below(&chance, 7);
        assert_true(number < 7);
        seen |= 1u << number;
    }
    assert_int_equal(seen, 0x7f); /* each of them */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_reference),
        cmocka_unit_test(a_seed_of_zeros_does_not_stand_still),
        cmocka_unit_test(numbers_stay_below_their_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
