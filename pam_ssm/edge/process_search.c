#include "pam_ssm/edge/process_search.h"

#include "common/auto.h"
#include "common/text.h"
#include "pam_ssm/edge/path_trust.h"

#include <dirent.h>

struct wanted {
    const struct word_list *executables;
    const char *name; /* NULL: one of the executables */
    uid_t uid;
};

static bool is_wanted(const struct host_paths *paths, int64_t pid, const struct wanted *wanted)
{
    AUTO(process_close) struct process process = PROCESS_NONE;
    return process_open(paths, pid, &process) == ERR_OK &&
           (wanted->name != NULL ? process_is_named(&process, wanted->name)
                                 : process_runs(&process, wanted->executables)) &&
           process_is_of(&process, wanted->uid);
}

static enum err search(const struct host_paths *paths, const struct wanted *wanted, int64_t *ret_pid)
{
    AUTO(path_trust_close_dir) DIR *stream = opendir(paths->proc_dir);
    if (stream == NULL) {
        return ERR_SYSTEM;
    }
    int64_t lowest = INT64_MAX;
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        int64_t pid = 0;
        if (text_parse_decimal(entry->d_name, 1, lowest - 1, &pid) == ERR_OK && is_wanted(paths, pid, wanted)) {
            lowest = pid;
        }
    }
    if (lowest == INT64_MAX) {
        return ERR_NO_TARGET;
    }
    *ret_pid = lowest;
    return ERR_OK;
}

enum err process_search(const struct host_paths *paths, const struct word_list *executables, uid_t uid,
                        int64_t *ret_pid)
{
    return search(paths, &(struct wanted){.executables = executables, .uid = uid}, ret_pid);
}

enum err process_search_name(const struct host_paths *paths, const char *name, uid_t uid, int64_t *ret_pid)
{
    return search(paths, &(struct wanted){.name = name, .uid = uid}, ret_pid);
}
