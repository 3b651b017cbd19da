#include "common/log.h"

#include "common/text.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A line waits this long for a reader of standard error that has stalled; those after it do not wait at all. */
#define LOG_PATIENCE_MS 500

static struct {
    const char *program;
    bool debug;
    bool is_stuck;                  /* the last line had no place */
    bool is_raw;                    /* the terminal */
    bool has_progress;              /* the terminal's line is to be written over */
    void (*keep)(const char *line); /* NULL: nothing is kept */
} log_state = {.program = "ssm"};

void log_open(const char *program, bool debug)
{
    log_state.program = program;
    log_state.debug = debug;
}

void log_keep(void (*keep)(const char *line))
{
    log_state.keep = keep;
}

void log_raw_terminal(bool is_raw)
{
    log_state.is_raw = is_raw;
}

/* Other bytes from 0x80 up are left alone: names and messages may be UTF-8. */
static void put_escaped(struct text *line, const char *raw)
{
    for (const char *at = raw; *at != '\0'; at++) {
        if (text_is_control(*at)) {
            text_format(line, "\\x%02x", (unsigned char)*at);
        } else if (text_is_second_control(at)) {
            at++;
            text_format(line, "\\u%04x", (unsigned char)*at);
        } else {
            text_put_char(line, *at);
        }
    }
}

/* A full pipe or a terminal that Ctrl-S has stopped must not hold up a program that has a session to end: then the line
 * is lost. What is ready takes at least PIPE_BUF bytes, and no line is longer. */
static void put_line(const char *line, size_t len)
{
    struct pollfd pollfd = {.fd = STDERR_FILENO, .events = POLLOUT};
    log_state.is_stuck = poll(&pollfd, 1, log_state.is_stuck ? 0 : LOG_PATIENCE_MS) == 0;
    if (!log_state.is_stuck) {
        ssize_t ignored = write(STDERR_FILENO, line, len);
        (void)ignored; /* nobody is left to tell */
    }
}

/* What is longer than the terminal is wide would not be gone by going to the line's beginning. */
#define PROGRESS_WIDTH 79
#define PROGRESS_WIDTH_MIN 20 /* narrower, it is no terminal that anybody reads */
#define ERASE_LINE "\r\033[K"

static void erase_progress(void)
{
    if (log_state.has_progress) {
        put_line(ERASE_LINE, sizeof ERASE_LINE - 1);
        log_state.has_progress = false;
    }
}

/* Size of the buffer for as much of a line as the terminal shows: one column stays free, where some put the cursor. */
static size_t progress_size(void)
{
    struct winsize size;
    bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= PROGRESS_WIDTH_MIN;
    return is_known && size.ws_col <= PROGRESS_WIDTH ? size.ws_col : PROGRESS_WIDTH + 1;
}

void log_progress(const char *text)
{
    if (text == NULL || isatty(STDERR_FILENO) != 1) {
        erase_progress();
        return;
    }
    char memory[1024];
    char cut[PROGRESS_WIDTH + 1];
    struct text line = text_in(memory, sizeof memory);
    text_format(&line, "%s: ", log_state.program);
    put_escaped(&line, text);
    text_copy_for_display(line.data, cut, progress_size());
    text_clear(&line);
    text_format(&line, ERASE_LINE "%s", cut);
    put_line(line.data, line.len);
    log_state.has_progress = true;
}

/* Where a line goes. */
enum {
    LOG_SHOW = 1,
    LOG_MARK = 2, /* as one of --debug */
    LOG_KEEP = 4,
};

__attribute__((format(printf, 2, 0))) static void write_line(unsigned where, const char *format, va_list arguments)
{
    char raw[2048];
    (void)vsnprintf(raw, sizeof raw, format, arguments);
    char memory[4096];
    struct text line = text_in(memory, sizeof memory - 2);
    text_put(&line, log_state.program);
    text_put(&line, (where & LOG_MARK) != 0 ? ": debug: " : ": ");
    size_t prefix_len = line.len;
    put_escaped(&line, raw);
    if ((where & LOG_KEEP) != 0 && log_state.keep != NULL) {
        log_state.keep(memory + prefix_len);
    }
    if ((where & LOG_SHOW) != 0) {
        erase_progress();
        const char *end = log_state.is_raw ? "\r\n" : "\n";
        memcpy(memory + line.len, end, strlen(end));
        put_line(memory, line.len + strlen(end));
    }
}

static unsigned in_debug(void)
{
    return log_state.debug ? LOG_SHOW | LOG_MARK : 0;
}

#define LOG_FUNCTION(name, places)                                                                                     \
    void name(const char *format, ...)                                                                                 \
    {                                                                                                                  \
        unsigned where = places;                                                                                       \
        if (where != 0) {                                                                                              \
            va_list arguments;                                                                                         \
            va_start(arguments, format);                                                                               \
            write_line(where, format, arguments);                                                                      \
            va_end(arguments);                                                                                         \
        }                                                                                                              \
    }

LOG_FUNCTION(log_error, LOG_SHOW | LOG_KEEP)
LOG_FUNCTION(log_notice, LOG_SHOW)
LOG_FUNCTION(log_debug, in_debug())
LOG_FUNCTION(log_event, LOG_KEEP | in_debug())
