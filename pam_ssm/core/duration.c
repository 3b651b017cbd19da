#include "pam_ssm/core/duration.h"

#include <inttypes.h>

static const struct unit {
    char letter;
    int64_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
#define UNIT_COUNT (sizeof units / sizeof units[0])

enum err duration_parse(const char *string, int64_t max_s, int64_t *ret_s)
{
    char digits[16];
    struct text number = text_in(digits, sizeof digits);
    size_t len = strspn(string, "0123456789");
    text_put_bytes(&number, bytes_of(string, len));
    int64_t unit_s = string[len] == '\0' ? 1 : 0;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (string[len] == units[i].letter && string[len + 1] == '\0') {
            unit_s = units[i].seconds;
        }
    }
    int64_t count = 0;
    if (unit_s == 0 || text_finish(&number) != ERR_OK) {
        return ERR_MALFORMED;
    }
    TRY(text_parse_decimal(digits, 1, max_s / unit_s, &count));
    *ret_s = count * unit_s;
    return ERR_OK;
}

void duration_put(struct text *text, int64_t duration_s)
{
    int64_t rest_s = duration_s > 0 ? duration_s : 0;
    int parts = 0;
    for (size_t i = 0; i < UNIT_COUNT && parts < 2; i++) {
        int64_t count = rest_s / units[i].seconds;
        bool is_last = i == UNIT_COUNT - 1;
        if (count > 0 || (is_last && parts == 0)) {
            text_format(text, "%s%" PRId64 "%c", parts > 0 ? " " : "", count, units[i].letter);
            parts++;
        }
        rest_s -= count * units[i].seconds;
    }
}
