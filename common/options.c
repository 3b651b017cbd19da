#include "common/options.h"

#include "common/log.h"
#include "common/text.h"

#include <getopt.h>

bool options_is_allowed(const struct program *program, const struct verb *verb, int id)
{
    return id == program->help || (verb->options & OPTION_BIT(id)) != 0;
}

#define OPTION_WIDTH 28 /* of "--name ARGUMENT"; the help of a longer one stands below it */

static void print_option(const struct option_row *row, FILE *stream)
{
    char left[OPTION_WIDTH * 4];
    bool is_optional = row->is_argument_optional;
    (void)snprintf(left, sizeof left, "--%s%s%s%s", row->name,
                   row->argument == NULL ? ""
                   : is_optional         ? "[="
                                         : " ",
                   row->argument == NULL ? "" : row->argument, is_optional ? "]" : "");
    if (strlen(left) > OPTION_WIDTH) {
        fprintf(stream, "  %s\n", left);
        left[0] = '\0';
    }
    fprintf(stream, "  %-*s %s\n", OPTION_WIDTH, left, row->help);
}

void options_print_help(const struct program *program, const struct verb *verb, FILE *stream)
{
    fprintf(stream, "Usage: %s %s [OPTION]...%s%s\n%s\n", program->name, verb->name,
            verb->arguments[0] != '\0' ? " " : "", verb->arguments, verb->summary);
    if (verb->details != NULL) {
        fprintf(stream, "\n%s\n", verb->details);
    }
    fprintf(stream, "\nOptions:\n");
    for (int i = 0; i < program->row_count; i++) {
        if (options_is_allowed(program, verb, i)) {
            print_option(&program->rows[i], stream);
        }
    }
    fprintf(stream, "\nThe manual: man %s\n", program->name);
}

/* The long options of this verb; `val` is the option's number. */
static void make_long_options(const struct program *program, const struct verb *verb,
                              struct option ret_long[OPTIONS_MAX + 1])
{
    int count = 0;
    for (int i = 0; i < program->row_count; i++) {
        if (options_is_allowed(program, verb, i)) {
            const struct option_row *row = &program->rows[i];
            int has_argument = row->argument == NULL       ? no_argument
                               : row->is_argument_optional ? optional_argument
                                                           : required_argument;
            ret_long[count++] = (struct option){program->rows[i].name, has_argument, NULL, i};
        }
    }
    ret_long[count] = (struct option){0};
}

static enum err usage_error(const struct program *program, const struct verb *verb, const char *what, const char *which)
{
    log_error("%s: %s%s (see: %s %s --help)", verb->name, what, which, program->name, verb->name);
    return ERR_USAGE;
}

/* getopt_long takes a beginning of a name for the whole when it fits one name; it does not say when it fits several.
 * `word` is such a beginning, with or without "=value". True when there are several. */
static bool put_candidates(const struct program *program, const struct verb *verb, const char *word, struct text *text)
{
    size_t len = strcspn(word, "=");
    int count = 0;
    for (int i = 0; i < program->row_count; i++) {
        if (options_is_allowed(program, verb, i) && strncmp(program->rows[i].name, word, len) == 0) {
            text_format(text, "%s--%s", count > 0 ? ", " : "", program->rows[i].name);
            count++;
        }
    }
    return count > 1;
}

static enum err refuse_option(const struct program *program, const struct verb *verb, const char *word)
{
    char memory[512];
    struct text candidates = text_in(memory, sizeof memory);
    if (strncmp(word, "--", 2) != 0 || !put_candidates(program, verb, word + 2, &candidates)) {
        return usage_error(program, verb, "unknown option ", word);
    }
    char which_memory[1024];
    struct text which = text_in(which_memory, sizeof which_memory);
    text_format(&which, "%s (%s)", word, candidates.data);
    return usage_error(program, verb, "ambiguous option ", which.data);
}

/* An argument that was meant as an option; behind "--" none is. */
static const char *late_option(const struct options *options, bool are_ended)
{
    for (int i = 0; !are_ended && i < options->argument_count; i++) {
        const char *word = options->arguments[i];
        are_ended = strcmp(word, "--") == 0;
        if (!are_ended && strncmp(word, "--", 2) == 0) {
            return word;
        }
    }
    return NULL;
}

enum err options_parse(const struct program *program, const struct verb *verb, int argc, char **argv,
                       struct options *ret_options)
{
    struct option long_options[OPTIONS_MAX + 1];
    make_long_options(program, verb, long_options);
    struct options options = {.program = program, .verb = verb};
    opterr = 0;
    optind = 1;
    for (;;) {
        int at = optind;
        int found = getopt_long(argc, argv, program->has_options_anywhere ? ":h" : "+:h", long_options, NULL);
        at = program->has_options_anywhere && optind > 1 ? optind - 1 : at; /* arguments were passed over */
        if (found == -1) {
            break;
        }
        if (found == 'h') {
            found = program->help;
        }
        if (found == ':') {
            return usage_error(program, verb, "an argument is missing after ", argv[at]);
        }
        if (found == '?') {
            bool is_known = optopt > 0 && optopt < program->row_count; /* no letter is that small */
            return is_known ? usage_error(program, verb, "this option takes no value: ", argv[at])
                            : refuse_option(program, verb, argv[at]);
        }
        options.values[found] = optarg != NULL ? optarg : "";
        if (options.given_count == OPTIONS_GIVEN_MAX) {
            return usage_error(program, verb, "too many options: ", argv[at]);
        }
        options.given[options.given_count++] = (struct option_given){found, options.values[found]};
    }
    options.arguments = (const char *const *)argv + optind;
    options.argument_count = argc - optind;
    const char *late = late_option(&options, strcmp(argv[optind - 1], "--") == 0);
    if (late != NULL) {
        return usage_error(program, verb, "options stand before the arguments: ", late);
    }
    bool is_help = options_has(&options, program->help);
    if (!is_help && options.argument_count < verb->min_arguments) {
        return usage_error(program, verb, "an argument is missing: ", verb->arguments);
    }
    if (!is_help && options.argument_count > verb->max_arguments) {
        return usage_error(program, verb, "one argument too many: ", options.arguments[verb->max_arguments]);
    }
    *ret_options = options;
    return ERR_OK;
}

const char *options_repeated(const struct options *options, int id, int index)
{
    for (int i = 0; i < options->given_count; i++) {
        if (options->given[i].id == id && index-- == 0) {
            return options->given[i].value;
        }
    }
    return NULL;
}

/* Whether the verb's name is of two words, and this is its first. */
static bool is_in_group(const struct verb *verb, const char *group)
{
    size_t len = strlen(group);
    return strncmp(verb->name, group, len) == 0 && verb->name[len] == ' ';
}

/* Those of one group, or with NULL all. */
static void print_verb_list(const struct program *program, const char *group, FILE *stream)
{
    for (size_t i = 0; i < program->verb_count; i++) {
        const struct verb *verb = program->verbs[i];
        if (group == NULL || is_in_group(verb, group)) {
            fprintf(stream, "  %s%s%s\n      %s\n", verb->name, verb->arguments[0] != '\0' ? " " : "", verb->arguments,
                    verb->summary);
        }
    }
}

static int print_verbs(const struct program *program, FILE *stream, int exit_code)
{
    fprintf(stream, "Usage: %s VERB [OPTION]... [ARGUMENT]...\n%s\n\nVerbs:\n", program->name, program->summary);
    print_verb_list(program, NULL, stream);
    fprintf(stream, "%s%s\nHelp of one verb: %s VERB --help. The manual: man %s\n", program->hint != NULL ? "\n" : "",
            program->hint != NULL ? program->hint : "", program->name, program->name);
    return exit_code;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static bool has_group(const struct program *program, const char *word)
{
    for (size_t i = 0; i < program->verb_count; i++) {
        if (is_in_group(program->verbs[i], word)) {
            return true;
        }
    }
    return false;
}

/* The first word of several verbs, without one of their second words. */
static int refuse_group(const struct program *program, int argc, char **argv)
{
    if (argc > 2 && is_help(argv[2])) {
        printf("Usage: %s %s VERB [OPTION]... [ARGUMENT]...\n\nVerbs:\n", program->name, argv[1]);
        print_verb_list(program, argv[1], stdout);
        return 0;
    }
    if (argc == 2) {
        log_error("%s: a verb is missing behind it (see: %s %s --help)", argv[1], program->name, argv[1]);
    } else {
        log_error("unknown verb %s %s (see: %s %s --help)", argv[1], argv[2], program->name, argv[1]);
    }
    return program->usage_exit_code;
}

const struct verb *options_find_verb(const struct program *program, const char *const *words, int count, int *ret_words)
{
    const char *name = words[0];
    const char *plain = strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0 ? "version" : name;
    const struct verb *found = NULL;
    for (size_t i = 0; i < program->verb_count; i++) {
        const struct verb *verb = program->verbs[i];
        if (count > 1 && is_in_group(verb, name) && strcmp(verb->name + strlen(name) + 1, words[1]) == 0) {
            *ret_words = 2;
            return verb;
        }
        if (strcmp(verb->name, plain) == 0) {
            *ret_words = 1;
            found = verb;
        }
    }
    return found;
}

int options_dispatch(const struct program *program, int argc, char **argv)
{
    if (argc < 2) {
        return print_verbs(program, stderr, program->usage_exit_code);
    }
    if (is_help(argv[1])) {
        return print_verbs(program, stdout, 0);
    }
    int words = 0;
    const struct verb *verb = options_find_verb(program, (const char *const *)argv + 1, argc - 1, &words);
    if (verb == NULL && has_group(program, argv[1])) {
        return refuse_group(program, argc, argv);
    }
    if (verb == NULL) {
        bool is_option = argv[1][0] == '-';
        log_error("%s %s (see: %s --help)", is_option ? "a verb comes first, and then" : "unknown verb", argv[1],
                  program->name);
        return program->usage_exit_code;
    }
    struct options options;
    if (options_parse(program, verb, argc - words, argv + words, &options) != ERR_OK) {
        return program->usage_exit_code;
    }
    if (options_has(&options, program->help)) {
        options_print_help(program, verb, stdout);
        return 0;
    }
    log_open(program->name, program->debug >= 0 && options_has(&options, program->debug));
    return verb->run(&options);
}
