/* target_plan: in which ways a person's word for a node is to be tried: its readings, with aliases in the place of what
 * they stand for. The first way that leads to a node is the one that was meant. */
#ifndef SSM_PROXY_CORE_TARGET_PLAN_H
#define SSM_PROXY_CORE_TARGET_PLAN_H

#include "proxy/core/aliases.h"
#include "proxy/core/target.h"

#define TARGET_PLAN_MAX 8 /* ways; more are not tried */

struct target_way {
    struct target target;
    struct alias alias; /* its target NULL: there is none */
};

struct target_plan {
    struct target_way ways[TARGET_PLAN_MAX];
    size_t count; /* at least 1 */
};

/* An exact id first, an exact alias, then as target_read has it; what stands before a suffix may be an alias, too,
 * whose region and profile the suffix replaces. ERR_USAGE as target_read. Texts of the aliases are borrowed. */
enum err target_plan_make(const char *text, const struct aliases *aliases, struct target_plan *ret_plan) SSM_MUST_USE;

/* Region and profile for one way, in `flags`, which has those of the command line: the suffix goes before the alias.
 * What is put there is borrowed from the way. ERR_USAGE with words: the command line says another region or profile
 * than the suffix, and neither is the obvious one. */
enum err target_plan_apply(const struct target_way *way, struct aws_config_flags *flags,
                           struct text *ret_why) SSM_MUST_USE;

#endif
