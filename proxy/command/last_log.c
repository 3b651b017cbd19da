#include "proxy/command/last_log.h"

#include "common/json_view.h"
#include "common/log.h"
#include "proxy/core/calendar.h"
#include "proxy/core/last_log_text.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/state_directory.h"
#include "proxy/edge/state_log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_NAME "last.log"
#define LINE_SIZE (4096 + 64) /* the longest line of log.h, time and process id */

static enum err directory_path(char ret_path[STATE_DIRECTORY_PATH_SIZE])
{
    struct aws_config_environment environment = aws_files_environment();
    const char *state_home = environment.get(environment.context, "XDG_STATE_HOME");
    const char *home = environment.get(environment.context, "HOME");
    return state_directory_path(state_home, home, "", ret_path);
}

/* ---- writing ---- */

static void keep_line(const char *words)
{
    char path[STATE_DIRECTORY_PATH_SIZE];
    if (directory_path(path) != ERR_OK) {
        return; /* no home, as in some containers */
    }
    char memory[LINE_SIZE];
    struct text line = text_in(memory, sizeof memory);
    calendar_put_rfc3339((int64_t)(clock_now().unix_ms / 1000), &line);
    text_format(&line, " %ld %s\n", (long)getpid(), words);
    char why_memory[512];
    struct text why = text_in(why_memory, sizeof why_memory);
    if (state_log_append(path, LOG_NAME, text_bytes(&line), &why) != ERR_OK) {
        log_debug("%s", why_memory);
    }
}

void last_log_keep(void)
{
    log_keep(keep_line);
}

/* ---- reading ---- */

static bool is_same(struct bytes a, struct bytes b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static enum err put_object(struct output *output, const struct last_log_line *line, struct text *ret_why)
{
    char *memory = malloc(6 * LINE_SIZE);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text object = text_in(memory, 6 * LINE_SIZE);
    text_put(&object, "{\"Time\":");
    json_view_quote(line->time, &object);
    text_put(&object, ",\"ProcessId\":");
    text_put_bytes(&object, line->process_id);
    text_put(&object, ",\"Message\":");
    json_view_quote(line->words, &object);
    text_put_char(&object, '}');
    enum err err = output_put_object(output, memory, ret_why);
    free(memory);
    return err;
}

static enum err put_line(struct output *output, const struct last_log_line *line, struct text *ret_why)
{
    char memory[LINE_SIZE];
    struct text text = text_in(memory, sizeof memory);
    if (output->is_json) {
        return put_object(output, line, ret_why);
    }
    text_put_bytes(&text, line->time);
    text_put(&text, "  ");
    text_put_bytes(&text, line->words);
    text_put_char(&text, '\n');
    return output_put(output, &text, ret_why);
}

enum err last_log_show(struct output *output, struct text *ret_why)
{
    char path[STATE_DIRECTORY_PATH_SIZE + sizeof LOG_NAME];
    AUTO(aws_files_wipe) struct aws_file file = {0};
    struct last_log_line last;
    struct last_log_line line;
    if (directory_path(path) != ERR_OK) {
        text_put(ret_why, "no place for last.log: neither XDG_STATE_HOME nor HOME is set");
        return ERR_CONFIG;
    }
    (void)stpcpy(path + strlen(path), "/" LOG_NAME);
    TRY(aws_files_read(path, INSTANT_NEVER, &file, ret_why));
    struct bytes rest = bytes_of(file.data, file.len);
    if (!last_log_text_last(rest, &last)) {
        log_notice("doctor: nothing has failed that %s knows of", path);
        return output_finish(output, ret_why);
    }
    while (last_log_text_take(&rest, &line)) {
        TRY(is_same(line.process_id, last.process_id) ? put_line(output, &line, ret_why) : ERR_OK);
    }
    return output_finish(output, ret_why);
}
