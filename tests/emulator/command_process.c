#include "tests/emulator/command_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/emulator/command_output.h"
#include "tests/emulator/remove_tree.h"
#include "tests/emulator/spawn.h"

#define PATH_SIZE (sizeof(((struct command_process *)0)->directory) + 16)

static void join(const struct command_process *process, const char *name, char ret_path[PATH_SIZE])
{
    snprintf(ret_path, PATH_SIZE, "%s/%s", process->directory, name);
}

static enum err write_script(const struct command_process *process, const char *script)
{
    char path[PATH_SIZE];
    join(process, "_script.sh", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    size_t len = strlen(script);
    bool is_written = write(fd, script, len) == (ssize_t)len;
    return close(fd) == 0 && is_written ? ERR_OK : ERR_SYSTEM;
}

/* posix_spawn wants its words writable. The last is run by sh, with the script and the node's root, in namespaces of
 * its own. */
static char shell[] = "/bin/sh", unshare_program[] = "/usr/bin/unshare", mounts[] = "--mount",
            user_and_mounts[] = "-rm", run_text[] = "-c";
static char mount_script[] = "script=$1 root=$2\n"
                             "for place in /etc/ssh /usr/local/sbin; do\n"
                             "    [ ! -d \"$root$place\" ] || mount --bind \"$root$place\" \"$place\" || exit 125\n"
                             "done\n"
                             "exec sh -c \"$script\"\n";

/* The command line that runs the script: just sh, or unshare(1) before it. */
struct command_line {
    char script[PATH_SIZE], root[600];
    char *argv[10];
};

static void compose(const struct command_process_config *config, const struct command_process *process,
                    struct command_line *ret_line)
{
    struct command_line *line = ret_line;
    struct stat status;
    join(process, "_script.sh", line->script);
    int len = snprintf(line->root, sizeof line->root, "%s/%s", config->node_root == NULL ? "" : config->node_root,
                       config->node_id);
    bool has_root = config->node_root != NULL && (size_t)len < sizeof line->root && stat(line->root, &status) == 0;
    char *const plain[] = {shell, run_text, line->script, NULL}; /* as the agent: an interpreter line counts */
    char *const wrapped[] = {unshare_program,
                             geteuid() == 0 ? mounts : user_and_mounts,
                             shell,
                             run_text,
                             mount_script,
                             shell,
                             line->script,
                             line->root,
                             NULL};
    memcpy(line->argv, has_root ? wrapped : plain, has_root ? sizeof wrapped : sizeof plain);
}

/* Its environment has two names of ours, which the agent sets. */
static int spawn(const struct command_process_config *config, struct command_process *process)
{
    char node[300], region[80], output[PATH_SIZE], error_output[PATH_SIZE];
    struct command_line line;
    snprintf(node, sizeof node, "AWS_SSM_INSTANCE_ID=%s", config->node_id);
    snprintf(region, sizeof region, "AWS_SSM_REGION_NAME=%s", config->region);
    compose(config, process, &line);
    join(process, "stdout", output);
    join(process, "stderr", error_output);
    char *const environment[] = {(char[]){"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, node,
                                 region, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, error_output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_addchdir_np(&actions,
                                         config->directory[0] == '\0' ? process->directory : config->directory);
    return spawn_program(line.argv[0], &actions, line.argv, environment, &process->pid);
}

enum err command_process_start(const struct command_process_config *config, struct command_process *ret_process)
{
    struct command_process *process = ret_process;
    *process = (struct command_process){0};
    char *scratch = realpath(config->scratch, NULL); /* the script may run elsewhere */
    int len =
        snprintf(process->directory, sizeof process->directory, "%s/command-XXXXXX", scratch == NULL ? "" : scratch);
    bool is_made = scratch != NULL && (size_t)len < sizeof process->directory && mkdtemp(process->directory) != NULL;
    free(scratch);
    if (!is_made) {
        process->directory[0] = '\0';
        snprintf(process->problem, sizeof process->problem, "failed to create the orchestration directory");
        return ERR_SYSTEM;
    }
    if (write_script(process, config->script) != ERR_OK) {
        snprintf(process->problem, sizeof process->problem, "failed to create script file");
        command_process_clear(process);
        return ERR_SYSTEM;
    }
    int error = spawn(config, process);
    if (error != 0) {
        process->pid = 0;
        snprintf(process->problem, sizeof process->problem, "failed to run commands: %s: %.80s", strerror(error),
                 config->directory);
        command_process_clear(process);
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

void command_process_kill(const struct command_process *process)
{
    if (process->pid > 0) {
        kill(-process->pid, SIGKILL);
    }
}

static char *read_file(const struct command_process *process, const char *name, size_t limit)
{
    char path[PATH_SIZE];
    join(process, name, path);
    char *data = calloc(1, limit + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    size_t len = 0;
    ssize_t count = 0;
    while (data != NULL && fd >= 0 && len < limit && (count = read(fd, data + len, limit - len)) > 0) {
        len += (size_t)count;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (data != NULL) {
        command_output_cut(data, len, limit);
    }
    return data;
}

void command_process_read(const struct command_process *process, const char *note, char **ret_output, char **ret_error)
{
    char path[PATH_SIZE];
    join(process, "stderr", path);
    int fd = note[0] == '\0' ? -1 : open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        dprintf(fd, "%s", note);
        close(fd);
    }
    *ret_output = read_file(process, "stdout", COMMAND_OUTPUT_LIMIT);
    *ret_error = read_file(process, "stderr", COMMAND_ERROR_LIMIT);
}

void command_process_clear(struct command_process *process)
{
    if (process->directory[0] != '\0') {
        remove_tree(process->directory);
        process->directory[0] = '\0';
    }
}
