/* sudoers_regex: what a regular expression of sudoers (POSIX extended, "^...$") matches beyond what it seems to. It
 * looks at the text alone; what it says of a strange expression errs towards danger. */
#ifndef SSM_HOST_CORE_SUDOERS_REGEX_H
#define SSM_HOST_CORE_SUDOERS_REGEX_H

#include <stdbool.h>
#include <stddef.h>

struct sudoers_regex {
    bool matches_anything; /* '.', a negated class, or a class with a blank: further arguments */
    bool matches_parent;   /* a class with both '.' and '/': "../" */
    bool has_loose_branch; /* '|' outside of parentheses: "^a|b$" is "^a" or "b$" */
    bool is_beyond_posix;  /* a backslash before a letter or a digit */
    bool matches_option;   /* a class with '-' where an argument begins */
};

struct sudoers_regex sudoers_regex_judge(const char *regex);

/* Its words: what is no part of a word becomes a blank. Those that it may match, or with `certain` those alone that
 * stand outside of parentheses, so that nothing matches without them. */
void sudoers_regex_words(const char *regex, bool certain, char *ret_words, size_t size);

#endif
