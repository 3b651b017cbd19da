/* settings: a JSON object of the control interface put into the struct that holds what it sets, by a table of its
 * members. */
#ifndef SSM_LAB_SETTINGS_H
#define SSM_LAB_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/text.h"

/* A setting is stored, at its offset, as int64_t, bool or char * (owned by the struct; NULL for null); of an action
 * only the type is checked here. */
enum setting_kind {
    SETTING_NUMBER,
    SETTING_BOOLEAN,
    SETTING_TEXT,
    ACTION_NUMBER,
    ACTION_BOOLEAN,
    ACTION_TEXT,
    ACTION_LIST,
    ACTION_OBJECT
};

struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset;
};

struct settings {
    const struct setting *table;
    size_t count;
    const char *noun; /* for the words of a problem */
};

/* ERR_MALFORMED with the reason: an unknown member, or one of the wrong type; those before it are set. */
enum err settings_apply(const struct settings *settings, void *target, json_t *object,
                        struct text *ret_problem) SSM_MUST_USE;

#endif
