#include "pam_ssm/core/word_list.h"

#define BLANKS " \t\n"

enum err word_list_set(struct word_list *list, const char *words)
{
    struct word_list made = {.len = 0};
    const char *at = words + strspn(words, BLANKS);
    while (*at != '\0') {
        size_t len = strcspn(at, BLANKS);
        if (made.len + len + 1 > sizeof made.memory) {
            return ERR_TOO_LONG;
        }
        memcpy(made.memory + made.len, at, len);
        made.memory[made.len + len] = '\0';
        made.len += len + 1;
        at += len + strspn(at + len, BLANKS);
    }
    *list = made;
    return ERR_OK;
}

const char *word_list_first(const struct word_list *list)
{
    return list->len > 0 ? list->memory : NULL;
}

const char *word_list_next(const struct word_list *list, const char *word)
{
    const char *next = word + strlen(word) + 1;
    return next < list->memory + list->len ? next : NULL;
}

bool word_list_contains(const struct word_list *list, const char *word)
{
    for (const char *known = word_list_first(list); known != NULL; known = word_list_next(list, known)) {
        if (strcmp(known, word) == 0) {
            return true;
        }
    }
    return false;
}
