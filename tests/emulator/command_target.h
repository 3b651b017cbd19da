/* command_target: whom a command or an association is for, by Targets, and at how many nodes at a time. */
#ifndef SSM_LAB_COMMAND_TARGET_H
#define SSM_LAB_COMMAND_TARGET_H

#include <jansson.h>

#include "common/err.h"
#include "tests/emulator/node.h"
#include "tests/emulator/service_error.h"

#define COMMAND_TARGET_VALUES 50 /* and ids of SendCommand */

/* Of tag:KEY, tag-key and InstanceIds, whose value "*" is for associations alone. ERR_MALFORMED with *ret_error. */
enum err command_target_check(const json_t *targets, bool may_be_all, struct service_error *ret_error) SSM_MUST_USE;

/* All of them fit, as "InstanceIds=*" does with any node; a container is never meant. */
bool command_target_fits(const struct node *node, const char *region, const json_t *targets);

/* MaxConcurrency and MaxErrors of `input`, as numbers of `total` nodes. ERR_MALFORMED with *ret_error. */
enum err command_target_limits(const json_t *input, size_t total, size_t *ret_concurrency, size_t *ret_max_errors,
                               struct service_error *ret_error) SSM_MUST_USE;

#endif
