/* uninstall: everything of ours goes, and the account is nobody's any more. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/userctl/components.h"
#include "pam_ssm/userctl/reconcile.h"
#include "pam_ssm/userctl/setting_switch.h"
#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>

static enum err drop_grants(const struct node *node, struct text *ret_why)
{
    AUTO(host_files_free_grants) struct host_grants grants = {0};
    TRY(host_files_read_grants(node->paths, &grants, ret_why));
    for (size_t i = 0; i < grants.count; i++) {
        TRY(state_dir_remove(node->paths->grants_dir, grants.grants[i].id, ret_why));
    }
    return ERR_OK;
}

/* What was applied last goes first. The record goes last: a run that was killed is run again. */
static enum err undo_all(struct node *node, bool restores, struct text *ret_why)
{
    TRY(drop_grants(node, ret_why));
    size_t count = 0;
    while (components[count] != NULL) {
        count++;
    }
    while (count-- > 0) {
        TRY(components[count]->undo(node, restores, ret_why));
        printf("%s: %s\n", components[count]->name, "undone");
    }
    TRY(setting_switch_set(node, "pam", true, ret_why)); /* what was switched off is forgotten, too */
    TRY(setting_switch_set(node, "sshd", true, ret_why));
    return state_dir_remove(node->paths->state_dir, ACCOUNT_RECORD_NAME, ret_why);
}

static void print_end(const struct node *node, bool restores)
{
    printf("ssm-userctl governs %s no more.\n", node->policy.account.name);
    if (!restores) {
        printf(
            "%s/%s keeps its comment, so that the agent does not make %s root; --restore puts back what was there.\n",
            node->paths->sudoers_dir, node->paths->agent_sudoers, node->policy.account.name);
    }
    if (node->record.origin == ACCOUNT_CREATED && !node->record.is_removed) {
        printf("The account stays, expired: chage -E -1 %s opens it, userdel %s removes it.\n",
               node->policy.account.name, node->policy.account.name);
    }
}

static int uninstall_run(const struct options *options)
{
    bool restores = options_has(options, OPTION_RESTORE);
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(options_has(options, OPTION_DRY_RUN) ? NODE_READ : NODE_CHANGE, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    if (options_has(options, OPTION_DRY_RUN)) {
        for (size_t i = 0; components[i] != NULL; i++) {
            printf("%s: would be undone\n", components[i]->name);
        }
        return USERCTL_OK;
    }
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    err = undo_all(node, restores, &why);
    (void)fflush(stdout);
    if (err != ERR_OK) {
        log_error("%s", memory[0] != '\0' ? memory : err_text(err));
        return userctl_exit_code(err);
    }
    node_audit(node, "uninstall", restores ? "restored" : "the agent's sudoers file keeps its comment");
    print_end(node, restores);
    return USERCTL_OK;
}

const struct verb uninstall_verb = {
    .name = "uninstall",
    .arguments = "[OPTIONS]",
    .summary = "Take away what ssm-userctl has put on this node.",
    .details =
        "Sudoers rules, grants, PAM lines and the sshd drop-in go. With --restore, the agent's sudoers file is as\n"
        "before init, and an account that was adopted is open again. host.conf and the audit log stay.\n",
    .options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_RESTORE),
    .run = uninstall_run,
};
