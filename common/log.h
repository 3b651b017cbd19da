/* log: one line per event on standard error, prefixed with the program's name. Not for core or edges: they return what
 * happened, and the command that decides what happens next says it once. Control characters in the text are shown
 * escaped, so that words of a peer cannot drive the terminal; what is over 2 KiB is cut. A line that standard
 * error does not take within half a second is lost: no program of ours hangs on its own words. */
#ifndef SSM_COMMON_LOG_H
#define SSM_COMMON_LOG_H

#include <stdbool.h>

/* `program` is borrowed for the life of the process. */
void log_open(const char *program, bool debug);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* For words that tell of no failure. */
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Printed with --debug only. */
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Like log_debug, and kept: for what a person wants to read later, and that the terminal is no place for. */
void log_event(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line that says what is waited for, only where standard error is a terminal: it is written over by the next one,
 * and gone before any other line. NULL: it is gone. */
void log_progress(const char *text);

/* A terminal that hands everything on as it is starts no line at the left by itself: from now on lines on standard
 * error end as it wants it, or, with false, as usual again. */
void log_raw_terminal(bool is_raw);

/* From now on each line of log_error and log_event goes to `keep` too, before standard error: escaped, and without the
 * program's name and the line's end. */
void log_keep(void (*keep)(const char *line));

#endif
