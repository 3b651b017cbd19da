#include "tests/emulator/session_process.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/emulator/spawn.h"

/* ---- the state file ---- */

/* Go's time.RFC3339Nano in UTC. */
static void format_now(char *ret_text, size_t size)
{
    struct timespec now;
    struct tm tm;
    char seconds[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret_text, size, "%s.%09ldZ", seconds, now.tv_nsec);
}

/* What others read of it: agent/contracts, DocumentState. */
static json_t *describe(const struct session_process_config *config, uint16_t port, pid_t pid)
{
    char started[64], digits[8];
    format_now(started, sizeof started);
    snprintf(digits, sizeof digits, "%u", (unsigned)port);
    json_t *information =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:i,s:s}}", "DocumentID", config->session_id, "DocumentName",
                  config->document, "SessionOwner", config->owner, "InstanceID", config->node_id, "DocumentStatus",
                  "InProgress", "ProcInfo", "Pid", (int)pid, "StartTime", started);
    json_t *configuration = json_pack("{s:s,s:s,s:{s:s}}", "PluginName", "Port", "SessionId", config->session_id,
                                      "Properties", "portNumber", digits);
    return json_pack("{s:o,s:s,s:s,s:[{s:o,s:s,s:s}]}", "DocumentInformation", information, "DocumentType",
                     "StartSession", "SchemaVersion", "1.0", "InstancePluginsInformation", "Configuration",
                     configuration, "Name", "Port", "Id", "Port");
}

/* Makes the folders above a file, each for its owner alone. */
static enum err make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int status = mkdir(path, 0700);
        *slash = '/';
        if (status != 0 && errno != EEXIST) {
            return ERR_SYSTEM;
        }
    }
    return ERR_OK;
}

static enum err write_file(const char *path, const json_t *document)
{
    char temporary[PATH_MAX + 8];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    mode_t mask = umask(0077);
    int status = json_dump_file(document, temporary, JSON_COMPACT);
    umask(mask);
    return status == 0 && rename(temporary, path) == 0 ? ERR_OK : ERR_SYSTEM;
}

static enum err write_state(const struct session_process_config *config, uint16_t port, pid_t pid,
                            struct session_process *process)
{
    char *path = process->state_file;
    int len = snprintf(path, sizeof process->state_file, "%s/%s/document/state/current/%s", config->state_dir,
                       config->node_id, config->session_id);
    if (len < 0 || (size_t)len >= sizeof process->state_file || make_folders(path) != ERR_OK) {
        path[0] = '\0';
        return ERR_SYSTEM;
    }
    json_t *document = describe(config, port, pid);
    enum err err = document == NULL ? ERR_MEMORY : write_file(path, document);
    json_decref(document);
    return err;
}

/* ---- the process ---- */

/* Nothing of our environment reaches it. */
static int spawn(const struct session_process_config *config, uint16_t port, int fd, pid_t *ret_pid)
{
    char variable[40];
    snprintf(variable, sizeof variable, "SESSION_WORKER_PORT=%u", (unsigned)port);
    char *const environment[] = {variable, (char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};
    const char *const words[] = {config->program, config->session_id, NULL};
    char *argv[3];
    memcpy(argv, words, sizeof argv); /* POSIX leaves the const out, and writes nothing */
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
    return spawn_program(config->program, &actions, argv, environment, ret_pid);
}

enum err session_process_start(const struct session_process_config *config, uint16_t port,
                               struct session_process *ret_process, int *ret_fd)
{
    int ends[2];
    pid_t pid = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return ERR_SYSTEM;
    }
    struct session_process process = {0};
    int error = spawn(config, port, ends[1], &pid);
    close(ends[1]);
    if (error != 0) {
        log_error("%s: %s", config->program, strerror(error));
        close(ends[0]);
        return ERR_SYSTEM;
    }
    if (config->state_dir != NULL && write_state(config, port, pid, &process) != ERR_OK) {
        log_error("%s: no state file of a session can be written there", config->state_dir);
    }
    /* Ours alone is non-blocking: the two ends are descriptions of their own. */
    int flags = fcntl(ends[0], F_GETFL);
    fcntl(ends[0], F_SETFL, flags | O_NONBLOCK);
    *ret_process = process;
    *ret_fd = ends[0];
    return ERR_OK;
}

void session_process_end(struct session_process *process)
{
    if (process->state_file[0] != '\0') {
        unlink(process->state_file);
        process->state_file[0] = '\0';
    }
}
