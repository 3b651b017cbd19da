#include "pam_ssm/core/sudoers_limited.h"

#include "common/auto.h"

#include <stdlib.h>

static const char alias_prefix[] = "SSMLIM_";

/* Where the parser is in one logical line. */
struct place {
    struct sudoers_limited *limited;
    const char *name; /* of the file */
    size_t line;
    const char *at; /* terminated */
    struct text *why;
};

static enum err refuse(const struct place *place, const char *what)
{
    text_format(place->why, "%s:%zu: %s", place->name, place->line, what);
    return ERR_CONFIG;
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static void skip_blanks(struct place *place)
{
    while (is_blank(*place->at)) {
        place->at++;
    }
}

static bool is_at_end_of_command(const struct place *place)
{
    return *place->at == ',' || *place->at == '\0';
}

/* The length of the word here. */
static size_t word_len(const struct place *place)
{
    return strcspn(place->at, " \t,");
}

/* ---- one command ---- */

/* "sha256:" and hexadecimal digits, a blank behind them. Base64 would be valid too; one spelling is enough. */
static enum err take_digest(struct place *place, struct text *text)
{
    static const struct {
        const char *name;
        size_t digits;
    } kinds[] = {{"sha224:", 56}, {"sha256:", 64}, {"sha384:", 96}, {"sha512:", 128}};
    size_t len = word_len(place);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t name_len = strlen(kinds[i].name);
        if (strncmp(place->at, kinds[i].name, name_len) == 0 && len == name_len + kinds[i].digits &&
            strspn(place->at + name_len, "0123456789abcdefABCDEF") >= kinds[i].digits && is_blank(place->at[len])) {
            text_put_bytes(text, bytes_of(place->at, len));
            text_put_char(text, ' ');
            place->at += len;
            skip_blanks(place);
            return ERR_OK;
        }
    }
    return refuse(place,
                  "a digest is sha224, sha256, sha384 or sha512, ':', and all hexadecimal digits; one a command");
}

static enum err judge_path(const struct place *place, const char *path)
{
    if (strcmp(path, "sudoedit") == 0) {
        return ERR_OK;
    }
    if (path[0] == '!') {
        return refuse(place, "a command that is taken away again can be called by another name: list what is allowed");
    }
    if (path[0] != '/') {
        return refuse(place, "a command is an absolute path or sudoedit; aliases, ALL, lists and regular expressions "
                             "are not taken for it");
    }
    if (path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@-")] != '\0') {
        return refuse(place, "a path is of letters, digits and . _ + @ -, without wildcards");
    }
    if (path[strlen(path) - 1] == '/') {
        return refuse(place, "a directory allows everything in it: name the programs");
    }
    if (strstr(path, "/.") != NULL || strstr(path, "//") != NULL || strlen(path) > LIMIT_PATH) {
        return refuse(place, "write the path plainly, without // and without parts that begin with a dot");
    }
    return ERR_OK;
}

/* "^...$". sudoers ends it at the first '$' without a backslash; a comma belongs to it. */
static enum err take_regex(struct place *place, struct text *text)
{
    size_t len = 1;
    for (; place->at[len] != '$'; len++) {
        if (place->at[len] == '\\' && place->at[len + 1] > ' ') {
            len++;
        } else if (place->at[len] == '\0') {
            return refuse(place, "a regular expression ends with $");
        } else if (strchr("#\"\\\t", place->at[len]) != NULL) {
            return refuse(place, "in a regular expression, '#', '\"' and '\\' stand behind a backslash, and no tab");
        }
    }
    text_put_bytes(text, bytes_of(place->at, len + 1));
    place->at += len + 1;
    skip_blanks(place);
    return is_at_end_of_command(place) ? ERR_OK : refuse(place, "one regular expression holds all arguments");
}

/* One character, or a backslash and one, of plain arguments. `text` gets it with its escape, `plain` without. */
static enum err take_character(struct place *place, struct sudoers_command *command, struct text *text,
                               struct text *plain)
{
    char character = *place->at++;
    if (character == '\\') {
        character = *place->at;
        if (character == '\0' || strchr(",:=\\# *?[]!^", character) == NULL) {
            return refuse(place, "a backslash stands before one of , : = \\ # * ? [ ] ! ^ or a blank");
        }
        place->at++;
        text_put_char(text, '\\');
    } else if (strchr(":#\"", character) != NULL) {
        return refuse(place, "':' and '#' want a backslash before them; sudoers knows no quotes but \"\" alone");
    } else if (character == '=') {
        text_put_char(text, '\\');
    } else if (strchr("*?[", character) != NULL) {
        command->has_wildcard = true;
    }
    text_put_char(text, character);
    text_put_char(plain, character);
    return ERR_OK;
}

/* Words, with one blank between them. */
static enum err take_words(struct place *place, struct sudoers_command *command, struct text *text, struct text *plain)
{
    while (!is_at_end_of_command(place)) {
        if (is_blank(*place->at)) {
            skip_blanks(place);
            if (!is_at_end_of_command(place)) {
                text_put_char(text, ' ');
                text_put_char(plain, ' ');
            }
        } else {
            TRY(take_character(place, command, text, plain));
        }
    }
    return ERR_OK;
}

static enum err take_arguments(struct place *place, struct sudoers_command *command, struct text *text,
                               struct text *plain)
{
    text_put_char(text, ' ');
    if (strncmp(place->at, "\"\"", 2) == 0) {
        place->at += 2;
        skip_blanks(place);
        text_put(text, "\"\"");
        return is_at_end_of_command(place) ? ERR_OK : refuse(place, "\"\" means no arguments and stands alone");
    }
    if (*place->at != '^') {
        return take_words(place, command, text, plain);
    }
    size_t before = text->len;
    command->is_regex = true;
    TRY(take_regex(place, text));
    text_put(plain, text->data + before);
    return ERR_OK;
}

/* Fills everything but what it allocates. `memory` has room for the line three times, escapes counted. */
static enum err take_command(struct place *place, struct sudoers_command *ret_command, char *memory, size_t size)
{
    struct text text = text_in(memory, size);
    struct text path = text_in(memory + size, size);
    struct text plain = text_in(memory + 2 * size, size);
    struct sudoers_command command = {.line = place->line};
    if (strncmp(place->at, "sha", 3) == 0) {
        command.has_digest = true;
        TRY(take_digest(place, &text));
    }
    text_put_bytes(&path, bytes_of(place->at, word_len(place)));
    place->at += path.len;
    TRY(judge_path(place, path.data));
    text_put(&text, path.data);
    skip_blanks(place);
    bool has_arguments = !is_at_end_of_command(place);
    if (has_arguments) {
        TRY(take_arguments(place, &command, &text, &plain));
    }
    if (plain.len > LIMIT_SUDOERS_ARGUMENTS) {
        return refuse(place, "the arguments are too long");
    }
    *ret_command = command;
    ret_command->text = strdup(text.data);
    ret_command->path = strdup(path.data);
    ret_command->arguments = has_arguments ? strdup(plain.data) : NULL;
    bool is_whole =
        ret_command->text != NULL && ret_command->path != NULL && (!has_arguments || ret_command->arguments != NULL);
    return is_whole ? ERR_OK : ERR_MEMORY;
}

static enum err add_command(struct place *place, struct sudoers_alias *alias)
{
    struct sudoers_limited *limited = place->limited;
    if (limited->command_count == LIMIT_SUDOERS_COMMANDS) {
        text_format(place->why, "%s:%zu: more than %d commands", place->name, place->line, LIMIT_SUDOERS_COMMANDS);
        return ERR_TOO_LONG;
    }
    struct sudoers_command *larger =
        reallocarray(limited->commands, limited->command_count + 1, sizeof *limited->commands);
    if (larger == NULL) {
        return ERR_MEMORY;
    }
    limited->commands = larger;
    struct sudoers_command *command = &limited->commands[limited->command_count];
    *command = (struct sudoers_command){0};
    size_t size = 2 * strlen(place->at) + 2;
    AUTO_FREE char *memory = reallocarray(NULL, 3, size);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    enum err err = take_command(place, command, memory, size);
    limited->command_count++; /* what it holds is freed with the others, also after an error */
    alias->count++;
    return err;
}

/* ---- one line ---- */

static enum err take_alias_name(struct place *place, struct sudoers_alias *alias)
{
    size_t len = strspn(place->at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    struct text name = text_in(alias->name, sizeof alias->name);
    text_put_bytes(&name, bytes_of(place->at, len));
    if (strncmp(place->at, alias_prefix, strlen(alias_prefix)) != 0 || len == strlen(alias_prefix) ||
        text_finish(&name) != ERR_OK) {
        return refuse(place, "an alias is called SSMLIM_ and capital letters, digits and _, at most 64 in all");
    }
    for (size_t i = 0; i < place->limited->alias_count; i++) {
        if (strcmp(place->limited->aliases[i].name, alias->name) == 0) {
            return refuse(place, "there is an alias of this name already");
        }
    }
    place->at += len;
    skip_blanks(place);
    if (*place->at != '=') {
        return refuse(place, "behind the alias comes '='");
    }
    place->at++;
    return ERR_OK;
}

static enum err add_alias(struct place *place)
{
    struct sudoers_limited *limited = place->limited;
    struct sudoers_alias alias = {.line = place->line, .first = limited->command_count};
    TRY(take_alias_name(place, &alias));
    struct sudoers_alias *larger = reallocarray(limited->aliases, limited->alias_count + 1, sizeof *limited->aliases);
    if (larger == NULL) {
        return ERR_MEMORY;
    }
    limited->aliases = larger;
    alias.file = strdup(place->name);
    if (alias.file == NULL) {
        return ERR_MEMORY;
    }
    struct sudoers_alias *added = &limited->aliases[limited->alias_count++];
    *added = alias;
    for (;;) {
        skip_blanks(place);
        if (is_at_end_of_command(place)) {
            return refuse(place, "a command is missing");
        }
        TRY(add_command(place, added));
        if (*place->at == '\0') {
            return ERR_OK;
        }
        place->at++;
    }
}

static enum err take_line(struct place *place)
{
    skip_blanks(place);
    if (*place->at == '\0') {
        return ERR_OK;
    }
    if (*place->at == '#') {
        /* To sudoers these are no comments: "#include" reads a file, "#1000 ALL=..." is a rule. */
        bool is_comment = strncmp(place->at, "#include", 8) != 0 && strchr("0123456789-", place->at[1]) == NULL;
        return is_comment || place->at[1] == '\0' ? ERR_OK
                                                  : refuse(place, "sudoers takes this for more than a comment");
    }
    static const char word[] = "Cmnd_Alias";
    if (strncmp(place->at, word, sizeof word - 1) != 0 || !is_blank(place->at[sizeof word - 1])) {
        return refuse(place, "only comments and Cmnd_Alias lines belong here");
    }
    place->at += sizeof word - 1;
    skip_blanks(place);
    return add_alias(place);
}

/* ---- a file ---- */

/* Does the backslash behind this, at a line's end, continue it? To sudoers a comment goes to its line's end; and a
 * backslash behind another one is an ordinary character. */
static bool is_continued(const struct text *line)
{
    size_t count = 0;
    while (count < line->len && line->data[line->len - 1 - count] == '\\') {
        count++;
    }
    return count % 2 == 0 && line->data[strspn(line->data, " \t")] != '#';
}

/* Copies the physical lines of one logical line into `line`, and moves behind them. */
static enum err join_lines(struct place *place, struct bytes *file, size_t *line_number, struct text *line)
{
    place->line = *line_number;
    text_clear(line);
    while (file->len > 0) {
        char character = (char)file->data[0];
        *file = bytes_from(*file, 1);
        if (character == '\n') {
            (*line_number)++;
            return ERR_OK;
        }
        if (character == '\\' && file->len > 0 && file->data[0] == '\n' && is_continued(line)) {
            if (line->len > 0 && strchr(" \t,", line->data[line->len - 1]) == NULL) {
                return refuse(place, "a line is continued behind a blank or a comma");
            }
            *file = bytes_from(*file, 1);
            (*line_number)++;
            character = ' ';
        }
        if ((text_is_control(character) && character != '\t') || (unsigned char)character > 0x7e) {
            return refuse(place, "a character that is not printable ASCII");
        }
        text_put_char(line, character);
    }
    return ERR_OK;
}

enum err sudoers_limited_add(struct sudoers_limited *limited, struct bytes file, const char *name, struct text *ret_why)
{
    AUTO_FREE char *memory = malloc(file.len + 1);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text line = text_in(memory, file.len + 1);
    struct place place = {.limited = limited, .name = name, .why = ret_why};
    size_t line_number = 1;
    while (file.len > 0) {
        TRY(join_lines(&place, &file, &line_number, &line));
        place.at = memory;
        TRY(take_line(&place));
    }
    return ERR_OK;
}

void sudoers_limited_free(struct sudoers_limited *limited)
{
    for (size_t i = 0; i < limited->command_count; i++) {
        free(limited->commands[i].text);
        free(limited->commands[i].path);
        free(limited->commands[i].arguments);
    }
    for (size_t i = 0; i < limited->alias_count; i++) {
        free(limited->aliases[i].file);
    }
    free(limited->commands);
    free(limited->aliases);
    *limited = (struct sudoers_limited){0};
}
