#include "pam_ssm/userctl/live_grants.h"

#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/state_dir.h"

#include <stdio.h>

enum err live_grants_sweep(const struct node *node, struct text *ret_why)
{
    AUTO(host_files_free_grants) struct host_grants grants = {0};
    TRY(host_files_read_grants(node->paths, &grants, ret_why));
    for (size_t i = 0; i < grants.count; i++) {
        const struct grant *grant = &grants.grants[i];
        if (!grant_is_active(grant, &node->now)) {
            TRY(state_dir_remove(node->paths->grants_dir, grant->id, ret_why));
            printf("grants: %s has ended and is removed\n", grant->id);
            node_audit(node, "grant-ended", grant->id);
        }
    }
    return ERR_OK;
}

enum err live_grants_end(const struct node *node, int64_t *ret_not_after_unix_s, struct text *ret_why)
{
    AUTO(host_files_free_grants) struct host_grants grants = {0};
    struct host_moment now;
    TRY(host_files_read_grants(node->paths, &grants, ret_why));
    TRY(host_clock_now(node->paths, &now));
    if (grants.unreadable > 0) {
        log_notice("%s: %zu files are no grants of ours, and give nothing", node->paths->grants_dir, grants.unreadable);
    }
    int64_t not_after = 0;
    for (size_t i = 0; i < grants.count; i++) {
        const struct grant *grant = &grants.grants[i];
        if (grant_is_active(grant, &now) && grant->not_after_unix_s > not_after) {
            not_after = grant->not_after_unix_s;
        }
    }
    *ret_not_after_unix_s = not_after;
    return ERR_OK;
}
