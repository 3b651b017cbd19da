#include "pam_ssm/core/host_policy.h"

#include "common/ini.h"
#include "pam_ssm/core/duration.h"

#include <stddef.h>

#define MAX_GRANT_S ((int64_t)7 * 86400)
#define MAX_COMMAND_S ((int64_t)7 * 86400)

static const char *const level_words[] = {"none", "limited", "root", NULL};
static const char *const park_words[] = {"static", "dynamic", "remove", NULL};
static const char *const io_log_words[] = {"no", "output", "all", NULL};
static const char *const require_words[] = {"no", "log", "yes", NULL};
static const char *const syslog_words[] = {"no", "authpriv", NULL};
static const char *const audit_words[] = {"optional", "required", NULL};

void host_policy_defaults(struct host_policy *ret_policy)
{
    *ret_policy = (struct host_policy){
        .account = {.name = "ssm-user", .uid = HOST_POLICY_UID_ANY, .shell = "/bin/bash", .home = "/home/ssm-user"},
        .privilege = {.max_grant_s = 2 * 3600, .io_log = HOST_IO_LOG_OUTPUT},
        .session = {.require_ssm = HOST_REQUIRE_YES},
        .audit = {.has_syslog = true, .jsonl = "/var/log/ssm-bridge/audit.jsonl"},
    };
    /* These fit: they are short constants. */
    (void)!word_list_set(&ret_policy->session.documents, "AWS-StartSSHSession");
    (void)!word_list_set(&ret_policy->session.shell_documents,
                         "SSM-SessionManagerRunShell AWS-StartInteractiveCommand");
    (void)!word_list_set(&ret_policy->session.worker_paths,
                         "/usr/bin/ssm-session-worker /snap/amazon-ssm-agent/current/ssm-session-worker");
}

/* ---- the kinds of values; each says what it wants ---- */

typedef const char *setter(struct host_policy *policy, const char *value, size_t offset);

static void *field(struct host_policy *policy, size_t offset)
{
    return (char *)policy + offset;
}

static const char *set_user(struct host_policy *policy, const char *value, size_t offset)
{
    if (!host_policy_is_user_name(value)) {
        return "a user name: a-z or _, then a-z 0-9 _ -, at most 32";
    }
    struct text text = text_in(field(policy, offset), LIMIT_USER + 1);
    text_put(&text, value);
    return NULL;
}

static const char *set_uid(struct host_policy *policy, const char *value, size_t offset)
{
    int64_t *uid = field(policy, offset);
    *uid = HOST_POLICY_UID_ANY;
    bool is_right = value[0] == '\0' || text_parse_decimal(value, 1, 60000, uid) == ERR_OK;
    return is_right ? NULL : "a user id from 1 to 60000, or nothing";
}

/* Sudoers and passwd cannot quote everything: plain paths only. */
static bool is_plain_path(const char *path)
{
    static const char extra[] = "/._-+@";
    if (path[0] != '/' || strstr(path, "/../") != NULL || strlen(path) > LIMIT_PATH) {
        return false;
    }
    for (const char *at = path; *at != '\0'; at++) {
        bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (!is_plain && strchr(extra, *at) == NULL) {
            return false;
        }
    }
    return true;
}

static const char *set_path(struct host_policy *policy, const char *value, size_t offset)
{
    if (!is_plain_path(value)) {
        return "an absolute path of letters, digits and . _ - + @";
    }
    struct text text = text_in(field(policy, offset), LIMIT_PATH + 1);
    text_put(&text, value);
    return NULL;
}

static const char *set_path_or_nothing(struct host_policy *policy, const char *value, size_t offset)
{
    if (value[0] != '\0') {
        return set_path(policy, value, offset);
    }
    *(char *)field(policy, offset) = '\0';
    return NULL;
}

static const char *set_words(struct host_policy *policy, const char *value, size_t offset)
{
    return word_list_set(field(policy, offset), value) == ERR_OK ? NULL : "fewer words";
}

static const char *set_paths(struct host_policy *policy, const char *value, size_t offset)
{
    const char *wanted = set_words(policy, value, offset);
    const struct word_list *list = field(policy, offset);
    for (const char *path = word_list_first(list); path != NULL && wanted == NULL; path = word_list_next(list, path)) {
        wanted = is_plain_path(path) ? NULL : "absolute paths of letters, digits and . _ - + @";
    }
    return wanted;
}

static const char *set_groups(struct host_policy *policy, const char *value, size_t offset)
{
    const char *wanted = set_words(policy, value, offset);
    const struct word_list *list = field(policy, offset);
    for (const char *name = word_list_first(list); name != NULL && wanted == NULL; name = word_list_next(list, name)) {
        if (!host_policy_is_user_name(name)) {
            wanted = "group names";
        } else if (host_policy_is_forbidden_group(name)) {
            wanted = "no group whose members are as good as root";
        }
    }
    return wanted;
}

static const char *set_duration(struct host_policy *policy, const char *value, size_t offset)
{
    bool is_right = duration_parse(value, MAX_GRANT_S, field(policy, offset)) == ERR_OK;
    return is_right ? NULL : "a time up to 7d, such as 30m or 2h";
}

static const char *set_timeout(struct host_policy *policy, const char *value, size_t offset)
{
    int64_t *seconds = field(policy, offset);
    *seconds = 0;
    bool is_right = value[0] == '\0' || duration_parse(value, MAX_COMMAND_S, seconds) == ERR_OK;
    return is_right ? NULL : "a time up to 7d, such as 30m or 2h, or nothing";
}

/* The index of a word; -1 when it is not there. */
static int index_of(const char *const *words, const char *value)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], value) == 0) {
            return i;
        }
    }
    return -1;
}

/* ---- the settings ---- */

/* Exactly one of `set` and `words` is there. */
static const struct setting {
    const char *section, *key;
    setter *set;
    size_t offset; /* in struct host_policy; of an enum or a bool when `words` is there */
    const char *const *words;
    size_t size; /* of that enum or bool */
} settings[] = {
#define FIELD(member) offsetof(struct host_policy, member)
#define CHOICE(member, words) NULL, FIELD(member), words, sizeof((struct host_policy *)NULL)->member
    {"Account", "name", set_user, FIELD(account.name), NULL, 0},
    {"Account", "uid", set_uid, FIELD(account.uid), NULL, 0},
    {"Account", "shell", set_path, FIELD(account.shell), NULL, 0},
    {"Account", "home", set_path, FIELD(account.home), NULL, 0},
    {"Account", "groups", set_groups, FIELD(account.groups), NULL, 0},
    {"Account", "park", CHOICE(account.park, park_words)},
    {"Privilege", "level", CHOICE(privilege.level, level_words)},
    {"Privilege", "maxgrant", set_duration, FIELD(privilege.max_grant_s), NULL, 0},
    {"Privilege", "commandtimeout", set_timeout, FIELD(privilege.command_timeout_s), NULL, 0},
    {"Privilege", "iolog", CHOICE(privilege.io_log, io_log_words)},
    {"Session", "requiressm", CHOICE(session.require_ssm, require_words)},
    {"Session", "documents", set_words, FIELD(session.documents), NULL, 0},
    {"Session", "shelldocuments", set_words, FIELD(session.shell_documents), NULL, 0},
    {"Session", "workerpath", set_paths, FIELD(session.worker_paths), NULL, 0},
    {"Session", "allowowner", set_words, FIELD(session.allow_owners), NULL, 0},
    {"Audit", "syslog", CHOICE(audit.has_syslog, syslog_words)},
    {"Audit", "jsonl", set_path_or_nothing, FIELD(audit.jsonl), NULL, 0},
    {"Audit", "audit", CHOICE(audit.is_required, audit_words)},
#undef CHOICE
#undef FIELD
};
#define SETTING_COUNT (sizeof settings / sizeof settings[0])

static const struct setting *find_setting(const char *section, const char *key)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(settings[i].section, section) == 0 && strcmp(settings[i].key, key) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

/* The words to choose from are said one by one. */
static enum err choose(struct host_policy *policy, const struct setting *setting, const char *value, struct text *why)
{
    int index = index_of(setting->words, value);
    if (index < 0) {
        text_put(why, "not one of");
        for (size_t i = 0; setting->words[i] != NULL; i++) {
            text_format(why, "%s %s", i > 0 ? "," : "", setting->words[i]);
        }
        return ERR_CONFIG;
    }
    if (setting->size == sizeof(bool)) {
        *(bool *)field(policy, setting->offset) = index != 0;
    } else {
        memcpy(field(policy, setting->offset), &(unsigned){(unsigned)index}, sizeof(unsigned));
    }
    return ERR_OK;
}

static enum err apply_entry(struct host_policy *policy, const struct setting *setting, const char *value,
                            struct text *why)
{
    if (setting->words != NULL) {
        return choose(policy, setting, value, why);
    }
    const char *wanted = setting->set(policy, value, setting->offset);
    if (wanted != NULL) {
        text_format(why, "wants %s", wanted);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

static bool is_section(const char *name)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(settings[i].section, name) == 0) {
            return true;
        }
    }
    return false;
}

static enum err apply_section(struct host_policy *policy, const struct ini *ini, const struct ini_section *section,
                              const char *name, struct text *warnings, struct text *ret_why)
{
    if (!is_section(section->name)) {
        text_format(warnings, "%s:%zu: no section [%s] is known; it is ignored\n", name, section->line, section->name);
        return ERR_OK;
    }
    for (size_t i = section->entry_at; i < section->entry_at + section->entry_count; i++) {
        const struct ini_entry *entry = &ini->entries[i];
        const struct setting *setting = find_setting(section->name, entry->key);
        if (setting == NULL) {
            text_format(warnings, "%s:%zu: no key %s is known in [%s]; it is ignored\n", name, entry->line, entry->key,
                        section->name);
            continue;
        }
        text_format(ret_why, "%s:%zu: %s ", name, entry->line, entry->key);
        if (entry->nested != NULL || entry->has_nested) {
            text_put(ret_why, "wants its value on the same line");
            return ERR_CONFIG;
        }
        TRY(apply_entry(policy, setting, entry->value, ret_why));
        text_clear(ret_why);
    }
    return ERR_OK;
}

enum err host_policy_apply(struct host_policy *policy, struct bytes file, const char *name, struct text *warnings,
                           struct text *ret_why)
{
    char memory[160];
    struct text problem = text_in(memory, sizeof memory);
    AUTO(ini_free) struct ini ini = {0};
    enum err err = ini_parse(file, &ini, &problem);
    if (err != ERR_OK) {
        text_format(ret_why, "%s: %s", name, memory);
        return err;
    }
    for (size_t i = 0; i < ini.section_count; i++) {
        TRY(apply_section(policy, &ini, &ini.sections[i], name, warnings, ret_why));
    }
    return ERR_OK;
}

/* ---- words ---- */

bool host_policy_is_forbidden_group(const char *group)
{
    /* Each of them can write to disks, devices, or start things as root. */
    static const char *const forbidden[] = {"root",   "sudo",    "wheel",  "admin", "docker", "lxd",
                                            "incus",  "libvirt", "kvm",    "disk",  "shadow", "adm",
                                            "podman", "kmem",    "netdev", "staff", NULL};
    return index_of(forbidden, group) >= 0;
}

bool host_policy_is_user_name(const char *name)
{
    size_t len = strnlen(name, LIMIT_USER + 1);
    if (len == 0 || len > LIMIT_USER || !((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_')) {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

const char *host_policy_level_text(enum host_level level)
{
    return level_words[level];
}

enum err host_policy_parse_level(const char *word, enum host_level *ret_level)
{
    int index = index_of(level_words, word);
    if (index < 0) {
        return ERR_MALFORMED;
    }
    *ret_level = (enum host_level)index;
    return ERR_OK;
}
