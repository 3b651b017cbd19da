/* last_log_text: the lines of last.log (command/last_log.h), read again. */
#ifndef SSM_PROXY_CORE_LAST_LOG_TEXT_H
#define SSM_PROXY_CORE_LAST_LOG_TEXT_H

#include "common/bytes.h"

#include <stdbool.h>

/* "2026-01-31T09:41:07Z 4711 web-1 port 22: ...", all borrowed from the file. */
struct last_log_line {
    struct bytes time;
    struct bytes process_id;
    struct bytes words;
};

/* Takes the first line off `rest`; false at the end. A line that is none of ours is passed over. */
bool last_log_text_take(struct bytes *rest, struct last_log_line *ret_line);

/* The last line of the file; false: it has none. */
bool last_log_text_last(struct bytes file, struct last_log_line *ret_line);

#endif
