/* options: the command line of a program with verbs. Its table of options and its table of verbs drive dispatch,
 * parsing, --help and usage errors. */
#ifndef SSM_COMMON_OPTIONS_H
#define SSM_COMMON_OPTIONS_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Options of one program: its option numbers are below this. */
#define OPTIONS_MAX 64

/* Options on one command line. */
#define OPTIONS_GIVEN_MAX 256

struct option_row {
    const char *name;
    const char *argument; /* NULL: takes none */
    const char *help;
    bool is_argument_optional; /* --name or --name=ARGUMENT, never --name ARGUMENT; the value is "" without it */
};

/* Sets of options: OPTION_BIT(OPTION_PROFILE) | ... */
#define OPTION_BIT(id) (UINT64_C(1) << (id))

struct options;

struct verb {
    const char *name;      /* of one word, or two: "sessions list" */
    const char *arguments; /* for the synopsis */
    const char *summary;   /* one line */
    const char *details;   /* paragraphs for its own --help; NULL: none */
    uint64_t options;      /* set; --help is always in it */
    int min_arguments;
    int max_arguments;
    int (*run)(const struct options *options); /* gives the exit code */
};

struct program {
    const char *name, *summary;
    const char *hint;              /* lines below the list of verbs; NULL: none */
    const struct option_row *rows; /* indexed by option number; each program has an enum of its own */
    int row_count;
    int help;  /* the number of --help */
    int debug; /* of --debug; -1: it has none */
    int usage_exit_code;
    bool has_options_anywhere; /* also behind arguments; "--" ends them */
    const struct verb *const *verbs;
    size_t verb_count;
};

struct options {
    const struct program *program;
    const struct verb *verb;
    const char *values[OPTIONS_MAX]; /* NULL: not given; "" for one without an argument; the last one counts */
    struct option_given {
        int id;
        const char *value;
    } given[OPTIONS_GIVEN_MAX]; /* in order, for options that may be given several times */
    int given_count;
    const char *const *arguments; /* borrowed from argv */
    int argument_count;
};

/* The rest of main: finds the verb, parses its options, shows help where it is asked for, or runs it. --version is the
 * verb "version". Gives the exit code. */
int options_dispatch(const struct program *program, int argc, char **argv);

/* `argv[0]` is the verb, or its last word. ERR_USAGE after one line on standard error. */
enum err options_parse(const struct program *program, const struct verb *verb, int argc, char **argv,
                       struct options *ret_options) SSM_MUST_USE;

static inline bool options_has(const struct options *options, int id)
{
    return options->values[id] != NULL;
}

/* The value of an option that may be given several times, from 0 on; NULL: not given so often. */
const char *options_repeated(const struct options *options, int id, int index);

/* The verb that the words behind the program's name begin with, of which there is one at least; `ret_words` are its
 * name, one or two ("config match" is a verb, and so is "config"). NULL: there is none. */
const struct verb *options_find_verb(const struct program *program, const char *const *words, int count,
                                     int *ret_words);

/* Does the verb take this option? */
bool options_is_allowed(const struct program *program, const struct verb *verb, int id);

/* The help of one verb. */
void options_print_help(const struct program *program, const struct verb *verb, FILE *stream);

#endif
