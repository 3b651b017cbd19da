#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>

static int version_run(const struct options *options)
{
    (void)options;
    printf("ssm-userctl %s\n", SSM_VERSION);
    return fflush(stdout) == 0 ? USERCTL_OK : USERCTL_ERROR;
}

const struct verb version_verb = {
    .name = "version",
    .arguments = "",
    .summary = "Show the version of ssm-userctl.",
    .run = version_run,
};
