#include "proxy/command/verbs.h"

#include <curl/curl.h>
#include <stdio.h>

static int version_run(const struct options *options)
{
    (void)options;
    printf("ssm-proxy %s\n%s\n", SSM_VERSION, curl_version());
    return fflush(stdout) == 0 ? 0 : err_exit_code(ERR_SYSTEM);
}

const struct verb version_verb = {
    .name = "version",
    .arguments = "",
    .summary = "Show the version of ssm-proxy and of the libraries that it runs with.",
    .run = version_run,
};
