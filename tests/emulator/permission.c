#include "tests/emulator/permission.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* ---- patterns ---- */

/* '*' stands for any characters, '?' for one. Actions are compared without regard to case. */
static bool matches(const char *pattern, const char *text, bool has_case)
{
    const char *star = NULL, *resume = NULL;
    while (*text != '\0') {
        bool is_same = has_case ? *pattern == *text : tolower((unsigned char)*pattern) == tolower((unsigned char)*text);
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (*pattern != '\0' && (is_same || *pattern == '?')) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* A text or a list of texts, any of which may match. */
static bool any_matches(const json_t *patterns, const char *text, bool has_case)
{
    if (json_is_string(patterns)) {
        return matches(json_string_value(patterns), text, has_case);
    }
    for (size_t i = 0; i < json_array_size(patterns); i++) {
        if (matches(json_string_value(json_array_get(patterns, i)), text, has_case)) {
            return true;
        }
    }
    return false;
}

/* "Action" or "NotAction", whichever the statement has. */
static bool element_covers(const json_t *statement, const char *name, const char *not_name, const char *text)
{
    const json_t *patterns = json_object_get(statement, name);
    bool has_case = strcmp(name, "Resource") == 0;
    return patterns != NULL ? any_matches(patterns, text, has_case)
                            : !any_matches(json_object_get(statement, not_name), text, has_case);
}

/* ---- conditions ---- */

static const char document_check[] = "ssm:SessionDocumentAccessCheck";
static const char *const tag_prefixes[] = {"aws:ResourceTag/", "ssm:resourceTag/"};

/* NULL: the request does not have it. */
static const char *context_value(const struct permission_request *request, const char *key)
{
    for (size_t i = 0; i < sizeof tag_prefixes / sizeof tag_prefixes[0]; i++) {
        size_t len = strlen(tag_prefixes[i]);
        if (strncasecmp(key, tag_prefixes[i], len) == 0) {
            return tag_value(request->tags, key + len);
        }
    }
    return strcasecmp(key, document_check) == 0 ? request->checks_document : request->os_user;
}

static bool is_known_key(const char *key)
{
    return strcasecmp(key, "ec2:osuser") == 0 || strcasecmp(key, document_check) == 0 ||
           strncasecmp(key, tag_prefixes[0], strlen(tag_prefixes[0])) == 0 ||
           strncasecmp(key, tag_prefixes[1], strlen(tag_prefixes[1])) == 0;
}

static bool equals(const json_t *values, const char *actual)
{
    if (json_is_string(values)) {
        return strcmp(json_string_value(values), actual) == 0;
    }
    for (size_t i = 0; i < json_array_size(values); i++) {
        if (strcmp(json_string_value(json_array_get(values, i)), actual) == 0) {
            return true;
        }
    }
    return false;
}

/* All keys of all operators must hold. */
static bool conditions_hold(const json_t *statement, const struct permission_request *request)
{
    const char *operator= NULL, *key = NULL;
    json_t *keys = NULL, *values = NULL;
    json_object_foreach(json_object_get(statement, "Condition"), operator, keys)
    {
        bool is_like = strcmp(operator, "StringLike") == 0;
        json_object_foreach(keys, key, values)
        {
            const char *actual = context_value(request, key);
            if (actual == NULL && strcmp(operator, "BoolIfExists") == 0) {
                continue;
            }
            if (actual == NULL || !(is_like ? any_matches(values, actual, true) : equals(values, actual))) {
                return false;
            }
        }
    }
    return true;
}

/* ---- the policy ---- */

static bool is_text_list(const json_t *value)
{
    size_t i = 0;
    json_t *item = NULL;
    bool is_list = json_is_array(value) && json_array_size(value) > 0;
    json_array_foreach(value, i, item)
    {
        is_list = is_list && json_is_string(item);
    }
    return is_list || json_is_string(value);
}

static bool is_operator_known(const char *name)
{
    static const char *const known[] = {"StringEquals", "StringLike", "Bool", "BoolIfExists"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_condition_known(json_t *condition)
{
    const char *operator= NULL, *key = NULL;
    json_t *keys = NULL, *values = NULL;
    json_object_foreach(condition, operator, keys)
    {
        if (!is_operator_known(operator)) {
            return false;
        }
        json_object_foreach(keys, key, values)
        {
            if (!is_known_key(key) || !is_text_list(values)) {
                return false;
            }
        }
    }
    return true;
}

static const char *judge(const json_t *statement)
{
    const char *effect = json_string_value(json_object_get(statement, "Effect"));
    const json_t *action = json_object_get(statement, "Action"), *not_action = json_object_get(statement, "NotAction");
    const json_t *resource = json_object_get(statement, "Resource");
    const json_t *not_resource = json_object_get(statement, "NotResource");
    if (effect == NULL || (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0)) {
        return "Effect is Allow or Deny";
    }
    if ((action == NULL) == (not_action == NULL) || !is_text_list(action == NULL ? not_action : action)) {
        return "a statement has Action or NotAction";
    }
    if ((resource == NULL) == (not_resource == NULL) || !is_text_list(resource == NULL ? not_resource : resource)) {
        return "a statement has Resource or NotResource";
    }
    return is_condition_known(json_object_get(statement, "Condition")) ? NULL : "a Condition that is not known here";
}

static const json_t *statement_at(const json_t *policy, size_t index)
{
    const json_t *statements = json_object_get(policy, "Statement");
    return json_is_array(statements) ? json_array_get(statements, index) : index == 0 ? statements : NULL;
}

enum err permission_policy_check(const json_t *policy, struct text *ret_problem)
{
    const json_t *statement = NULL;
    const char *problem = statement_at(policy, 0) == NULL ? "a policy has a Statement" : NULL;
    for (size_t i = 0; problem == NULL && (statement = statement_at(policy, i)) != NULL; i++) {
        problem = judge(statement);
    }
    text_put(ret_problem, problem == NULL ? "" : problem);
    return problem == NULL ? ERR_OK : ERR_MALFORMED;
}

enum err permission_check(const struct credential *caller, const struct permission_request *request,
                          struct service_error *ret_error)
{
    bool is_allowed = caller->policy == NULL, is_denied = false;
    const json_t *statement = NULL;
    for (size_t i = 0; caller->policy != NULL && (statement = statement_at(caller->policy, i)) != NULL; i++) {
        if (element_covers(statement, "Action", "NotAction", request->action) &&
            element_covers(statement, "Resource", "NotResource", request->resource) &&
            conditions_hold(statement, request)) {
            bool is_allow = strcmp(json_string_value(json_object_get(statement, "Effect")), "Allow") == 0;
            is_allowed = is_allowed || is_allow;
            is_denied = is_denied || !is_allow;
        }
    }
    if (is_allowed && !is_denied) {
        return ERR_OK;
    }
    service_error_set(ret_error, "AccessDeniedException",
                      is_denied
                          ? "User: %s is not authorized to perform: %s on resource: %s with an explicit deny in an "
                            "identity-based policy"
                          : "User: %s is not authorized to perform: %s on resource: %s because no identity-based "
                            "policy allows the %s action",
                      caller->principal, request->action, request->resource, request->action);
    return ERR_DENIED;
}
