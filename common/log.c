#include "common/log.h"

#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    const char *program;
    bool debug;
} log_state = {.program = "ssm"};

void log_open(const char *program, bool debug)
{
    log_state.program = program;
    log_state.debug = debug;
}

/* Bytes from 0x80 up are left alone: names and messages may be UTF-8. */
static void put_escaped(struct text *line, const char *raw)
{
    for (const char *at = raw; *at != '\0'; at++) {
        if (text_is_control(*at)) {
            text_format(line, "\\x%02x", (unsigned char)*at);
        } else {
            text_put_char(line, *at);
        }
    }
}

__attribute__((format(printf, 2, 0))) static void write_line(const char *level, const char *format, va_list arguments)
{
    char raw[2048];
    (void)vsnprintf(raw, sizeof raw, format, arguments);
    char memory[4096];
    struct text line = text_in(memory, sizeof memory - 1);
    text_put(&line, log_state.program);
    text_put(&line, ": ");
    text_put(&line, level);
    put_escaped(&line, raw);
    memory[line.len] = '\n';
    ssize_t ignored = write(STDERR_FILENO, memory, line.len + 1);
    (void)ignored; /* nobody is left to tell */
}

#define LOG_FUNCTION(name, level, condition)                                                                           \
    void name(const char *format, ...)                                                                                 \
    {                                                                                                                  \
        if (condition) {                                                                                               \
            va_list arguments;                                                                                         \
            va_start(arguments, format);                                                                               \
            write_line(level, format, arguments);                                                                      \
            va_end(arguments);                                                                                         \
        }                                                                                                              \
    }

LOG_FUNCTION(log_error, "", true)
LOG_FUNCTION(log_notice, "", true)
LOG_FUNCTION(log_debug, "debug: ", log_state.debug)
