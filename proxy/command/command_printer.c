#include "proxy/command/command_printer.h"

#include "common/json_view.h"
#include "common/log.h"
#include "proxy/command/command_calls.h"
#include "proxy/core/command_outcome.h"
#include "proxy/core/visible_text.h"

#include <stdio.h>
#include <unistd.h>

/* So many calls more for longer texts are no burden. */
#define FEW_NODES 10

#define PIECE 1024
#define LABEL_SIZE (2 * LIMIT_TARGET + 8)

/* ---- names ---- */

static int64_t node_count(const struct command_printer *printer)
{
    return printer->node_count > 0 ? printer->node_count : printer->command->target_count;
}

/* Then it is as if the command had run here. */
static bool is_alone(const struct command_printer *printer)
{
    return node_count(printer) == 1;
}

const char *command_printer_name(const struct command_printer *printer, const struct command_api_invocation *invocation)
{
    const char *word = run_targets_word(printer->targets, invocation->node_id);
    return word != NULL ? word : invocation->node_name[0] != '\0' ? invocation->node_name : invocation->node_id;
}

void command_printer_put_label(const struct command_printer *printer, const struct command_api_invocation *invocation,
                               struct text *text)
{
    const char *name = command_printer_name(printer, invocation);
    text_put(text, name);
    if (strcmp(name, invocation->node_id) != 0) {
        text_format(text, " (%s)", invocation->node_id);
    }
}

/* ---- text ---- */

/* One of the two streams. */
struct sink {
    struct command_printer *printer;
    FILE *stream;
    bool is_terminal;
};

static struct sink sink_of(struct command_printer *printer, FILE *stream)
{
    return (struct sink){printer, stream, isatty(fileno(stream)) == 1};
}

static enum err put_bytes(const struct sink *sink, struct bytes bytes)
{
    if (sink->stream == stderr) {
        (void)fwrite(bytes.data, 1, bytes.len, stderr); /* as our own lines: nobody is left to tell */
        return ERR_OK;
    }
    struct text text = {.data = (char *)(uintptr_t)bytes.data, .len = bytes.len, .size = bytes.len + 1};
    return output_put(&sink->printer->output, &text, &sink->printer->client->why);
}

/* Up to PIECE bytes that end between two characters. */
static size_t piece_of(struct bytes bytes)
{
    size_t len = bytes.len < PIECE ? bytes.len : PIECE;
    while (len < bytes.len && len > 1 && (bytes.data[len] & 0xc0) == 0x80) {
        len--;
    }
    return len;
}

static enum err put_visible(const struct sink *sink, struct bytes bytes)
{
    while (bytes.len > 0) {
        char memory[VISIBLE_TEXT_GROWTH * PIECE + 1];
        struct text text = text_in(memory, sizeof memory);
        size_t len = piece_of(bytes);
        visible_text_put(bytes_of(bytes.data, len), &text);
        TRY(put_bytes(sink, text_bytes(&text)));
        bytes = bytes_from(bytes, len);
    }
    return ERR_OK;
}

static enum err put_raw(const struct sink *sink, struct bytes bytes)
{
    return sink->is_terminal ? put_visible(sink, bytes) : put_bytes(sink, bytes);
}

static enum err put_prefixed(const struct sink *sink, const char *name, struct bytes written)
{
    char prefix[LABEL_SIZE];
    struct text text = text_in(prefix, sizeof prefix);
    text_format(&text, "%s: ", name);
    while (written.len > 0) {
        const uint8_t *end = memchr(written.data, '\n', written.len);
        size_t len = end == NULL ? written.len : (size_t)(end - written.data);
        TRY(put_bytes(sink, text_bytes(&text)));
        TRY(put_raw(sink, bytes_of(written.data, len)));
        TRY(put_bytes(sink, bytes_of_text("\n")));
        written = bytes_from(written, len + 1);
    }
    return ERR_OK;
}

/* As head(1) has it for several files. */
static enum err put_grouped(const struct sink *sink, const char *label, struct bytes written)
{
    char heading[LABEL_SIZE + 16];
    struct text text = text_in(heading, sizeof heading);
    text_format(&text, "==> %s <==\n", label);
    TRY(put_bytes(sink, text_bytes(&text)));
    TRY(put_raw(sink, written));
    return written.data[written.len - 1] != '\n' ? put_bytes(sink, bytes_of_text("\n")) : ERR_OK;
}

static enum err put_stream(struct command_printer *printer, const struct command_api_invocation *invocation,
                           FILE *stream, struct bytes written)
{
    char label[LABEL_SIZE];
    struct text text = text_in(label, sizeof label);
    struct sink sink = sink_of(printer, stream);
    command_printer_put_label(printer, invocation, &text);
    if (written.len == 0) {
        return ERR_OK;
    }
    log_progress(NULL);
    if (printer->is_streamed) {
        return put_prefixed(&sink, command_printer_name(printer, invocation), written);
    }
    return is_alone(printer) ? put_raw(&sink, written) : put_grouped(&sink, label, written);
}

/* ---- JSON ---- */

static enum err put_object(struct command_printer *printer, const struct command_api_invocation *invocation,
                           const struct command_api_step *step)
{
    json_error_t error;
    bool has_code = step != NULL && step->response_code != -1;
    AUTO_JSON json_t *object = json_pack_ex(
        &error, 0, "{s:s, s:s, s:s, s:s, s:s, s:s?, s:o, s:s, s:s, s:b, s:b}", "CommandId", printer->command->id,
        "InstanceId", invocation->node_id, "Name", command_printer_name(printer, invocation), "Status",
        command_outcome_status(step != NULL ? step->status : invocation->status), "StatusDetails",
        step != NULL ? step->status_details : invocation->status_details, "Step", step != NULL ? step->name : NULL,
        "ResponseCode", json_pack_ex(&error, 0, has_code ? "i" : "n", has_code ? step->response_code : 0),
        "StandardOutput", step != NULL ? step->output : "", "StandardError", step != NULL ? step->error : "",
        "IsOutputCut", step != NULL && step->is_output_cut, "IsErrorCut", step != NULL && step->is_error_cut);
    if (object == NULL) {
        return json_view_error(&error);
    }
    AUTO_FREE char *text = json_dumps(object, JSON_COMPACT);
    return text == NULL ? ERR_MEMORY : output_put_object(&printer->output, text, &printer->client->why);
}

static enum err put_objects(struct command_printer *printer, const struct command_api_invocation *invocation)
{
    if (invocation->step_count == 0) {
        return put_object(printer, invocation, NULL);
    }
    for (size_t i = 0; i < invocation->step_count; i++) {
        TRY(put_object(printer, invocation, &invocation->steps[i]));
    }
    return ERR_OK;
}

/* ---- a node ---- */

/* GetCommandInvocation's texts in place of the list's. Without them, what the list has is better than nothing. */
static enum err lengthen(struct command_printer *printer, const struct command_api_invocation *invocation,
                         struct command_api_step *step)
{
    AUTO(command_api_step_free) struct command_api_step longer = {.output = NULL};
    const char *name = invocation->step_count > 1 ? step->name : NULL;
    enum err err = command_calls_get(printer->client, printer->command->id, invocation->node_id, name, &longer);
    if (err == ERR_INTERRUPTED || err == ERR_MEMORY) {
        return err;
    }
    if (err == ERR_OK) {
        struct command_api_step whole = *step;
        step->output = longer.output;
        step->error = longer.error;
        step->is_output_cut = longer.is_output_cut;
        step->is_error_cut = longer.is_error_cut;
        longer.output = whole.output;
        longer.error = whole.error;
    }
    text_clear(&printer->client->why);
    return ERR_OK;
}

static enum err tell_cut(struct command_printer *printer, const char *label, const char *what, const char *written)
{
    size_t len = strlen(written);
    printer->cuts++;
    if (printer->output.is_json) {
        return ERR_OK;
    }
    struct sink sink = sink_of(printer, stdout);
    bool is_line_open = sink.is_terminal && is_alone(printer) && len > 0 && written[len - 1] != '\n';
    TRY(is_line_open ? put_bytes(&sink, bytes_of_text("\n")) : ERR_OK);
    log_notice("%s: %s is cut, the first %zu bytes are here", label, what, len);
    return ERR_OK;
}

static enum err put_step(struct command_printer *printer, const struct command_api_invocation *invocation,
                         struct command_api_step *step)
{
    char label[LABEL_SIZE];
    struct text text = text_in(label, sizeof label);
    command_printer_put_label(printer, invocation, &text);
    if (!printer->output.is_json) {
        struct bytes error = bytes_of(step->error, command_outcome_error_len(step->error));
        TRY(put_stream(printer, invocation, stdout, bytes_of_text(step->output)));
        TRY(put_stream(printer, invocation, stderr, error));
    }
    TRY(step->is_output_cut ? tell_cut(printer, label, "standard output", step->output) : ERR_OK);
    return step->is_error_cut ? tell_cut(printer, label, "standard error", step->error) : ERR_OK;
}

static void count(struct command_printer *printer, const struct command_api_invocation *invocation)
{
    char label[LABEL_SIZE], outcome[128];
    struct text label_text = text_in(label, sizeof label), text = text_in(outcome, sizeof outcome);
    int exit_code = command_outcome_exit_code(invocation);
    printer->exit_code = exit_code > printer->exit_code ? exit_code : printer->exit_code;
    printer->successes += invocation->status == COMMAND_API_SUCCESS;
    if (exit_code == 0) {
        return;
    }
    if (command_outcome_is_left_out(invocation)) {
        printer->left_out++;
        return;
    }
    bool is_cancelled = invocation->status == COMMAND_API_CANCELLED;
    printer->cancelled += is_cancelled;
    printer->failures += !is_cancelled;
    /* The exit status says it all where there is one node, and one code. */
    bool has_code = invocation->step_count == 1 && invocation->steps[0].response_code > 0 &&
                    invocation->status == COMMAND_API_FAILED;
    bool was_asked_for = is_cancelled && printer->client->signal != 0;
    bool is_known = is_alone(printer) ? has_code || was_asked_for : is_cancelled || !printer->tells_outcomes;
    if (!printer->output.is_json && !is_known) {
        command_printer_put_label(printer, invocation, &label_text);
        command_outcome_put(invocation, &text);
        log_notice("%s: %s", label, outcome);
    }
}

enum err command_printer_put(struct command_printer *printer, struct command_api_invocation *invocation)
{
    bool is_few = node_count(printer) <= FEW_NODES;
    for (size_t i = 0; i < invocation->step_count; i++) {
        struct command_api_step *step = &invocation->steps[i];
        if (step->is_output_cut || step->is_error_cut) {
            TRY(is_few ? lengthen(printer, invocation, step) : ERR_OK);
        }
        TRY(put_step(printer, invocation, step));
    }
    TRY(printer->output.is_json ? put_objects(printer, invocation) : ERR_OK);
    count(printer, invocation);
    return ERR_OK;
}

/* ---- the end ---- */

static void tell_where_all_is(const struct command_printer *printer)
{
    const struct command_api_command *command = printer->command;
    bool is_few = node_count(printer) <= FEW_NODES;
    if (command->s3_bucket[0] != '\0') {
        log_notice("all of it: s3://%s/%s%s%s/", command->s3_bucket, command->s3_prefix,
                   command->s3_prefix[0] != '\0' ? "/" : "", command->id);
    } else if (command->log_group[0] != '\0') {
        log_notice("all of it: the streams %s/... of the log group %s", command->id, command->log_group);
    } else {
        log_notice("%s%s%sto have all of it next time: --s3-bucket or --cloudwatch-log-group",
                   is_few ? "" : "up to 24000 characters of a node: ssm-proxy run --show ", is_few ? "" : command->id,
                   is_few ? "" : " NODE; ");
    }
}

static void put_summary(const struct command_printer *printer)
{
    char memory[256];
    struct text line = text_in(memory, sizeof memory);
    text_format(&line, "%zu of %lld nodes succeeded, %zu failed", printer->successes, (long long)node_count(printer),
                printer->failures);
    if (printer->cancelled > 0) {
        text_format(&line, ", %zu were cancelled", printer->cancelled);
    }
    if (printer->left_out > 0) {
        text_format(&line, ", %zu were left out after too many failures (--max-errors)", printer->left_out);
    }
    size_t done = printer->successes + printer->failures + printer->cancelled + printer->left_out;
    log_notice("%s%s", memory, done < (size_t)node_count(printer) ? "; others are not done yet" : "");
}

enum err command_printer_finish(struct command_printer *printer)
{
    TRY(output_finish(&printer->output, &printer->client->why));
    if (printer->output.is_json) {
        return ERR_OK;
    }
    if (printer->cuts > 0) {
        tell_where_all_is(printer);
    }
    if (node_count(printer) > 1) {
        put_summary(printer);
    }
    return ERR_OK;
}
