/* word_list: the words of one setting, separated by blanks, in fixed memory. */
#ifndef SSM_HOST_CORE_WORD_LIST_H
#define SSM_HOST_CORE_WORD_LIST_H

#include "common/err.h"
#include "common/limits.h"
#include "common/text.h"

struct word_list {
    char memory[LIMIT_WORD_LIST]; /* the words, each with its terminator */
    size_t len;
};

/* ERR_TOO_LONG over LIMIT_WORD_LIST. Blanks, tabs and line ends separate. */
enum err word_list_set(struct word_list *list, const char *words) SSM_MUST_USE;

/* The first word, and the one behind `word`; NULL: no more.
 *     for (const char *word = word_list_first(list); word != NULL; word = word_list_next(list, word)) */
const char *word_list_first(const struct word_list *list);
const char *word_list_next(const struct word_list *list, const char *word);

bool word_list_contains(const struct word_list *list, const char *word);

static inline bool word_list_is_empty(const struct word_list *list)
{
    return list->len == 0;
}

#endif
