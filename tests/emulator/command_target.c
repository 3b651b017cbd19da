#include "tests/emulator/command_target.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/emulator/pattern.h"

#define MAX_TARGETS 5

/* The patterns of MaxConcurrency and MaxErrors in the API reference. */
#define CONCURRENCY_PATTERN "^([1-9][0-9]{0,6}|[1-9][0-9]%|[1-9]%|100%)$"
#define ERRORS_PATTERN "^([1-9][0-9]{0,6}|0|[1-9][0-9]%|[0-9]%|100%)$"

static const char *member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value == NULL ? "" : value;
}

/* ---- targets ---- */

static bool is_id_key(const char *key)
{
    return strcasecmp(key, "InstanceIds") == 0;
}

static bool has_star(const json_t *values)
{
    bool is_there = false;
    for (size_t i = 0; i < json_array_size(values); i++) {
        const char *value = json_string_value(json_array_get(values, i));
        is_there = is_there || (value != NULL && strcmp(value, "*") == 0);
    }
    return is_there;
}

static enum err check(const json_t *target, bool may_be_all, struct service_error *error)
{
    const char *key = member(target, "Key");
    size_t count = json_array_size(json_object_get(target, "Values"));
    bool is_known = strncmp(key, "tag:", 4) == 0 || strcmp(key, "tag-key") == 0 || is_id_key(key);
    bool is_all = is_id_key(key) && has_star(json_object_get(target, "Values"));
    if (is_known && (may_be_all || !is_all) && count > 0 && count <= COMMAND_TARGET_VALUES) {
        return ERR_OK;
    }
    service_error_set(error, "InvalidTarget", "The target is not valid: %.100s with %zu values", key, count);
    return ERR_MALFORMED;
}

enum err command_target_check(const json_t *targets, bool may_be_all, struct service_error *ret_error)
{
    for (size_t i = 0; i < json_array_size(targets); i++) {
        if (i == MAX_TARGETS) {
            service_error_set(ret_error, "InvalidTarget", "More than %d targets", MAX_TARGETS);
            return ERR_MALFORMED;
        }
        TRY(check(json_array_get(targets, i), may_be_all, ret_error));
    }
    return ERR_OK;
}

static bool has_value(const struct node *node, const char *key, const char *value)
{
    const struct tag named[] = {{"Name", node->name}, {NULL, NULL}};
    const struct tag *tags = node->tags != NULL ? node->tags : node->name[0] != '\0' ? named : NULL;
    if (is_id_key(key)) {
        return strcmp(node->id, value) == 0 || strcmp(value, "*") == 0;
    }
    if (strcmp(key, "tag-key") == 0) {
        return tag_value(tags, value) != NULL;
    }
    const char *actual = tag_value(tags, key + strlen("tag:"));
    return actual != NULL && strcmp(actual, value) == 0;
}

static bool fits(const struct node *node, const json_t *target)
{
    const json_t *values = json_object_get(target, "Values");
    for (size_t i = 0; i < json_array_size(values); i++) {
        const char *value = json_string_value(json_array_get(values, i));
        if (value != NULL && has_value(node, member(target, "Key"), value)) {
            return true;
        }
    }
    return false;
}

bool command_target_fits(const struct node *node, const char *region, const json_t *targets)
{
    bool is_meant = !node->is_container && !node->is_gone && strcmp(node->region, region) == 0;
    for (size_t i = 0; is_meant && i < json_array_size(targets); i++) {
        is_meant = fits(node, json_array_get(targets, i));
    }
    return is_meant;
}

/* ---- how many at a time ---- */

/* "10" or "10%" of `total`. */
static enum err parse_share(const json_t *input, const char *name, size_t total, size_t *ret_count,
                            struct service_error *error)
{
    bool is_concurrency = strcmp(name, "MaxConcurrency") == 0;
    const char *pattern = is_concurrency ? CONCURRENCY_PATTERN : ERRORS_PATTERN, *text = member(input, name);
    text = text[0] != '\0' ? text : is_concurrency ? "50" : "0";
    if (!pattern_fits(pattern, text)) {
        service_error_set(error, "ValidationException",
                          "1 validation error detected: Value '%.100s' at '%c%s' failed to satisfy constraint: Member "
                          "must satisfy regular expression pattern: %s",
                          text, name[0] | 0x20, name + 1, pattern);
        return ERR_MALFORMED;
    }
    size_t number = strtoul(text, NULL, 10);
    *ret_count = strchr(text, '%') == NULL ? number : total * number / 100;
    return ERR_OK;
}

enum err command_target_limits(const json_t *input, size_t total, size_t *ret_concurrency, size_t *ret_max_errors,
                               struct service_error *ret_error)
{
    size_t concurrency = 0;
    TRY(parse_share(input, "MaxConcurrency", total, &concurrency, ret_error));
    TRY(parse_share(input, "MaxErrors", total, ret_max_errors, ret_error));
    *ret_concurrency = concurrency == 0 ? 1 : concurrency;
    return ERR_OK;
}
