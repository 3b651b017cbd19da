#include "tests/emulator/command_document.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emulator/pattern.h"

/* 1 to 172800 seconds, as the documents have it. */
#define TIMEOUT_PATTERN "^([1-9][0-9]{0,4}|1[0-6][0-9]{4}|17[0-1][0-9]{3}|172[0-7][0-9]{2}|172800)$"

static const struct command_parameter script_parameters[] = {
    {.name = "commands", .is_required = true, .is_list = true},
    {.name = "workingDirectory"},
    {.name = "executionTimeout", .pattern = TIMEOUT_PATTERN},
    {0},
};

static const struct command_parameter update_parameters[] = {
    {.name = "version", .pattern = "^(|[0-9]+(\\.[0-9]+){0,3})$"},
    {.name = "allowDowngrade", .pattern = "^(true|false)$"},
    {0},
};

static const struct command_document documents[] = {
    {"AWS-RunShellScript", "aws:runShellScript", "Linux", COMMAND_RUNS_SCRIPT, script_parameters},
    {"AWS-RunPowerShellScript", "aws:runPowerShellScript", "Windows", COMMAND_RUNS_SCRIPT, script_parameters},
    {"AWS-UpdateSSMAgent", "aws:updateSsmAgent", "Linux", COMMAND_UPDATES_AGENT, update_parameters},
};

const struct command_document *command_document_find(const char *name)
{
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        if (strcmp(documents[i].name, name) == 0) {
            return &documents[i];
        }
    }
    return NULL;
}

static enum err refuse(struct service_error *error, const char *what, const char *name)
{
    service_error_set(error, "InvalidParameters", "%s: %.100s", what, name);
    return ERR_MALFORMED;
}

static enum err check_values(const struct command_parameter *parameter, const json_t *values,
                             struct service_error *error)
{
    size_t count = json_array_size(values);
    if (count == 0 || (count > 1 && !parameter->is_list)) {
        return refuse(error, "Parameter has the wrong number of values", parameter->name);
    }
    for (size_t i = 0; i < count; i++) {
        const char *value = json_string_value(json_array_get(values, i));
        if (value == NULL || !pattern_fits(parameter->pattern, value)) {
            return refuse(error, "Parameter does not match the pattern of the document", parameter->name);
        }
    }
    return ERR_OK;
}

enum err command_document_check(const struct command_document *document, const json_t *parameters,
                                struct service_error *ret_error)
{
    size_t known = 0;
    for (const struct command_parameter *at = document->parameters; at->name != NULL; at++) {
        const json_t *values = json_object_get(parameters, at->name);
        if (values != NULL) {
            TRY(check_values(at, values, ret_error));
            known++;
        } else if (at->is_required) {
            return refuse(ret_error, "Missing required parameter", at->name);
        }
    }
    return known == json_object_size(parameters)
               ? ERR_OK
               : refuse(ret_error, "Parameters that are not in the document", document->name);
}

const char *command_document_value(const json_t *parameters, const char *name)
{
    const char *value = json_string_value(json_array_get(json_object_get(parameters, name), 0));
    return value == NULL ? "" : value;
}

char *command_document_lines(const json_t *parameters, const char *name)
{
    const json_t *values = json_object_get(parameters, name);
    size_t size = 1, len = 0;
    for (size_t i = 0; i < json_array_size(values); i++) {
        size += json_string_length(json_array_get(values, i)) + 1;
    }
    char *lines = malloc(size);
    for (size_t i = 0; lines != NULL && i < json_array_size(values); i++) {
        const json_t *value = json_array_get(values, i);
        memcpy(lines + len, json_string_value(value), json_string_length(value));
        len += json_string_length(value);
        lines[len++] = '\n';
    }
    if (lines != NULL) {
        lines[len] = '\0';
    }
    return lines;
}
