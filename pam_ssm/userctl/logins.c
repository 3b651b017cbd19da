#include "pam_ssm/userctl/logins.h"

#include "common/auto.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/process.h"
#include "pam_ssm/edge/state_dir.h"

/* The record, when its process is alive. ERR_NO_TARGET: it is not, or this is no record. */
static enum err read_live(const struct host_paths *paths, const char *name, const char *boot_id,
                          struct login_record *ret_record)
{
    int64_t pid = 0;
    int64_t start_ticks = 0;
    AUTO(process_close) struct process process = PROCESS_NONE;
    if (login_record_parse_name(name, &pid, &start_ticks) != ERR_OK || process_open(paths, pid, &process) != ERR_OK ||
        host_files_read_login(paths, &process.stat, ret_record) != ERR_OK ||
        !login_record_is_of(ret_record, &process.stat, boot_id) || start_ticks != process.stat.start_ticks) {
        return ERR_NO_TARGET;
    }
    return ERR_OK;
}

enum err logins_count(const struct host_paths *paths, const char *boot_id, size_t *ret_count, struct text *ret_why)
{
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    TRY(state_dir_list(paths->sessions_dir, paths->owner, &names, ret_why));
    AUTO_FREE struct login_record *record = calloc(1, sizeof *record);
    if (record == NULL) {
        return ERR_MEMORY;
    }
    size_t count = 0;
    for (size_t i = 0; i < names.count; i++) {
        count += read_live(paths, names.names[i], boot_id, record) == ERR_OK ? 1 : 0;
    }
    *ret_count = count;
    return ERR_OK;
}

enum err logins_sweep(const struct host_paths *paths, const char *boot_id, size_t *ret_swept, struct text *ret_why)
{
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    TRY(state_dir_list(paths->sessions_dir, paths->owner, &names, ret_why));
    AUTO_FREE struct login_record *record = calloc(1, sizeof *record);
    if (record == NULL) {
        return ERR_MEMORY;
    }
    size_t swept = 0;
    for (size_t i = 0; i < names.count; i++) {
        if (read_live(paths, names.names[i], boot_id, record) != ERR_OK) {
            TRY(state_dir_remove(paths->sessions_dir, names.names[i], ret_why));
            swept++;
        }
    }
    *ret_swept = swept;
    return ERR_OK;
}
