#include "proxy/command/last_log.h"

#include "common/log.h"
#include "proxy/core/calendar.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/state_directory.h"
#include "proxy/edge/state_log.h"

#include <unistd.h>

#define LINE_SIZE (4096 + 64) /* the longest line of log.h, time and process id */

enum err last_log_directory(char ret_path[STATE_DIRECTORY_PATH_SIZE])
{
    struct aws_config_environment environment = aws_files_environment();
    const char *state_home = environment.get(environment.context, "XDG_STATE_HOME");
    const char *home = environment.get(environment.context, "HOME");
    return state_directory_path(state_home, home, "", ret_path);
}

static void keep_line(const char *words)
{
    char path[STATE_DIRECTORY_PATH_SIZE];
    if (last_log_directory(path) != ERR_OK) {
        return; /* no home, as in some containers */
    }
    char memory[LINE_SIZE];
    struct text line = text_in(memory, sizeof memory);
    calendar_put_rfc3339((int64_t)(clock_now().unix_ms / 1000), &line);
    text_format(&line, " %ld %s\n", (long)getpid(), words);
    char why_memory[512];
    struct text why = text_in(why_memory, sizeof why_memory);
    if (state_log_append(path, LAST_LOG_NAME, text_bytes(&line), &why) != ERR_OK) {
        log_debug("%s", why_memory);
    }
}

void last_log_keep(void)
{
    log_keep(keep_line);
}
