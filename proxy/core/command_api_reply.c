#include "proxy/core/command_api.h"

/* Where lists have both texts of a step in one, and what the agent writes where it has cut. */
#define ERROR_HEADING "\n----------ERROR-------\n"
#define LIST_OUTPUT_MARK "\n---Output truncated---"
#define LIST_ERROR_MARK "\n---Error truncated----"
#define MARK "--output truncated--"

/* ---- small things ---- */

static enum command_api_status read_status(const json_t *object)
{
    static const struct {
        const char *word;
        enum command_api_status status;
    } words[] = {
        {"Pending", COMMAND_API_PENDING}, {"Cancelling", COMMAND_API_CANCELLING}, {"Success", COMMAND_API_SUCCESS},
        {"Failed", COMMAND_API_FAILED},   {"TimedOut", COMMAND_API_TIMED_OUT},    {"Cancelled", COMMAND_API_CANCELLED},
    };
    const char *text = json_view_text(object, "Status");
    for (size_t i = 0; text != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i].word) == 0) {
            return words[i].status;
        }
    }
    return COMMAND_API_IN_PROGRESS;
}

static void copy_member(const json_t *object, const char *member, char *ret_copy, size_t size)
{
    text_copy_for_display(json_view_text(object, member), ret_copy, size);
}

static int64_t read_count(const json_t *object, const char *member)
{
    json_int_t count = json_integer_value(json_object_get(object, member));
    return count > 0 ? count : 0;
}

/* ---- commands ---- */

static enum err read_command(const json_t *object, struct command_api_command *ret_command)
{
    const char *id = json_view_text(object, "CommandId");
    if (id == NULL || !command_api_is_id(id)) {
        return ERR_MALFORMED;
    }
    struct command_api_command command = {
        .status = read_status(object),
        .target_count = read_count(object, "TargetCount"),
        .completed_count = read_count(object, "CompletedCount"),
        .error_count = read_count(object, "ErrorCount"),
    };
    memcpy(command.id, id, sizeof command.id);
    copy_member(object, "DocumentName", command.document_name, sizeof command.document_name);
    copy_member(object, "StatusDetails", command.status_details, sizeof command.status_details);
    copy_member(object, "OutputS3BucketName", command.s3_bucket, sizeof command.s3_bucket);
    copy_member(object, "OutputS3KeyPrefix", command.s3_prefix, sizeof command.s3_prefix);
    const json_t *logs = json_object_get(object, "CloudWatchOutputConfig");
    if (json_is_true(json_object_get(logs, "CloudWatchOutputEnabled"))) {
        copy_member(logs, "CloudWatchLogGroupName", command.log_group, sizeof command.log_group);
    }
    *ret_command = command;
    return ERR_OK;
}

static const char unusable_command[] = "the reply has an unusable command";

enum err command_api_parse_sent(const struct aws_reply *reply, struct command_api_command *ret_command,
                                struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(service_failure_read_object(reply, &object, ret_failure));
    enum err err = read_command(json_object_get(object, "Command"), ret_command);
    return err == ERR_OK ? err : service_failure_say(reply, err, unusable_command, ret_failure);
}

enum err command_api_parse_listed(const struct aws_reply *reply, struct command_api_command *ret_command,
                                  struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(service_failure_read_object(reply, &object, ret_failure));
    const json_t *commands = json_object_get(object, "Commands");
    if (json_array_size(commands) == 0) {
        return service_failure_say(reply, ERR_NO_TARGET, "the service knows no such command", ret_failure);
    }
    enum err err = read_command(json_array_get(commands, 0), ret_command);
    return err == ERR_OK ? err : service_failure_say(reply, err, unusable_command, ret_failure);
}

enum err command_api_parse_cancelled(const struct aws_reply *reply, struct service_failure *ret_failure)
{
    return reply->http_status == 200 ? ERR_OK : service_failure_read_json(reply, ret_failure);
}

bool command_api_is_not_yet(const struct service_failure *failure)
{
    return strcmp(failure->type, "InvocationDoesNotExist") == 0;
}

/* ---- what a step has written ---- */

void command_api_step_free(struct command_api_step *step)
{
    free(step->output);
    free(step->error);
    *step = (struct command_api_step){.output = NULL};
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

/* The text without the mark of a cut. */
static enum err take_text(const char *text, size_t len, const char *mark, char **ret_copy, bool *ret_is_cut)
{
    bool is_marked = ends_with(text, len, mark);
    char *copy = strndup(text, is_marked ? len - strlen(mark) : len);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    *ret_copy = copy;
    *ret_is_cut = is_marked;
    return ERR_OK;
}

/* Both texts of one, where the error's heading stands between them. A text that the service itself has cut bears no
 * mark: what is as long as can be counts as cut. */
static enum err split_output(const char *both, struct command_api_step *step)
{
    size_t len = strlen(both);
    const char *heading = strstr(both, ERROR_HEADING);
    size_t output_len = heading == NULL ? len : (size_t)(heading - both);
    const char *error = heading == NULL ? both + len : heading + strlen(ERROR_HEADING);
    TRY(take_text(both, output_len, LIST_OUTPUT_MARK, &step->output, &step->is_output_cut));
    TRY(take_text(error, strlen(error), LIST_ERROR_MARK, &step->error, &step->is_error_cut));
    bool is_full = text_count_characters(bytes_of(both, len)) >= COMMAND_API_LIST_OUTPUT;
    if (is_full && !step->is_output_cut && !step->is_error_cut) {
        step->is_output_cut = heading == NULL;
        step->is_error_cut = heading != NULL;
    }
    return ERR_OK;
}

/* ---- what is no text ---- */

#define NUL "\\u0000"
#define REPLACEMENT "\\ufffd"

/* Where the next escape of a NUL begins; json.len where there is none. */
static size_t find_nul(struct bytes json, size_t from)
{
    for (size_t at = from; at + strlen(NUL) <= json.len; at++) {
        if (json.data[at] != '\\') {
            continue;
        }
        if (memcmp(json.data + at, NUL, strlen(NUL)) == 0) {
            return at;
        }
        at++; /* the escaped character, which may be a backslash itself */
    }
    return json.len;
}

/* A command may write a NUL, which no string of C can hold and jansson refuses, and with it the reply: it becomes
 * U+FFFD, as other bytes do that are no text. */
static enum err read_object(const struct aws_reply *reply, json_t **ret_object, struct service_failure *ret_failure)
{
    size_t at = find_nul(reply->body, 0);
    if (at == reply->body.len) {
        return service_failure_read_object(reply, ret_object, ret_failure);
    }
    AUTO_FREE uint8_t *copy = malloc(reply->body.len);
    if (copy == NULL) {
        return service_failure_say(reply, ERR_MEMORY, "", ret_failure);
    }
    memcpy(copy, reply->body.data, reply->body.len);
    struct aws_reply readable = *reply;
    readable.body = bytes_of(copy, reply->body.len);
    for (; at < readable.body.len; at = find_nul(readable.body, at)) {
        memcpy(copy + at, REPLACEMENT, strlen(REPLACEMENT));
    }
    return service_failure_read_object(&readable, ret_object, ret_failure);
}

static int read_response_code(const json_t *object)
{
    const json_t *code = json_object_get(object, "ResponseCode");
    json_int_t value = json_is_integer(code) ? json_integer_value(code) : -1;
    return value >= INT32_MIN && value <= INT32_MAX ? (int)value : -1;
}

static void read_step(const json_t *object, const char *name_member, struct command_api_step *step)
{
    copy_member(object, name_member, step->name, sizeof step->name);
    copy_member(object, "StatusDetails", step->status_details, sizeof step->status_details);
    step->status = read_status(object);
    step->response_code = read_response_code(object);
}

static enum err read_full_text(const json_t *object, const char *member, size_t limit, char **ret_text,
                               bool *ret_is_cut)
{
    const char *text = json_view_text(object, member);
    text = text == NULL ? "" : text;
    size_t len = strlen(text);
    TRY(take_text(text, len, MARK, ret_text, ret_is_cut));
    *ret_is_cut = *ret_is_cut || text_count_characters(bytes_of(text, len)) >= limit;
    return ERR_OK;
}

enum err command_api_parse_invocation(const struct aws_reply *reply, struct command_api_step *ret_step,
                                      struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(read_object(reply, &object, ret_failure));
    if (json_view_text(object, "Status") == NULL) {
        return service_failure_say(reply, ERR_MALFORMED, "the reply has no Status", ret_failure);
    }
    AUTO(command_api_step_free) struct command_api_step step = {.output = NULL};
    read_step(object, "PluginName", &step);
    enum err err =
        read_full_text(object, "StandardOutputContent", COMMAND_API_OUTPUT, &step.output, &step.is_output_cut);
    if (err == ERR_OK) {
        err = read_full_text(object, "StandardErrorContent", COMMAND_API_ERROR, &step.error, &step.is_error_cut);
    }
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "", ret_failure);
    }
    command_api_step_free(ret_step);
    *ret_step = step;
    step = (struct command_api_step){.output = NULL};
    return ERR_OK;
}

/* ---- lists of invocations ---- */

static void free_invocation(struct command_api_invocation *invocation)
{
    for (size_t i = 0; i < invocation->step_count; i++) {
        command_api_step_free(&invocation->steps[i]);
    }
    free(invocation->steps);
}

void command_api_invocations_free(struct command_api_invocations *invocations)
{
    for (size_t i = 0; i < invocations->count; i++) {
        free_invocation(&invocations->items[i]);
    }
    free(invocations->items);
    free(invocations->next_token);
    *invocations = (struct command_api_invocations){.items = NULL};
}

/* An id may be shown, compared and sent back: nothing is cut or replaced in it. */
static enum err read_node_id(const json_t *object, char ret_id[LIMIT_TARGET + 1])
{
    const char *id = json_view_text(object, "InstanceId");
    if (!text_is_given(id) || strlen(id) > LIMIT_TARGET) {
        return ERR_MALFORMED;
    }
    text_copy_for_display(id, ret_id, LIMIT_TARGET + 1);
    return strcmp(id, ret_id) == 0 ? ERR_OK : ERR_MALFORMED;
}

static enum err read_invocation(const json_t *object, struct command_api_invocation *invocation)
{
    TRY(read_node_id(object, invocation->node_id));
    copy_member(object, "InstanceName", invocation->node_name, sizeof invocation->node_name);
    copy_member(object, "StatusDetails", invocation->status_details, sizeof invocation->status_details);
    invocation->status = read_status(object);
    const json_t *plugins = json_object_get(object, "CommandPlugins");
    size_t count = json_array_size(plugins);
    if (count == 0) {
        return ERR_OK;
    }
    invocation->steps = calloc(count, sizeof *invocation->steps);
    if (invocation->steps == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *plugin = json_array_get(plugins, i);
        const char *both = json_view_text(plugin, "Output");
        struct command_api_step *step = &invocation->steps[invocation->step_count++];
        read_step(plugin, "Name", step);
        TRY(split_output(both == NULL ? "" : both, step));
    }
    return ERR_OK;
}

static enum err read_invocations(const json_t *object, struct command_api_invocations *invocations)
{
    const json_t *list = json_object_get(object, "CommandInvocations");
    const char *next_token = json_view_text(object, "NextToken");
    size_t count = json_array_size(list);
    if (count > LIMIT_API_PAGE || (next_token != NULL && strlen(next_token) > LIMIT_API_NEXT_TOKEN)) {
        return ERR_TOO_LONG;
    }
    invocations->items = calloc(count + 1, sizeof *invocations->items);
    if (invocations->items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        invocations->count++;
        TRY(read_invocation(json_array_get(list, i), &invocations->items[i]));
    }
    if (text_is_given(next_token)) {
        invocations->next_token = strdup(next_token);
        return invocations->next_token == NULL ? ERR_MEMORY : ERR_OK;
    }
    return ERR_OK;
}

enum err command_api_parse_invocations(const struct aws_reply *reply, struct command_api_invocations *ret_invocations,
                                       struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(read_object(reply, &object, ret_failure));
    AUTO(command_api_invocations_free) struct command_api_invocations invocations = {.items = NULL};
    enum err err = read_invocations(object, &invocations);
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "the reply has an unusable list of invocations", ret_failure);
    }
    command_api_invocations_free(ret_invocations);
    *ret_invocations = invocations;
    invocations = (struct command_api_invocations){.items = NULL};
    return ERR_OK;
}
