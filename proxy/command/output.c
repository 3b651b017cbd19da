#include "proxy/command/output.h"

#include "common/json_view.h"
#include "common/log.h"
#include "proxy/command/proxy_options.h"
#include "proxy/edge/aws_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool takes_colour(void)
{
    struct aws_config_environment environment = aws_files_environment();
    const char *terminal = environment.get(environment.context, "TERM");
    bool is_refused = text_is_given(environment.get(environment.context, "NO_COLOR"));
    return isatty(STDOUT_FILENO) == 1 && !is_refused && text_is_given(terminal) && strcmp(terminal, "dumb") != 0;
}

enum err output_open(const struct options *options, struct output *ret_output)
{
    const char *format = options->values[OPTION_OUTPUT];
    bool is_json = format != NULL && strcmp(format, "json") == 0;
    if (format != NULL && !is_json && strcmp(format, "table") != 0) {
        log_error("%s: --output: neither table nor json: %s", options->verb->name, format);
        return ERR_USAGE;
    }
    *ret_output = (struct output){.is_json = is_json, .is_coloured = !is_json && takes_colour()};
    return ERR_OK;
}

static enum err say_failure(struct text *ret_why)
{
    int error = errno;
    text_format(ret_why, "cannot write to standard output: %s", strerror(error));
    errno = error;
    return ERR_SYSTEM;
}

enum err output_flush(struct text *ret_why)
{
    return fflush(stdout) == 0 ? ERR_OK : say_failure(ret_why);
}

static enum err fail(struct output *output, struct text *ret_why)
{
    output->is_reader_gone = errno == EPIPE;
    output->is_closed = errno == EBADF;
    return say_failure(ret_why);
}

/* Page by page: what was found is seen while the next page is asked for. */
static enum err flush(struct output *output, struct text *ret_why)
{
    return fflush(stdout) == 0 ? ERR_OK : fail(output, ret_why);
}

enum err output_put(struct output *output, const struct text *text, struct text *ret_why)
{
    TRY(text_finish(text));
    if (fwrite(text->data, 1, text->len, stdout) != text->len) {
        return fail(output, ret_why);
    }
    return flush(output, ret_why);
}

enum err output_put_object(struct output *output, const char *object, struct text *ret_why)
{
    printf("%s%s", output->objects == 0 ? "[\n" : ",\n", object);
    output->objects++;
    return flush(output, ret_why);
}

static enum err put_line(struct output *output, const char *line, struct text *ret_why)
{
    return fputs(line, stdout) == EOF || fputc('\n', stdout) == EOF ? fail(output, ret_why) : flush(output, ret_why);
}

static enum err put_values(struct output *output, const struct output_member *members, size_t count,
                           struct text *ret_why)
{
    for (size_t i = 0; i < count; i++) {
        const char *behind = i + 1 < count ? "\t" : "\n";
        if (fputs(members[i].value, stdout) == EOF || fputs(behind, stdout) == EOF) {
            return fail(output, ret_why);
        }
    }
    return flush(output, ret_why);
}

enum err output_put_members(struct output *output, const struct output_member *members, size_t count,
                            struct text *ret_why)
{
    if (!output->is_json) {
        return put_values(output, members, count, ret_why);
    }
    AUTO_JSON json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        json_error_t error;
        json_t *value = json_pack_ex(&error, 0, "s", members[i].value);
        if (value == NULL && json_view_error(&error) == ERR_MALFORMED) {
            text_format(ret_why, "%s is no text in UTF-8, which JSON has to be", members[i].name);
            return ERR_CONFIG;
        }
        if (json_object_set_new(object, members[i].name, value) != 0) {
            return ERR_MEMORY;
        }
    }
    AUTO_FREE char *line = json_dumps(object, JSON_COMPACT);
    return line == NULL ? ERR_MEMORY : put_line(output, line, ret_why);
}

enum err output_finish(struct output *output, struct text *ret_why)
{
    if (output->is_json) {
        printf("%s", output->objects == 0 ? "[]\n" : "\n]\n");
    }
    return flush(output, ret_why);
}
