/* sshd: our drop-in of sshd_config, in and out. */
#include "pam_ssm/userctl/setting_switch.h"
#include "pam_ssm/userctl/sshd_setup.h"
#include "pam_ssm/userctl/verbs.h"

static int sshd_run(const struct options *options)
{
    static const struct setting_verb sshd = {"sshd", sshd_setup_check, sshd_setup_apply, sshd_setup_undo};
    return setting_switch_run(&sshd, options);
}

const struct verb sshd_verb = {
    .name = "sshd",
    .arguments = "enable|disable|check",
    .summary = "Put our file into sshd's configuration, take it out, or see whether it is in force.",
    .details =
        "enable writes /etc/ssh/sshd_config.d/10-ssm-bridge.conf: the account enters from the node itself alone, and\n"
        "sshd looks for the keys of `ssm-userctl key` besides those of AuthorizedKeysFile. `sshd -T` must then say\n"
        "so, and nothing else than before about root; otherwise what was there comes back. disable holds until\n"
        "enable. check ends with status 3 when something differs.\n",
    .options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_JSON),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = sshd_run,
};
