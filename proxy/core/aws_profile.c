#include "proxy/core/aws_profile.h"

#include "common/limits.h"

#define EVERY_SECTION "DEFAULT"
#define PROFILE "profile"

void aws_profile_files_free(struct aws_profile_files *files)
{
    ini_free(&files->config);
    ini_free(&files->credentials);
}

/* ---- section names in the config file: the words of a POSIX shell, as Python's shlex.split takes them ---- */

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

/* Appends one word at *at, without its quotes and backslashes; false when a quote is not closed. */
static bool take_word(const char **at, struct text *ret_word)
{
    char quote = '\0';
    const char *here = *at;
    for (; *here != '\0' && (quote != '\0' || !is_blank(*here)); here++) {
        bool is_special = quote == '\0' ? *here == '"' || *here == '\'' : *here == quote;
        bool escapes = *here == '\\' && quote != '\'' && (quote == '\0' || here[1] == '"' || here[1] == '\\');
        if (is_special) {
            quote = (char)(quote == '\0' ? *here : '\0');
        } else {
            here += escapes;
            if (*here == '\0') {
                return false;
            }
            text_put_char(ret_word, *here);
        }
    }
    *at = here;
    return quote == '\0';
}

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at)) {
        at++;
    }
    return at;
}

/* Two words, the first of which begins with `kind`: botocore looks no closer at it. */
static bool names(const char *section, const char *kind, const char *name)
{
    if (strncmp(section, kind, strlen(kind)) != 0) {
        return false;
    }
    char memory[LIMIT_PROFILE + 1]; /* what does not fit is nobody's name */
    struct text word = text_in(memory, sizeof memory);
    const char *at = section;
    if (!take_word(&at, &word)) {
        return false;
    }
    at = skip_blanks(at);
    text_clear(&word);
    if (*at == '\0' || !take_word(&at, &word)) {
        return false;
    }
    return *skip_blanks(at) == '\0' && !word.overflowed && strcmp(word.data, name) == 0;
}

/* ---- look-up ---- */

const struct ini_section *aws_profile_find_section(const struct aws_profile_files *files, const char *kind,
                                                   const char *name)
{
    const struct ini *ini = &files->config;
    bool is_default = strcmp(kind, PROFILE) == 0 && strcmp(name, "default") == 0;
    const struct ini_section *found = NULL;
    for (size_t i = 0; i < ini->section_count; i++) {
        const char *section = ini->sections[i].name;
        if (names(section, kind, name) || (is_default && strcmp(section, "default") == 0)) {
            found = &ini->sections[i];
        }
    }
    return found;
}

struct aws_profile aws_profile_find(const struct aws_profile_files *files, const char *name)
{
    bool is_every = strcmp(name, EVERY_SECTION) == 0;
    return (struct aws_profile){
        .files = files,
        .in_config = aws_profile_find_section(files, PROFILE, name),
        .in_credentials = is_every ? NULL : ini_find_section(&files->credentials, name),
    };
}

static const char *get_from(const struct ini *ini, const struct ini_section *section, const char *key)
{
    if (section == NULL) {
        return NULL;
    }
    const char *value = ini_get(ini, section, key);
    return value != NULL ? value : ini_get(ini, ini_find_section(ini, EVERY_SECTION), key);
}

const char *aws_profile_get_from_section(const struct aws_profile_files *files, const struct ini_section *section,
                                         const char *key)
{
    return get_from(&files->config, section, key);
}

const char *aws_profile_get_from_config(const struct aws_profile *profile, const char *key)
{
    return profile->files == NULL ? NULL : get_from(&profile->files->config, profile->in_config, key);
}

const char *aws_profile_get_from_credentials(const struct aws_profile *profile, const char *key)
{
    return profile->files == NULL ? NULL : get_from(&profile->files->credentials, profile->in_credentials, key);
}

const char *aws_profile_get(const struct aws_profile *profile, const char *key)
{
    const char *value = aws_profile_get_from_credentials(profile, key);
    return value != NULL ? value : aws_profile_get_from_config(profile, key);
}
