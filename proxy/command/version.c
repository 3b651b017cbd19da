#include "proxy/command/verbs.h"

#include "common/log.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int version_run(const struct options *options)
{
    (void)options;
    printf("ssm-proxy %s\n%s\n", SSM_VERSION, curl_version());
    if (fflush(stdout) != 0) {
        log_error("version: cannot write to standard output: %s", strerror(errno));
        return err_exit_code(ERR_SYSTEM);
    }
    return 0;
}

const struct verb version_verb = {
    .name = "version",
    .arguments = "",
    .summary = "Show the version of ssm-proxy and of the libraries that it runs with.",
    .run = version_run,
};
