/* options: the command line of a verb. One table of options and one of verbs drive parsing, --help and usage errors. */
#ifndef SSM_PROXY_COMMAND_OPTIONS_H
#define SSM_PROXY_COMMAND_OPTIONS_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum option_id {
    OPTION_PROFILE,
    OPTION_REGION,
    OPTION_ENDPOINT_URL,
    OPTION_CA_BUNDLE,
    OPTION_DOCUMENT_NAME,
    OPTION_REASON,
    OPTION_CONNECT_TIMEOUT,
    OPTION_RESUME_TIMEOUT,
    OPTION_PING_INTERVAL,
    OPTION_PAYLOAD_SIZE,
    OPTION_DEBUG,
    OPTION_HELP,
    OPTION_COUNT
};

/* Sets of options: OPTION_BIT(OPTION_PROFILE) | ... */
#define OPTION_BIT(id) (1u << (id))
/* What every verb that talks to AWS takes. */
#define OPTIONS_AWS                                                                                                    \
    (OPTION_BIT(OPTION_PROFILE) | OPTION_BIT(OPTION_REGION) | OPTION_BIT(OPTION_ENDPOINT_URL) |                        \
     OPTION_BIT(OPTION_CA_BUNDLE) | OPTION_BIT(OPTION_DEBUG))

struct options;

struct verb {
    const char *name;
    const char *arguments; /* for the synopsis */
    const char *summary;   /* one line */
    const char *details;   /* paragraphs for its own --help; NULL: none */
    uint32_t options;      /* set; --help is always in it */
    int min_arguments;
    int max_arguments;
    int (*run)(const struct options *options); /* gives the exit code */
};

struct options {
    const struct verb *verb;
    const char *values[OPTION_COUNT]; /* NULL: not given; "" for one without an argument */
    const char *const *arguments;     /* borrowed from argv */
    int argument_count;
};

/* `argv[0]` is the verb. ERR_USAGE after one line on standard error. */
enum err options_parse(const struct verb *verb, int argc, char **argv, struct options *ret_options) SSM_MUST_USE;

static inline bool options_has(const struct options *options, enum option_id id)
{
    return options->values[id] != NULL;
}

/* The help of one verb. */
void options_print_help(const struct verb *verb, FILE *stream);

#endif
