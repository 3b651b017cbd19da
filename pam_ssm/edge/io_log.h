/* io_log: the index of sudo's I/O logs, one directory a command: FOLDER/00/00/01/log.json. */
#ifndef SSM_HOST_EDGE_IO_LOG_H
#define SSM_HOST_EDGE_IO_LOG_H

#include "common/bytes.h"
#include "common/err.h"

/* `id` is the directory below the folder, such as "00/00/01". */
typedef enum err io_log_visit(struct bytes file, const char *id, void *context);

/* In no certain order; symbolic links are not followed. A folder that is not there has none. An error of `visit` ends
 * it. ERR_SYSTEM, ERR_MEMORY. */
enum err io_log_walk(const char *folder, io_log_visit *visit, void *context) SSM_MUST_USE;

#endif
