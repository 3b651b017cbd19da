/* grant: root for a while, given by an admin: /var/lib/ssm-bridge/grants/ID, a key_value file.
 *
 * Two clocks end it, each on its own: sudo compares NOTAFTER with the wall clock, pam_ssm the deadline on
 * CLOCK_BOOTTIME, which nobody can set. A grant belongs to the boot that it was given in. */
#ifndef SSM_HOST_CORE_GRANT_H
#define SSM_HOST_CORE_GRANT_H

#include "common/limits.h"
#include "common/text.h"
#include "pam_ssm/core/agent_state.h"

#define GRANT_ID_LEN 16     /* lower-case hexadecimal digits; also the file's name */
#define HOST_BOOT_ID_LEN 36 /* /proc/sys/kernel/random/boot_id */

/* A point in time, on both clocks. */
struct host_moment {
    int64_t unix_s;
    int64_t boot_s; /* CLOCK_BOOTTIME */
    char boot_id[HOST_BOOT_ID_LEN + 1];
};

struct grant {
    char id[GRANT_ID_LEN + 1];
    char session_id[LIMIT_SESSION_ID + 1]; /* binds this session; "": any */
    char owner[LIMIT_ARN + 1];             /* binds this IAM principal; "": anybody */
    char reason[LIMIT_REASON + 1];
    char granted_by[LIMIT_ARN + 1]; /* who asked for it, as far as he said */
    int64_t created_unix_s;
    int64_t not_after_unix_s;
    int64_t boot_deadline_s;
    char boot_id[HOST_BOOT_ID_LEN + 1];
};

/* `memory` is cut into strings, see key_value_parse. ERR_MALFORMED; also when SESSION_ID or OWNER are not there: what
 * is bound to nothing says so. */
enum err grant_parse(char *memory, size_t len, struct grant *ret_grant) SSM_MUST_USE;
void grant_render(const struct grant *grant, struct text *text);

/* Neither clock has passed it, and the machine has not been started again. */
bool grant_is_active(const struct grant *grant, const struct host_moment *now);

/* Does it give anything to this session? */
bool grant_binds(const struct grant *grant, const struct agent_session *session);

bool grant_is_id(const char *id);

#endif
