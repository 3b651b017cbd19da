#include "pam_ssm/edge/io_log.h"

#include "common/auto.h"
#include "common/limits.h"
#include "common/text.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/plain_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MAX_DEPTH 4           /* sudo's sequence has three levels, iolog_file may have one more */
#define LOG_SIZE (128 * 1024) /* arguments and environment of one command */

struct walk {
    const char *folder;
    io_log_visit *visit;
    void *context;
};

static enum err visit_log(const struct walk *walk, const char *path)
{
    AUTO_FREE char *memory = NULL;
    size_t len = 0;
    char name[LIMIT_PATH + 1];
    struct text text = text_in(name, sizeof name);
    text_format(&text, "%s/log.json", path);
    TRY(text_finish(&text));
    enum err err = plain_file_read_end(name, LOG_SIZE, &memory, &len);
    if (err != ERR_OK) {
        return err == ERR_MEMORY ? err : ERR_OK; /* no directory of a command, or one that is just removed */
    }
    const char *id = path + strlen(walk->folder);
    return walk->visit(bytes_of(memory, len), *id == '/' ? id + 1 : id, walk->context);
}

/* NOLINTNEXTLINE(misc-no-recursion): MAX_DEPTH bounds it */
static enum err walk_folder(const struct walk *walk, const char *path, int depth)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO(path_trust_close_dir) DIR *stream = dir >= 0 ? fdopendir(dir) : NULL;
    if (stream == NULL) {
        if (dir >= 0) {
            (void)close(dir);
        }
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? ERR_OK : ERR_SYSTEM;
    }
    TRY(visit_log(walk, path));
    for (const struct dirent *entry; depth < MAX_DEPTH && (entry = readdir(stream)) != NULL;) {
        if (entry->d_name[0] == '.' || entry->d_type == DT_REG || entry->d_type == DT_LNK) {
            continue;
        }
        char memory[LIMIT_PATH + 1];
        struct text below = text_in(memory, sizeof memory);
        text_format(&below, "%s/%s", path, entry->d_name);
        TRY(text_finish(&below));
        TRY(walk_folder(walk, memory, depth + 1));
    }
    return ERR_OK;
}

enum err io_log_walk(const char *folder, io_log_visit *visit, void *context)
{
    return walk_folder(&(struct walk){folder, visit, context}, folder, 0);
}
