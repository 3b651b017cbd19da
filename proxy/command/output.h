/* output: what a verb lists or says, on standard output: a table for people or JSON for programs, row by row. */
#ifndef SSM_PROXY_COMMAND_OUTPUT_H
#define SSM_PROXY_COMMAND_OUTPUT_H

#include "common/options.h"
#include "common/text.h"

/* The exit status when the reader of standard output has gone, as of a program that SIGPIPE ended: quietly. */
#define OUTPUT_READER_GONE (128 + 13)

struct output {
    bool is_json;
    bool is_coloured; /* a table on a terminal that takes colours, whose person has not set NO_COLOR (no-color.org) */
    bool is_reader_gone;
    bool is_closed; /* there is no standard output: whoever started us has closed it */
    size_t objects; /* written so far */
};

/* Writes out what any verb has put into stdout. ERR_SYSTEM with words, and errno as it was. */
enum err output_flush(struct text *ret_why) SSM_MUST_USE;

/* --output, "table" unless given. ERR_USAGE after one line on standard error. */
enum err output_open(const struct options *options, struct output *ret_output) SSM_MUST_USE;

/* Borrowed bytes, as they are. ERR_SYSTEM with words; is_reader_gone says that nobody needs them. */
enum err output_put(struct output *output, const struct text *text, struct text *ret_why) SSM_MUST_USE;

/* One object of the array that the output is with --output json; `object` is JSON text. */
enum err output_put_object(struct output *output, const char *object, struct text *ret_why) SSM_MUST_USE;

struct output_member {
    const char *name, *value; /* borrowed */
};

/* A line that is part of no list, such as an id: the values with tabs between them, or a JSON object of these members.
 * ERR_CONFIG with words when a value is no text in UTF-8, which JSON has to be. */
enum err output_put_members(struct output *output, const struct output_member *members, size_t count,
                            struct text *ret_why) SSM_MUST_USE;

/* The end of the array where there is one, and everything written out. */
enum err output_finish(struct output *output, struct text *ret_why) SSM_MUST_USE;

#endif
