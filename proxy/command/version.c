#include "proxy/command/verbs.h"

#include "common/log.h"
#include "proxy/command/output.h"

#include <curl/curl.h>

static int version_run(const struct options *options)
{
    const struct output_member members[] = {{"Version", SSM_VERSION}, {"Libraries", curl_version()}};
    char memory[1024], line_memory[1024];
    struct text why = text_in(memory, sizeof memory), lines = text_in(line_memory, sizeof line_memory);
    struct output output;
    if (output_open(options, &output) != ERR_OK) {
        return err_exit_code(ERR_USAGE);
    }
    text_format(&lines, "ssm-proxy %s\n%s\n", members[0].value, members[1].value);
    enum err err = output.is_json ? output_put_members(&output, members, sizeof members / sizeof members[0], &why)
                                  : output_put(&output, &lines, &why);
    if (err != ERR_OK) {
        log_error("version: %s", why.len > 0 ? memory : err_text(err));
    }
    return err_exit_code(err);
}

const struct verb version_verb = {
    .name = "version",
    .arguments = "",
    .summary = "Show the version of ssm-proxy and of the libraries that it runs with.",
    .options = OPTION_BIT(OPTION_OUTPUT),
    .run = version_run,
};
