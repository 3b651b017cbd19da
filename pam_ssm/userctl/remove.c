/* remove: the account goes; what keeps it from being root when it comes back stays. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/agent_sudoers.h"
#include "pam_ssm/userctl/governed.h"
#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>

static enum err judge(const struct node *node, const struct governed *governed, struct text *ret_why)
{
    const char *name = node->policy.account.name;
    if (!node->has_record) {
        text_format(ret_why, "%s is not governed by ssm-userctl: userdel removes it", name);
        return ERR_DENIED;
    }
    if (node->record.origin == ACCOUNT_ADOPTED) {
        text_format(ret_why,
                    "%s was there before ssm-userctl, which does not remove what it has not created: "
                    "ssm-userctl uninstall, then userdel",
                    name);
        return ERR_DENIED;
    }
    if (governed->facts.is_known && governed->facts.uid != node->record.uid) {
        text_format(ret_why, "%s has another user id than the one that was created: ssm-userctl apply first", name);
        return ERR_DENIED;
    }
    char memory[512];
    struct text what = text_in(memory, sizeof memory);
    if (governed_is_busy(node, governed, &what)) {
        text_format(ret_why, "%s is in use: %s", name, memory);
        return ERR_DENIED;
    }
    return ERR_OK;
}

/* The agent creates the account again at its next shell session: the comment in its sudoers file comes first. */
static enum err remove_account(struct node *node, struct governed *governed, struct text *ret_why)
{
    TRY(agent_sudoers_install(node->paths, ret_why));
    account_record_park(&node->record);
    node->record.is_removed = true;
    TRY(node_store_record(node, ret_why));
    TRY(governed_run(node, governed, ret_why));
    printf("%s is removed; its user id %lld is kept for it in %s\n", node->policy.account.name,
           (long long)node->record.uid, node->paths->state_dir);
    node_audit(node, "remove", governed->keeps_home ? "home kept" : "home removed");
    return ERR_OK;
}

static enum err remove_or_say(struct node *node, const struct options *options, struct text *ret_why)
{
    AUTO_FREE struct governed *governed = NULL;
    TRY(governed_read(node, &governed, ret_why));
    TRY(judge(node, governed, ret_why));
    governed->keeps_home = !options_has(options, OPTION_PURGE);
    governed_plan(node, ACCOUNT_WANT_GONE, governed);
    if (options_has(options, OPTION_DRY_RUN)) {
        char memory[2048];
        struct text text = text_in(memory, sizeof memory);
        governed_put_plan(node, governed, &text);
        printf("%s", text.len > 0 ? memory : "nothing to do\n");
        return ERR_OK;
    }
    if (!options_has(options, OPTION_YES)) {
        text_format(ret_why,
                    "this removes %s: say --yes. Parked, it is as closed, and its user id cannot become "
                    "somebody else's",
                    node->policy.account.name);
        return ERR_DENIED;
    }
    return remove_account(node, governed, ret_why);
}

static int remove_run(const struct options *options)
{
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(options_has(options, OPTION_DRY_RUN) ? NODE_READ : NODE_CHANGE, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    err = remove_or_say(node, options, &why);
    if (err != ERR_OK) {
        log_error("%s", memory[0] != '\0' ? memory : err_text(err));
    }
    return userctl_exit_code(err);
}

const struct verb remove_verb = {
    .name = "remove",
    .arguments = "--yes",
    .summary = "Remove the account, when nothing of it is in use.",
    .details =
        "Its home is put away as HOME.removed-TIME, root's alone; with --purge it is deleted. The comment in the\n"
        "agent's sudoers file stays, so that an account that the agent creates again gets no rule.\n",
    .options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_PURGE) | OPTION_BIT(OPTION_YES),
    .run = remove_run,
};
