#include "tests/emulator/agent_version.h"

#include <stdbool.h>
#include <string.h>

static bool is_number(const char *text, size_t len)
{
    return len > 0 && strspn(text, "0123456789") >= len;
}

/* Of any length: the longer one is the greater, once the zeros in front are gone. */
static int compare_numbers(const char *left, size_t left_len, const char *right, size_t right_len)
{
    for (; left_len > 1 && *left == '0'; left_len--) {
        left++;
    }
    for (; right_len > 1 && *right == '0'; right_len--) {
        right++;
    }
    if (left_len != right_len) {
        return left_len < right_len ? -1 : 1;
    }
    return memcmp(left, right, left_len);
}

static int compare_component(const char *left, size_t left_len, const char *right, size_t right_len)
{
    if (is_number(left, left_len) && is_number(right, right_len)) {
        return compare_numbers(left, left_len, right, right_len);
    }
    int order = memcmp(left, right, left_len < right_len ? left_len : right_len);
    return order != 0 ? order : (left_len > right_len) - (left_len < right_len);
}

int agent_version_compare(const char *left, const char *right)
{
    for (;;) {
        size_t left_len = strcspn(left, "."), right_len = strcspn(right, ".");
        int order = compare_component(left, left_len, right, right_len);
        left += left_len;
        right += right_len;
        if (order != 0 || *left == '\0' || *right == '\0') {
            return order != 0 ? order : (*left != '\0') - (*right != '\0');
        }
        left++;
        right++;
    }
}
