#include "tests/emulator/command_words.h"

#include <stdlib.h>
#include <string.h>

struct splitter {
    const char *in;
    char *out;
};

/* Between double quotes a backslash is itself, unless it is before one of these. */
static bool is_escaped_in_quotes(char c)
{
    return c == '"' || c == '\\' || c == '$' || c == '`' || c == '\n';
}

static enum err take_quoted(struct splitter *at, char quote)
{
    for (at->in++; *at->in != quote; at->in++) {
        if (quote == '"' && *at->in == '\\' && is_escaped_in_quotes(at->in[1])) {
            at->in++;
        }
        if (*at->in == '\0') {
            return ERR_MALFORMED;
        }
        *at->out++ = *at->in;
    }
    at->in++;
    return ERR_OK;
}

static enum err take_word(struct splitter *at)
{
    while (strchr(" \t\r\n", *at->in) == NULL) {
        if (*at->in == '\'' || *at->in == '"') {
            TRY(take_quoted(at, *at->in));
            continue;
        }
        at->in += *at->in == '\\' ? 1 : 0;
        if (*at->in == '\0') {
            return ERR_MALFORMED;
        }
        *at->out++ = *at->in++;
    }
    *at->out++ = '\0';
    return ERR_OK;
}

static enum err split(struct splitter *at, struct command_words *words)
{
    for (;;) {
        at->in += strspn(at->in, " \t\r\n");
        if (*at->in == '\0') {
            return ERR_OK;
        }
        if (*at->in == '#') {
            at->in += strcspn(at->in, "\n");
            continue;
        }
        if (words->count == COMMAND_WORDS_MAX) {
            return ERR_TOO_LONG;
        }
        words->words[words->count++] = at->out;
        TRY(take_word(at));
    }
}

enum err command_words_split(const char *line, struct command_words *ret_words)
{
    struct command_words words = {.text = malloc(strlen(line) + 1)};
    struct splitter at = {line, words.text};
    enum err err = words.text == NULL ? ERR_MEMORY : split(&at, &words);
    if (err != ERR_OK) {
        free(words.text);
        return err;
    }
    *ret_words = words;
    return ERR_OK;
}

void command_words_free(struct command_words *words)
{
    free(words->text);
    *words = (struct command_words){0};
}
