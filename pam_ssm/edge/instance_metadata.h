/* instance_metadata: asks the instance metadata service of EC2 (169.254.169.254) as the SSM agent does: with a token
 * (version 2), and without one where there is none. It is asked for names alone, never for credentials. */
#ifndef SSM_HOST_EDGE_INSTANCE_METADATA_H
#define SSM_HOST_EDGE_INSTANCE_METADATA_H

#include "common/err.h"
#include "common/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct instance_metadata {
    bool is_version_1; /* it also answers without a token */
    char role[160];    /* of the instance profile; "": none */
    char region[LIMIT_REGION + 1];
};

/* ERR_NO_TARGET: nothing answers within `budget_ms`, for all questions together. ERR_SYSTEM. */
enum err instance_metadata_read(int64_t budget_ms, struct instance_metadata *ret_metadata) SSM_MUST_USE;

#endif
