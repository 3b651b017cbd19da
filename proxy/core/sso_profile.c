#include "proxy/core/sso_profile.h"

#define SECTION "sso-session"

/* ---- where a key may stand ---- */

/* A profile, and the sso-session that it refers to, if it does. */
struct source {
    const struct aws_profile_files *files;
    struct aws_profile profile;        /* without keys when a session is asked for by name */
    const struct ini_section *section; /* NULL: none */
    const char *place;                 /* "profile", "sso-session"; for messages */
    const char *name;
};

static const char *get(const struct source *source, const char *key)
{
    const char *value = aws_profile_get_from_section(source->files, source->section, key);
    return value != NULL ? value : aws_profile_get(&source->profile, key);
}

/* The AWS CLI takes a key that is there and empty for given, and fails later with fewer words. */
static enum err require(const struct source *source, const char *const *keys, size_t count, struct text *ret_why)
{
    char memory[256];
    struct text missing = text_in(memory, sizeof memory);
    for (size_t i = 0; i < count; i++) {
        if (!text_is_given(get(source, keys[i]))) {
            text_format(&missing, "%s%s", missing.len > 0 ? ", " : "", keys[i]);
        }
    }
    if (missing.len == 0) {
        return ERR_OK;
    }
    text_format(ret_why, "%s \"%s\" uses IAM Identity Center but lacks %s; run: aws configure sso", source->place,
                source->name, memory);
    return ERR_CONFIG;
}

/* A login was asked for without a word about where: the default profile, most of all, is often another one. */
static enum err require_any(const struct source *source, struct text *ret_why)
{
    if (text_is_given(get(source, "sso_start_url")) || text_is_given(get(source, "sso_region"))) {
        return ERR_OK;
    }
    text_format(ret_why,
                "profile \"%s\" has neither sso_session nor sso_start_url; name one that has with --profile, or a "
                "section with --sso-session",
                source->name);
    return ERR_CONFIG;
}

/* ---- the reference from a profile to a session ---- */

static enum err find_session(const char *name, struct source *source, struct text *ret_why)
{
    source->section = aws_profile_find_section(source->files, SECTION, name);
    if (source->section == NULL) {
        text_format(ret_why, "there is no section [" SECTION " %s] in the configuration file", name);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

/* Every key of the section, [DEFAULT]'s included, must be the profile's, or not be in the profile. */
static enum err compare_key(const struct source *source, const char *key, struct text *ret_why)
{
    const char *in_session = aws_profile_get_from_section(source->files, source->section, key);
    const char *in_profile = aws_profile_get(&source->profile, key);
    if (in_profile != NULL && strcmp(in_profile, in_session) != 0) {
        text_format(ret_why, "%s in profile \"%s\" is not the same as in its " SECTION, key, source->name);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

static enum err compare_section(const struct source *source, const struct ini_section *section, struct text *ret_why)
{
    const struct ini *ini = &source->files->config;
    for (size_t i = 0; section != NULL && i < section->entry_count; i++) {
        const struct ini_entry *entry = &ini->entries[section->entry_at + i];
        if (entry->nested == NULL) {
            TRY(compare_key(source, entry->key, ret_why));
        }
    }
    return ERR_OK;
}

static enum err resolve_reference(struct source *source, struct text *ret_why)
{
    const char *session_name = aws_profile_get(&source->profile, "sso_session");
    if (session_name == NULL) {
        return ERR_OK;
    }
    TRY(find_session(session_name, source, ret_why));
    TRY(compare_section(source, source->section, ret_why));
    return compare_section(source, ini_find_section(&source->files->config, "DEFAULT"), ret_why);
}

/* ---- reading ---- */

static enum err take_session(const struct source *source, const char *session_name, struct sso_session *ret_session,
                             struct text *ret_why)
{
    struct sso_session session = {
        .name = session_name,
        .start_url = get(source, "sso_start_url"),
        .region = get(source, "sso_region"),
        .registration_scopes = session_name == NULL ? NULL
                                                    : aws_profile_get_from_section(source->files, source->section,
                                                                                   "sso_registration_scopes"),
    };
    if (!endpoint_region_is_valid(session.region)) {
        text_format(ret_why, "\"%.120s\" (sso_region of %s \"%s\") is not the name of a region", session.region,
                    source->place, source->name);
        return ERR_CONFIG;
    }
    *ret_session = session;
    return ERR_OK;
}

enum err sso_profile_read(const struct aws_config *config, const char *name, struct sso_profile *ret_profile,
                          struct text *ret_why)
{
    static const char *const keys[] = {"sso_role_name", "sso_account_id", "sso_start_url", "sso_region"};
    struct source source = {
        .files = &config->files,
        .profile = aws_profile_find(&config->files, name),
        .place = "profile",
        .name = name,
    };
    TRY(resolve_reference(&source, ret_why));
    TRY(require(&source, keys, sizeof keys / sizeof keys[0], ret_why));
    struct sso_profile profile = {
        .name = name,
        .account_id = get(&source, "sso_account_id"),
        .role_name = get(&source, "sso_role_name"),
    };
    TRY(take_session(&source, aws_profile_get(&source.profile, "sso_session"), &profile.session, ret_why));
    *ret_profile = profile;
    return ERR_OK;
}

enum err sso_profile_read_session(const struct aws_config *config, const char *session_name,
                                  struct sso_session *ret_session, struct text *ret_why)
{
    static const char *const keys[] = {"sso_start_url", "sso_region"};
    if (session_name == NULL) {
        session_name = aws_config_get(config, "sso_session");
    }
    struct source source = {.files = &config->files, .place = SECTION, .name = session_name};
    if (session_name != NULL) {
        TRY(find_session(session_name, &source, ret_why));
    } else {
        source.profile = config->profile;
        source.place = "profile";
        source.name = config->profile_name;
        TRY(require_any(&source, ret_why));
    }
    TRY(require(&source, keys, sizeof keys / sizeof keys[0], ret_why));
    return take_session(&source, session_name, ret_session, ret_why);
}

static enum err append_scope(json_t *scopes, const char *scope, size_t len)
{
    json_error_t error;
    json_t *text = json_pack_ex(&error, 0, "s%", scope, len);
    if (text == NULL) {
        return json_view_error(&error);
    }
    return json_array_append_new(scopes, text) == 0 ? ERR_OK : ERR_MEMORY;
}

enum err sso_profile_scopes(const struct sso_session *session, json_t **ret_scopes)
{
    static const char separators[] = ", \t\r\n";
    if (session->registration_scopes == NULL) {
        *ret_scopes = NULL;
        return ERR_OK;
    }
    AUTO_JSON json_t *scopes = json_array();
    if (scopes == NULL) {
        return ERR_MEMORY;
    }
    for (const char *at = session->registration_scopes; *at != '\0';) {
        at += strspn(at, separators);
        size_t len = strcspn(at, ",");
        const char *next = at + len;
        while (len > 0 && strchr(separators, at[len - 1]) != NULL) {
            len--;
        }
        TRY(len > 0 ? append_scope(scopes, at, len) : ERR_OK);
        at = next;
    }
    *ret_scopes = MOVE(scopes);
    return ERR_OK;
}

void sso_profile_put_login(const char *profile_name, struct text *text)
{
    text_put(text, "aws sso login --profile ");
    text_put_shell_word(text, profile_name);
    text_put(text, " (without the AWS CLI: ssm-proxy login --profile ");
    text_put_shell_word(text, profile_name);
    text_put_char(text, ')');
}
