#include "pam_ssm/edge/host_files.h"

#include "common/auto.h"
#include "common/limits.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"

#include <stdlib.h>
#include <string.h>

/* A file below a directory, by the directory's path. */
static enum err read_in(const char *folder, const char *name, uid_t owner, size_t max, char **ret_memory,
                        size_t *ret_len, struct text *ret_why)
{
    char memory[LIMIT_PATH + 1];
    struct text path = text_in(memory, sizeof memory);
    text_format(&path, "%s/%s", folder, name);
    TRY(text_finish(&path));
    return path_trust_read(memory, owner, max, ret_memory, ret_len, ret_why);
}

/* ---- policy ---- */

static enum err apply_file(struct host_policy *policy, const char *path, uid_t owner, struct text *warnings,
                           struct text *ret_why)
{
    AUTO_FREE char *memory = NULL;
    size_t len = 0;
    enum err err = path_trust_read(path, owner, LIMIT_HOST_CONFIG, &memory, &len, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
        return ERR_OK;
    }
    TRY(err);
    return host_policy_apply(policy, bytes_of(memory, len), path, warnings, ret_why);
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name);
    size_t suffix_len = strlen(suffix);
    return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

enum err host_files_read_policy(const struct host_paths *paths, struct host_policy *ret_policy, struct text *warnings,
                                struct text *ret_why)
{
    host_policy_defaults(ret_policy);
    TRY(apply_file(ret_policy, paths->config_file, paths->owner, warnings, ret_why));
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    TRY(state_dir_list(paths->config_dir, paths->owner, &names, ret_why));
    for (size_t i = 0; i < names.count; i++) {
        char memory[LIMIT_PATH + 1];
        struct text path = text_in(memory, sizeof memory);
        text_format(&path, "%s/%s", paths->config_dir, names.names[i]);
        TRY(text_finish(&path));
        if (ends_with(memory, ".conf")) {
            TRY(apply_file(ret_policy, memory, paths->owner, warnings, ret_why));
        }
    }
    return ERR_OK;
}

enum err host_files_make_config(const struct host_paths *paths, struct text *ret_why)
{
    const char *const folders[] = {paths->config_root, paths->config_dir, paths->limited_dir};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        TRY(state_dir_make(folders[i], paths->owner, ret_why));
    }
    return ERR_OK;
}

/* ---- grants ---- */

static bool read_grant(const struct host_paths *paths, const char *name, struct grant *ret_grant)
{
    char memory[160];
    struct text why = text_in(memory, sizeof memory);
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    return grant_is_id(name) &&
           read_in(paths->grants_dir, name, paths->owner, LIMIT_STATE_FILE, &content, &len, &why) == ERR_OK &&
           grant_parse(content, len, ret_grant) == ERR_OK && strcmp(ret_grant->id, name) == 0;
}

enum err host_files_read_grants(const struct host_paths *paths, struct host_grants *ret_grants, struct text *ret_why)
{
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    TRY(state_dir_list(paths->grants_dir, paths->owner, &names, ret_why));
    struct host_grants found = {0};
    if (names.count > 0) {
        found.grants = calloc(names.count, sizeof *found.grants);
        if (found.grants == NULL) {
            return ERR_MEMORY;
        }
    }
    for (size_t i = 0; i < names.count; i++) {
        if (read_grant(paths, names.names[i], &found.grants[found.count])) {
            found.count++;
        } else {
            found.unreadable++;
        }
    }
    *ret_grants = found;
    return ERR_OK;
}

void host_files_free_grants(struct host_grants *grants)
{
    free(grants->grants);
    *grants = (struct host_grants){0};
}

/* ---- logins ---- */

enum err host_files_read_login(const struct host_paths *paths, const struct proc_stat *process,
                               struct login_record *ret_record)
{
    char name[LOGIN_RECORD_NAME_SIZE];
    login_record_name(process->pid, process->start_ticks, name);
    char words[160];
    struct text why = text_in(words, sizeof words);
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    TRY(read_in(paths->sessions_dir, name, paths->owner, LIMIT_STATE_FILE, &content, &len, &why));
    return login_record_parse(content, len, ret_record);
}
