/* pam: our lines in the node's PAM, in and out. */
#include "pam_ssm/userctl/pam_setup.h"
#include "pam_ssm/userctl/setting_switch.h"
#include "pam_ssm/userctl/verbs.h"

static int pam_run(const struct options *options)
{
    static const struct setting_verb pam = {"pam", pam_setup_check, pam_setup_apply, pam_setup_undo};
    return setting_switch_run(&pam, options);
}

const struct verb pam_verb = {
    .name = "pam",
    .arguments = "enable|disable|check",
    .summary = "Put pam_ssm into the node's PAM, take it out, or see whether it is in force.",
    .details =
        "enable puts two marked lines into /etc/pam.d/sshd, directly before what looks at the account, and writes\n"
        "/etc/pam.d/ssm-sudo and ssm-sudo-limited. What is doubtful is refused, and nothing is changed then: a line\n"
        "that is not understood, a module that PAM cannot load, another answer for root than before. disable gives\n"
        "the bytes from before, and holds until enable. check ends with status 3 when something differs.\n",
    .options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_JSON),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = pam_run,
};
