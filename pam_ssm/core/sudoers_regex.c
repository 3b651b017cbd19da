#include "pam_ssm/core/sudoers_regex.h"

#include "common/text.h"

/* One bracket expression: what is in it, as far as it matters. */
struct class
{
    bool has_blank, has_dot, has_slash, has_dash;
};

static void add_range(struct class *class, unsigned char first, unsigned char last)
{
    class->has_blank = class->has_blank || (first <= ' ' && ' ' <= last);
    class->has_dash = class->has_dash || (first <= '-' && '-' <= last);
    class->has_dot = class->has_dot || (first <= '.' && '.' <= last);
    class->has_slash = class->has_slash || (first <= '/' && '/' <= last);
}

/* "[:name:]", "[.x.]" or "[=x=]": alnum, alpha, digit, lower, upper and xdigit hold nothing of interest, all others
 * count as everything. */
static const char *take_named(const char *at, struct class *class)
{
    static const char *const harmless[] = {"alnum", "alpha", "digit", "lower", "upper", "xdigit"};
    const char *end = strchr(at + 2, ']');
    bool is_harmless = false;
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0] && at[1] == ':' && end != NULL; i++) {
        size_t len = strlen(harmless[i]);
        is_harmless = is_harmless || (strncmp(at + 2, harmless[i], len) == 0 && end == at + 2 + len + 1);
    }
    if (!is_harmless) {
        add_range(class, 0, 0xff);
    }
    return end != NULL ? end + 1 : at + strlen(at);
}

/* `at` is behind '['; gives what is behind ']'. A backslash is an ordinary character there. */
static const char *take_class(const char *at, struct class *class)
{
    if (*at == '^') {
        add_range(class, 0, 0xff);
        at++;
    }
    for (const char *first = at; *at != '\0' && (*at != ']' || at == first);) {
        if (*at == '[' && at[1] != '\0' && strchr(":.=", at[1]) != NULL) {
            at = take_named(at, class);
        } else if (at[1] == '-' && at[2] != ']' && at[2] != '\0') {
            add_range(class, (unsigned char)*at, (unsigned char)at[2]);
            at += 3;
        } else {
            add_range(class, (unsigned char)*at, (unsigned char)*at);
            at++;
        }
    }
    return *at == ']' ? at + 1 : at;
}

static bool is_word_character(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9');
}

/* Does an argument begin here? It does behind '^' and a blank, and a branch begins where its group does. */
struct beginning {
    bool is_here;
    int depth;
    uint64_t groups; /* a bit for each group that is open: did an argument begin with it? */
};

static void pass(struct beginning *beginning, char character)
{
    uint64_t bit = UINT64_C(1) << (beginning->depth & 63);
    if (character == '(') {
        beginning->groups = beginning->is_here ? beginning->groups | bit : beginning->groups & ~bit;
        beginning->depth++;
    } else if (character == '|') {
        beginning->is_here = beginning->depth == 0 || (beginning->groups & (bit >> 1)) != 0;
    } else {
        beginning->depth -= character == ')' && beginning->depth > 0 ? 1 : 0;
        beginning->is_here = character == '^' || character == ' ';
    }
}

struct sudoers_regex sudoers_regex_judge(const char *regex)
{
    struct sudoers_regex judged = {0};
    struct beginning beginning = {0};
    for (const char *at = regex; *at != '\0';) {
        struct class class = {0};
        const char *begin = at++;
        switch (*begin) {
        case '[':
            at = take_class(at, &class);
            judged.matches_anything = judged.matches_anything || class.has_blank;
            judged.matches_parent = judged.matches_parent || (class.has_dot && class.has_slash);
            judged.matches_option = judged.matches_option || (class.has_dash && beginning.is_here);
            break;
        case '\\':
            judged.is_beyond_posix = judged.is_beyond_posix || is_word_character(*at);
            at += *at != '\0';
            break;
        case '.':
            judged.matches_anything = true;
            break;
        case '|':
            judged.has_loose_branch = judged.has_loose_branch || beginning.depth == 0;
            break;
        default:
            break;
        }
        pass(&beginning, *begin);
    }
    return judged;
}

void sudoers_regex_words(const char *regex, bool certain, char *ret_words, size_t size)
{
    struct text text = text_in(ret_words, size);
    int depth = 0;
    for (const char *at = regex; *at != '\0'; at++) {
        bool is_word = is_word_character(*at) || strchr("-_=/", *at) != NULL;
        depth += *at == '(' ? 1 : 0;
        depth -= *at == ')' && depth > 0 ? 1 : 0;
        text_put_char(&text, (char)(is_word && !(certain && depth > 0) ? *at : ' '));
    }
}
