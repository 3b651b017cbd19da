/* ls: the nodes of the account and region, page by page: what Systems Manager says of them, their names and tags from
 * EC2, and one's own sessions on them. No more than one page is in memory. */
#include "common/json_view.h"
#include "common/log.h"
#include "proxy/command/config_install.h"
#include "proxy/command/failure.h"
#include "proxy/command/node_list.h"
#include "proxy/command/open_sessions.h"
#include "proxy/command/output.h"
#include "proxy/command/verbs.h"
#include "proxy/core/calendar.h"
#include "proxy/core/text_table.h"
#include "proxy/edge/clock.h"

#include <fnmatch.h>
#include <unistd.h>

#define CONNECT_US (INT64_C(60) * 1000 * 1000)
#define EXTRA_US (INT64_C(10) * 1000 * 1000) /* for what the list can do without */
#define OWN_SESSIONS_MAX 1000

struct own_session {
    char target[LIMIT_TARGET + 1];
};

struct ls {
    const struct options *options;
    struct client client;
    struct output output;
    struct text_table table;
    const char *ping;                    /* PingStatus; NULL: any */
    struct ssm_api_describe_nodes which; /* with these tags */
    char tag_keys[SSM_API_FILTERS_MAX][sizeof "tag:" + LIMIT_TAG_KEY];
    bool has_tags; /* they are shown */
    bool knows_sessions;
    char no_sessions[FAILURE_SIZE]; /* why not; said when there is a list, for else one failure would be said twice */
    bool lacks_ec2;                 /* it gives no answers */
    bool keeps_names;               /* for ssh */
    struct node_list list;          /* of them */
    size_t found;
    struct own_session *own; /* owned */
    size_t own_count;
};

/* ---- the command line ---- */

static enum err parse_ping(struct ls *ls)
{
    static const char *const words[][2] = {{"online", "Online"}, {"lost", "ConnectionLost"}, {"inactive", "Inactive"}};
    const char *given = ls->options->values[OPTION_PING];
    for (size_t i = 0; given != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(given, words[i][0]) == 0 || strcasecmp(given, words[i][1]) == 0) {
            ls->ping = words[i][1];
        }
    }
    if (given != NULL && ls->ping == NULL) {
        log_error("ls: --ping: neither online nor lost nor inactive: %s", given);
        return ERR_USAGE;
    }
    return ERR_OK;
}

static enum err parse_tags(struct ls *ls)
{
    const char *given = NULL;
    for (int i = 0; (given = options_repeated(ls->options, OPTION_TAG, i)) != NULL; i++) {
        size_t len = strcspn(given, "=");
        if (i == SSM_API_FILTERS_MAX) {
            log_error("ls: --tag: more than %d", SSM_API_FILTERS_MAX);
            return ERR_USAGE;
        }
        struct text key = text_in(ls->tag_keys[i], sizeof ls->tag_keys[i]);
        text_put(&key, "tag:");
        text_put_bytes(&key, bytes_of(given, len));
        if (len == 0 || given[len] == '\0' || text_finish(&key) != ERR_OK) {
            log_error("ls: --tag: not KEY=VALUE: %s", given);
            return ERR_USAGE;
        }
        ls->which.filters[i] = (struct ssm_api_filter){key.data, given + len + 1};
    }
    return ERR_OK;
}

/* ---- one's own sessions ---- */

static enum err note_sessions(void *context, const struct session_list *page)
{
    struct ls *ls = context;
    for (size_t i = 0; i < page->count && ls->own_count < OWN_SESSIONS_MAX; i++) {
        memcpy(ls->own[ls->own_count++].target, page->items[i].target, sizeof ls->own[0].target);
    }
    return ERR_OK;
}

/* A list without what is not allowed, or not reachable (a network may have no way to EC2 and STS), is better than none.
 */
static enum err do_without(struct ls *ls, enum err err, struct text *why)
{
    struct client *client = &ls->client;
    if (err == ERR_OK || err == ERR_INTERRUPTED || err == ERR_MEMORY) {
        return err;
    }
    failure_put(err, &client->why, why);
    text_clear(&client->why);
    return ERR_OK;
}

static enum err find_sessions(struct ls *ls)
{
    struct client *client = &ls->client;
    ls->own = calloc(OWN_SESSIONS_MAX, sizeof *ls->own);
    if (ls->own == NULL) {
        return ERR_MEMORY;
    }
    client->deadline_us = clock_mono_us() + EXTRA_US;
    enum err err = open_sessions_visit(client, false, note_sessions, ls);
    ls->knows_sessions = err == ERR_OK;
    struct text why = text_in(ls->no_sessions, sizeof ls->no_sessions);
    return do_without(ls, err, &why);
}

static int count_sessions(const struct ls *ls, const char *id)
{
    int count = 0;
    for (size_t i = 0; i < ls->own_count; i++) {
        count += strcmp(ls->own[i].target, id) == 0;
    }
    return count;
}

/* ---- which nodes ---- */

static bool is_wanted(const struct ls *ls, const struct node_page *page, const struct ssm_api_node *node)
{
    if (ls->ping != NULL && strcmp(ls->ping, node->ping_status) != 0) {
        return false;
    }
    const char *const texts[] = {node_page_name(page, node), node->instance_id, node->computer_name, node->ip_address};
    bool fits = ls->options->argument_count == 0;
    for (int i = 0; i < ls->options->argument_count; i++) {
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            fits = fits || fnmatch(ls->options->arguments[i], texts[j], 0) == 0;
        }
    }
    return fits;
}

/* ---- table ---- */

static const char *const headings[] = {"NAME", "ID", "PING", "AGENT", "PLATFORM", "ADDRESS", "SESSIONS", "TAGS"};
#define COLUMNS (sizeof headings / sizeof headings[0])

#define TAGS_SIZE 32768 /* 50 tags of 128 and 256 characters */

struct row {
    char agent[64];
    char platform[200];
    char sessions[16];
    char tags[TAGS_SIZE];
    const char *cells[COLUMNS];
};

static void put_tags(const struct ec2_api_instance *instance, char *ret_tags, size_t size)
{
    struct text text = text_in(ret_tags, size);
    for (size_t i = 0; instance != NULL && i < instance->tag_count; i++) {
        char part[1100];
        text_copy_for_display(instance->tags[i].key, part, sizeof part);
        text_format(&text, "%s%s=", i > 0 ? ", " : "", part);
        text_copy_for_display(instance->tags[i].value, part, sizeof part);
        text_put(&text, part);
    }
}

static void fill_row(const struct ls *ls, const struct node_page *page, const struct ssm_api_node *node,
                     struct row *row)
{
    struct text agent = text_in(row->agent, sizeof row->agent);
    text_format(&agent, "%s%s", node->agent_version, node->is_agent_outdated ? " (old)" : "");
    struct text platform = text_in(row->platform, sizeof row->platform);
    text_format(&platform, "%s%s%s", node->platform_name, node->platform_version[0] != '\0' ? " " : "",
                node->platform_version);
    struct text sessions = text_in(row->sessions, sizeof row->sessions);
    if (ls->knows_sessions) {
        text_format(&sessions, "%d", count_sessions(ls, node->instance_id));
    }
    put_tags(ls->has_tags ? node_page_instance(page, node) : NULL, row->tags, sizeof row->tags);
    const char *const cells[COLUMNS] = {
        node_page_name(page, node), node->instance_id, node->ping_status, row->agent, row->platform,
        node->ip_address,           row->sessions,     row->tags};
    memcpy(row->cells, cells, sizeof cells);
}

static enum err put_row(struct ls *ls, const char *const *cells, bool is_dim)
{
    char memory[TAGS_SIZE + 4096];
    struct text line = text_in(memory, sizeof memory);
    text_put(&line, is_dim ? "\x1b[2m" : "");
    text_table_put_row(&ls->table, cells, &line);
    text_put(&line, is_dim ? "\x1b[0m" : "");
    return output_put(&ls->output, &line, &ls->client.why);
}

static enum err put_table(struct ls *ls, const struct node_page *page)
{
    struct row row;
    bool is_first = ls->table.widths[0] == 0;
    text_table_measure(&ls->table, headings);
    for (size_t i = 0; i < page->nodes.count; i++) {
        if (is_wanted(ls, page, &page->nodes.items[i])) {
            fill_row(ls, page, &page->nodes.items[i], &row);
            text_table_measure(&ls->table, row.cells);
        }
    }
    TRY(is_first ? put_row(ls, headings, false) : ERR_OK);
    for (size_t i = 0; i < page->nodes.count; i++) {
        const struct ssm_api_node *node = &page->nodes.items[i];
        if (is_wanted(ls, page, node)) {
            ls->found++;
            fill_row(ls, page, node, &row);
            TRY(put_row(ls, row.cells, ls->output.is_coloured && strcmp(node->ping_status, "Online") != 0));
        }
    }
    return ERR_OK;
}

/* ---- JSON ---- */

static enum err make_tags(const struct ec2_api_instance *instance, json_t **ret_tags)
{
    json_error_t error;
    AUTO_JSON json_t *tags = json_pack_ex(&error, 0, instance == NULL ? "n" : "{}");
    for (size_t i = 0; instance != NULL && i < instance->tag_count; i++) {
        json_t *value = json_pack_ex(&error, 0, "s", instance->tags[i].value);
        if (json_object_set_new(tags, instance->tags[i].key, value) != 0) {
            return ERR_MEMORY;
        }
    }
    *ret_tags = MOVE(tags);
    return *ret_tags == NULL ? ERR_MEMORY : ERR_OK;
}

static enum err put_object(struct ls *ls, const struct node_page *page, const struct ssm_api_node *node)
{
    char memory[32];
    struct text last_ping = text_in(memory, sizeof memory);
    calendar_put_rfc3339(node->last_ping_unix_time > 0 ? (int64_t)node->last_ping_unix_time : -1, &last_ping);
    bool knows_latest = node->is_agent_latest || node->is_agent_outdated;
    json_error_t error;
    AUTO_JSON json_t *object = json_pack_ex(
        &error, 0, "{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:o}", "Name", node_page_name(page, node),
        "InstanceId", node->instance_id, "PingStatus", node->ping_status, "LastPingDateTime", memory, "AgentVersion",
        node->agent_version, "IsLatestVersion",
        json_pack_ex(&error, 0, knows_latest ? "b" : "n", node->is_agent_latest), "PlatformType", node->platform_type,
        "PlatformName", node->platform_name, "PlatformVersion", node->platform_version, "IPAddress", node->ip_address,
        "ComputerName", node->computer_name, "Sessions",
        json_pack_ex(&error, 0, ls->knows_sessions ? "i" : "n", count_sessions(ls, node->instance_id)));
    if (object == NULL) {
        return json_view_error(&error);
    }
    if (ls->has_tags) {
        json_t *tags = NULL;
        TRY(make_tags(node_page_instance(page, node), &tags));
        TRY(json_object_set_new(object, "Tags", tags) == 0 ? ERR_OK : ERR_MEMORY);
    }
    AUTO_FREE char *text = json_dumps(object, JSON_COMPACT);
    return text == NULL ? ERR_MEMORY : output_put_object(&ls->output, text, &ls->client.why);
}

static enum err put_page(struct ls *ls, const struct node_page *page)
{
    if (!ls->output.is_json) {
        return put_table(ls, page);
    }
    for (size_t i = 0; i < page->nodes.count; i++) {
        if (is_wanted(ls, page, &page->nodes.items[i])) {
            ls->found++;
            TRY(put_object(ls, page, &page->nodes.items[i]));
        }
    }
    return ERR_OK;
}

/* ---- page by page ---- */

static enum err forgive_ec2(void *context, enum err err)
{
    struct ls *ls = context;
    ls->lacks_ec2 = true;
    char memory[FAILURE_SIZE] = "";
    struct text why = text_in(memory, sizeof memory);
    TRY(do_without(ls, err, &why));
    log_notice("ls: names and tags of EC2 are not shown: %s", memory);
    return ERR_OK;
}

static enum err take_page(void *context, const struct node_page *page)
{
    struct ls *ls = context;
    TRY(put_page(ls, page));
    return ls->keeps_names ? node_list_add(&ls->list, page) : ERR_OK;
}

/* ---- the names that ssh asks for ---- */

/* Of all nodes alone, and where `config --install` has kept those of the same account. */
static void choose_names(struct ls *ls, struct config_paths *paths)
{
    struct text *why = &ls->client.why;
    ls->keeps_names = ls->which.filters[0].key == NULL && config_install_paths(paths, why) == ERR_OK &&
                      node_list_is_kept(&ls->client, paths->nodes);
    text_clear(why);
}

/* The list is whole without. */
static void keep_names(struct ls *ls, const struct config_paths *paths)
{
    size_t count = 0;
    if (!ls->keeps_names || ls->lacks_ec2) {
        return;
    }
    enum err err = node_list_store(&ls->list, &ls->client, paths->nodes, &count);
    if (err != ERR_OK) {
        log_notice("ls: the names of nodes could not be kept for ssh: %s", ls->client.why.data);
        text_clear(&ls->client.why);
    }
}

/* ---- running ---- */

static enum err list(struct ls *ls)
{
    struct client *client = &ls->client;
    struct aws_config_flags flags = proxy_options_flags(ls->options);
    TRY(client_open(client, &flags, CONNECT_US));
    TRY(client_resolve(client, true, client->deadline_us));
    TRY(find_sessions(ls));
    struct config_paths paths;
    choose_names(ls, &paths);
    struct node_page_walk walk = {.which = ls->which, .context = ls, .visit = take_page, .forgive = forgive_ec2};
    TRY(node_page_visit(client, &walk));
    if (ls->no_sessions[0] != '\0') {
        log_notice("ls: your sessions are not shown: %s", ls->no_sessions);
    }
    TRY(output_finish(&ls->output, &client->why));
    keep_names(ls, &paths);
    bool is_filtered = ls->options->argument_count > 0 || ls->ping != NULL || ls->which.filters[0].key != NULL;
    if (is_filtered && ls->found == 0) {
        text_format(&client->why, "no node in %s is what was asked for", client->account.settings.region);
        return ERR_NO_TARGET;
    }
    return ERR_OK;
}

static int ls_run(const struct options *options)
{
    struct ls ls = {.options = options, .has_tags = options_has(options, OPTION_TAGS)};
    if (parse_ping(&ls) != ERR_OK || parse_tags(&ls) != ERR_OK || output_open(options, &ls.output) != ERR_OK) {
        return err_exit_code(ERR_USAGE);
    }
    ls.table.columns = ls.has_tags ? COLUMNS : COLUMNS - 1;
    enum err err = list(&ls);
    int exit_code =
        ls.output.is_reader_gone ? OUTPUT_READER_GONE : failure_report("ls", err, &ls.client.why, ls.client.signal);
    free(ls.own);
    node_list_free(&ls.list);
    client_close(&ls.client);
    return exit_code;
}

const struct verb ls_verb = {
    .name = "ls",
    .arguments = "[--] [PATTERN]...",
    .summary = "List nodes: name, id, state, agent, platform, address, and your sessions on them.",
    .details =
        "PATTERN is of the shell's kind ('web-*'), for the whole of a name, id, computer name or address. A node is\n"
        "listed when one of them fits. (old) is an agent of which there is a newer version.",
    .options = OPTIONS_AWS | OPTION_BIT(OPTION_TAG) | OPTION_BIT(OPTION_PING) | OPTION_BIT(OPTION_TAGS) |
               OPTION_BIT(OPTION_OUTPUT),
    .max_arguments = 100,
    .run = ls_run,
};
