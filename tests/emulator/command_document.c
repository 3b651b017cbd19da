#include "tests/emulator/command_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/command_text.h"

#define DEFAULT_TIMEOUT_SECONDS 3600

static const struct {
    const char *name;
    enum command_action action;
    const char *platforms[4];
} plugins[] = {
    {"aws:runShellScript", COMMAND_RUNS_SCRIPT, {"Linux", "MacOS", NULL}},
    {"aws:runPowerShellScript", COMMAND_RUNS_SCRIPT, {"Windows", NULL}},
    {"aws:updateSsmAgent", COMMAND_UPDATES_AGENT, {"Linux", "MacOS", "Windows", NULL}},
};

#define PLUGIN_COUNT (sizeof plugins / sizeof plugins[0])

/* One thing that a document does. */
struct step {
    size_t plugin;        /* PLUGIN_COUNT: none that is known */
    const char *name;     /* for the lists */
    const json_t *inputs; /* borrowed */
    const json_t *precondition;
};

static const char *member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value == NULL ? "" : value;
}

static enum err refuse(struct service_error *error, const char *type, const char *what, const char *name)
{
    service_error_set(error, type, "%s%.100s", what, name);
    return ERR_MALFORMED;
}

/* ---- steps ---- */

static size_t find_plugin(const char *name)
{
    size_t i = 0;
    while (i < PLUGIN_COUNT && strcmp(plugins[i].name, name) != 0) {
        i++;
    }
    return i;
}

static bool is_old(const json_t *content)
{
    return strcmp(member(content, "schemaVersion"), "1.2") == 0;
}

/* Of schema 1.2: the first set of properties of the plugin, which may stand alone. */
static bool old_step_at(const json_t *content, size_t index, struct step *ret_step)
{
    void *at = json_object_iter(json_object_get(content, "runtimeConfig"));
    while (at != NULL && index-- > 0) {
        at = json_object_iter_next(json_object_get(content, "runtimeConfig"), at);
    }
    if (at == NULL) {
        return false;
    }
    const json_t *properties = json_object_get(json_object_iter_value(at), "properties");
    const char *name = json_object_iter_key(at);
    *ret_step = (struct step){find_plugin(name), name,
                              json_is_array(properties) ? json_array_get(properties, 0) : properties, NULL};
    return true;
}

static bool step_at(const json_t *content, size_t index, struct step *ret_step)
{
    if (is_old(content)) {
        return old_step_at(content, index, ret_step);
    }
    const json_t *step = json_array_get(json_object_get(content, "mainSteps"), index);
    *ret_step = (struct step){find_plugin(member(step, "action")), member(step, "name"),
                              json_object_get(step, "inputs"), json_object_get(step, "precondition")};
    return step != NULL;
}

/* {"StringEquals":["platformType","Linux"]} is the one precondition that there is. */
static bool is_step_for(const struct step *step, const char *platform)
{
    const json_t *pair = json_object_get(step->precondition, "StringEquals");
    const char *wanted = json_string_value(json_array_get(pair, 1));
    bool is_meant = step->precondition == NULL || (wanted != NULL && strcmp(wanted, platform) == 0);
    for (const char *const *at = plugins[step->plugin].platforms; is_meant && *at != NULL; at++) {
        if (strcmp(*at, platform) == 0) {
            return true;
        }
    }
    return false;
}

static bool find_step(const json_t *content, const char *platform, struct step *ret_step)
{
    for (size_t i = 0; step_at(content, i, ret_step); i++) {
        if (ret_step->plugin < PLUGIN_COUNT && is_step_for(ret_step, platform)) {
            return true;
        }
    }
    return false;
}

bool command_document_is_for(const json_t *content, const char *platform)
{
    struct step step;
    return find_step(content, platform, &step);
}

/* ---- what CreateDocument takes ---- */

static bool is_precondition(const json_t *precondition)
{
    const json_t *pair = json_object_get(precondition, "StringEquals");
    const char *key = json_string_value(json_array_get(pair, 0));
    return precondition == NULL || (json_array_size(pair) == 2 && json_is_string(json_array_get(pair, 1)) &&
                                    key != NULL && strcmp(key, "platformType") == 0);
}

static enum err judge_step(const struct step *step, struct service_error *error)
{
    const json_t *command = json_object_get(step->inputs, "runCommand");
    if (step->plugin == PLUGIN_COUNT) {
        return refuse(error, "InvalidDocumentContent", "The lab does not know the plugin of step ", step->name);
    }
    if (step->name[0] == '\0' || !json_is_object(step->inputs) || !is_precondition(step->precondition)) {
        return refuse(error, "InvalidDocumentContent",
                      "A step lacks name or inputs, or has another precondition: ", step->name);
    }
    if (plugins[step->plugin].action == COMMAND_RUNS_SCRIPT && !json_is_array(command) && !json_is_string(command)) {
        return refuse(error, "InvalidDocumentContent", "runCommand is missing in step ", step->name);
    }
    return ERR_OK;
}

static enum err judge_steps(const json_t *content, struct service_error *error)
{
    static const char *const platforms[] = {"Linux", "MacOS", "Windows"};
    struct step step;
    size_t counts[3] = {0}, count = 0;
    for (; step_at(content, count, &step); count++) {
        TRY(judge_step(&step, error));
        for (size_t i = 0; i < 3; i++) {
            counts[i] += is_step_for(&step, platforms[i]) ? 1 : 0;
        }
    }
    if (count == 0) {
        return refuse(error, "InvalidDocumentContent", "The document has no step", "");
    }
    bool is_simple = counts[0] <= 1 && counts[1] <= 1 && counts[2] <= 1;
    return is_simple ? ERR_OK
                     : refuse(error, "InvalidDocumentContent", "The lab runs one step of a document on a platform", "");
}

enum err command_document_judge(const json_t *content, struct service_error *ret_error)
{
    static const char *const versions[] = {"1.2", "2.0", "2.2"};
    const char *version = member(content, "schemaVersion");
    bool is_known = false;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        is_known = is_known || strcmp(versions[i], version) == 0;
    }
    if (!json_is_object(content)) {
        return refuse(ret_error, "InvalidDocumentContent", "The content is not a JSON object", "");
    }
    if (!is_known) {
        return refuse(ret_error, "InvalidDocumentSchemaVersion",
                      "Not a schema version of Command documents: ", version);
    }
    TRY(command_text_judge(json_object_get(content, "parameters"), ret_error));
    return judge_steps(content, ret_error);
}

enum err command_document_check(const json_t *content, json_t *parameters, struct service_error *ret_error)
{
    return command_text_check(json_object_get(content, "parameters"), parameters, ret_error);
}

/* ---- what it does ---- */

/* A member of the inputs with the parameters put in; "" when there is none. */
static char *render(const json_t *content, const json_t *parameters, const json_t *value)
{
    return command_text_render(json_object_get(content, "parameters"), parameters, value);
}

static int64_t parse_seconds(const char *text)
{
    long seconds = text == NULL ? 0 : strtol(text, NULL, 10);
    return seconds > 0 ? seconds : DEFAULT_TIMEOUT_SECONDS;
}

enum err command_document_plan(const json_t *content, const json_t *parameters, const char *platform,
                               struct command_plan *ret_plan)
{
    struct step step;
    struct command_plan plan = {.action = COMMAND_DOES_NOTHING};
    if (!find_step(content, platform, &step)) {
        *ret_plan = plan;
        return ERR_OK;
    }
    const json_t *timeout = json_object_get(step.inputs, "timeoutSeconds");
    char *seconds = render(content, parameters, timeout);
    char *downgrade = render(content, parameters, json_object_get(step.inputs, "allowDowngrade"));
    plan.action = plugins[step.plugin].action;
    snprintf(plan.plugin, sizeof plan.plugin, "%s", step.name);
    plan.timeout_seconds = json_is_integer(timeout) ? json_integer_value(timeout) : parse_seconds(seconds);
    plan.allows_downgrade = downgrade != NULL && strcmp(downgrade, "true") == 0;
    plan.script = render(content, parameters, json_object_get(step.inputs, "runCommand"));
    plan.directory = render(content, parameters, json_object_get(step.inputs, "workingDirectory"));
    plan.version = render(content, parameters, json_object_get(step.inputs, "targetVersion"));
    free(seconds);
    free(downgrade);
    if (plan.script == NULL || plan.directory == NULL || plan.version == NULL) {
        command_document_plan_free(&plan);
        return ERR_MEMORY;
    }
    *ret_plan = plan;
    return ERR_OK;
}

void command_document_plan_free(struct command_plan *plan)
{
    free(plan->script);
    free(plan->directory);
    free(plan->version);
    *plan = (struct command_plan){0};
}
