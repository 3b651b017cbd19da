/* agent_version: numbers, not texts; and what cannot be compared can do nothing. */
#include "tests/support/unit.h"

#include "proxy/core/agent_version.h"

static void compares_number_by_number(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        const char *floor;
        bool is_above;
    } cases[] = {
        {"", "3.0.196.0", false},
        {"3.0.196.0", "", false},
        {"3.0.196", "3.0.196.0", false},
        {"3.1.196", "3.0.196.0", false},
        {"3.0.197.0.1", "3.0.196.0", false},
        {"3.0.x.0", "3.0.196.0", false},
        {"4.0.196.0-beta", "3.0.196.0", false},
        {"4..196.0", "3.0.196.0", false},
        {"4.0.196.", "3.0.196.0", false},
        {"-4.0.196.0", "3.0.196.0", false},
        {"99999999999.0.196.0", "3.0.196.0", false}, /* no number of a version */
        {"3.0.196.0", "3.0.196.0", false},
        {"3.0.195.9", "3.0.196.0", false},
        {"2.9.999.9", "3.0.196.0", false},
        {"3.0.196.1", "3.0.196.0", true},
        {"3.0.1000.0", "3.0.196.0", true},
        {"3.10.0.0", "3.9.1511.0", true},
        {"10.0.0.0", "9.9.9.9", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("%s above %s?\n", cases[i].version, cases[i].floor);
        assert_int_equal(agent_version_is_above(cases[i].version, cases[i].floor), cases[i].is_above);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(compares_number_by_number)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
