#include "proxy/core/aliases.h"

#include "proxy/core/target.h"

#define ALIAS "alias "

void aliases_free(struct aliases *aliases)
{
    ini_free(&aliases->ini);
}

enum err aliases_path(const struct aws_config_environment *environment, char ret_path[LIMIT_PATH + 1],
                      struct text *ret_why)
{
    const char *config_home = environment->get(environment->context, "XDG_CONFIG_HOME");
    const char *home = environment->get(environment->context, "HOME");
    struct text path = text_in(ret_path, LIMIT_PATH + 1);
    if (config_home != NULL && config_home[0] == '/') { /* a relative one is to be ignored: XDG base directories */
        text_format(&path, "%s/ssm-bridge/config", config_home);
    } else if (text_is_given(home)) {
        text_format(&path, "%s/.config/ssm-bridge/config", home);
    }
    if (path.overflowed) {
        text_put(ret_why, "the path in XDG_CONFIG_HOME or HOME is too long");
        return ERR_CONFIG;
    }
    return ERR_OK;
}

/* ---- what a section may hold ---- */

static const char *name_of(const struct ini_section *section)
{
    if (strncmp(section->name, ALIAS, strlen(ALIAS)) != 0) {
        return NULL;
    }
    const char *name = section->name + strlen(ALIAS);
    return name + strspn(name, " \t");
}

static enum err refuse(size_t line, struct text *ret_why, const char *words, const char *which)
{
    text_format(ret_why, "line %zu: %s", line, words);
    if (which != NULL) {
        text_format(ret_why, " \"%.100s\"", which);
    }
    return ERR_CONFIG;
}

static bool is_known(const char *key)
{
    static const char *const keys[] = {"target", "region", "profile", "document_name", "reason"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(key, keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum err check_entry(const struct ini_entry *entry, struct text *ret_why)
{
    struct target target;
    if (entry->nested != NULL || entry->has_nested) {
        return refuse(entry->line, ret_why, "an alias has no key with indented lines below it", NULL);
    }
    if (!is_known(entry->key)) {
        return refuse(entry->line, ret_why,
                      "not a key of an alias (target, region, profile, document_name, reason):", entry->key);
    }
    if (*entry->value == '\0' || strchr(entry->value, '\n') != NULL) {
        return refuse(entry->line, ret_why, "one line with a value is needed for", entry->key);
    }
    if (strcmp(entry->key, "target") == 0 && target_parse(entry->value, &target) != ERR_OK) {
        return refuse(entry->line, ret_why, "not a target:", entry->value);
    }
    if (strcmp(entry->key, "region") == 0 && !endpoint_region_is_valid(entry->value)) {
        return refuse(entry->line, ret_why, "not the name of a region:", entry->value);
    }
    return ERR_OK;
}

static enum err check_section(const struct ini *ini, const struct ini_section *section, struct text *ret_why)
{
    struct target target;
    const char *name = name_of(section);
    if (name == NULL || *name == '\0') {
        return refuse(section->line, ret_why, "a section must be [alias NAME], not", section->name);
    }
    if (target_parse(name, &target) != ERR_OK || target_is_id(&target)) {
        return refuse(section->line, ret_why, "an alias cannot have the name", name);
    }
    for (size_t i = 0; i < section->entry_count; i++) {
        TRY(check_entry(&ini->entries[section->entry_at + i], ret_why));
    }
    if (ini_get(ini, section, "target") == NULL) {
        return refuse(section->line, ret_why, "there is no target for the alias", name);
    }
    return ERR_OK;
}

enum err aliases_parse(struct bytes file, struct aliases *ret_aliases, struct text *ret_why)
{
    struct ini ini;
    TRY(ini_parse(file, &ini, ret_why));
    enum err err = ERR_OK;
    for (size_t i = 0; i < ini.section_count && err == ERR_OK; i++) {
        err = check_section(&ini, &ini.sections[i], ret_why);
    }
    if (err != ERR_OK) {
        ini_free(&ini);
        return err;
    }
    ret_aliases->ini = ini;
    return ERR_OK;
}

bool aliases_find(const struct aliases *aliases, const char *name, struct alias *ret_alias)
{
    const struct ini *ini = &aliases->ini;
    for (size_t i = 0; i < ini->section_count; i++) {
        const struct ini_section *section = &ini->sections[i];
        if (strcmp(name_of(section), name) == 0) {
            *ret_alias = (struct alias){
                .target = ini_get(ini, section, "target"),
                .region = ini_get(ini, section, "region"),
                .profile = ini_get(ini, section, "profile"),
                .document_name = ini_get(ini, section, "document_name"),
                .reason = ini_get(ini, section, "reason"),
            };
            return true;
        }
    }
    return false;
}

const char *aliases_name(const struct aliases *aliases, size_t number)
{
    return number < aliases->ini.section_count ? name_of(&aliases->ini.sections[number]) : NULL;
}
