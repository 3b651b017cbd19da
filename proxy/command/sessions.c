/* sessions list, sessions end: the sessions that are open, and their end. */
#include "common/json_view.h"
#include "common/log.h"
#include "proxy/command/call.h"
#include "proxy/command/failure.h"
#include "proxy/command/open_sessions.h"
#include "proxy/command/output.h"
#include "proxy/command/session.h"
#include "proxy/command/verbs.h"
#include "proxy/core/calendar.h"
#include "proxy/core/text_table.h"
#include "proxy/edge/clock.h"

#define TIMEOUT_US (INT64_C(60) * 1000 * 1000)
#define ENDED_AT_ONCE_MAX 1000

struct sessions {
    const struct options *options;
    struct client client;
    struct output output;
    struct text_table table;
    bool is_everybodys;
};

static enum err open_run(struct sessions *sessions)
{
    struct aws_config_flags flags = proxy_options_flags(sessions->options);
    struct client *client = &sessions->client;
    TRY(client_open(client, &flags, TIMEOUT_US));
    return client_resolve(client, true, client->deadline_us);
}

static int exit_code_of(const struct sessions *sessions, enum err err)
{
    if (err == ERR_INTERRUPTED) {
        return 128 + sessions->client.signal;
    }
    return sessions->output.is_reader_gone ? OUTPUT_READER_GONE : err_exit_code(err);
}

static int report(const struct sessions *sessions, enum err err)
{
    const struct client *client = &sessions->client;
    return sessions->output.is_reader_gone
               ? OUTPUT_READER_GONE
               : failure_report(sessions->options->verb->name, err, &client->why, client->signal);
}

/* ---- list ---- */

#define TIME_SIZE 32
#define ROW_SIZE 8192

static void put_start(const struct session_list_item *item, char ret_time[TIME_SIZE])
{
    struct text text = text_in(ret_time, TIME_SIZE);
    calendar_put_rfc3339(item->start_unix_s, &text);
}

static const char *const headings[] = {"SESSION", "NODE", "STATUS", "STARTED", "DOCUMENT", "REASON", "OWNER"};
#define COLUMNS (sizeof headings / sizeof headings[0])

static void fill_cells(const struct session_list_item *item, const char *start, const char *ret_cells[COLUMNS])
{
    const char *const cells[COLUMNS] = {
        item->session_id, item->target, item->status, start, item->document_name, item->reason, item->owner,
    };
    memcpy(ret_cells, cells, sizeof cells);
}

static enum err put_row(struct sessions *sessions, const char *const *cells)
{
    char memory[ROW_SIZE];
    struct text line = text_in(memory, sizeof memory);
    text_table_put_row(&sessions->table, cells, &line);
    return output_put(&sessions->output, &line, &sessions->client.why);
}

static enum err put_table(struct sessions *sessions, const struct session_list *page)
{
    const char *cells[COLUMNS];
    char start[TIME_SIZE];
    bool is_first = sessions->table.widths[0] == 0;
    text_table_measure(&sessions->table, headings);
    for (size_t i = 0; i < page->count; i++) {
        put_start(&page->items[i], start);
        fill_cells(&page->items[i], start, cells);
        text_table_measure(&sessions->table, cells);
    }
    TRY(is_first ? put_row(sessions, headings) : ERR_OK);
    for (size_t i = 0; i < page->count; i++) {
        put_start(&page->items[i], start);
        fill_cells(&page->items[i], start, cells);
        TRY(put_row(sessions, cells));
    }
    return ERR_OK;
}

static enum err put_object(struct sessions *sessions, const struct session_list_item *item)
{
    char start[TIME_SIZE];
    put_start(item, start);
    json_error_t error;
    AUTO_JSON json_t *object =
        json_pack_ex(&error, 0, "{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "SessionId", item->session_id, "Target",
                     item->target, "Status", item->status, "StartDate", start, "DocumentName", item->document_name,
                     "Reason", item->reason, "Owner", item->owner);
    if (object == NULL) {
        return json_view_error(&error);
    }
    char *text = json_dumps(object, JSON_COMPACT);
    if (text == NULL) {
        return ERR_MEMORY;
    }
    enum err err = output_put_object(&sessions->output, text, &sessions->client.why);
    free(text);
    return err;
}

static enum err put_page(void *context, const struct session_list *page)
{
    struct sessions *sessions = context;
    if (!sessions->output.is_json) {
        return put_table(sessions, page);
    }
    for (size_t i = 0; i < page->count; i++) {
        TRY(put_object(sessions, &page->items[i]));
    }
    return ERR_OK;
}

static enum err list(struct sessions *sessions)
{
    TRY(open_run(sessions));
    TRY(open_sessions_visit(&sessions->client, sessions->is_everybodys, put_page, sessions));
    return output_finish(&sessions->output, &sessions->client.why);
}

static int list_run(const struct options *options)
{
    struct sessions sessions = {.options = options, .is_everybodys = options_has(options, OPTION_ALL)};
    sessions.table.columns = sessions.is_everybodys ? COLUMNS : COLUMNS - 1;
    if (output_open(options, &sessions.output) != ERR_OK) {
        return err_exit_code(ERR_USAGE);
    }
    int exit_code = report(&sessions, list(&sessions));
    client_close(&sessions.client);
    return exit_code;
}

const struct verb sessions_list_verb = {
    .name = "sessions list",
    .arguments = "",
    .summary = "List the sessions that are open: your own, from whatever machine, or with --all everybody's.",
    .options = OPTIONS_AWS | OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_ALL),
    .run = list_run,
};

/* ---- end ---- */

struct ids {
    size_t count;
    bool is_more; /* than fit */
    char items[ENDED_AT_ONCE_MAX][LIMIT_SESSION_ID + 1];
};

static enum err collect(void *context, const struct session_list *page)
{
    struct ids *ids = context;
    for (size_t i = 0; i < page->count; i++) {
        if (ids->count == ENDED_AT_ONCE_MAX) {
            ids->is_more = true;
            return ERR_OK;
        }
        memcpy(ids->items[ids->count++], page->items[i].session_id, sizeof ids->items[0]);
    }
    return ERR_OK;
}

/* Unlike session_end it tells a session that the service does not know from one that has been ended. */
static enum err end_one(struct sessions *sessions, const char *session_id)
{
    struct client *client = &sessions->client;
    text_clear(&client->why);
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    TRY(ssm_api_terminate_session(session_id, &request));
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct call_patience patience = {.deadline_us = clock_mono_us() + TIMEOUT_US};
    TRY(client_resolve(client, true, patience.deadline_us));
    TRY(call_ssm(client, &request, &patience, &call, &reply));
    if (reply.http_status != 200) {
        struct service_failure failure;
        enum err err = service_failure_read_json(&reply, &failure);
        service_failure_put(&failure, &client->why);
        return err;
    }
    session_forget(client, session_id);
    char memory[LIMIT_SESSION_ID + 2];
    struct text line = text_in(memory, sizeof memory);
    text_format(&line, "%s\n", session_id);
    return output_put(&sessions->output, &line, &client->why);
}

static void say(const struct sessions *sessions, enum err err, const char *session_id)
{
    char memory[LIMIT_SESSION_ID + 32];
    struct text subject = text_in(memory, sizeof memory);
    text_format(&subject, "%s: %s", sessions->options->verb->name, session_id);
    (void)failure_report(memory, err, &sessions->client.why, sessions->client.signal);
}

/* The first failure; those after it are said and tried all the same, unless nobody is there any more. */
static enum err end_all(struct sessions *sessions, const char *const *ids, size_t count)
{
    enum err first = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        enum err err = end_one(sessions, ids[i]);
        if (err == ERR_INTERRUPTED || sessions->output.is_reader_gone) {
            return err;
        }
        if (err != ERR_OK) {
            say(sessions, err, ids[i]);
        }
        first = first != ERR_OK ? first : err;
    }
    return first;
}

static enum err end_mine(struct sessions *sessions)
{
    AUTO_FREE struct ids *ids = calloc(1, sizeof *ids);
    AUTO_FREE const char **list = calloc(ENDED_AT_ONCE_MAX, sizeof *list);
    if (ids == NULL || list == NULL) {
        (void)report(sessions, ERR_MEMORY);
        return ERR_MEMORY;
    }
    enum err err = open_sessions_visit(&sessions->client, false, collect, ids);
    if (err != ERR_OK) {
        (void)report(sessions, err);
        return err;
    }
    for (size_t i = 0; i < ids->count; i++) {
        list[i] = ids->items[i];
    }
    err = end_all(sessions, list, ids->count);
    if (ids->is_more) {
        log_notice("sessions end: there are more than %d; run it again", ENDED_AT_ONCE_MAX);
    }
    return err;
}

static enum err end(struct sessions *sessions)
{
    const struct options *options = sessions->options;
    enum err err = open_run(sessions);
    if (err != ERR_OK) {
        (void)report(sessions, err);
        return err;
    }
    return options_has(options, OPTION_ALL_MINE)
               ? end_mine(sessions)
               : end_all(sessions, options->arguments, (size_t)options->argument_count);
}

static int end_run(const struct options *options)
{
    struct sessions sessions = {.options = options};
    bool has_ids = options->argument_count > 0;
    if (has_ids == options_has(options, OPTION_ALL_MINE)) {
        log_error("sessions end: either SESSION... or --all-mine (see: ssm-proxy sessions end --help)");
        return err_exit_code(ERR_USAGE);
    }
    for (int i = 0; i < options->argument_count; i++) {
        size_t len = strlen(options->arguments[i]);
        if (len == 0 || len > LIMIT_SESSION_ID) {
            log_error("sessions end: not a session's id: %.100s", options->arguments[i]);
            return err_exit_code(ERR_USAGE);
        }
    }
    int exit_code = exit_code_of(&sessions, end(&sessions));
    client_close(&sessions.client);
    return exit_code;
}

const struct verb sessions_end_verb = {
    .name = "sessions end",
    .arguments = "SESSION... | --all-mine",
    .summary = "End sessions by their ids, or all that are your own.",
    .details =
        "Prints the id of each session that was ended. Each is tried; the exit status is that of the first failure.",
    .options = OPTIONS_AWS | OPTION_BIT(OPTION_ALL_MINE),
    .max_arguments = ENDED_AT_ONCE_MAX,
    .run = end_run,
};
