/* init and adopt: the account becomes ours. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/userctl/governed.h"
#include "pam_ssm/userctl/reconcile.h"
#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>

/* Before anything is touched: what a killed run leaves is ours then, and `apply` goes on with it. */
static enum err begin(struct node *node, bool adopts, bool is_dry, struct text *ret_why)
{
    if (node->has_record && !node->record.is_removed) {
        return ERR_OK;
    }
    if (node->has_record) {
        node->record.is_removed = false;
    } else {
        TRY(governed_begin(node, adopts, ret_why));
    }
    return is_dry ? ERR_OK : node_store_record(node, ret_why);
}

static void print_next(const struct node *node)
{
    printf("\n%s is governed now, at level %s.\n", node->policy.account.name,
           host_policy_level_text(node->policy.privilege.level));
    printf("Next:  ssm-userctl status   what is in force\n"
           "       ssm-userctl level    what sudo allows in a session\n"
           "       ssm-userctl doctor   what else on this node concerns it\n");
    printf("su is refused, root's too. To run something as %s, root has: runuser -u %s -- COMMAND\n",
           node->policy.account.name, node->policy.account.name);
}

static int run(const struct options *options, bool adopts)
{
    bool is_dry = options_has(options, OPTION_DRY_RUN);
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(is_dry ? NODE_READ : NODE_CHANGE, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    bool is_new = !node->has_record;
    err = begin(node, adopts, is_dry, &why);
    if (err == ERR_OK && !is_dry) {
        err = host_files_make_config(node->paths, &why);
    }
    if (err != ERR_OK) {
        log_error("%s", memory[0] != '\0' ? memory : err_text(err));
        return userctl_exit_code(err);
    }
    if (is_dry) {
        (void)reconcile_print_plan(node, false);
        return USERCTL_OK;
    }
    if (is_new) {
        node_audit(node, "account", adopts ? "adopted" : "governed from now on");
    }
    int code = reconcile_apply(node);
    if (code == USERCTL_OK) {
        print_next(node);
    }
    return code;
}

static int init_run(const struct options *options)
{
    return run(options, false);
}

static int adopt_run(const struct options *options)
{
    return run(options, true);
}

const struct verb init_verb = {
    .name = "init",
    .arguments = "[OPTIONS]",
    .summary = "Create the account, parked, and put everything in place.",
    .details =
        "Creates the account of host.conf without a password and expired, takes the rule out of the SSM agent's\n"
        "sudoers file, and installs our own. Run again, it changes nothing. An account that is there already is\n"
        "refused: see ssm-userctl adopt.\n",
    .options = OPTION_BIT(OPTION_DRY_RUN),
    .run = init_run,
};

const struct verb adopt_verb = {
    .name = "adopt",
    .arguments = "[OPTIONS]",
    .summary = "Take over an account that is there already, then as init.",
    .details =
        "Locks its password, expires it, and gives it the shell, home and groups of host.conf. Not for people's\n"
        "accounts: nobody can log in with it any more but through Session Manager. --dry-run shows each change.\n",
    .options = OPTION_BIT(OPTION_DRY_RUN),
    .run = adopt_run,
};
