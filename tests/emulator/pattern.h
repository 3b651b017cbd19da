/* pattern: the regular expressions with which documents say what a parameter may be. */
#ifndef SSM_TESTS_EMULATOR_PATTERN_H
#define SSM_TESTS_EMULATOR_PATTERN_H

#include <stdbool.h>

/* An extended regular expression, anchored by whoever wrote it. NULL lets everything pass. */
bool pattern_fits(const char *pattern, const char *value);

#endif
