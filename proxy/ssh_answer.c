/* ssh-answer: those verbs of ssm-proxy that ssh asks before each connection, and that answer out of kept files. It is
 * linked without libcurl and OpenSSL, which take 5 ms to load (docs/decisions/0013). */
#include "proxy/command/program_run.h"
#include "proxy/command/verbs.h"

#include <sysexits.h>

static const struct verb *const verbs[] = {&config_match_verb, &key_ensure_verb, &known_hosts_verb};

static const struct program program = {
    .name = PROGRAM_RUN_NAME,
    .summary = "Answer what ssh asks, as ssm-proxy does with the same words, and sooner.",
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
