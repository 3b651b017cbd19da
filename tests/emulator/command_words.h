/* command_words: a command line split into words as a shell reads them, without anything else that a shell does:
 * quotes, backslashes, comments. Source: docs/protocol.md, 9; the rules are those of POSIX, 2.2. */
#ifndef SSM_LAB_COMMAND_WORDS_H
#define SSM_LAB_COMMAND_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define COMMAND_WORDS_MAX 256 /* far above what a document has */

struct command_words {
    char *text;                         /* owns the words */
    char *words[COMMAND_WORDS_MAX + 1]; /* NULL after the last */
    size_t count;
};

/* ERR_MALFORMED: a quote or a backslash without its end. ERR_TOO_LONG: too many words. */
enum err command_words_split(const char *line, struct command_words *ret_words) SSM_MUST_USE;
void command_words_free(struct command_words *words);

#endif
