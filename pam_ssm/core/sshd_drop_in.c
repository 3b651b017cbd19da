#include "pam_ssm/core/sshd_drop_in.h"

#include "common/limits.h"

#include <strings.h>

void sshd_drop_in_render(const struct sshd_drop_in *wish, struct text *text)
{
    bool has_others = strcmp(wish->key_files, "none") != 0;
    text_put(text,
             "# Written by \"ssm-userctl sshd enable\"; \"ssm-userctl sshd disable\" takes it away. The first value of "
             "a setting counts, so\n# this file comes early, and keeps what other files say about "
             "AuthorizedKeysFile.\n");
    text_format(text, "AuthorizedKeysFile %s%s%s/%%u\n\n", has_others ? wish->key_files : "", has_others ? " " : "",
                wish->keys_dir);
    text_put(text, "# Session Manager's connections come from the node itself.\n");
    text_format(text, "Match User %s Address *,!127.0.0.1,!::1\n    DenyUsers %s\nMatch User %s\n", wish->user,
                wish->user, wish->user);
    text_put(text, "    AuthenticationMethods publickey\n    PermitTunnel no\n    X11Forwarding no\n"
                   "    AllowAgentForwarding no\n");
}

/* ---- sshd -T ---- */

static const char *end_of_line(const char *line)
{
    return strchrnul(line, '\n');
}

/* The value behind "setting " at the beginning of a line; NULL. */
static const char *value_of(const char *line, const char *setting)
{
    size_t len = strlen(setting);
    return strncmp(line, setting, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

static const char *next_line(const char *line)
{
    const char *end = end_of_line(line);
    return *end == '\n' ? end + 1 : end;
}

bool sshd_drop_in_find(const char *effective, const char *setting, struct text *ret_value)
{
    bool is_found = false;
    for (const char *line = effective; *line != '\0'; line = next_line(line)) {
        const char *value = value_of(line, setting);
        if (value != NULL) {
            text_put(ret_value, is_found ? " " : "");
            text_put_bytes(ret_value, bytes_of(value, (size_t)(end_of_line(value) - value)));
            is_found = true;
        }
    }
    return is_found;
}

bool sshd_drop_in_has_word(const char *value, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = value; *at != '\0'; at += strcspn(at, " "), at += strspn(at, " ")) {
        if (strcspn(at, " ") == len && strncmp(at, word, len) == 0) {
            return true;
        }
    }
    return false;
}

void sshd_drop_in_put_rest(const char *effective, struct text *text)
{
    for (const char *line = effective; *line != '\0'; line = next_line(line)) {
        if (value_of(line, "authorizedkeysfile") == NULL) {
            text_put_bytes(text, bytes_of(line, (size_t)(next_line(line) - line)));
        }
    }
}

/* ---- sshd_config ---- */

/* What follows "Include" and a blank or '='; NULL. */
static const char *include_of(const char *line)
{
    static const char keyword[] = "include";
    line += strspn(line, " \t");
    if (strncasecmp(line, keyword, sizeof keyword - 1) != 0) {
        return NULL;
    }
    line += sizeof keyword - 1;
    size_t blanks = strspn(line, " \t=");
    return blanks > 0 ? line + blanks : NULL;
}

void sshd_drop_in_expand(struct bytes config, bool (*expand)(void *context, const char *patterns, struct text *text),
                         void *context, struct text *text)
{
    char line[LIMIT_PATH + 1];
    while (config.len > 0) {
        const uint8_t *newline = memchr(config.data, '\n', config.len);
        size_t len = newline != NULL ? (size_t)(newline - config.data) + 1 : config.len;
        struct text copy = text_in(line, sizeof line);
        text_put_bytes(&copy, bytes_of(config.data, newline != NULL ? len - 1 : len));
        const char *patterns = text_finish(&copy) == ERR_OK ? include_of(line) : NULL;
        if (patterns == NULL || !expand(context, patterns, text)) {
            text_put_bytes(text, bytes_of(config.data, len));
        }
        config = bytes_from(config, len);
    }
}
