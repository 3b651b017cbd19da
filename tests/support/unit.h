/* unit: what every cmocka program here includes, in the order that cmocka wants. */
#ifndef SSM_TESTS_SUPPORT_UNIT_H
#define SSM_TESTS_SUPPORT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/bytes.h"
#include "common/err.h"

/* A failed assertion ends the test. cmocka does not declare it so, and the static analyzer would go on behind it. */
#ifdef __clang_analyzer__
#undef assert_true
#undef assert_false
#undef assert_int_equal
#undef assert_non_null
#undef skip
#define assert_true(condition) ((condition) ? (void)0 : __builtin_trap())
#define assert_false(condition) assert_true(!(condition))
#define assert_int_equal(a, b) assert_true((uintmax_t)(a) == (uintmax_t)(b))
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define skip() __builtin_trap()
#endif

#define assert_ok(expression) assert_int_equal((expression), ERR_OK)
#define assert_err(expression, expected) assert_int_equal((expression), (expected))

#endif
