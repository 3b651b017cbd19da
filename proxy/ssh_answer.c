/* ssh-answer: those verbs of ssm-proxy that ssh asks before each connection, and that answer out of kept files. It is
 * linked without libcurl and OpenSSL, which take 5 ms to load (docs/decisions/0013). */
#include "proxy/command/program_run.h"
#include "proxy/command/verbs.h"

static const struct verb *const verbs[] = {&config_match_verb, &key_ensure_verb, &known_hosts_verb};

static const struct program own = {
    .summary = "Answer what ssh asks, as ssm-proxy does with the same words, and sooner.",
    .verbs = verbs,
    .verb_count = sizeof verbs / sizeof verbs[0],
};

int main(int argc, char **argv)
{
    return program_run(&own, argc, argv);
}
