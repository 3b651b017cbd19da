#include "tests/emulator/pattern.h"

#include <regex.h>
#include <stddef.h>

bool pattern_fits(const char *pattern, const char *value)
{
    regex_t expression;
    if (pattern == NULL) {
        return true;
    }
    if (regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        return false;
    }
    bool is_match = regexec(&expression, value, 0, NULL, 0) == 0;
    regfree(&expression);
    return is_match;
}
