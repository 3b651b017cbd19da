#include "proxy/core/completion.h"

#include "common/text.h"

#define WORD_SIZE 128 /* of a verb, an option or a choice */

/* ---- what is being typed ---- */

static bool is_group(const struct program *program, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i < program->verb_count; i++) {
        if (strncmp(program->verbs[i]->name, word, len) == 0 && program->verbs[i]->name[len] == ' ') {
            return true;
        }
    }
    return false;
}

/* The option of the verb that `word` is: "--output", "--output=json". */
static const struct option_row *find_option(const struct program *program, const struct verb *verb, const char *word)
{
    const struct option_row *rows = program->rows;
    size_t len = strcspn(word, "=");
    for (int i = 0; i < program->row_count; i++) {
        const char *name = rows[i].name;
        if (options_is_allowed(program, verb, i) && len == strlen(name) + 2 && strncmp(word + 2, name, len - 2) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* "table|json", but not "NUMBER|SHARE%". */
static bool is_choice(const char *placeholder)
{
    size_t len = strcspn(placeholder, " ]");
    return memchr(placeholder, '|', len) != NULL && strspn(placeholder, "abcdefghijklmnopqrstuvwxyz-|") >= len;
}

/* What stands for a value in a synopsis: "table|json", "TARGET". */
static enum completion_kind kind_of(const char *placeholder)
{
    if (is_choice(placeholder)) {
        return COMPLETION_CHOICES;
    }
    static const struct {
        const char *begin;
        enum completion_kind kind;
    } kinds[] = {{"TARGET", COMPLETION_TARGETS}, {"PATTERN", COMPLETION_TARGETS}, {"FILE", COMPLETION_FILES}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(placeholder, kinds[i].begin, strlen(kinds[i].begin)) == 0) {
            return kinds[i].kind;
        }
    }
    return COMPLETION_NOTHING;
}

static void find_value(const struct option_row *row, struct completion *completion)
{
    bool is_profile = strcmp(row->name, "profile") == 0;
    bool is_region = strcmp(row->name, "region") == 0;
    completion->kind = is_profile ? COMPLETION_PROFILES : is_region ? COMPLETION_REGIONS : kind_of(row->argument);
    completion->choices = row->argument;
}

/* The n-th placeholder of a synopsis, and one that may be repeated for those behind it: "[--] TARGET [PORT [USER]]",
 * "[--] [PATTERN]...", "TARGETS -- COMMAND...". NULL: no more are expected. */
static const char *placeholder_at(const char *synopsis, int number)
{
    const char *at = strncmp(synopsis, "[--]", 4) == 0 ? synopsis + 4 : synopsis;
    for (;;) {
        at += strspn(at, " [");
        if (*at == '\0') {
            return NULL;
        }
        size_t len = strcspn(at, " ");
        bool is_repeated = (len >= 3 && strncmp(at + len - 3, "...", 3) == 0) || strncmp(at, "TARGETS", 7) == 0;
        if (number == 0 || is_repeated) {
            return at;
        }
        at += len;
        number--;
    }
}

static void find_argument(const struct verb *verb, int number, struct completion *completion)
{
    const char *placeholder = placeholder_at(verb->arguments, number);
    completion->kind = placeholder != NULL ? kind_of(placeholder) : COMPLETION_NOTHING;
    completion->choices = placeholder;
}

/* `words` behind the verb. Options end at the first argument, unless the program takes them anywhere. */
static void find_in_verb(const struct program *program, const struct verb *verb, const char *const *words, int count,
                         struct completion *completion)
{
    bool is_over = false;
    int arguments = 0;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        bool is_last = i == count - 1;
        if (is_over || word[0] != '-' || (word[1] == '\0' && !is_last)) {
            if (is_last) {
                find_argument(verb, arguments, completion);
                return;
            }
            if (arguments > 0 && strcmp(word, "--") == 0) {
                return; /* TARGETS -- COMMAND: a command of another machine */
            }
            arguments++;
            is_over = is_over || !program->has_options_anywhere;
            continue;
        }
        const struct option_row *row = find_option(program, verb, word);
        bool has_equals = strchr(word, '=') != NULL;
        if (is_last && has_equals && row != NULL && row->argument != NULL) {
            completion->before_len = strcspn(word, "=") + 1;
            find_value(row, completion);
            return;
        }
        if (is_last) {
            completion->kind = has_equals ? COMPLETION_NOTHING : COMPLETION_OPTIONS;
            return;
        }
        is_over = strcmp(word, "--") == 0;
        if (row != NULL && row->argument != NULL && !row->is_argument_optional && !has_equals && ++i == count - 1) {
            find_value(row, completion);
            return;
        }
    }
}

struct completion completion_find(const struct program *program, const char *const *words, int count)
{
    struct completion completion = {.kind = COMPLETION_NOTHING, .word = words[count - 1]};
    if (count == 1) {
        completion.kind = COMPLETION_VERBS;
        return completion;
    }
    int verb_words = 0;
    completion.verb = options_find_verb(program, words, count - 1, &verb_words);
    if (completion.verb != NULL) {
        find_in_verb(program, completion.verb, words + verb_words, count - verb_words, &completion);
    }
    if (count == 2 && words[1][0] != '-' && is_group(program, words[0])) {
        completion.choices = completion.kind == COMPLETION_CHOICES ? completion.choices : NULL;
        completion.kind = COMPLETION_GROUP;
        completion.group = words[0];
    }
    return completion;
}

/* ---- candidates ---- */

struct visit {
    const struct completion *completion;
    completion_visitor *visit;
    void *context;
};

/* `len` bytes of `name`, behind `before`. */
static void offer(const struct visit *visit, const char *before, const char *name, size_t len, const char *help)
{
    char candidate[WORD_SIZE];
    struct text text = text_in(candidate, sizeof candidate);
    text_put_bytes(&text, bytes_of(visit->completion->word, visit->completion->before_len));
    text_put(&text, before);
    text_put_bytes(&text, bytes_of(name, len));
    const char *word = visit->completion->word;
    if (text_finish(&text) == ERR_OK && strncmp(candidate, word, strlen(word)) == 0) {
        visit->visit(visit->context, candidate, help);
    }
}

/* The first word of each verb, once. */
static void offer_verbs(const struct program *program, const struct visit *visit)
{
    for (size_t i = 0; i < program->verb_count; i++) {
        const struct verb *verb = program->verbs[i];
        size_t len = strcspn(verb->name, " ");
        bool is_first = true;
        for (size_t j = 0; j < i; j++) {
            const char *other = program->verbs[j]->name;
            is_first = is_first && (strncmp(other, verb->name, len) != 0 || strcspn(other, " ") != len);
        }
        if (is_first) {
            offer(visit, "", verb->name, len, verb->name[len] == '\0' ? verb->summary : "");
        }
    }
}

static void offer_group(const struct program *program, const struct visit *visit)
{
    size_t len = strlen(visit->completion->group);
    for (size_t i = 0; i < program->verb_count; i++) {
        const struct verb *verb = program->verbs[i];
        if (strncmp(verb->name, visit->completion->group, len) == 0 && verb->name[len] == ' ') {
            offer(visit, "", verb->name + len + 1, strlen(verb->name + len + 1), verb->summary);
        }
    }
}

static void offer_options(const struct program *program, const struct visit *visit)
{
    for (int i = 0; i < program->row_count; i++) {
        if (options_is_allowed(program, visit->completion->verb, i)) {
            offer(visit, "--", program->rows[i].name, strlen(program->rows[i].name), program->rows[i].help);
        }
    }
}

static void offer_choices(const struct visit *visit)
{
    for (const char *at = visit->completion->choices;; at++) {
        size_t len = strcspn(at, "|] ");
        offer(visit, "", at, len, "");
        at += len;
        if (*at != '|') {
            return;
        }
    }
}

void completion_visit(const struct program *program, const struct completion *completion, completion_visitor *visit,
                      void *context)
{
    struct visit all = {completion, visit, context};
    switch (completion->kind) {
    case COMPLETION_VERBS:
        offer_verbs(program, &all);
        return;
    case COMPLETION_GROUP:
        offer_group(program, &all);
        if (completion->choices != NULL) {
            offer_choices(&all);
        }
        return;
    case COMPLETION_OPTIONS:
        offer_options(program, &all);
        return;
    case COMPLETION_CHOICES:
        offer_choices(&all);
        return;
    case COMPLETION_NOTHING:
    case COMPLETION_TARGETS:
    case COMPLETION_PROFILES:
    case COMPLETION_REGIONS:
    case COMPLETION_FILES:
        return;
    }
}
