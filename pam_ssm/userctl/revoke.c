/* revoke: takes grants back before their time. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/userctl/end_sudo.h"
#include "pam_ssm/userctl/sudoers_apply.h"
#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>

static bool is_meant(const struct options *options, const struct grant *grant)
{
    return options_has(options, OPTION_ALL) || strcmp(options->arguments[0], grant->id) == 0;
}

static void audit(const struct node *node, const struct grant *grant)
{
    node_audit_event(node, (struct audit_event){.event = "revoke", .grant_id = grant->id, .reason = grant->reason});
}

/* Removes the meant ones, and leaves only them in `grants`. */
static enum err remove_grants(const struct options *options, const struct node *node, struct host_grants *grants,
                              struct text *ret_why)
{
    size_t count = 0;
    for (size_t i = 0; i < grants->count; i++) {
        if (!is_meant(options, &grants->grants[i])) {
            continue;
        }
        if (!options_has(options, OPTION_DRY_RUN)) {
            TRY(state_dir_remove(node->paths->grants_dir, grants->grants[i].id, ret_why));
            audit(node, &grants->grants[i]);
        }
        printf("%s %s\n", grants->grants[i].id, options_has(options, OPTION_DRY_RUN) ? "would be revoked" : "revoked");
        grants->grants[count++] = grants->grants[i];
    }
    grants->count = count;
    if (count == 0 && !options_has(options, OPTION_ALL)) {
        text_format(ret_why, "there is no grant %s (see: ssm-userctl grants)", options->arguments[0]);
        return ERR_NO_TARGET;
    }
    return ERR_OK;
}

static enum err revoke(const struct options *options, struct node *node, struct sudoers_applied *applied,
                       struct text *ret_why)
{
    AUTO(host_files_free_grants) struct host_grants grants = {0};
    TRY(host_files_read_grants(node->paths, &grants, ret_why));
    TRY(remove_grants(options, node, &grants, ret_why));
    if (options_has(options, OPTION_DRY_RUN)) {
        return ERR_OK;
    }
    const struct sudoers_apply wish = {.node = node, .how = SUDOERS_TIGHTEN};
    /* The module already refuses what the removed files gave; what runs is ended whatever sudoers does. */
    enum err err = sudoers_apply(&wish, applied, ret_why);
    if (options_has(options, OPTION_KILL)) {
        size_t ended = end_sudo(node, grants.grants, grants.count);
        printf("%zu processes ended\n", ended);
    }
    return err;
}

static int revoke_run(const struct options *options)
{
    if (options_has(options, OPTION_ALL) == (options->argument_count == 1)) {
        log_error("revoke: either the id of a grant, or --all (see: ssm-userctl revoke --help)");
        return USERCTL_USAGE;
    }
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(options_has(options, OPTION_DRY_RUN) ? NODE_READ : NODE_CHANGE, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    struct sudoers_applied applied = {0};
    char words[2048];
    struct text why = text_in(words, sizeof words);
    err = revoke(options, node, &applied, &why);
    if (err != ERR_OK || applied.is_outranked) {
        log_error("revoke: %s", words[0] != '\0' ? words : err_text(err));
        return err != ERR_OK ? userctl_exit_code(err) : USERCTL_DRIFT;
    }
    return fflush(stdout) == 0 ? USERCTL_OK : USERCTL_ERROR;
}

const struct verb revoke_verb = {
    .name = "revoke",
    .arguments = "ID|--all",
    .summary = "Take a grant back.",
    .details =
        "No new command starts by it. What runs goes on, unless --kill is given: then every sudo below a session\n"
        "that the grant was for is ended, with all that it started. What has left its process tree (a double\n"
        "fork) cannot be told any more, and goes on.",
    .options = OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_KILL) | OPTION_BIT(OPTION_DRY_RUN),
    .max_arguments = 1,
    .run = revoke_run,
};
