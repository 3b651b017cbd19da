#include "pam_ssm/userctl/userctl_options.h"

const struct option_row userctl_options[OPTION_COUNT] = {
    [OPTION_ALL] = {"all", NULL, "all of them"},
    [OPTION_ALLOW_ROOT] = {"allow-root", NULL, "also for an account with user id 0"},
    [OPTION_BY] = {"by", "WHO", "who asks for it, for the audit trail"},
    [OPTION_DRY_RUN] = {"dry-run", NULL, "say what would be done, and change nothing"},
    [OPTION_FOR] = {"for", "TIME", "for how long, such as 90s, 30m or 2h"},
    [OPTION_I_KNOW] = {"i-know", NULL, "accept what is found to be dangerous"},
    [OPTION_JSON] = {"json", NULL, "print JSON"},
    [OPTION_KILL] = {"kill", NULL, "end what runs by it"},
    [OPTION_OWNER] = {"owner", "ARN", "for the sessions of this IAM principal alone"},
    [OPTION_PURGE] = {"purge", NULL, "delete the home directory too"},
    [OPTION_REASON] = {"reason", "TEXT", "why, for the audit trail"},
    [OPTION_REGION] = {"region", "REGION", "the AWS region of the agent, such as eu-west-1"},
    [OPTION_REPAIR] = {"repair", NULL, "mend what differs"},
    [OPTION_RESTORE] = {"restore", NULL, "put back what was there before"},
    [OPTION_SESSION] = {"session", "ID", "for this session alone"},
    [OPTION_SINCE] = {"since", "TIME", "from this time on"},
    [OPTION_USER] = {"user", "NAME", "the account"},
    [OPTION_YES] = {"yes", NULL, "do not ask"},
    [OPTION_HELP] = {"help", NULL, "show this help"},
};
