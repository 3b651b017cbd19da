#include "proxy/command/host_key_files.h"

#include "common/auto.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/file_lock.h"
#include "proxy/edge/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define DIRECTORY "host-keys"

static enum err find_directory(const char *name, char ret_path[STATE_DIRECTORY_PATH_SIZE], struct text *ret_why)
{
    struct aws_config_environment environment = aws_files_environment();
    enum err err = state_directory_path(environment.get(environment.context, "XDG_STATE_HOME"),
                                        environment.get(environment.context, "HOME"), name, ret_path);
    if (err != ERR_OK) {
        text_put(ret_why, "there is no place to keep host keys in: HOME is not set, or too long");
    }
    return err;
}

static void close_directory(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

/* One that is not there yet will be ours. */
static enum err judge_directory(struct text *ret_why)
{
    char path[STATE_DIRECTORY_PATH_SIZE];
    TRY(find_directory(DIRECTORY, path, ret_why));
    AUTO(close_directory) int fd = state_directory_find(path);
    return fd < 0 ? ERR_OK : state_directory_judge(fd, path, ret_why);
}

/* An id is a file name: host_key_cache_is_for. */
static enum err find_file(const char *node_id, char ret_path[STATE_DIRECTORY_PATH_SIZE], struct text *ret_why)
{
    char name[LIMIT_TARGET + 16];
    struct text text = text_in(name, sizeof name);
    text_format(&text, DIRECTORY "/%s", node_id);
    return find_directory(name, ret_path, ret_why);
}

enum err host_key_files_connections(char ret_path[STATE_DIRECTORY_PATH_SIZE], struct text *ret_why)
{
    return find_directory("connections", ret_path, ret_why);
}

enum err host_key_files_lock(const char *node_id, int *ret_fd, struct text *ret_why)
{
    char directory[STATE_DIRECTORY_PATH_SIZE];
    char name[LIMIT_TARGET + 16];
    struct text text = text_in(name, sizeof name);
    text_format(&text, "%s.lock", node_id);
    TRY(find_directory(DIRECTORY, directory, ret_why));
    TRY(judge_directory(ret_why));
    return file_lock_try(directory, name, ret_fd, ret_why);
}

enum err host_key_files_load(const char *node_id, struct host_key_cache *ret_cache, struct text *ret_why)
{
    char path[STATE_DIRECTORY_PATH_SIZE];
    AUTO(aws_files_wipe) struct aws_file file = {.data = NULL};
    enum err err = judge_directory(ret_why);
    TRY(err == ERR_CONFIG ? ERR_NO_TARGET : err); /* connect says so: host_key_files_lock */
    TRY(find_file(node_id, path, ret_why));
    TRY(aws_files_read(path, 0, &file, ret_why));
    if (file.data == NULL || host_key_cache_parse(bytes_of(file.data, file.len), ret_cache) != ERR_OK ||
        strcmp(ret_cache->node_id, node_id) != 0) {
        return ERR_NO_TARGET;
    }
    return ERR_OK;
}

enum err host_key_files_store(const struct host_key_cache *cache, struct text *ret_why)
{
    char path[STATE_DIRECTORY_PATH_SIZE];
    char memory[HOST_KEY_CACHE_FILE];
    struct text text = text_in(memory, sizeof memory);
    host_key_cache_put(cache, &text);
    TRY(text_finish(&text));
    TRY(find_file(cache->node_id, path, ret_why));
    return private_file_store(path, text_bytes(&text), ret_why);
}

enum err host_key_files_forget(const char *node_id, struct text *ret_why)
{
    char path[STATE_DIRECTORY_PATH_SIZE];
    TRY(find_file(node_id, path, ret_why));
    if (unlinkat(AT_FDCWD, path, 0) == 0) {
        return ERR_OK;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
        return ERR_NO_TARGET;
    }
    text_format(ret_why, "%s cannot be removed: %s", path, strerror(errno));
    return ERR_SYSTEM;
}
