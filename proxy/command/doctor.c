/* doctor: tries, one thing after another, what a connection needs, and says what to mend. */
#include "common/log.h"
#include "proxy/command/check_account.h"
#include "proxy/command/check_key.h"
#include "proxy/command/check_node.h"
#include "proxy/command/last_failure.h"
#include "proxy/command/verbs.h"

#include <stdlib.h>
#include <string.h>

static enum err parse(struct checkup *checkup)
{
    const struct options *options = checkup->options;
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum key_way way;
    TRY(output_open(options, &checkup->output));
    TRY(check_key_parse(options, &way));
    if (options_has(options, OPTION_JSON)) {
        checkup->output = (struct output){.is_json = true};
    }
    checkup->flags = proxy_options_flags(options);
    checkup->target = options->argument_count > 0 ? options->arguments[0] : NULL;
    if (options_has(options, OPTION_LAST) && checkup->target != NULL) {
        log_error("doctor: --last takes no TARGET");
        return ERR_USAGE;
    }
    if (checkup->target == NULL) {
        return ERR_OK;
    }
    uint16_t port;
    if (options->argument_count > 1 && target_parse_port(options->arguments[1], &port) != ERR_OK) {
        log_error("doctor: not a port (1 to 65535): %s", options->arguments[1]);
        return ERR_USAGE;
    }
    enum err err = node_choice_read(&checkup->choice, checkup->target, &checkup->flags, &why);
    if (err != ERR_OK) {
        log_error("doctor: %s", why.len > 0 ? why.data : err_text(err));
    }
    return err;
}

static enum err put_summary(struct checkup *checkup)
{
    if (checkup->output.is_json || checkup_is_over(checkup)) {
        return output_finish(&checkup->output, &checkup->client.why);
    }
    char memory[sizeof checkup->first_words + 160];
    struct text line = text_in(memory, sizeof memory);
    const size_t *counts = checkup->counts;
    text_format(&line, "%zu passed, %zu with a warning, %zu failed, %zu skipped\n", counts[CHECK_PASSED],
                counts[CHECK_WARNED], counts[CHECK_FAILED], counts[CHECK_SKIPPED]);
    if (checkup->first_failure != ERR_OK) {
        text_format(&line, "to mend first: %s\n", checkup->first_words);
    }
    return output_put(&checkup->output, &line, &checkup->client.why);
}

static enum err skip_node(struct checkup *checkup)
{
    struct checkup_item item = checkup_begin("target", checkup->target);
    return checkup_skip(checkup, &item, "nothing can be asked about it before the above is mended");
}

static enum err check_all(struct checkup *checkup)
{
    bool is_usable;
    TRY(check_account_run(checkup, &is_usable));
    if (checkup->target != NULL && !checkup_is_over(checkup)) {
        TRY(is_usable ? check_node_run(checkup) : skip_node(checkup));
    }
    return put_summary(checkup);
}

static int finish(struct checkup *checkup, enum err err, const struct text *why)
{
    if (checkup->output.is_reader_gone) {
        return OUTPUT_READER_GONE;
    }
    if (checkup->client.signal != 0) {
        return 128 + checkup->client.signal;
    }
    if (err != ERR_OK) {
        log_error("doctor: %s", why->len > 0 ? why->data : err_text(err));
        return err_exit_code(err);
    }
    return err_exit_code(checkup->first_failure);
}

static int show_last(struct checkup *checkup)
{
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum err err = last_failure_show(&checkup->output, &why);
    return finish(checkup, err, &why);
}

static int doctor_run(const struct options *options)
{
    struct checkup checkup = {.options = options};
    checkup.client.why = text_in(checkup.client.why_memory, sizeof checkup.client.why_memory);
    enum err err = parse(&checkup);
    int exit_code = err_exit_code(err);
    if (err == ERR_OK && options_has(options, OPTION_LAST)) {
        exit_code = show_last(&checkup);
    } else if (err == ERR_OK) {
        err = check_all(&checkup);
        exit_code = finish(&checkup, err, &checkup.client.why);
        client_close(&checkup.client);
    }
    node_choice_free(&checkup.choice);
    return exit_code;
}

const struct verb doctor_verb = {
    .name = "doctor",
    .arguments = "[--] [TARGET [PORT [USER]]]",
    .summary = "Say what keeps a connection from working, and what to do about it.",
    .details =
        "Without TARGET: settings, endpoints, credentials, clock and permissions. With it: the node, too, and a\n"
        "real session. Nothing is guessed: everything is tried. Exit status as of connect for the first check\n"
        "that fails, 0 when none does.",
    .options = OPTIONS_AWS | OPTION_BIT(OPTION_DOCUMENT_NAME) | OPTION_BIT(OPTION_SEARCH_REGIONS) |
               OPTION_BIT(OPTION_KEY) | OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_LAST),
    .min_arguments = 0,
    .max_arguments = 3,
    .run = doctor_run,
};
