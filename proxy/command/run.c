/* run: a command, a script or a document on nodes, by Run Command. The fleet's engine is Systems Manager itself. */
#include "common/log.h"
#include "proxy/command/command_job.h"
#include "proxy/command/run_request.h"
#include "proxy/command/verbs.h"

#define ARGUMENTS_MAX 4096

struct run {
    struct command_job job; /* the first member: prepare gets it */
    struct run_request request;
};

static enum err prepare(struct command_job *job, struct command_api_send *send)
{
    struct run *run = (struct run *)job;
    TRY(run_request_document(&run->request, &job->client, &job->targets, &send->document_name));
    job->parameters = json_object_size(run->request.parameters) > 0 ? MOVE(run->request.parameters) : NULL;
    return ERR_OK;
}

/* The words before "--", which are the nodes'; *ret_rest are those behind it. */
static size_t split_arguments(const struct options *options, const char *const **ret_rest, size_t *ret_rest_count)
{
    size_t count = (size_t)options->argument_count, at = 0;
    while (at < count && strcmp(options->arguments[at], "--") != 0) {
        at++;
    }
    bool has_rest = at + 1 < count;
    *ret_rest = has_rest ? options->arguments + at + 1 : NULL;
    *ret_rest_count = has_rest ? count - at - 1 : 0;
    return at;
}

static int refuse(const char *words, const char *argument)
{
    log_error("run: %s%.100s", words, argument);
    return err_exit_code(ERR_USAGE);
}

static bool has_request(const struct options *options)
{
    return options_has(options, OPTION_SCRIPT) || options_has(options, OPTION_PARAMETERS) ||
           options_has(options, OPTION_DOCUMENT_NAME) || options_has(options, OPTION_CONCURRENCY) ||
           options_has(options, OPTION_MAX_ERRORS) || options_has(options, OPTION_S3_BUCKET) ||
           options_has(options, OPTION_CLOUDWATCH_LOG_GROUP) || options_has(options, OPTION_TIMEOUT);
}

static int show(struct run *run, size_t rest_count)
{
    const char *id = run->job.options->values[OPTION_SHOW];
    if (!command_api_is_id(id)) {
        return refuse("--show: not the id of a command: ", id);
    }
    if (rest_count > 0 || has_request(run->job.options)) {
        return refuse("--show: that command was sent before; only nodes may follow", "");
    }
    return command_job_show(&run->job, id);
}

static int run_run(const struct options *options)
{
    struct run run = {.job = {.options = options, .prepare = prepare}};
    const char *const *rest;
    size_t rest_count;
    run.job.words = options->arguments;
    run.job.word_count = split_arguments(options, &rest, &rest_count);
    for (size_t i = 0; i < run.job.word_count; i++) {
        if (options->arguments[i][0] == '-') {
            return refuse("options stand before the nodes, the command behind \"--\": ", options->arguments[i]);
        }
    }
    if (options_has(options, OPTION_SHOW)) {
        return show(&run, rest_count);
    }
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    enum err err = run_request_read(options, rest, rest_count, &run.request, &why);
    if (err != ERR_OK) {
        return refuse(memory[0] != '\0' ? memory : err_text(err), "");
    }
    int exit_code = command_job_run(&run.job);
    run_request_free(&run.request);
    return exit_code;
}

const struct verb run_verb = {
    .name = "run",
    .arguments = "TARGETS -- COMMAND... | --script FILE TARGETS | --show COMMAND-ID [NODE]...",
    .summary = "Run a command on nodes, by Run Command, and print what they write.",
    .details =
        "TARGETS are up to 50 ids and names, or tags (tag:KEY=VALUE; of several keys all must fit), with blanks or\n"
        "commas between them. The words of COMMAND are joined with blanks, as ssh does, and run by sh on the node, or "
        "by\n"
        "PowerShell where it runs Windows, as root. One node: its exit status is ours; several: the worst of theirs.\n"
        "--timeout: for the node to take the command (30 s at least), and then for the command; 3600 each unless "
        "given.\n"
        "Ctrl-C cancels the command; a second one leaves at once.",
    .options = COMMAND_JOB_OPTIONS | OPTION_BIT(OPTION_DOCUMENT_NAME) | OPTION_BIT(OPTION_PARAMETERS) |
               OPTION_BIT(OPTION_SCRIPT) | OPTION_BIT(OPTION_SHOW),
    .max_arguments = ARGUMENTS_MAX,
    .run = run_run,
};
