#include "proxy/core/target_plan.h"

static void add(struct target_plan *plan, const struct target *target, const struct alias *alias)
{
    if (plan->count < TARGET_PLAN_MAX) {
        plan->ways[plan->count++] = (struct target_way){.target = *target, .alias = *alias};
    }
}

/* The suffix of `reading` in place of what is in `target`; false when a DNS name of EC2 says otherwise. */
static bool replace_suffix(const struct target *reading, struct target *target)
{
    if (reading->region[0] == '\0') {
        return true;
    }
    if (target->region[0] != '\0' && strcmp(target->region, reading->region) != 0) {
        return false;
    }
    memcpy(target->region, reading->region, sizeof target->region);
    if (reading->profile[0] != '\0') {
        memcpy(target->profile, reading->profile, sizeof target->profile);
    }
    return true;
}

/* Every way to read the alias's target. */
static enum err add_alias(struct target_plan *plan, const struct target *reading, const struct alias *alias)
{
    struct target targets[TARGET_READINGS_MAX];
    size_t count = 0;
    TRY(target_read(alias->target, targets, &count));
    for (size_t i = 0; i < count; i++) {
        if (replace_suffix(reading, &targets[i])) {
            add(plan, &targets[i], alias);
        }
    }
    return ERR_OK;
}

enum err target_plan_make(const char *text, const struct aliases *aliases, struct target_plan *ret_plan)
{
    static const struct alias no_alias = {.target = NULL};
    struct target readings[TARGET_READINGS_MAX];
    size_t count = 0;
    TRY(target_read(text, readings, &count));
    ret_plan->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct alias alias;
        bool is_whole = i == 0 && readings[0].region[0] == '\0';
        bool is_alias =
            !target_is_id(&readings[i]) && aliases_find(aliases, is_whole ? text : readings[i].text, &alias);
        if (!is_alias) {
            add(ret_plan, &readings[i], &no_alias);
            continue;
        }
        TRY(add_alias(ret_plan, &readings[i], &alias));
        if (is_whole) {
            break;
        }
    }
    if (ret_plan->count == 0) { /* an alias for a DNS name of another region */
        add(ret_plan, &readings[0], &no_alias);
    }
    return ERR_OK;
}

/* One of the two; `what` is "region". */
static enum err choose(const char *what, const char *suffix, const char **flag, const char *of_alias,
                       struct text *ret_why)
{
    bool has_flag = text_is_given(*flag);
    if (*suffix != '\0' && has_flag && strcmp(suffix, *flag) != 0) {
        text_format(ret_why, "the target names the %s %s, --%s says %.100s; leave one of them out", what, suffix, what,
                    *flag);
        return ERR_USAGE;
    }
    if (!has_flag) {
        *flag = *suffix != '\0' ? suffix : of_alias;
    }
    return ERR_OK;
}

enum err target_plan_apply(const struct target_way *way, struct aws_config_flags *flags, struct text *ret_why)
{
    struct aws_config_flags applied = *flags;
    TRY(choose("region", way->target.region, &applied.region, way->alias.region, ret_why));
    TRY(choose("profile", way->target.profile, &applied.profile, way->alias.profile, ret_why));
    *flags = applied;
    return ERR_OK;
}
