/* ssm-proxy: SSH to AWS managed nodes through Session Manager. Finds the verb, hardens the process, runs it. */
#include "common/log.h"
#include "proxy/command/last_log.h"
#include "proxy/command/verbs.h"
#include "proxy/edge/stdio.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const struct verb *const verbs[] = {&connect_verb, &version_verb};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static int print_help(FILE *stream, int exit_code)
{
    fprintf(stream, "Usage: ssm-proxy VERB [OPTION]... [ARGUMENT]...\n"
                    "SSH to AWS managed nodes through Session Manager.\n\nVerbs:\n");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        fprintf(stream, "  %s%s%s\n      %s\n", verbs[i]->name, verbs[i]->arguments[0] != '\0' ? " " : "",
                verbs[i]->arguments, verbs[i]->summary);
    }
    fprintf(stream, "\nIn ~/.ssh/config:\n  Host i-* mi-*\n      ProxyCommand ssm-proxy connect -- %%n %%p %%r\n\n"
                    "Help of one verb: ssm-proxy VERB --help. The manual: man ssm-proxy\n");
    return exit_code;
}

static const struct verb *find_verb(const char *name)
{
    const char *plain = strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0 ? "version" : name;
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i]->name, plain) == 0) {
            return verbs[i];
        }
    }
    return NULL;
}

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
    if (argc < 2) {
        return print_help(stderr, err_exit_code(ERR_USAGE));
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        return print_help(stdout, 0);
    }
    const struct verb *verb = find_verb(argv[1]);
    if (verb == NULL) {
        log_error("unknown verb %s (see: ssm-proxy --help)", argv[1]);
        return err_exit_code(ERR_USAGE);
    }
    struct options options;
    enum err err = options_parse(verb, argc - 1, argv + 1, &options);
    if (err != ERR_OK) {
        return err_exit_code(err);
    }
    if (options_has(&options, OPTION_HELP)) {
        options_print_help(verb, stdout);
        return 0;
    }
    log_open("ssm-proxy", options_has(&options, OPTION_DEBUG));
    return verb->run(&options);
}
