/* config match: is this the name of a node? ssh asks, with `Match exec`, before each connection. Linked into
 * ssh-answer: nothing here may need libcurl or OpenSSL. */
#include "common/auto.h"
#include "common/log.h"
#include "proxy/command/config_install.h"
#include "proxy/command/verbs.h"
#include "proxy/core/node_names.h"
#include "proxy/edge/aws_files.h"

/* 0: yes, 1: no, also when nothing is known: ssh then goes on as without us. */
static int config_match_run(const struct options *options)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    struct config_paths paths;
    AUTO(aws_files_wipe) struct aws_file file = {.data = NULL};
    enum err err = config_install_paths(&paths, &why);
    err = err == ERR_OK ? aws_files_read(paths.nodes, 0, &file, &why) : err;
    if (err != ERR_OK) {
        log_error("config match: %s", why.data);
        return 1;
    }
    return file.data != NULL && node_names_has(bytes_of(file.data, file.len), options->arguments[0]) ? 0 : 1;
}

const struct verb config_match_verb = {
    .name = "config match",
    .arguments = "[--] NAME",
    .summary = "Tell ssh whether a name is a node's: status 0 when it is a kept one, 1 otherwise.",
    .details = "It looks at the names that config --install and ls keep, and asks no network.",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = config_match_run,
};
