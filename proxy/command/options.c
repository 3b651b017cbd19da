#include "proxy/command/options.h"

#include "common/log.h"
#include "common/text.h"

#include <getopt.h>

struct option_row {
    const char *name;
    const char *argument; /* NULL: takes none */
    const char *help;
};

static const struct option_row rows[OPTION_COUNT] = {
    [OPTION_PROFILE] = {"profile", "NAME", "profile of the AWS configuration files"},
    [OPTION_REGION] = {"region", "REGION", "AWS region"},
    [OPTION_ENDPOINT_URL] = {"endpoint-url", "URL", "where to reach the SSM API"},
    [OPTION_CA_BUNDLE] = {"ca-bundle", "FILE", "certificates to trust instead of the system's, API and gateway alike"},
    [OPTION_DOCUMENT_NAME] = {"document-name", "NAME", "session document (AWS-StartSSHSession)"},
    [OPTION_REASON] = {"reason", "TEXT", "why, for the audit trail of the session"},
    [OPTION_CONNECT_TIMEOUT] = {"connect-timeout", "SECONDS", "give up connecting after this time (60)"},
    [OPTION_RESUME_TIMEOUT] = {"resume-timeout", "SECONDS", "give up a lost connection after this time (900)"},
    [OPTION_PING_INTERVAL] = {"ping-interval", "SECONDS", "ping the gateway; twice this in silence is a loss (20)"},
    [OPTION_PAYLOAD_SIZE] = {"payload-size", "BYTES", "of data in one message, up to 65536 (1024)"},
    [OPTION_DEBUG] = {"debug", NULL, "say on standard error what happens"},
    [OPTION_HELP] = {"help", NULL, "show this help"},
};

static uint32_t allowed(const struct verb *verb)
{
    return verb->options | OPTION_BIT(OPTION_HELP);
}

void options_print_help(const struct verb *verb, FILE *stream)
{
    fprintf(stream, "Usage: ssm-proxy %s [OPTION]...%s%s\n%s\n", verb->name, verb->arguments[0] != '\0' ? " " : "",
            verb->arguments, verb->summary);
    if (verb->details != NULL) {
        fprintf(stream, "\n%s\n", verb->details);
    }
    fprintf(stream, "\nOptions:\n");
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (allowed(verb) & OPTION_BIT(i)) {
            char left[40];
            (void)snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].argument != NULL ? " " : "",
                           rows[i].argument != NULL ? rows[i].argument : "");
            fprintf(stream, "  %-28s %s\n", left, rows[i].help);
        }
    }
    fprintf(stream, "\nThe manual: man ssm-proxy\n");
}

/* The long options of this verb; `val` is the option's number. */
static void make_long_options(const struct verb *verb, struct option ret_long[OPTION_COUNT + 1])
{
    int count = 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (allowed(verb) & OPTION_BIT(i)) {
            int has_argument = rows[i].argument != NULL ? required_argument : no_argument;
            ret_long[count++] = (struct option){rows[i].name, has_argument, NULL, i};
        }
    }
    ret_long[count] = (struct option){0};
}

static enum err usage_error(const struct verb *verb, const char *what, const char *which)
{
    log_error("%s: %s%s (see: ssm-proxy %s --help)", verb->name, what, which, verb->name);
    return ERR_USAGE;
}

/* getopt_long takes a beginning of a name for the whole when it fits one name; it does not say when it fits several.
 * `word` is such a beginning, with or without "=value". True when there are several. */
static bool put_candidates(const struct verb *verb, const char *word, struct text *text)
{
    size_t len = strcspn(word, "=");
    int count = 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if ((allowed(verb) & OPTION_BIT(i)) && strncmp(rows[i].name, word, len) == 0) {
            text_format(text, "%s--%s", count > 0 ? ", " : "", rows[i].name);
            count++;
        }
    }
    return count > 1;
}

static enum err refuse_option(const struct verb *verb, const char *word)
{
    char memory[512];
    struct text candidates = text_in(memory, sizeof memory);
    if (strncmp(word, "--", 2) != 0 || !put_candidates(verb, word + 2, &candidates)) {
        return usage_error(verb, "unknown option ", word);
    }
    char which_memory[1024];
    struct text which = text_in(which_memory, sizeof which_memory);
    text_format(&which, "%s (%s)", word, candidates.data);
    return usage_error(verb, "ambiguous option ", which.data);
}

enum err options_parse(const struct verb *verb, int argc, char **argv, struct options *ret_options)
{
    struct option long_options[OPTION_COUNT + 1];
    make_long_options(verb, long_options);
    struct options options = {.verb = verb};
    opterr = 0;
    optind = 1;
    for (;;) {
        int at = optind;
        int found = getopt_long(argc, argv, "+:h", long_options, NULL);
        if (found == -1) {
            break;
        }
        if (found == 'h') {
            found = OPTION_HELP;
        }
        if (found == ':') {
            return usage_error(verb, "an argument is missing after ", argv[at]);
        }
        if (found == '?') {
            bool is_known = optopt > 0 && optopt < OPTION_COUNT; /* no letter is that small */
            return is_known ? usage_error(verb, "this option takes no value: ", argv[at])
                            : refuse_option(verb, argv[at]);
        }
        options.values[found] = optarg != NULL ? optarg : "";
    }
    options.arguments = (const char *const *)argv + optind;
    options.argument_count = argc - optind;
    bool is_help = options_has(&options, OPTION_HELP);
    if (!is_help && options.argument_count < verb->min_arguments) {
        return usage_error(verb, "an argument is missing: ", verb->arguments);
    }
    if (!is_help && options.argument_count > verb->max_arguments) {
        return usage_error(verb, "one argument too many: ", options.arguments[verb->max_arguments]);
    }
    *ret_options = options;
    return ERR_OK;
}
