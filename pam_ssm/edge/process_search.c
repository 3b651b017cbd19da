#include "pam_ssm/edge/process_search.h"

#include "common/auto.h"
#include "common/text.h"

#include <dirent.h>

static void close_stream(DIR **stream)
{
    if (*stream != NULL) {
        (void)closedir(*stream);
    }
}

static bool is_wanted(const struct host_paths *paths, int64_t pid, const struct word_list *executables, uid_t uid)
{
    AUTO(process_close) struct process process = PROCESS_NONE;
    return process_open(paths, pid, &process) == ERR_OK && process_runs(&process, executables) &&
           process_is_of(&process, uid);
}

enum err process_search(const struct host_paths *paths, const struct word_list *executables, uid_t uid,
                        int64_t *ret_pid)
{
    AUTO(close_stream) DIR *stream = opendir(paths->proc_dir);
    if (stream == NULL) {
        return ERR_SYSTEM;
    }
    int64_t lowest = INT64_MAX;
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        int64_t pid = 0;
        if (text_parse_decimal(entry->d_name, 1, lowest - 1, &pid) == ERR_OK &&
            is_wanted(paths, pid, executables, uid)) {
            lowest = pid;
        }
    }
    if (lowest == INT64_MAX) {
        return ERR_NO_TARGET;
    }
    *ret_pid = lowest;
    return ERR_OK;
}
