#include "common/ini.h"

#include "common/limits.h"

/* Where the parser stands. The copy is cut into strings in place: a value with its continuation lines is never longer
 * than the lines it was written on, so what is written always stays behind what is still to be read. */
struct parser {
    struct ini *ini;
    struct text *why;
    char *next; /* the line after this one */
    char *end;
    size_t line;
    size_t section_room;
    size_t entry_room;
    size_t indent;           /* of the line that opened the current section or entry */
    struct ini_entry *entry; /* that an indented line would continue; NULL after a section header */
    char *value_end;         /* of that entry */
    size_t blank_lines;      /* seen since; they count when more of the value follows */
};

/* A stripped line. */
struct line {
    char *start;
    char *end;
    size_t indent;
};

static enum err refuse(struct parser *parser, const char *reason)
{
    text_format(parser->why, "line %zu: %s", parser->line, reason);
    return ERR_CONFIG;
}

/* ASCII part of Python's str.isspace. */
static bool is_space(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r') || (character >= 0x1c && character <= 0x1f);
}

static char *skip_spaces(char *at, const char *end)
{
    while (at < end && is_space(*at)) {
        at++;
    }
    return at;
}

static char *trim_end(const char *start, char *end)
{
    while (end > start && is_space(end[-1])) {
        end--;
    }
    return end;
}

/* Lines end with \n, \r\n or \r, as Python's universal newlines have it. */
static struct line take_line(struct parser *parser)
{
    char *start = parser->next;
    char *end = start;
    while (end < parser->end && *end != '\n' && *end != '\r') {
        end++;
    }
    parser->next = end;
    if (parser->next < parser->end) {
        parser->next += end + 1 < parser->end && end[0] == '\r' && end[1] == '\n' ? 2 : 1;
    }
    parser->line++;
    char *first = skip_spaces(start, end);
    return (struct line){first, trim_end(first, end), (size_t)(first - start)};
}

/* The array with room for one more; NULL when there is no memory. */
static void *grow(void *array, size_t *room, size_t count, size_t size)
{
    if (count < *room) {
        return array;
    }
    size_t wanted = *room == 0 ? 16 : *room * 2;
    void *grown = reallocarray(array, wanted, size);
    if (grown != NULL) {
        *room = wanted;
    }
    return grown;
}

static enum err add_entry(struct parser *parser, struct ini_entry entry)
{
    struct ini *ini = parser->ini;
    if (ini->entry_count + ini->section_count >= LIMIT_INI_ENTRIES) {
        return refuse(parser, "too many entries");
    }
    struct ini_entry *entries = grow(ini->entries, &parser->entry_room, ini->entry_count, sizeof entry);
    if (entries == NULL) {
        return ERR_MEMORY;
    }
    ini->entries = entries;
    entry.line = parser->line;
    ini->entries[ini->entry_count++] = entry;
    ini->sections[ini->section_count - 1].entry_count++;
    return ERR_OK;
}

static enum err add_section(struct parser *parser, struct line line)
{
    struct ini *ini = parser->ini;
    if (ini->entry_count + ini->section_count >= LIMIT_INI_ENTRIES) {
        return refuse(parser, "too many sections");
    }
    struct ini_section *sections =
        grow(ini->sections, &parser->section_room, ini->section_count, sizeof(struct ini_section));
    if (sections == NULL) {
        return ERR_MEMORY;
    }
    ini->sections = sections;
    *line.end = '\0';
    ini->sections[ini->section_count++] =
        (struct ini_section){.name = line.start, .entry_at = ini->entry_count, .line = parser->line};
    parser->entry = NULL;
    return ERR_OK;
}

/* "[name] whatever" up to the last bracket of the line; "[]" is no section. */
static bool is_section(struct line line, struct line *ret_name)
{
    if (line.start == line.end || *line.start != '[') {
        return false;
    }
    char *close = line.end - 1;
    while (close > line.start && *close != ']') {
        close--;
    }
    if (close < line.start + 2) {
        return false;
    }
    *ret_name = (struct line){line.start + 1, close, 0};
    return true;
}

static char *find_delimiter(struct line line, const char *delimiters)
{
    for (char *at = line.start; at < line.end; at++) {
        if (strchr(delimiters, *at) != NULL) {
            return at;
        }
    }
    return NULL;
}

static enum err parse_key(struct parser *parser, struct line line)
{
    char *delimiter = find_delimiter(line, "=:");
    if (delimiter == NULL) {
        return refuse(parser, "neither a section nor a key with '='");
    }
    if (delimiter == line.start) {
        return refuse(parser, "no key before the '='");
    }
    for (char *at = line.start; at < delimiter; at++) {
        *at = text_lower(*at);
    }
    char *value = skip_spaces(delimiter + 1, line.end);
    *trim_end(line.start, delimiter) = '\0';
    *line.end = '\0';
    TRY(add_entry(parser, (struct ini_entry){.key = line.start, .value = value}));
    parser->entry = &parser->ini->entries[parser->ini->entry_count - 1];
    parser->value_end = line.end;
    parser->blank_lines = 0;
    return ERR_OK;
}

/* Indented lines under an empty value: each is an entry of its own, and continues nothing. */
static enum err parse_nested(struct parser *parser, struct line line)
{
    char *delimiter = find_delimiter(line, "=");
    if (delimiter == NULL) {
        return refuse(parser, "a nested line without '='");
    }
    char *value = skip_spaces(delimiter + 1, line.end);
    *trim_end(line.start, delimiter) = '\0';
    *line.end = '\0';
    parser->entry->has_nested = true;
    size_t parent = (size_t)(parser->entry - parser->ini->entries);
    const char *key = parser->entry->key;
    TRY(add_entry(parser, (struct ini_entry){.key = key, .nested = line.start, .value = value}));
    parser->entry = &parser->ini->entries[parent]; /* the array may have moved */
    return ERR_OK;
}

static enum err parse_continuation(struct parser *parser, struct line line)
{
    if (*parser->entry->value == '\0') {
        return parse_nested(parser, line);
    }
    for (size_t i = 0; i <= parser->blank_lines; i++) {
        *parser->value_end++ = '\n';
    }
    parser->blank_lines = 0;
    size_t len = (size_t)(line.end - line.start);
    memmove(parser->value_end, line.start, len);
    parser->value_end += len;
    *parser->value_end = '\0';
    return ERR_OK;
}

static enum err parse_line(struct parser *parser, struct line line)
{
    if (line.start == line.end) {
        parser->blank_lines++;
        return ERR_OK;
    }
    if (*line.start == '#' || *line.start == ';') {
        return ERR_OK;
    }
    if (parser->entry != NULL && line.indent > parser->indent) {
        return parse_continuation(parser, line);
    }
    parser->indent = line.indent;
    struct line name;
    if (is_section(line, &name)) {
        return add_section(parser, name);
    }
    if (parser->ini->section_count == 0) {
        return refuse(parser, "text before the first [section]");
    }
    return parse_key(parser, line);
}

static int compare_sections(const void *a, const void *b)
{
    const struct ini_section *const *left = a;
    const struct ini_section *const *right = b;
    int order = strcmp((*left)->name, (*right)->name);
    return order != 0 ? order : ((*left)->line > (*right)->line) - ((*left)->line < (*right)->line);
}

static int compare_entries(const void *a, const void *b)
{
    const struct ini_entry *const *left = a;
    const struct ini_entry *const *right = b;
    int order = strcmp((*left)->key, (*right)->key);
    return order != 0 ? order : ((*left)->line > (*right)->line) - ((*left)->line < (*right)->line);
}

static enum err refuse_repeated_section(struct parser *parser)
{
    const struct ini *ini = parser->ini;
    AUTO_FREE const struct ini_section **sorted = calloc(ini->section_count + 1, sizeof(const struct ini_section *));
    if (sorted == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < ini->section_count; i++) {
        sorted[i] = &ini->sections[i];
    }
    qsort(sorted, ini->section_count, sizeof(const struct ini_section *), compare_sections);
    for (size_t i = 1; i < ini->section_count; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
            text_format(parser->why, "line %zu: section [%.100s] is given twice, first on line %zu", sorted[i]->line,
                        sorted[i]->name, sorted[i - 1]->line);
            return ERR_CONFIG;
        }
    }
    return ERR_OK;
}

static enum err refuse_repeated_key(struct parser *parser, const struct ini_section *section)
{
    AUTO_FREE const struct ini_entry **sorted = calloc(section->entry_count + 1, sizeof(const struct ini_entry *));
    if (sorted == NULL) {
        return ERR_MEMORY;
    }
    size_t count = 0;
    for (size_t i = 0; i < section->entry_count; i++) {
        const struct ini_entry *entry = &parser->ini->entries[section->entry_at + i];
        if (entry->nested == NULL) {
            sorted[count++] = entry;
        }
    }
    qsort(sorted, count, sizeof(const struct ini_entry *), compare_entries);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0) {
            text_format(parser->why, "line %zu: key %.100s is given twice, first on line %zu", sorted[i]->line,
                        sorted[i]->key, sorted[i - 1]->line);
            return ERR_CONFIG;
        }
    }
    return ERR_OK;
}

static enum err parse_all(struct parser *parser)
{
    while (parser->next < parser->end) {
        TRY(parse_line(parser, take_line(parser)));
    }
    TRY(refuse_repeated_section(parser));
    for (size_t i = 0; i < parser->ini->section_count; i++) {
        TRY(refuse_repeated_key(parser, &parser->ini->sections[i]));
    }
    return ERR_OK;
}

enum err ini_parse(struct bytes file, struct ini *ret_ini, struct text *ret_why)
{
    if (file.len > (size_t)LIMIT_CONFIG_FILE) {
        text_put(ret_why, "larger than 1 MiB");
        return ERR_CONFIG;
    }
    if (file.len > 0 && memchr(file.data, '\0', file.len) != NULL) {
        text_put(ret_why, "not a text file: it has a NUL byte");
        return ERR_CONFIG;
    }
    struct ini ini = {.memory = calloc(1, file.len + 1), .memory_len = file.len};
    if (ini.memory == NULL) {
        return ERR_MEMORY;
    }
    if (file.len > 0) {
        memcpy(ini.memory, file.data, file.len);
    }
    struct parser parser = {.ini = &ini, .why = ret_why, .next = ini.memory, .end = ini.memory + file.len};
    enum err err = parse_all(&parser);
    if (err != ERR_OK) {
        ini_free(&ini);
        return err;
    }
    *ret_ini = ini;
    return ERR_OK;
}

void ini_free(struct ini *ini)
{
    if (ini->memory != NULL) {
        explicit_bzero(ini->memory, ini->memory_len);
    }
    free(ini->memory);
    free(ini->sections);
    free(ini->entries);
    *ini = (struct ini){0};
}

const struct ini_section *ini_find_section(const struct ini *ini, const char *name)
{
    for (size_t i = 0; i < ini->section_count; i++) {
        if (strcmp(ini->sections[i].name, name) == 0) {
            return &ini->sections[i];
        }
    }
    return NULL;
}

const char *ini_get(const struct ini *ini, const struct ini_section *section, const char *key)
{
    for (size_t i = 0; section != NULL && i < section->entry_count; i++) {
        const struct ini_entry *entry = &ini->entries[section->entry_at + i];
        if (entry->nested == NULL && strcmp(entry->key, key) == 0) {
            return entry->value;
        }
    }
    return NULL;
}

const char *ini_get_nested(const struct ini *ini, const struct ini_section *section, const char *key,
                           const char *nested)
{
    const char *found = NULL;
    for (size_t i = 0; section != NULL && i < section->entry_count; i++) {
        const struct ini_entry *entry = &ini->entries[section->entry_at + i];
        if (entry->nested != NULL && strcmp(entry->key, key) == 0 && strcmp(entry->nested, nested) == 0) {
            found = entry->value;
        }
    }
    return found;
}
