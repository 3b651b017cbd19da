#include "tests/emulator/settings.h"

#include <stdlib.h>
#include <string.h>

static enum err set_text(char **place, const json_t *value)
{
    char *copy = json_is_null(value) ? NULL : strdup(json_string_value(value));
    if (copy == NULL && !json_is_null(value)) {
        return ERR_MEMORY;
    }
    free(*place);
    *place = copy;
    return ERR_OK;
}

static enum err set(const struct setting *setting, void *target, const json_t *value)
{
    char *place = (char *)target + setting->offset;
    switch (setting->kind) {
    case SETTING_NUMBER:
        if (!json_is_integer(value)) {
            return ERR_MALFORMED;
        }
        *(int64_t *)(void *)place = json_integer_value(value);
        return ERR_OK;
    case SETTING_BOOLEAN:
        if (!json_is_boolean(value)) {
            return ERR_MALFORMED;
        }
        *(bool *)place = json_is_true(value);
        return ERR_OK;
    case SETTING_TEXT:
        if (!json_is_string(value) && !json_is_null(value)) {
            return ERR_MALFORMED;
        }
        return set_text((char **)(void *)place, value);
    case ACTION_NUMBER:
        return json_is_integer(value) ? ERR_OK : ERR_MALFORMED;
    case ACTION_BOOLEAN:
        return json_is_boolean(value) ? ERR_OK : ERR_MALFORMED;
    case ACTION_TEXT:
        return json_is_string(value) ? ERR_OK : ERR_MALFORMED;
    case ACTION_LIST:
        return json_is_array(value) ? ERR_OK : ERR_MALFORMED;
    case ACTION_OBJECT:
        return json_is_object(value) ? ERR_OK : ERR_MALFORMED;
    }
    return ERR_MALFORMED;
}

enum err settings_apply(const struct settings *settings, void *target, json_t *object, struct text *ret_problem)
{
    void *iterator = json_object_iter(object);
    for (; iterator != NULL; iterator = json_object_iter_next(object, iterator)) {
        const char *name = json_object_iter_key(iterator);
        size_t i = 0;
        while (i < settings->count && strcmp(settings->table[i].name, name) != 0) {
            i++;
        }
        if (i == settings->count) {
            text_format(ret_problem, "unknown %s '%s'", settings->noun, name);
            return ERR_MALFORMED;
        }
        enum err err = set(&settings->table[i], target, json_object_iter_value(iterator));
        if (err != ERR_OK) {
            text_format(ret_problem, "%s '%s' has the wrong type", settings->noun, name);
            return err;
        }
    }
    return ERR_OK;
}
