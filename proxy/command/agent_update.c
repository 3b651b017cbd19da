/* agent update: brings the SSM agents of nodes to the latest or to one version, now or by itself from now on. */
#include "common/json_view.h"
#include "common/log.h"
#include "proxy/command/call.h"
#include "proxy/command/command_job.h"
#include "proxy/command/failure.h"
#include "proxy/command/output.h"
#include "proxy/command/verbs.h"
#include "proxy/core/association_api.h"
#include "proxy/edge/clock.h"

#define TIMEOUT_US (INT64_C(60) * 1000 * 1000)
#define ARGUMENTS_MAX 1000

static const char document[] = "AWS-UpdateSSMAgent";
static const char association_name[] = "ssm-proxy-agent-update";
static const char usual_schedule[] = "rate(14 days)"; /* as the console proposes */

/* ---- the document ---- */

/* As AWS writes them: "3.3.987.0". */
static bool is_version(const char *text)
{
    static const char digits[] = "0123456789";
    int dots = 0;
    for (const char *at = text;; at++) {
        size_t len = strspn(at, digits);
        at += len;
        if (len == 0 || len > 9 || (*at != '.' && *at != '\0')) {
            return false;
        }
        if (*at == '\0') {
            return dots == 3;
        }
        dots++;
    }
}

/* None for the latest. The document refuses an older version than there is, unless it is told. */
static enum err make_parameters(const struct options *options, json_t **ret_parameters)
{
    const char *version = options->values[OPTION_VERSION];
    json_error_t error;
    if (version == NULL) {
        return ERR_OK;
    }
    *ret_parameters = json_pack_ex(&error, 0, "{s:[s], s:[s]}", "version", version, "allowDowngrade", "true");
    return *ret_parameters == NULL ? json_view_error(&error) : ERR_OK;
}

static enum err prepare(struct command_job *job, struct command_api_send *send)
{
    send->document_name = document;
    return make_parameters(job->options, &job->parameters);
}

/* ---- the association ---- */

struct association {
    const struct options *options;
    struct client client;
    struct run_targets targets;
    struct output output;
    json_t *parameters; /* owned */
};

static enum err make_request(struct association *association, struct ssm_api_request *ret_request)
{
    const struct options *options = association->options;
    const struct run_targets *targets = &association->targets;
    const char *ids[COMMAND_API_NODES_MAX], *schedule = options->values[OPTION_SCHEDULE];
    for (size_t i = 0; i < targets->node_count; i++) {
        ids[i] = targets->nodes[i].id;
    }
    TRY(make_parameters(options, &association->parameters));
    struct association_api_create create = {
        .document_name = document,
        .association_name = association_name,
        .schedule = schedule != NULL ? schedule : usual_schedule,
        .node_ids = ids,
        .node_count = targets->node_count,
        .targets = targets->tags,
        .target_count = targets->tag_count,
        .parameters = association->parameters,
        .max_concurrency = options->values[OPTION_CONCURRENCY],
        .max_errors = options->values[OPTION_MAX_ERRORS],
    };
    return association_api_create(&create, ret_request);
}

static enum err call(struct client *client, const struct ssm_api_request *request, bool is_once,
                     enum err (*parse)(const struct aws_reply *, char *, struct service_failure *), char *ret_id)
{
    AUTO(api_free) struct api_call *api_call = NULL;
    struct aws_reply reply;
    struct service_failure failure;
    struct call_patience patience = {.deadline_us = clock_mono_us() + TIMEOUT_US, .is_once = is_once};
    TRY(call_ssm(client, request, &patience, &api_call, &reply));
    enum err err = parse(&reply, ret_id, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, &client->why);
    }
    return err;
}

/* JSON anyway, whatever --output says. */
static enum err put_request(struct association *association, const struct ssm_api_request *request)
{
    size_t size = strlen(request->body) + 2;
    AUTO_FREE char *memory = malloc(size);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text line = text_in(memory, size);
    text_format(&line, "%s\n", request->body);
    return output_put(&association->output, &line, &association->client.why);
}

static enum err create(struct association *association, const struct ssm_api_request *request)
{
    struct client *client = &association->client;
    AUTO(ssm_api_request_free) struct ssm_api_request question = {0};
    char id[COMMAND_API_ID_LEN + 1];
    TRY(association_api_find(association_name, &question));
    TRY(call(client, &question, false, association_api_parse_found, id));
    if (id[0] != '\0') {
        log_notice("the association %s is there already, and stays as it is", association_name);
    } else {
        TRY(call(client, request, true, association_api_parse_created, id));
    }
    struct output_member member = {"AssociationId", id};
    return output_put_members(&association->output, &member, 1, &client->why);
}

static enum err associate(struct association *association, const struct aws_config_flags *flags)
{
    struct client *client = &association->client;
    if (association->options->argument_count > 0) {
        TRY(run_targets_open(&association->targets, client, flags, TIMEOUT_US));
    } else {
        TRY(client_open(client, flags, TIMEOUT_US));
        TRY(client_resolve(client, true, client->deadline_us));
    }
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    TRY(make_request(association, &request));
    return options_has(association->options, OPTION_DRY_RUN) ? put_request(association, &request)
                                                             : create(association, &request);
}

static int association_run(const struct options *options)
{
    struct association association = {.options = options};
    struct aws_config_flags flags = proxy_options_flags(options);
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    if (output_open(options, &association.output) != ERR_OK) {
        return err_exit_code(ERR_USAGE);
    }
    enum err err = ERR_OK;
    if (options->argument_count > 0) {
        err = run_targets_read(&association.targets, options->arguments, (size_t)options->argument_count, &flags, &why);
    }
    if (err != ERR_OK) {
        log_error("agent update: %s", memory[0] != '\0' ? memory : err_text(err));
        run_targets_free(&association.targets);
        return err_exit_code(err);
    }
    err = associate(&association, &flags);
    int exit_code = failure_report("agent update", err, &association.client.why, association.client.signal);
    json_decref(association.parameters);
    client_close(&association.client);
    run_targets_free(&association.targets);
    return association.output.is_reader_gone ? OUTPUT_READER_GONE : exit_code;
}

/* ---- the verb ---- */

static int refuse(const char *words, const char *value)
{
    log_error("agent update: %s%.100s", words, value);
    return err_exit_code(ERR_USAGE);
}

static bool has_rates(const struct options *options)
{
    const char *concurrency = options->values[OPTION_CONCURRENCY], *errors = options->values[OPTION_MAX_ERRORS];
    return (concurrency == NULL || command_api_is_rate(concurrency, false)) &&
           (errors == NULL || command_api_is_rate(errors, true));
}

/* State Manager's runs are nobody's to wait for, and the association says nothing about where their output goes. */
static bool has_only_options_of_associations(const struct options *options)
{
    static const enum proxy_option others[] = {
        OPTION_TIMEOUT, OPTION_REASON,  OPTION_S3_BUCKET, OPTION_S3_PREFIX, OPTION_CLOUDWATCH_LOG_GROUP,
        OPTION_STREAM,  OPTION_NO_WAIT,
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (options_has(options, others[i])) {
            log_error("agent update: --%s does not go with --association", proxy_options[others[i]].name);
            return false;
        }
    }
    return true;
}

static int update_run(const struct options *options)
{
    const char *version = options->values[OPTION_VERSION], *schedule = options->values[OPTION_SCHEDULE];
    bool is_association = options_has(options, OPTION_ASSOCIATION);
    if (version != NULL && !is_version(version)) {
        return refuse("--version: not a version such as 3.3.987.0: ", version);
    }
    if (!is_association && (schedule != NULL || options_has(options, OPTION_DRY_RUN))) {
        return refuse("--schedule and --dry-run go with --association", "");
    }
    if (schedule != NULL && !association_api_is_schedule(schedule)) {
        return refuse("--schedule: neither rate(14 days) nor cron(0 2 ? * SUN *) nor the like: ", schedule);
    }
    if (is_association && !has_rates(options)) {
        return refuse("--concurrency, --max-errors: not a number of nodes, such as 10, or a share, such as 50%", "");
    }
    if (is_association) {
        return has_only_options_of_associations(options) ? association_run(options) : err_exit_code(ERR_USAGE);
    }
    struct command_job job = {
        .options = options,
        .words = options->arguments,
        .word_count = (size_t)options->argument_count,
        .prepare = prepare,
    };
    return command_job_run(&job);
}

const struct verb agent_update_verb = {
    .name = "agent update",
    .arguments = "TARGETS | --association [TARGETS]",
    .summary = "Update the SSM agents of nodes, by AWS-UpdateSSMAgent, now or regularly.",
    .details =
        "TARGETS are as for run. --version pins a version, also an older one. With --association State Manager does "
        "it\n"
        "from now on, on TARGETS or on all nodes that there are and will be; --dry-run prints what it would be told.",
    .options = COMMAND_JOB_OPTIONS | OPTION_BIT(OPTION_VERSION) | OPTION_BIT(OPTION_ASSOCIATION) |
               OPTION_BIT(OPTION_SCHEDULE) | OPTION_BIT(OPTION_DRY_RUN),
    .max_arguments = ARGUMENTS_MAX,
    .run = update_run,
};
