#include "proxy/command/program_run.h"

#include "common/log.h"
#include "proxy/command/last_log.h"
#include "proxy/command/proxy_options.h"
#include "proxy/edge/stdio.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

/* Tokens must not reach a core file, and the files that we make are ours alone. */
static void harden(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)umask(077);
}

int program_run(const struct program *own, int argc, char **argv)
{
    const struct program program = {
        .name = "ssm-proxy",
        .summary = own->summary,
        .hint = own->hint,
        .rows = proxy_options,
        .row_count = OPTION_COUNT,
        .help = OPTION_HELP,
        .debug = OPTION_DEBUG,
        .usage_exit_code = EX_USAGE,
        .verbs = own->verbs,
        .verb_count = own->verb_count,
    };
    log_open(program.name, false);
    if (stdio_guard() != ERR_OK) {
        return err_exit_code(ERR_SYSTEM);
    }
    harden();
    last_log_keep();
    return options_dispatch(&program, argc, argv);
}
