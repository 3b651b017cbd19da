/* audit_log: appends lines to /var/log/ssm-bridge/audit.jsonl. */
#ifndef SSM_HOST_EDGE_AUDIT_LOG_H
#define SSM_HOST_EDGE_AUDIT_LOG_H

#include "common/bytes.h"
#include "common/err.h"

/* One line in one write, so that lines of several processes stay whole; the file is made with mode 0640 when it is
 * missing, its directory is not. ERR_SYSTEM: errno tells, 0: a part of the line alone had room. ERR_DENIED: the file or
 * its directory is a symbolic link or no regular file, has a second name, belongs to somebody else, or others may write
 * there.
 *
 * The directories above are not judged: on Ubuntu a group may write in /var/log. */
enum err audit_log_append(const char *path, struct bytes line) SSM_MUST_USE;

/* Why that failed, in words; to be asked before anything else changes errno. */
const char *audit_log_failure_text(enum err err);

#endif
