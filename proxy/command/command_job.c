#include "proxy/command/command_job.h"

#include "common/log.h"
#include "proxy/command/command_calls.h"
#include "proxy/command/command_watch.h"
#include "proxy/command/failure.h"

#include <unistd.h>

#define OPEN_US (INT64_C(60) * 1000 * 1000)

struct run {
    struct command_job *job;
    struct command_api_command command;
    struct command_printer printer;
    bool is_shown; /* another run has sent it */
};

static const char *verb_of(const struct command_job *job)
{
    return job->options->verb->name;
}

/* ---- the command line ---- */

static bool refuse(const struct command_job *job, enum proxy_option id, const char *words)
{
    log_error("%s: --%s: %s: %.100s", verb_of(job), proxy_options[id].name, words, job->options->values[id]);
    return false;
}

static bool check_options(const struct command_job *job)
{
    const struct options *options = job->options;
    const char *concurrency = options->values[OPTION_CONCURRENCY], *errors = options->values[OPTION_MAX_ERRORS];
    if (concurrency != NULL && !command_api_is_rate(concurrency, false)) {
        return refuse(job, OPTION_CONCURRENCY, "not a number of nodes, such as 10, or a share of them, such as 50%");
    }
    if (errors != NULL && !command_api_is_rate(errors, true)) {
        return refuse(job, OPTION_MAX_ERRORS, "not a number of nodes, such as 0 or 10, or a share of them, such as 5%");
    }
    if (options_has(options, OPTION_S3_PREFIX) && !options_has(options, OPTION_S3_BUCKET)) {
        return refuse(job, OPTION_S3_PREFIX, "in which bucket? Say --s3-bucket, too");
    }
    int64_t timeout_us;
    return proxy_options_seconds(options, OPTION_TIMEOUT, 1, &timeout_us) == ERR_OK;
}

static enum err set_options(const struct command_job *job, struct command_api_send *send)
{
    const struct options *options = job->options;
    int64_t timeout_us = 0;
    send->comment = options->values[OPTION_REASON];
    send->max_concurrency = options->values[OPTION_CONCURRENCY];
    send->max_errors = options->values[OPTION_MAX_ERRORS];
    send->s3_bucket = options->values[OPTION_S3_BUCKET];
    send->s3_prefix = options->values[OPTION_S3_PREFIX];
    send->log_group = options->values[OPTION_CLOUDWATCH_LOG_GROUP];
    if (options_has(options, OPTION_TIMEOUT)) {
        TRY(proxy_options_seconds(options, OPTION_TIMEOUT, 0, &timeout_us));
        int64_t timeout_s = timeout_us / 1000 / 1000;
        send->delivery_timeout_s = timeout_s > COMMAND_API_DELIVERY_MIN_S ? timeout_s : COMMAND_API_DELIVERY_MIN_S;
    }
    return ERR_OK;
}

/* ---- sending ---- */

static enum err send_command(struct run *run)
{
    struct command_job *job = run->job;
    struct run_targets *targets = &job->targets;
    const char *ids[COMMAND_API_NODES_MAX];
    for (size_t i = 0; i < targets->node_count; i++) {
        ids[i] = targets->nodes[i].id;
    }
    struct command_api_send send = {
        .node_ids = ids,
        .node_count = targets->node_count,
        .targets = targets->tags,
        .target_count = targets->tag_count,
    };
    TRY(set_options(job, &send));
    TRY(job->prepare(job, &send));
    send.parameters = job->parameters;
    enum err err = command_calls_send(&job->client, &send, &run->command);
    if (err == ERR_TOO_LONG && job->client.why.len == 0) {
        text_put(&job->client.why, "something is longer than Run Command takes (--reason: 100 characters)");
        return ERR_USAGE;
    }
    return err;
}

/* ---- what came of it ---- */

static int compare_positions(const void *a, const void *b, void *context)
{
    const struct run_targets *targets = context;
    const struct command_api_invocation *first = a, *second = b;
    size_t at = run_targets_position(targets, first->node_id);
    size_t other = run_targets_position(targets, second->node_id);
    return at < other ? -1 : at > other;
}

/* In the order in which the nodes were named: they are on one page. Those of a tag are as the service has them. */
static enum err print_page(void *context, struct command_api_invocations *page)
{
    struct run *run = context;
    const struct run_targets *targets = &run->job->targets;
    qsort_r(page->items, page->count, sizeof *page->items, compare_positions, (void *)(uintptr_t)targets);
    for (size_t i = 0; i < page->count; i++) {
        struct command_api_invocation *invocation = &page->items[i];
        bool is_named = run_targets_position(targets, invocation->node_id) < targets->node_count;
        bool is_wanted = !run->is_shown || targets->node_count == 0 || is_named;
        TRY(is_wanted ? command_printer_put(&run->printer, invocation) : ERR_OK);
    }
    return ERR_OK;
}

static enum err watch_and_print(struct run *run)
{
    struct command_job *job = run->job;
    AUTO(command_watch_free)
    struct command_watch watch = {
        .client = &job->client,
        .printer = &run->printer,
        .command = &run->command,
        .may_cancel = !run->is_shown,
        .prints = run->printer.is_streamed && run->printer.node_count == 0,
        .is_new = !run->is_shown,
    };
    bool is_awaited = !options_has(job->options, OPTION_NO_WAIT);
    TRY(is_awaited ? command_watch_run(&watch) : command_calls_describe(&job->client, run->command.id, &run->command));
    if (!watch.prints || !is_awaited) {
        TRY(command_calls_visit(&job->client, run->command.id, true, print_page, run));
    }
    return command_printer_finish(&run->printer);
}

/* The exit code of a command that has been printed. */
static int settle(const struct run *run)
{
    bool is_failed = run->command.status != COMMAND_API_SUCCESS && command_api_is_over(run->command.status);
    if (run->job->client.signal != 0) {
        return 128 + run->job->client.signal;
    }
    bool is_unseen = is_failed && run->printer.exit_code == 0 && run->printer.node_count == 0;
    if (is_unseen) {
        log_error("%s: %s", verb_of(run->job), run->command.status_details);
    }
    return is_unseen ? 1 : run->printer.exit_code;
}

static enum err has_nodes(struct run *run)
{
    if (run->command.target_count > 0 || !command_api_is_over(run->command.status)) {
        return ERR_OK;
    }
    text_format(&run->job->client.why, "no node in %s has these tags (%s)", run->job->client.account.settings.region,
                run->command.status_details);
    return ERR_NO_TARGET;
}

/* ---- the whole ---- */

static void open_printer(struct run *run)
{
    struct command_job *job = run->job;
    bool is_streamed = options_has(job->options, OPTION_STREAM);
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    run->printer.client = &job->client;
    run->printer.targets = &job->targets;
    run->printer.command = &run->command;
    run->printer.is_streamed = is_streamed;
    /* On a terminal, each node has had its line while the command ran. */
    run->printer.tells_outcomes = !is_terminal || run->is_shown || options_has(job->options, OPTION_NO_WAIT);
    run->printer.node_count = run->is_shown ? (int64_t)job->targets.node_count : 0;
}

static enum err print_id(struct run *run)
{
    struct output_member id = {"CommandId", run->command.id};
    return output_put_members(&run->printer.output, &id, 1, &run->job->client.why);
}

static enum err go(struct run *run, const struct aws_config_flags *flags)
{
    struct command_job *job = run->job;
    TRY(run_targets_open(&job->targets, &job->client, flags, OPEN_US));
    TRY(send_command(run));
    open_printer(run);
    if (options_has(job->options, OPTION_NO_WAIT)) {
        return print_id(run);
    }
    if (isatty(STDERR_FILENO) == 1) {
        log_notice("command %s", run->command.id);
    }
    TRY(watch_and_print(run));
    return has_nodes(run);
}

static enum err show(struct run *run, const struct aws_config_flags *flags)
{
    struct command_job *job = run->job;
    if (job->word_count > 0) {
        TRY(run_targets_open(&job->targets, &job->client, flags, OPEN_US));
    } else {
        TRY(client_open(&job->client, flags, OPEN_US));
        TRY(client_resolve(&job->client, true, job->client.deadline_us));
    }
    open_printer(run);
    TRY(command_calls_describe(&job->client, run->command.id, &run->command));
    TRY(watch_and_print(run));
    return has_nodes(run);
}

static int finish(struct run *run, enum err err)
{
    struct command_job *job = run->job;
    int exit_code = err_exit_code(err);
    if (run->printer.output.is_reader_gone) {
        exit_code = OUTPUT_READER_GONE;
    } else if (err != ERR_OK) {
        exit_code = failure_report(verb_of(job), err, &job->client.why, job->client.signal);
        bool may_go_on =
            run->command.id[0] != '\0' && err != ERR_NO_TARGET && !command_api_is_over(run->command.status);
        if (may_go_on) {
            log_notice("the command may go on: ssm-proxy run --show %s", run->command.id);
        }
    } else if (!options_has(job->options, OPTION_NO_WAIT)) {
        exit_code = settle(run);
    } else {
        exit_code = run->is_shown ? run->printer.exit_code : 0;
    }
    json_decref(job->parameters);
    client_close(&job->client);
    run_targets_free(&job->targets);
    return exit_code;
}

static bool read_command_line(struct run *run, const struct aws_config_flags *flags)
{
    struct command_job *job = run->job;
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    if (!check_options(job) || output_open(job->options, &run->printer.output) != ERR_OK) {
        return false;
    }
    if (run->printer.output.is_json && options_has(job->options, OPTION_STREAM)) {
        log_error("%s: --stream is for people; --output json comes when all is done", verb_of(job));
        return false;
    }
    enum err err = run->is_shown && job->word_count == 0
                       ? ERR_OK
                       : run_targets_read(&job->targets, job->words, job->word_count, flags, &why);
    if (err != ERR_OK) {
        log_error("%s: %s", verb_of(job), memory[0] != '\0' ? memory : err_text(err));
    }
    return err == ERR_OK;
}

int command_job_run(struct command_job *job)
{
    struct run run = {.job = job};
    struct aws_config_flags flags = proxy_options_flags(job->options);
    if (!read_command_line(&run, &flags)) {
        run_targets_free(&job->targets);
        return err_exit_code(ERR_USAGE);
    }
    return finish(&run, go(&run, &flags));
}

int command_job_show(struct command_job *job, const char *command_id)
{
    struct run run = {.job = job, .is_shown = true};
    struct aws_config_flags flags = proxy_options_flags(job->options);
    memcpy(run.command.id, command_id, sizeof run.command.id);
    if (!read_command_line(&run, &flags)) {
        run_targets_free(&job->targets);
        return err_exit_code(ERR_USAGE);
    }
    if (job->targets.tag_count > 0) {
        log_error("%s: of single nodes, not of tags", verb_of(job));
        run_targets_free(&job->targets);
        return err_exit_code(ERR_USAGE);
    }
    return finish(&run, show(&run, &flags));
}
