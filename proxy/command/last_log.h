/* last_log: $XDG_STATE_HOME/ssm-bridge/last.log, where a person finds what went wrong when nobody saw standard error:
 * ssh hides it under ControlPersist, and while a session is resumed the terminal belongs to ssh. One line each for
 * every failure (as on standard error), every connection that was lost and every one that is back, and once for
 * credentials that need a person while a session waits for them:
 *
 *     2026-01-31T09:41:07Z 4711 web-1 (i-0123456789abcdef0) port 22: connection lost: ...
 *
 * Time (UTC), process id, and the line as log.h escapes it. The file is opened when there is something to write, and
 * not before. That it cannot be written matters to nobody but --debug. */
#ifndef SSM_PROXY_COMMAND_LAST_LOG_H
#define SSM_PROXY_COMMAND_LAST_LOG_H

#include "proxy/edge/state_directory.h"

/* From now on log_error and log_event write it. */
void last_log_keep(void);

#define LAST_LOG_NAME "last.log"

/* Where it lies. ERR_CONFIG: there is no place for it. */
enum err last_log_directory(char ret_path[STATE_DIRECTORY_PATH_SIZE]) SSM_MUST_USE;

#endif
