#include "tests/support/unit.h"

#include "common/limits.h"
#include "common/secret.h"

static void refuses(void **state)
{
    (void)state;
    AUTO_SECRET struct secret secret = {0};
    assert_ok(secret_set(&secret, bytes_of_text("before")));
    assert_err(secret_set(&secret, bytes_of("a\0b", 3)), ERR_MALFORMED);
    AUTO_FREE char *big = malloc(LIMIT_SECRET + 1);
    memset(big, 's', LIMIT_SECRET + 1);
    assert_err(secret_set(&secret, bytes_of(big, LIMIT_SECRET + 1)), ERR_TOO_LONG);
    assert_string_equal(secret.reveal, "before");
    assert_ok(secret_set(&secret, bytes_of(big, LIMIT_SECRET)));
    assert_int_equal(secret.len, LIMIT_SECRET);
}

static void is_none_when_zero_empty_or_wiped(void **state)
{
    (void)state;
    struct secret secret = {0};
    assert_false(secret_is_set(&secret));
    assert_int_equal(secret_bytes(&secret).len, 0);
    assert_ok(secret_set(&secret, bytes_of(NULL, 0)));
    assert_false(secret_is_set(&secret));
    assert_string_equal(secret.reveal, "");
    assert_ok(secret_set(&secret, bytes_of_text("x")));
    assert_true(secret_is_set(&secret));
    secret_wipe(&secret);
    assert_false(secret_is_set(&secret));
    assert_null(secret.reveal);
    secret_wipe(&secret);
}

static void copies(void **state)
{
    (void)state;
    char original[] = "token";
    AUTO_SECRET struct secret secret = {0};
    assert_ok(secret_set(&secret, bytes_of_text(original)));
    memset(original, 'x', 5);
    assert_string_equal(secret.reveal, "token");
    assert_true(bytes_equal_text(secret_bytes(&secret), "token"));
    /* A secret may be set to part of itself. */
    assert_ok(secret_set(&secret, bytes_of(secret.reveal, 3)));
    assert_string_equal(secret.reveal, "tok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),
        cmocka_unit_test(is_none_when_zero_empty_or_wiped),
        cmocka_unit_test(copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
