#include "pam_ssm/core/proc_stat.h"

#define FIELD_PARENT_PID 4
#define FIELD_START_TICKS 22

/* Reads a number that ends at a blank or at the end, and moves behind it. */
static enum err take_number(struct bytes *rest, int64_t *ret_number)
{
    size_t at = 0;
    bool is_negative = rest->len > 0 && rest->data[0] == '-';
    at += is_negative;
    int64_t number = 0;
    size_t first = at;
    for (; at < rest->len && rest->data[at] >= '0' && rest->data[at] <= '9'; at++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, rest->data[at] - '0', &number)) {
            return ERR_MALFORMED;
        }
    }
    if (at == first) {
        return ERR_MALFORMED;
    }
    *rest = bytes_from(*rest, at);
    *ret_number = is_negative ? -number : number;
    return ERR_OK;
}

static void skip_blanks(struct bytes *rest)
{
    while (rest->len > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t')) {
        *rest = bytes_from(*rest, 1);
    }
}

/* Moves behind the current field. */
static void skip_field(struct bytes *rest)
{
    while (rest->len > 0 && rest->data[0] != ' ') {
        *rest = bytes_from(*rest, 1);
    }
    skip_blanks(rest);
}

enum err proc_stat_parse(struct bytes file, struct proc_stat *ret_stat)
{
    struct proc_stat stat = {0};
    struct bytes rest = file;
    TRY(take_number(&rest, &stat.pid));
    /* Anybody may put ") 1 (" into his process's name: only the last parenthesis closes it. */
    const uint8_t *name_end = file.len > 0 ? memrchr(file.data, ')', file.len) : NULL;
    if (name_end == NULL || rest.len < 2 || rest.data[0] != ' ' || rest.data[1] != '(') {
        return ERR_MALFORMED;
    }
    rest = bytes_from(file, (size_t)(name_end - file.data) + 1);
    skip_blanks(&rest);
    for (int field = 3; field < FIELD_START_TICKS; field++) {
        if (field == FIELD_PARENT_PID) {
            struct bytes number = rest;
            TRY(take_number(&number, &stat.parent_pid));
        }
        skip_field(&rest);
    }
    TRY(take_number(&rest, &stat.start_ticks));
    if (stat.pid <= 0 || stat.parent_pid < 0 || stat.start_ticks < 0) {
        return ERR_MALFORMED;
    }
    *ret_stat = stat;
    return ERR_OK;
}

/* What follows `name` at the begin of a line. */
static enum err find_line(struct bytes file, const char *name, struct bytes *ret_rest)
{
    size_t name_len = strlen(name);
    struct bytes rest = file;
    while (rest.len > 0) {
        if (rest.len > name_len && memcmp(rest.data, name, name_len) == 0) {
            *ret_rest = bytes_from(rest, name_len);
            skip_blanks(ret_rest);
            return ERR_OK;
        }
        const uint8_t *end = memchr(rest.data, '\n', rest.len);
        rest = end == NULL ? bytes_of(NULL, 0) : bytes_from(rest, (size_t)(end - rest.data) + 1);
    }
    return ERR_MALFORMED;
}

enum err proc_stat_parse_uids(struct bytes status, int64_t ret_uids[4])
{
    struct bytes rest;
    TRY(find_line(status, "Uid:", &rest));
    int64_t uids[4];
    for (size_t i = 0; i < 4; i++) {
        skip_blanks(&rest);
        TRY(take_number(&rest, &uids[i]));
        if (uids[i] < 0 || uids[i] > UINT32_MAX) {
            return ERR_MALFORMED;
        }
    }
    memcpy(ret_uids, uids, sizeof uids);
    return ERR_OK;
}
