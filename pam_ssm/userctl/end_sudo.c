#include "pam_ssm/userctl/end_sudo.h"

#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/process.h"
#include "pam_ssm/find_session.h"

#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIND_BUDGET_US (1000 * 1000)
#define MAX_ANCESTORS 128

/* A command may start others while we look: a few rounds find them all, unless it starts them for ever. */
#define ROUNDS 10

static void close_dir(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir);
    }
}

/* Is a sudo among its ancestors, or is it one itself? Its own pid is ours to ask about as long as `process` is open. */
static bool is_below_sudo(const struct host_paths *paths, const struct process *process, const struct word_list *sudo)
{
    bool is_found = process_runs(process, sudo);
    int64_t next = process->stat.parent_pid;
    int64_t child_start = process->stat.start_ticks;
    for (int i = 0; i < MAX_ANCESTORS && next > 1 && !is_found; i++) {
        AUTO(process_close) struct process ancestor = PROCESS_NONE;
        if (process_open(paths, next, &ancestor) != ERR_OK || ancestor.stat.start_ticks > child_start) {
            return false;
        }
        is_found = process_runs(&ancestor, sudo);
        child_start = ancestor.stat.start_ticks;
        next = ancestor.stat.parent_pid;
    }
    return is_found;
}

static bool is_bound(const struct node *node, const struct process *process, const struct grant *grants, size_t count)
{
    struct found_session found;
    find_session_of_process(node->paths, &node->policy, node->now.boot_id, process->stat.pid,
                            host_clock_mono_us() + FIND_BUDGET_US, &found);
    bool has_session = found.finding == FINDING_VERIFIED || found.finding == FINDING_ENDED;
    for (size_t i = 0; i < count && has_session; i++) {
        if (grant_binds(&grants[i], &found.session)) {
            return true;
        }
    }
    return false;
}

/* The descriptor of /proc/PID names this very process, not the next one of its number (pidfd_send_signal(2)). */
static bool end(const struct process *process)
{
    return syscall(SYS_pidfd_send_signal, process->dir, SIGKILL, NULL, 0) == 0;
}

struct ending {
    const struct node *node;
    const struct grant *grants;
    size_t count;
    struct word_list sudo;
};

/* Parents are looked at before their children only by chance: so nobody is ended before all have been found. */
static size_t end_round(const struct ending *ending, bool *ret_has_found)
{
    struct process found[256];
    size_t found_count = 0;
    AUTO(close_dir) DIR *stream = opendir(ending->node->paths->proc_dir);
    for (struct dirent *entry = stream != NULL ? readdir(stream) : NULL; entry != NULL; entry = readdir(stream)) {
        int64_t pid = 0;
        struct process process = PROCESS_NONE;
        if (found_count == sizeof found / sizeof found[0]) {
            break;
        }
        if (text_parse_decimal(entry->d_name, 2, INT32_MAX, &pid) != ERR_OK || pid == getpid() ||
            process_open(ending->node->paths, pid, &process) != ERR_OK) {
            continue;
        }
        if (is_below_sudo(ending->node->paths, &process, &ending->sudo) &&
            is_bound(ending->node, &process, ending->grants, ending->count)) {
            found[found_count++] = process;
        } else {
            process_close(&process);
        }
    }
    size_t ended = 0;
    for (size_t i = 0; i < found_count; i++) {
        ended += end(&found[i]) ? 1 : 0;
        process_close(&found[i]);
    }
    *ret_has_found = found_count > 0;
    return ended;
}

size_t end_sudo(const struct node *node, const struct grant *grants, size_t count)
{
    struct ending ending = {.node = node, .grants = grants, .count = count};
    size_t ended = 0;
    bool goes_on = word_list_set(&ending.sudo, "/usr/bin/sudo /usr/bin/sudo-rs /usr/lib/cargo/bin/sudo") == ERR_OK;
    for (int i = 0; i < ROUNDS && goes_on; i++) {
        ended += end_round(&ending, &goes_on);
    }
    return ended;
}
