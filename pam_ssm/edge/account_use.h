/* account_use: what still runs, or will run, by an account: an account that is in use is not removed, because its user
 * id lives on in them. */
#ifndef SSM_HOST_EDGE_ACCOUNT_USE_H
#define SSM_HOST_EDGE_ACCOUNT_USE_H

#include "common/err.h"
#include "common/text.h"
#include "pam_ssm/edge/host_paths.h"

struct account_use {
    size_t processes;
    int64_t first_pid; /* of those */
    bool has_crontab, has_at_job;
    bool is_lingering; /* systemd starts its user manager at boot: loginctl enable-linger */
};

/* ERR_SYSTEM: errno tells. */
enum err account_use_read(const struct host_paths *paths, const char *name, int64_t uid, struct account_use *ret_use,
                          struct text *ret_why) SSM_MUST_USE;

#endif
