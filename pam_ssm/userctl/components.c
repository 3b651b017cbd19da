#include "pam_ssm/userctl/components.h"

#include "common/auto.h"
#include "pam_ssm/edge/agent_sudoers.h"
#include "pam_ssm/userctl/governed.h"
#include "pam_ssm/userctl/pam_setup.h"
#include "pam_ssm/userctl/sshd_setup.h"
#include "pam_ssm/userctl/sudoers_apply.h"

#include <stdio.h>

/* ---- our sudoers file ---- */

static enum err check_sudoers(struct node *node, struct text *differences, struct text *ret_why)
{
    struct sudoers_applied applied;
    TRY(sudoers_apply(&(struct sudoers_apply){.node = node, .how = SUDOERS_LOOK}, &applied, ret_why));
    if (applied.has_changed) {
        text_format(differences, "write %s/%s anew: it is not what level, grants and limited.d say\n",
                    node->paths->sudoers_dir, node->paths->our_sudoers);
    }
    return ERR_OK;
}

static enum err apply_sudoers(struct node *node, struct text *ret_why)
{
    struct sudoers_applied applied;
    TRY(sudoers_apply(&(struct sudoers_apply){.node = node, .how = SUDOERS_TIGHTEN}, &applied, ret_why));
    if (applied.has_changed) {
        printf("sudoers: %s/%s gives the level %s\n", node->paths->sudoers_dir, node->paths->our_sudoers,
               host_policy_level_text(node->policy.privilege.level));
        node_audit(node, "sudoers", "written anew");
    }
    return applied.is_outranked ? ERR_CONFIG : ERR_OK;
}

static enum err undo_sudoers(struct node *node, bool restores, struct text *ret_why)
{
    (void)restores; /* there was none before */
    TRY(sudoers_apply_undo(node, ret_why));
    node_audit(node, "sudoers", "removed");
    return ERR_OK;
}

static const struct component sudoers = {"sudoers", check_sudoers, apply_sudoers, undo_sudoers};

/* ---- the agent's sudoers file ---- */

static enum err check_agent_file(struct node *node, struct text *differences, struct text *ret_why)
{
    enum agent_sudoers kind;
    TRY(agent_sudoers_read(node->paths, &kind, ret_why));
    if (kind == AGENT_SUDOERS_MISSING || kind == AGENT_SUDOERS_OTHER) {
        text_format(differences, "write a comment in place of %s/%s: %s\n", node->paths->sudoers_dir,
                    node->paths->agent_sudoers,
                    kind == AGENT_SUDOERS_MISSING ? "while it is missing, the agent may write its NOPASSWD rule there"
                                                  : "what is there is not ours");
    }
    return ERR_OK;
}

static enum err apply_agent_file(struct node *node, struct text *ret_why)
{
    enum agent_sudoers kind;
    TRY(agent_sudoers_read(node->paths, &kind, ret_why));
    if (kind == AGENT_SUDOERS_OURS || kind == AGENT_SUDOERS_NOWHERE) {
        return ERR_OK;
    }
    TRY(agent_sudoers_install(node->paths, ret_why));
    printf("agent's sudoers file: %s/%s holds a comment now, and no rule\n", node->paths->sudoers_dir,
           node->paths->agent_sudoers);
    node_audit(node, "agent-sudoers", kind == AGENT_SUDOERS_MISSING ? "it was missing" : "its content was not ours");
    return ERR_OK;
}

static enum err undo_agent_file(struct node *node, bool restores, struct text *ret_why)
{
    if (!restores) {
        return ERR_OK; /* without it, an account that the agent creates would be root */
    }
    TRY(agent_sudoers_restore(node->paths, ret_why));
    node_audit(node, "agent-sudoers", "restored");
    return ERR_OK;
}

static const struct component agent_file = {"agent's sudoers file", check_agent_file, apply_agent_file,
                                            undo_agent_file};

/* ---- the account ---- */

static enum err check_account(struct node *node, struct text *differences, struct text *ret_why)
{
    AUTO_FREE struct governed *governed = NULL;
    TRY(governed_read(node, &governed, ret_why));
    governed_put_plan(node, governed, differences);
    return ERR_OK;
}

static enum err apply_account(struct node *node, struct text *ret_why)
{
    AUTO_FREE struct governed *governed = NULL;
    TRY(governed_read(node, &governed, ret_why));
    return governed_run(node, governed, ret_why);
}

/* An account that was adopted is as open as it was; one that we created stays, closed: `remove` takes it away. */
static enum err undo_account(struct node *node, bool restores, struct text *ret_why)
{
    if (!restores || !node->has_record || node->record.origin != ACCOUNT_ADOPTED ||
        node->record.prior_expire_day >= 0) {
        return ERR_OK;
    }
    AUTO_FREE struct governed *governed = NULL;
    TRY(governed_read(node, &governed, ret_why));
    governed_plan(node, ACCOUNT_WANT_OPEN, governed);
    return governed->facts.is_known ? governed_run(node, governed, ret_why) : ERR_OK;
}

static const struct component account = {"account", check_account, apply_account, undo_account};

/* ---- PAM and sshd: behind the account, which is shut by then ---- */

static const struct component pam = {"PAM", pam_setup_check, pam_setup_apply, pam_setup_undo};
static const struct component sshd = {"sshd", sshd_setup_check, sshd_setup_apply, sshd_setup_undo};

const struct component *const components[] = {&sudoers, &agent_file, &account, &sshd, &pam, NULL};
