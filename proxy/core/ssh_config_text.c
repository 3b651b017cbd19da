#include "proxy/core/ssh_config_text.h"

/* Behind every list of patterns; see the header. */
#define QUOTABLE "!*'*,!*\\*,!*!*"
#define QUOTABLE_USER " user \"*,!*'*\""

#define SOCKET_NAME_LEN (1 + 40 + 1 + 16)
#define SOCKET_PATH_MAX 107

/* ---- what may be written ---- */

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (text_lower(c) >= 'a' && text_lower(c) <= 'z');
}

static bool consists_of(const char *string, const char *also, bool may_be_utf8)
{
    for (const char *c = string; *c != '\0'; c++) {
        bool is_high = (unsigned char)*c >= 0x80;
        if (!is_letter_or_digit(*c) && strchr(also, *c) == NULL && !(is_high && may_be_utf8)) {
            return false;
        }
    }
    return true;
}

bool ssh_config_text_is_path(const char *path)
{
    return path[0] == '/' && consists_of(path, "/._+@,:=-", true);
}

bool ssh_config_text_is_word(const char *word)
{
    return word[0] != '\0' && word[0] != '-' && consists_of(word, "/._+@,:=-", false);
}

bool ssh_config_text_is_name(const char *name)
{
    return is_letter_or_digit(name[0]) && consists_of(name, "._+:=-", false);
}

static bool is_pattern(struct bytes pattern, bool *ret_is_negated)
{
    char copy[256];
    if (pattern.len == 0 || pattern.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, pattern.data, pattern.len);
    copy[pattern.len] = '\0';
    *ret_is_negated = copy[0] == '!';
    const char *rest = copy + *ret_is_negated;
    return rest[0] != '\0' && rest[0] != '-' && consists_of(rest, "._+:=*?-", false);
}

bool ssh_config_text_is_pattern_list(const char *patterns)
{
    bool is_any_positive = false;
    for (const char *at = patterns;; at++) {
        size_t len = strcspn(at, ",");
        bool is_negated = false;
        if (!is_pattern(bytes_of(at, len), &is_negated)) {
            return false;
        }
        is_any_positive = is_any_positive || !is_negated;
        at += len;
        if (*at == '\0') {
            return is_any_positive;
        }
    }
}

bool ssh_config_text_has_socket_room(const char *directory)
{
    return strlen(directory) + SOCKET_NAME_LEN <= SOCKET_PATH_MAX;
}

/* ---- the block ---- */

/* What holds for every node. ConnectTimeout is above --connect-timeout (60 s), so that our message comes first; 20
 * times 60 s is above --resume-timeout (900 s), and ssh's own packets keep the session from idling out; the agent's
 * limit on downloads counts messages, so less data is faster. */
static void put_settings(const struct ssh_config_settings *settings, const char *profile, struct text *text)
{
    text_format(text, "    ProxyCommand %s connect%s", settings->program, settings->options);
    if (profile != NULL) {
        text_format(text, " --profile %s", profile);
    }
    if (settings->host_keys != NULL) {
        text_format(text, " --host-keys %s", settings->host_keys);
    }
    text_put(text, " -- '%n' %p '%r'\n"
                   "    ConnectTimeout 75\n"
                   "    ServerAliveInterval 60\n"
                   "    ServerAliveCountMax 20\n"
                   "    Compression yes\n");
    if (settings->key_options != NULL) {
        text_format(text, "    IdentityFile %s\n    IdentityFile %s\n    IdentitiesOnly yes\n", settings->key_files[0],
                    settings->key_files[1]);
    }
    if (settings->host_keys != NULL) { /* no shell: ssh takes the words apart before it puts in what they stand for */
        text_format(text,
                    "    KnownHostsCommand %s known-hosts -- %%I %%n %%p %%r %%H %%t %%K\n"
                    "    UserKnownHostsFile %s\n",
                    settings->answer, settings->known_hosts);
    }
    if (settings->control_path != NULL) {
        text_format(text, "    ControlMaster auto\n    ControlPath %s/%%C\n", settings->control_path);
    }
}

/* The last of a Match line. */
static void put_key_criterion(const struct ssh_config_settings *settings, struct text *text)
{
    if (settings->key_options != NULL) {
        text_format(text, " exec \"%s key ensure%s; true\"", settings->answer, settings->key_options);
    }
    text_put_char(text, '\n');
}

static void put_tagged(const struct ssh_config_settings *settings, struct text *text)
{
    for (size_t i = 0; i < settings->profile_count; i++) {
        const char *profile = settings->profiles[i];
        text_format(text, "\nMatch tagged ssm-%s originalhost \"*," QUOTABLE "\"" QUOTABLE_USER, profile);
        put_key_criterion(settings, text);
        put_settings(settings, profile, text);
    }
}

static void put_claimed(const struct ssh_config_settings *settings, struct text *text)
{
    text_put(text, "\nMatch originalhost \"i-*,mi-*,tag:*");
    for (size_t i = 0; i < settings->alias_count; i++) {
        text_format(text, ",%s", settings->aliases[i]);
    }
    if (settings->patterns != NULL) {
        text_format(text, ",%s", settings->patterns);
    }
    text_put(text, "," QUOTABLE "\"" QUOTABLE_USER);
    put_key_criterion(settings, text);
    put_settings(settings, NULL, text);
}

static void put_known(const struct ssh_config_settings *settings, struct text *text)
{
    text_format(text, "\nMatch originalhost \"*,!*.*," QUOTABLE "\"" QUOTABLE_USER " exec \"%s config match -- '%%n'\"",
                settings->answer);
    put_key_criterion(settings, text);
    put_settings(settings, NULL, text);
}

void ssh_config_text_put(const struct ssh_config_settings *settings, struct text *text)
{
    text_put(text, "# Written by ssm-proxy config, which writes it anew: see ssm-proxy(1).\n");
    put_tagged(settings, text);
    put_claimed(settings, text);
    put_known(settings, text);
}

/* ---- the line in a person's file ---- */

bool ssh_config_text_find_line(struct bytes file, const char *line, size_t *ret_at, size_t *ret_len)
{
    for (size_t at = 0; at < file.len;) {
        const uint8_t *end = memchr(file.data + at, '\n', file.len - at);
        size_t len = end == NULL ? file.len - at : (size_t)(end - (file.data + at));
        size_t whole = len + (end != NULL);
        size_t bare = len > 0 && file.data[at + len - 1] == '\r' ? len - 1 : len;
        if (bytes_equal_text(bytes_of(file.data + at, bare), line)) {
            *ret_at = at;
            *ret_len = whole;
            return true;
        }
        at += whole;
    }
    return false;
}
