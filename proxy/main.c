/* ssm-proxy: SSH to AWS managed nodes through Session Manager. */
#include "proxy/command/program_run.h"
#include "proxy/command/verbs.h"

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

static const struct program own = {
    .summary = "SSH to AWS managed nodes through Session Manager.",
    .hint = "To use it with ssh: ssm-proxy config --install\n",
    .verbs = verbs,
    .verb_count = sizeof verbs / sizeof verbs[0],
};

int main(int argc, char **argv)
{
    return program_run(&own, argc, argv);
}
