/* plan and apply: the node against its policy. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/userctl/reconcile.h"
#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>

static bool is_governed(const struct node *node)
{
    if (!node->has_record) {
        log_error("%s is not governed yet: ssm-userctl init", node->policy.account.name);
    }
    return node->has_record;
}

static int print_plan(bool as_json)
{
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(NODE_READ, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    return is_governed(node) ? reconcile_print_plan(node, as_json) : USERCTL_REFUSED;
}

static int plan_run(const struct options *options)
{
    return print_plan(options_has(options, OPTION_JSON));
}

static int apply_run(const struct options *options)
{
    if (options_has(options, OPTION_DRY_RUN)) {
        return print_plan(options_has(options, OPTION_JSON));
    }
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(NODE_CHANGE, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    if (!is_governed(node)) {
        return USERCTL_REFUSED;
    }
    int code = reconcile_apply(node);
    if (code == USERCTL_OK && !options_has(options, OPTION_REPAIR)) {
        printf("the node is as the policy wants it\n");
    }
    return code;
}

const struct verb plan_verb = {
    .name = "plan",
    .arguments = "[OPTIONS]",
    .summary = "Show what apply would do. Exit status 3 when there is anything.",
    .options = OPTION_BIT(OPTION_JSON),
    .run = plan_run,
};

const struct verb diff_verb = {
    .name = "diff",
    .arguments = "[OPTIONS]",
    .summary = "The same as plan.",
    .options = OPTION_BIT(OPTION_JSON),
    .run = plan_run,
};

const struct verb apply_verb = {
    .name = "apply",
    .arguments = "[OPTIONS]",
    .summary = "Bring the node to what host.conf wants.",
    .details =
        "Mends whatever differs, an account that the agent has created again included; ends what `unpark` has\n"
        "opened and whose time is over; removes grants and records of logins that have ended. With --repair, it\n"
        "is silent when there was nothing to do: for timers.\n",
    .options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_REPAIR),
    .run = apply_run,
};
