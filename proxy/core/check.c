#include "proxy/core/check.h"

#include "common/json_view.h"

#define NAME_AT 6
#define DETAIL_AT 20
#define SHOWN_SIZE sizeof((struct check *)NULL)->detail /* the longest text of a check */

struct word {
    const char *shown;
    const char *colour; /* SGR; bold where it is to be seen first */
    const char *name;
};

static const struct word words[CHECK_STATUS_COUNT] = {
    [CHECK_PASSED] = {"ok", "32", "passed"},
    [CHECK_WARNED] = {"warn", "33", "warned"},
    [CHECK_FAILED] = {"FAIL", "1;31", "failed"},
    [CHECK_SKIPPED] = {"skip", "2", "skipped"},
};

/* ---- for a person ---- */

static void put_shown(struct text *text, const char *before, const char *string, const char *behind)
{
    char shown[SHOWN_SIZE];
    text_copy_for_display(string, shown, sizeof shown);
    text_format(text, "%s%s%s", before, shown, behind);
}

void check_put_lines(const struct check *check, bool is_coloured, struct text *text)
{
    const struct word *word = &words[check->status];
    int gap = NAME_AT - (int)strlen(word->shown);
    if (is_coloured) {
        text_format(text, "\033[%sm%s\033[0m%*s", word->colour, word->shown, gap, "");
    } else {
        text_format(text, "%s%*s", word->shown, gap, "");
    }
    text_format(text, "%-*s", DETAIL_AT - NAME_AT, check->name);
    if (check->subject[0] != '\0') {
        put_shown(text, "", check->subject, check->detail[0] != '\0' ? ": " : "");
    }
    put_shown(text, "", check->detail, "\n");
    if (check->advice[0] != '\0') {
        text_format(text, "%*s", DETAIL_AT, "");
        put_shown(text, "-> ", check->advice, "\n");
    }
}

/* ---- for a program ---- */

static json_t *string_of(const char *string)
{
    char shown[SHOWN_SIZE];
    text_copy_for_display(string, shown, sizeof shown);
    json_t *value = json_string(shown);
    if (value != NULL) {
        return value;
    }
    for (char *at = shown; *at != '\0'; at++) {
        *at = (char)((unsigned char)*at < 0x80 ? *at : '?');
    }
    return json_string(shown);
}

static enum err set_string(json_t *object, const char *member, const char *string)
{
    if (string[0] == '\0') {
        return ERR_OK;
    }
    return json_object_set_new(object, member, string_of(string)) == 0 ? ERR_OK : ERR_MEMORY;
}

enum err check_to_json(const struct check *check, char **ret_json)
{
    AUTO_JSON json_t *object = json_object();
    if (object == NULL) {
        return ERR_MEMORY;
    }
    TRY(set_string(object, "Check", check->name));
    TRY(set_string(object, "Subject", check->subject));
    TRY(set_string(object, "Status", words[check->status].name));
    TRY(set_string(object, "Detail", check->detail));
    TRY(set_string(object, "Advice", check->advice));
    if (check->took_us >= 0 &&
        json_object_set_new(object, "Milliseconds", json_integer((json_int_t)(check->took_us / 1000))) != 0) {
        return ERR_MEMORY;
    }
    *ret_json = json_dumps(object, JSON_COMPACT);
    return *ret_json != NULL ? ERR_OK : ERR_MEMORY;
}
