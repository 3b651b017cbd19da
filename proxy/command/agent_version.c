/* agent version: which agent runs on the nodes, and whether there is a newer one. */
#include "common/json_view.h"
#include "common/log.h"
#include "proxy/command/failure.h"
#include "proxy/command/node_page.h"
#include "proxy/command/output.h"
#include "proxy/command/run_targets.h"
#include "proxy/command/verbs.h"
#include "proxy/core/text_table.h"

#define TIMEOUT_US (INT64_C(60) * 1000 * 1000)
#define ARGUMENTS_MAX 1000
#define ROW_SIZE 4096

static const char *const headings[] = {"NAME", "ID", "AGENT", "LATEST", "PING", "PLATFORM"};
#define COLUMNS (sizeof headings / sizeof headings[0])

struct agent_version {
    const struct options *options;
    struct client client;
    struct run_targets targets;
    struct output output;
    struct text_table table;
    size_t found, outdated;
};

static const char *name_of(const struct agent_version *list, const struct node_page *page,
                           const struct ssm_api_node *node)
{
    const char *word = run_targets_word(&list->targets, node->instance_id);
    return word != NULL && strcmp(word, node->instance_id) != 0 ? word : node_page_name(page, node);
}

/* ---- table ---- */

static void fill_cells(const struct agent_version *list, const struct node_page *page, const struct ssm_api_node *node,
                       const char *ret_cells[COLUMNS])
{
    const char *latest = node->is_agent_latest ? "yes" : node->is_agent_outdated ? "no" : "";
    const char *const cells[COLUMNS] = {name_of(list, page, node), node->instance_id,  node->agent_version, latest,
                                        node->ping_status,         node->platform_name};
    memcpy(ret_cells, cells, sizeof cells);
}

static enum err put_row(struct agent_version *list, const char *const *cells)
{
    char memory[ROW_SIZE];
    struct text line = text_in(memory, sizeof memory);
    text_table_put_row(&list->table, cells, &line);
    return output_put(&list->output, &line, &list->client.why);
}

static enum err put_table(struct agent_version *list, const struct node_page *page)
{
    const char *cells[COLUMNS];
    bool is_first = list->table.widths[0] == 0;
    text_table_measure(&list->table, headings);
    for (size_t i = 0; i < page->nodes.count; i++) {
        fill_cells(list, page, &page->nodes.items[i], cells);
        text_table_measure(&list->table, cells);
    }
    TRY(is_first ? put_row(list, headings) : ERR_OK);
    for (size_t i = 0; i < page->nodes.count; i++) {
        fill_cells(list, page, &page->nodes.items[i], cells);
        TRY(put_row(list, cells));
    }
    return ERR_OK;
}

/* ---- JSON ---- */

static enum err put_object(struct agent_version *list, const struct node_page *page, const struct ssm_api_node *node)
{
    json_error_t error;
    bool is_known = node->is_agent_latest || node->is_agent_outdated;
    AUTO_JSON json_t *object =
        json_pack_ex(&error, 0, "{s:s, s:s, s:s, s:o, s:s, s:s}", "Name", name_of(list, page, node), "InstanceId",
                     node->instance_id, "AgentVersion", node->agent_version, "IsLatestVersion",
                     json_pack_ex(&error, 0, is_known ? "b" : "n", node->is_agent_latest), "PingStatus",
                     node->ping_status, "PlatformName", node->platform_name);
    if (object == NULL) {
        return json_view_error(&error);
    }
    AUTO_FREE char *text = json_dumps(object, JSON_COMPACT);
    return text == NULL ? ERR_MEMORY : output_put_object(&list->output, text, &list->client.why);
}

static enum err put_objects(struct agent_version *list, const struct node_page *page)
{
    for (size_t i = 0; i < page->nodes.count; i++) {
        TRY(put_object(list, page, &page->nodes.items[i]));
    }
    return ERR_OK;
}

/* ---- running ---- */

static enum err take_page(void *context, const struct node_page *page)
{
    struct agent_version *list = context;
    list->found += page->nodes.count;
    for (size_t i = 0; i < page->nodes.count; i++) {
        list->outdated += page->nodes.items[i].is_agent_outdated;
    }
    return list->output.is_json ? put_objects(list, page) : put_table(list, page);
}

/* Names are good to have, and versions what was asked for. */
static enum err forgive_ec2(void *context, enum err err)
{
    struct agent_version *list = context;
    if (err == ERR_INTERRUPTED || err == ERR_MEMORY) {
        return err;
    }
    log_debug("names of EC2 instances are not known: %s", list->client.why.data);
    text_clear(&list->client.why);
    return ERR_OK;
}

static enum err open_client(struct agent_version *list)
{
    struct aws_config_flags flags = proxy_options_flags(list->options);
    if (list->options->argument_count > 0) {
        return run_targets_open(&list->targets, &list->client, &flags, TIMEOUT_US);
    }
    TRY(client_open(&list->client, &flags, TIMEOUT_US));
    return client_resolve(&list->client, true, list->client.deadline_us);
}

static void choose(const struct run_targets *targets, const char **ids, struct ssm_api_describe_nodes *ret_which)
{
    for (size_t i = 0; i < targets->tag_count; i++) {
        ret_which->filters[i] = (struct ssm_api_filter){targets->tags[i].key, targets->tags[i].values[0]};
    }
    for (size_t i = 0; i < targets->node_count; i++) {
        ids[i] = targets->nodes[i].id;
    }
    if (targets->tag_count > 0) {
        ret_which->first_values = targets->tags[0].values;
        ret_which->first_value_count = targets->tags[0].value_count;
    } else if (targets->node_count > 0) {
        ret_which->filters[0].key = "InstanceIds";
        ret_which->first_values = ids;
        ret_which->first_value_count = targets->node_count;
    }
}

static enum err list_nodes(struct agent_version *list)
{
    const char *ids[COMMAND_API_NODES_MAX];
    struct node_page_walk walk = {.context = list, .visit = take_page, .forgive = forgive_ec2};
    TRY(open_client(list));
    choose(&list->targets, ids, &walk.which);
    TRY(node_page_visit(&list->client, &walk));
    TRY(output_finish(&list->output, &list->client.why));
    if (list->options->argument_count > 0 && list->found == 0) {
        text_format(&list->client.why, "no node in %s is what was asked for", list->client.account.settings.region);
        return ERR_NO_TARGET;
    }
    if (list->outdated > 0 && !list->output.is_json) {
        log_notice("%zu of %zu agents are not the latest: ssm-proxy agent update NODE...", list->outdated, list->found);
    }
    return ERR_OK;
}

/* DescribeInstanceInformation takes several values of one tag alone with other tags beside it. */
static bool is_askable(const struct run_targets *targets)
{
    for (size_t i = 1; i < targets->tag_count; i++) {
        if (targets->tags[i].value_count > 1) {
            return false;
        }
    }
    return true;
}

static int version_run(const struct options *options)
{
    struct agent_version list = {.options = options, .table = {.columns = COLUMNS}};
    struct aws_config_flags flags = proxy_options_flags(options);
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    enum err err = output_open(options, &list.output);
    if (err == ERR_OK && options->argument_count > 0) {
        err = run_targets_read(&list.targets, options->arguments, (size_t)options->argument_count, &flags, &why);
        if (err == ERR_OK && !is_askable(&list.targets)) {
            text_put(&why, "several values for the first tag alone");
            err = ERR_USAGE;
        }
        if (err != ERR_OK) {
            log_error("agent version: %s", memory[0] != '\0' ? memory : err_text(err));
        }
    }
    int exit_code = err_exit_code(err);
    if (err == ERR_OK) {
        err = list_nodes(&list);
        exit_code = list.output.is_reader_gone
                        ? OUTPUT_READER_GONE
                        : failure_report("agent version", err, &list.client.why, list.client.signal);
        client_close(&list.client);
    }
    run_targets_free(&list.targets);
    return exit_code;
}

const struct verb agent_version_verb = {
    .name = "agent version",
    .arguments = "[TARGETS]",
    .summary = "List the SSM agents of nodes, and whether they are the latest.",
    .details = "TARGETS are as for run; without them, all nodes are listed.",
    .options = OPTIONS_AWS | OPTION_BIT(OPTION_OUTPUT),
    .max_arguments = ARGUMENTS_MAX,
    .run = version_run,
};
