/* tunnel_model: the client's engine and the lab's agent core over a network that does its worst, explored exhaustively:
 * not some thousand random runs, but every order in which a few messages can be sent, delivered, lost, repeated,
 * overtaken and delayed, with links that break and programs that stall, as far as the configuration's budget goes.
 *
 *     tunnel_model [--only NAME [--replay 'ACTION ...']] [--most STATES] [--at-least STATES]
 *
 * In each state the invariants of both sides hold, what arrived is what was sent, and what one side has acknowledged
 * the other has. Each end is either whole or says why not. Something can always happen, and from each state an
 * undisturbed network leads to an end. A failure is printed as the shortest sequence of actions that was found. */
#include "tests/sim/model_explore.h"
#include "tests/sim/model_path.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What most configurations have. */
#define WINDOWS_OF_TWO .send_messages = 2, .recv_messages = 2, .ack_messages = 4, .capacity = 6

static const struct model_config configs[] = {
    {.name = "calm",
     .what = "nobody disturbs: every interleaving",
     WINDOWS_OF_TWO,
     .upload_messages = 3,
     .download_messages = 3,
     .closes = MODEL_CLOSE_SERVED,
     .endures = true},
    {.name = "losses",
     .what = "messages are lost",
     WINDOWS_OF_TWO,
     .upload_messages = 2,
     .download_messages = 2,
     .closes = MODEL_CLOSE_SERVED,
     .endures = true,
     .budget = {.losses = 3}},
    {.name = "repeats",
     .what = "messages come twice and in another order",
     WINDOWS_OF_TWO,
     .upload_messages = 2,
     .download_messages = 2,
     .closes = MODEL_CLOSE_SERVED,
     .endures = true,
     .budget = {.repeats = 2, .overtakes = 2}},
    {.name = "each",
     .what = "one fault of each kind",
     WINDOWS_OF_TWO,
     .upload_messages = 1,
     .download_messages = 1,
     .closes = MODEL_CLOSE_SERVED,
     .budget = {.losses = 1, .repeats = 1, .overtakes = 1, .delays = 1, .client_disconnects = 1}},
    {.name = "client-link",
     .what = "the client's link breaks",
     WINDOWS_OF_TWO,
     .upload_messages = 2,
     .download_messages = 2,
     .closes = MODEL_CLOSE_SERVED,
     .endures = true,
     .budget = {.losses = 1, .client_disconnects = 2}},
    {.name = "agent-link",
     .what = "the agent's link breaks",
     WINDOWS_OF_TWO,
     .upload_messages = 2,
     .download_messages = 2,
     .closes = MODEL_CLOSE_SERVED,
     .endures = true,
     .budget = {.losses = 1, .agent_disconnects = 2}},
    {.name = "both-links",
     .what = "both links break",
     WINDOWS_OF_TWO,
     .upload_messages = 1,
     .download_messages = 2,
     .closes = MODEL_CLOSE_SERVED,
     .budget = {.client_disconnects = 1, .agent_disconnects = 1, .silences = 1}},
    {.name = "end-of-input",
     .what = "local input ends, and so does the session",
     WINDOWS_OF_TWO,
     .upload_messages = 2,
     .download_messages = 1,
     .has_eof = true,
     .budget = {.losses = 1, .silences = 1, .client_disconnects = 1}},
    {.name = "wide",
     .what = "three messages each way, lost and out of order",
     .send_messages = 3,
     .recv_messages = 3,
     .ack_messages = 4,
     .capacity = 6,
     .upload_messages = 3,
     .download_messages = 3,
     .closes = MODEL_CLOSE_SERVED,
     .budget = {.losses = 1, .overtakes = 2}},
    {.name = "late",
     .what = "a resume, and timeouts that come too early",
     WINDOWS_OF_TWO,
     .upload_messages = 2,
     .download_messages = 2,
     .closes = MODEL_CLOSE_SERVED,
     .budget = {.losses = 1, .delays = 2, .client_disconnects = 1}},
    {.name = "signal",
     .what = "a signal ends the tunnel",
     WINDOWS_OF_TWO,
     .upload_messages = 1,
     .download_messages = 1,
     .closes = MODEL_CLOSE_SERVED,
     .may_end = true,
     .budget = {.losses = 1, .client_disconnects = 1}},
    {.name = "server-closes",
     .what = "the server closes at any moment",
     WINDOWS_OF_TWO,
     .upload_messages = 2,
     .download_messages = 2,
     .closes = MODEL_CLOSE_ANY,
     .budget = {.losses = 1, .silences = 1}},
    {.name = "no-server",
     .what = "the server may be absent",
     WINDOWS_OF_TWO,
     .upload_messages = 1,
     .download_messages = 1,
     .closes = MODEL_CLOSE_SERVED,
     .may_refuse = true,
     .budget = {.losses = 1, .silences = 1, .client_disconnects = 1}},
    {.name = "small",
     .what = "windows of one message, no room for acknowledgements",
     .send_messages = 1,
     .recv_messages = 1,
     .ack_messages = 1,
     .capacity = 2,
     .upload_messages = 2,
     .download_messages = 3,
     .closes = MODEL_CLOSE_SERVED,
     .budget = {.losses = 1, .overtakes = 1, .delays = 1, .client_disconnects = 1}},
    {.name = "large",
     .what = "large payloads, and a gateway that may not take them",
     .send_messages = 4,
     .recv_messages = 2,
     .ack_messages = 4,
     .capacity = 8,
     .upload_messages = 10,
     .download_messages = 0,
     .closes = MODEL_CLOSE_SERVED,
     .is_large = true,
     .endures = true,
     .budget = {.losses = 1, .client_disconnects = 1}},
};

#define CONFIG_COUNT (sizeof configs / sizeof *configs)

static void print_figures(const struct model_config *config, const struct model_figures *figures, double seconds)
{
    printf("%-18s %9" PRIu64 " states, %10" PRIu64 " transitions, depth %" PRIu64 ", %s, %.1f s; ends:", config->name,
           figures->states, figures->transitions, figures->depth, figures->is_exhausted ? "all of them" : "cut off",
           seconds);
    for (unsigned end = MODEL_END_NONE + 1; end < MODEL_END_COUNT; end++) {
        if (figures->ends[end] > 0) {
            printf(" %" PRIu64 " %s,", figures->ends[end], model_end_name(end));
        }
    }
    printf(" %s\n", config->what);
    fflush(stdout);
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

struct options {
    const char *only;
    const char *replay;
    uint32_t most;
    uint64_t at_least;
};

static bool read_options(int argc, char **argv, struct options *ret_options)
{
    static const struct option long_options[] = {{"only", required_argument, NULL, 'o'},
                                                 {"most", required_argument, NULL, 'm'},
                                                 {"at-least", required_argument, NULL, 'l'},
                                                 {"replay", required_argument, NULL, 'r'},
                                                 {0}};
    *ret_options = (struct options){.most = 100u * 1000 * 1000};
    for (int found = getopt_long(argc, argv, "", long_options, NULL); found != -1;
         found = getopt_long(argc, argv, "", long_options, NULL)) {
        switch (found) {
        case 'o':
            ret_options->only = optarg;
            break;
        case 'm':
            ret_options->most = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'l':
            ret_options->at_least = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            ret_options->replay = optarg;
            break;
        default:
            return false;
        }
    }
    return optind == argc && (ret_options->replay == NULL || ret_options->only != NULL);
}

static int replay(const struct model_config *config, struct sha256 *hash, const char *text)
{
    struct model_path path;
    bool is_good = model_path_parse(text, &path) && model_path_replay(config, hash, &path, true) == NULL;
    model_path_free(&path);
    return is_good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options;
    struct sha256 *hash;
    uint64_t states = 0;
    bool is_good = true;
    if (!read_options(argc, argv, &options) || sha256_new(&hash) != ERR_OK) {
        fprintf(stderr, "usage: tunnel_model [--only NAME [--replay 'ACTION ...']] [--most N] [--at-least N]\n");
        return 64;
    }
    for (size_t i = 0; i < CONFIG_COUNT; i++) {
        if (options.only != NULL && strcmp(options.only, configs[i].name) != 0) {
            continue;
        }
        if (options.replay != NULL) {
            return replay(&configs[i], hash, options.replay);
        }
        double begin = cpu_seconds();
        struct model_figures figures = model_explore(&configs[i], options.most, hash);
        print_figures(&configs[i], &figures, cpu_seconds() - begin);
        states += figures.states;
        is_good = is_good && !figures.has_failed;
    }
    printf("%" PRIu64 " states\n", states);
    sha256_free(&hash);
    return is_good && states >= options.at_least && states > 0 ? 0 : 1;
}
