/* completion: how a command line could go on, from the same tables that parse it. What the words are is decided here;
 * names of nodes, profiles and files are for others to look up. */
#ifndef SSM_PROXY_CORE_COMPLETION_H
#define SSM_PROXY_CORE_COMPLETION_H

#include "common/options.h"

enum completion_kind {
    COMPLETION_NOTHING,  /* a word that nobody can guess */
    COMPLETION_VERBS,    /* a verb, or the first word of some */
    COMPLETION_GROUP,    /* the second word of a verb, or one of `choices`, where there are some */
    COMPLETION_OPTIONS,  /* of the verb */
    COMPLETION_CHOICES,  /* one of a few words: "table|json" */
    COMPLETION_TARGETS,  /* a node */
    COMPLETION_PROFILES, /* of AWS's files */
    COMPLETION_REGIONS,
    COMPLETION_FILES,
};

/* Borrowed from the tables and from the words. */
struct completion {
    enum completion_kind kind;
    const struct verb *verb; /* of the options */
    const char *group;       /* first word of the verb */
    const char *choices;     /* with '|' between them */
    const char *word;        /* what has been typed of the word: a candidate begins so */
    size_t before_len;       /* of the word; it stays before the candidate: "--output=" */
};

/* `words`: behind the program's name, the last one being typed, perhaps "". At least one. */
struct completion completion_find(const struct program *program, const char *const *words, int count);

typedef void completion_visitor(void *context, const char *candidate, const char *help); /* help may be "" */

/* Gives the candidates of verbs, groups, options and choices that begin with the word; for the other kinds none. */
void completion_visit(const struct program *program, const struct completion *completion, completion_visitor *visit,
                      void *context);

#endif
