#include "proxy/command/run_request.h"

#include "common/log.h"
#include "proxy/command/inventory.h"
#include "proxy/core/document_parameters.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/clock.h"

#define LOOK_US (INT64_C(30) * 1000 * 1000)

static const char shell_document[] = "AWS-RunShellScript";
static const char powershell_document[] = "AWS-RunPowerShellScript";

void run_request_free(struct run_request *request)
{
    json_decref(request->parameters);
    *request = (struct run_request){.parameters = NULL};
}

/* ---- parameters ---- */

static enum err set_list(json_t *parameters, const char *name, const char *value, size_t len)
{
    AUTO_JSON json_t *list = json_array();
    json_error_t error;
    json_t *text = json_pack_ex(&error, 0, "s%", value, len);
    if (text == NULL) {
        return json_view_error(&error);
    }
    if (json_array_append_new(list, text) != 0) {
        return ERR_MEMORY;
    }
    return json_object_set_new(parameters, name, MOVE(list)) == 0 ? ERR_OK : ERR_MEMORY;
}

static enum err read_parameters(const char *given, json_t **ret_parameters, struct text *ret_why)
{
    if (given != NULL) {
        text_put(ret_why, "--parameters: ");
        TRY(document_parameters_parse(given, ret_parameters, ret_why));
        text_clear(ret_why);
        return ERR_OK;
    }
    *ret_parameters = json_object();
    return *ret_parameters == NULL ? ERR_MEMORY : ERR_OK;
}

/* ---- the command ---- */

static enum err add_command(json_t *parameters, const char *text, size_t len, struct text *ret_why)
{
    if (json_object_get(parameters, "commands") != NULL) {
        text_put(ret_why, "--parameters has commands, too: either those or a command of yours");
        return ERR_USAGE;
    }
    enum err err = set_list(parameters, "commands", text, len);
    if (err == ERR_MALFORMED) {
        text_put(ret_why, "the command is no text in UTF-8");
        return ERR_USAGE;
    }
    return err;
}

static enum err add_words(json_t *parameters, const char *const *words, size_t count, struct text *ret_why)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        size += strlen(words[i]) + 1;
    }
    AUTO_FREE char *memory = malloc(size);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text line = text_in(memory, size);
    for (size_t i = 0; i < count; i++) {
        text_put(&line, i > 0 ? " " : "");
        text_put(&line, words[i]);
    }
    return add_command(parameters, line.data, line.len, ret_why);
}

/* The agent runs what it is sent as a file of its own: an interpreter line at its beginning counts there. */
static enum err add_script(json_t *parameters, const char *path, struct text *ret_why)
{
    AUTO(aws_files_wipe) struct aws_file file = {.data = NULL};
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    enum err err = aws_files_read(path, INSTANT_NEVER, &file, &why);
    if (err == ERR_CONFIG || file.data == NULL) {
        text_format(ret_why, "--script: %s", memory[0] != '\0' ? memory : "there is no such file: ");
        text_put(ret_why, memory[0] != '\0' ? "" : path);
        return ERR_USAGE;
    }
    TRY(err);
    bool is_text = memchr(file.data, '\0', file.len) == NULL;
    if (!is_text || file.len == 0 || file.len > LIMIT_RUN_SCRIPT) {
        text_format(ret_why, "--script: %s: %.200s",
                    file.len == 0 ? "it is empty"
                    : is_text     ? "it is over 64 KiB"
                                  : "it is no text",
                    path);
        return ERR_USAGE;
    }
    return add_command(parameters, file.data, file.len, ret_why);
}

enum err run_request_read(const struct options *options, const char *const *words, size_t count,
                          struct run_request *ret_request, struct text *ret_why)
{
    const char *script = options->values[OPTION_SCRIPT], *given = options->values[OPTION_PARAMETERS];
    AUTO(run_request_free)
    struct run_request request = {.document = options->values[OPTION_DOCUMENT_NAME]};
    TRY(read_parameters(given, &request.parameters, ret_why));
    if (script != NULL && count > 0) {
        text_put(ret_why, "either --script or a command");
        return ERR_USAGE;
    }
    TRY(script != NULL ? add_script(request.parameters, script, ret_why) : ERR_OK);
    TRY(count > 0 ? add_words(request.parameters, words, count, ret_why) : ERR_OK);
    if (request.document == NULL && json_object_get(request.parameters, "commands") == NULL) {
        text_put(ret_why, "what is to be run? TARGETS -- COMMAND, --script or --document-name");
        return ERR_USAGE;
    }
    bool knows_timeout = request.document == NULL || strcmp(request.document, shell_document) == 0 ||
                         strcmp(request.document, powershell_document) == 0;
    const char *timeout = options->values[OPTION_TIMEOUT];
    if (timeout != NULL && knows_timeout && json_object_get(request.parameters, "executionTimeout") == NULL) {
        TRY(set_list(request.parameters, "executionTimeout", timeout, strlen(timeout)));
    }
    *ret_request = request;
    request.parameters = NULL;
    return ERR_OK;
}

/* ---- the document ---- */

struct platforms {
    size_t windows, others;
};

static void look_at(const struct ssm_api_node *node, const struct run_targets *targets, struct platforms *platforms)
{
    bool is_windows = strcmp(node->platform_type, "Windows") == 0;
    platforms->windows += is_windows;
    platforms->others += !is_windows;
    const char *word = run_targets_word(targets, node->instance_id);
    if (word != NULL && strcmp(node->ping_status, "Online") != 0) {
        log_notice("%s is not connected (%s); the command waits for it", word, node->ping_status);
    }
}

/* The nodes, or the first ones of a tag: a page of them. */
static enum err find_platforms(struct client *client, const struct run_targets *targets, struct platforms *platforms)
{
    const char *ids[COMMAND_API_NODES_MAX];
    AUTO(ssm_api_nodes_free) struct ssm_api_nodes nodes = {.items = NULL};
    struct ssm_api_describe_nodes which = {
        .filters = {{"InstanceIds", NULL}}, .first_values = ids, .first_value_count = targets->node_count};
    for (size_t i = 0; i < targets->node_count; i++) {
        ids[i] = targets->nodes[i].id;
    }
    if (targets->tag_count > 0) { /* the first of several: these nodes, and perhaps others */
        which.filters[0].key = targets->tags[0].key;
        which.first_values = targets->tags[0].values;
        which.first_value_count = targets->tags[0].value_count;
    }
    TRY(inventory_node_page(client, &which, clock_mono_us() + LOOK_US, &nodes));
    for (size_t i = 0; i < nodes.count; i++) {
        look_at(&nodes.items[i], targets, platforms);
    }
    return ERR_OK;
}

enum err run_request_document(const struct run_request *request, struct client *client,
                              const struct run_targets *targets, const char **ret_document)
{
    struct platforms platforms = {0};
    if (request->document != NULL) {
        *ret_document = request->document;
        return ERR_OK;
    }
    enum err err = find_platforms(client, targets, &platforms);
    if (err == ERR_DENIED) { /* most nodes are Linux, and the service refuses the document for others */
        log_debug("the platform is not known: %s", client->why.data);
        text_clear(&client->why);
        err = ERR_OK;
    }
    TRY(err);
    if (platforms.windows > 0 && platforms.others > 0) {
        text_format(&client->why, "some of the nodes run Windows, some do not: --document-name %s or %s chooses",
                    shell_document, powershell_document);
        return ERR_USAGE;
    }
    *ret_document = platforms.windows > 0 ? powershell_document : shell_document;
    return ERR_OK;
}
