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

#define assert_ok(expression) assert_int_equal((expression), ERR_OK)
#define assert_err(expression, expected) assert_int_equal((expression), (expected))

#endif
