/* ssm-proxy: SSH to AWS managed nodes through Session Manager. */
#include "proxy/command/program_run.h"
#include "proxy/command/verbs.h"

#include <sysexits.h>

static const struct verb *const verbs[] = {
    &connect_verb,
    &shell_verb,
    &forward_verb,
    &config_verb,
    &config_match_verb,
    &known_hosts_verb,
    &known_hosts_forget_verb,
    &ls_verb,
    &wait_verb,
    &sessions_list_verb,
    &sessions_end_verb,
    &doctor_verb,
    &key_ensure_verb,
    &key_push_verb,
    &run_verb,
    &agent_version_verb,
    &agent_update_verb,
    &login_verb,
    &completion_verb,
    &completion_words_verb,
    &version_verb,
};

static const struct program program = {
    .name = PROGRAM_RUN_NAME,
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

int main(int argc, char **argv)
{
    return program_run(&program, argc, argv);
}
