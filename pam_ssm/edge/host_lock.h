/* host_lock: one writer at a time on a node: whoever changes the policy, sudoers, the account, grants or keys holds it
 * from the first look to the last write. Readers need none: files change whole. */
#ifndef SSM_HOST_EDGE_HOST_LOCK_H
#define SSM_HOST_EDGE_HOST_LOCK_H

#include "common/err.h"
#include "common/text.h"
#include "pam_ssm/edge/host_paths.h"

/* Long enough for another writer's usermod that waits for the lock of the shadow file (15 s). */
#define HOST_LOCK_TIMEOUT_MS 30000

/* Makes runtime_dir and the lock's file when they are missing. path_trust_close(ret_lock), or the end of the process,
 * gives it back. ERR_TIMEOUT: somebody else holds it; ERR_DENIED, ERR_SYSTEM. ret_why gets words. */
enum err host_lock_take(const struct host_paths *paths, int64_t timeout_ms, int *ret_lock,
                        struct text *ret_why) SSM_MUST_USE;

#endif
