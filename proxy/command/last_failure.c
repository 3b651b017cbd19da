#include "proxy/command/last_failure.h"

#include "common/json_view.h"
#include "common/log.h"
#include "proxy/command/last_log.h"
#include "proxy/core/instant.h"
#include "proxy/core/last_log_text.h"
#include "proxy/edge/aws_files.h"

#include <stdlib.h>
#include <string.h>

#define LINE_SIZE (4096 + 64) /* the longest line of log.h, and a time */

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

enum err last_failure_show(struct output *output, struct text *ret_why)
{
    char path[STATE_DIRECTORY_PATH_SIZE + sizeof LAST_LOG_NAME];
    AUTO(aws_files_wipe) struct aws_file file = {0};
    struct last_log_line last;
    struct last_log_line line;
    if (last_log_directory(path) != ERR_OK) {
        text_put(ret_why, "no place for last.log: neither XDG_STATE_HOME nor HOME is set");
        return ERR_CONFIG;
    }
    (void)stpcpy(path + strlen(path), "/" LAST_LOG_NAME);
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
