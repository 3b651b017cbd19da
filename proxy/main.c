/* ssm-proxy: SSH to AWS managed nodes through Session Manager. Hardens the process, finds the verb, runs it. */
#include "common/log.h"
#include "proxy/command/last_log.h"
#include "proxy/command/verbs.h"
#include "proxy/edge/stdio.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

static const struct verb *const verbs[] = {&connect_verb,       &config_verb,       &ls_verb,    &wait_verb,
                                           &sessions_list_verb, &sessions_end_verb, &login_verb, &version_verb};

static const struct program program = {
    .name = "ssm-proxy",
    .summary = "SSH to AWS managed nodes through Session Manager.",
    .hint = "To use it with ssh: ssm-proxy config --install\n",
    .rows = proxy_options,
    .row_count = OPTION_COUNT,
    .help = OPTION_HELP,
    .debug = OPTION_DEBUG,
    .usage_exit_code = EX_USAGE,
    .verbs = verbs,
    .verb_count = sizeof verbs / sizeof verbs[0],
};

/* Tokens must not reach a core file, and the files that we make are ours alone. */
static void harden(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)umask(077);
}

int main(int argc, char **argv)
{
    log_open("ssm-proxy", false);
    if (stdio_guard() != ERR_OK) {
        return err_exit_code(ERR_SYSTEM);
    }
    harden();
    last_log_keep();
    return options_dispatch(&program, argc, argv);
}
