#include "proxy/core/aws_config.h"

/* An empty variable counts as not set. */
static const char *variable(const struct aws_config_environment *environment, const char *name)
{
    const char *value = environment->get(environment->context, name);
    return text_is_given(value) ? value : NULL;
}

static bool is_name_character(char character)
{
    return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
           (character >= '0' && character <= '9') || character == '_';
}

/* $NAME or ${NAME} at `at`: appends its value, or the text itself when there is no such variable, as Python's
 * os.path.expandvars does; a '$' that begins neither is itself. Returns where to go on. */
static const char *put_variable(const struct aws_config_environment *environment, const char *at, struct text *path)
{
    bool has_brace = at[1] == '{';
    const char *name = at + 1 + has_brace;
    size_t len = 0;
    while (has_brace ? name[len] != '\0' && name[len] != '}' : is_name_character(name[len])) {
        len++;
    }
    if (has_brace && name[len] == '\0') {
        text_put(path, at); /* never closed: Python's releases differ; the newer ones leave the rest alone */
        return name + len;
    }
    if (!has_brace && len == 0) {
        text_put_char(path, '$');
        return at + 1;
    }
    const char *end = name + len + has_brace;
    char copy[256];
    const char *value = NULL;
    if (len < sizeof copy) {
        memcpy(copy, name, len);
        copy[len] = '\0';
        value = environment->get(environment->context, copy);
    }
    text_put_bytes(path, value != NULL ? bytes_of_text(value) : bytes_of(at, (size_t)(end - at)));
    return end;
}

static enum err expand(const struct aws_config_environment *environment, const char *raw, char *ret_path,
                       struct text *ret_why)
{
    char memory[LIMIT_PATH + 1];
    struct text expanded = text_in(memory, sizeof memory);
    for (const char *at = raw; *at != '\0';) {
        if (*at == '$') {
            at = put_variable(environment, at, &expanded);
        } else {
            text_put_char(&expanded, *at++);
        }
    }
    const char *home = variable(environment, "HOME");
    bool is_home = memory[0] == '~' && (memory[1] == '/' || memory[1] == '\0') && home != NULL;
    struct text path = text_in(ret_path, LIMIT_PATH + 1);
    text_put(&path, is_home ? home : "");
    text_put(&path, is_home ? memory + 1 : memory);
    if (expanded.overflowed || path.overflowed) {
        text_format(ret_why, "the path %.60s... is too long", raw);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

enum err aws_config_paths(const struct aws_config_environment *environment, struct aws_config_paths *ret_paths,
                          struct text *ret_why)
{
    const char *config = variable(environment, "AWS_CONFIG_FILE");
    const char *credentials = variable(environment, "AWS_SHARED_CREDENTIALS_FILE");
    struct aws_config_paths paths;
    TRY(expand(environment, config != NULL ? config : "~/.aws/config", paths.config, ret_why));
    TRY(expand(environment, credentials != NULL ? credentials : "~/.aws/credentials", paths.credentials, ret_why));
    *ret_paths = paths;
    return ERR_OK;
}
