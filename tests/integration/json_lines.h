/* json_lines: what the probes of the comparisons have in common: one JSON value a line on stdin, one answer a line on
 * stdout. */
#ifndef SSM_TESTS_INTEGRATION_JSON_LINES_H
#define SSM_TESTS_INTEGRATION_JSON_LINES_H

#include "common/auto.h"
#include "common/json_view.h"

#include <stdio.h>

/* The environment of a case is a JSON object: the `get` of struct aws_config_environment. */
static inline const char *json_lines_look_up(void *context, const char *name)
{
    return json_string_value(json_object_get(context, name));
}

static inline struct bytes json_lines_text(const json_t *value)
{
    return bytes_of(json_string_value(value), json_string_length(value));
}

static inline json_t *json_lines_refused(const struct text *why)
{
    return json_pack("{s:s}", "refused", why->data);
}

/* Until the end of stdin; gives the exit code. NULL of `answer` is a case that makes no sense. */
static inline int json_lines_answer(json_t *(*answer)(json_t *given))
{
    AUTO_FREE char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        AUTO_JSON json_t *given = json_loads(line, 0, NULL);
        AUTO_JSON json_t *said = given == NULL ? NULL : answer(given);
        AUTO_FREE char *text = said == NULL ? NULL : json_dumps(said, JSON_COMPACT);
        if (text == NULL || puts(text) < 0 || fflush(stdout) != 0) {
            fprintf(stderr, "cannot answer: %s", line);
            return 1;
        }
    }
    return 0;
}

#endif
