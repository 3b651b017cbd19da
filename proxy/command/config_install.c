#include "proxy/command/config_install.h"

#include "common/auto.h"
#include "proxy/core/ssh_config_text.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/person_file.h"
#include "proxy/edge/private_file.h"
#include "proxy/edge/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- where ---- */

static enum err put_path(char ret_path[LIMIT_PATH + 1], const char *directory, const char *name, struct text *ret_why)
{
    struct text path = text_in(ret_path, LIMIT_PATH + 1);
    text_format(&path, "%s/%s", directory, name);
    if (text_finish(&path) != ERR_OK) {
        text_put(ret_why, "the path in HOME is too long");
        return ERR_CONFIG;
    }
    return ERR_OK;
}

enum err config_install_paths(struct config_paths *ret_paths, struct text *ret_why)
{
    struct aws_config_environment environment = aws_files_environment();
    const char *home = environment.get(environment.context, "HOME");
    const char *state_home = environment.get(environment.context, "XDG_STATE_HOME");
    if (!text_is_given(home)) {
        text_put(ret_why, "HOME is not set");
        return ERR_CONFIG;
    }
    if (!ssh_config_text_is_path(home)) {
        text_format(ret_why,
                    "HOME is %s, which is not absolute, or has characters that ssh_config(5) would need quotes for",
                    home);
        return ERR_CONFIG;
    }
    TRY(put_path(ret_paths->directory, home, ".ssh/ssm-bridge", ret_why));
    TRY(put_path(ret_paths->own, home, ".ssh/ssm-bridge/config", ret_why));
    TRY(put_path(ret_paths->known_hosts, home, ".ssh/ssm-bridge/known_hosts", ret_why));
    TRY(put_path(ret_paths->person, home, ".ssh/config", ret_why));
    struct text include = text_in(ret_paths->include, sizeof ret_paths->include);
    text_format(&include, "Include %s", ret_paths->own);
    return state_directory_path(state_home, home, "nodes", ret_paths->nodes);
}

/* ---- in ---- */

static enum err add_include(const struct config_paths *paths, struct text *ret_why)
{
    AUTO(person_file_free) struct person_file file = {.exists = false};
    TRY(person_file_open(paths->person, &file, ret_why));
    struct bytes content = bytes_of(file.data, file.len);
    size_t at = 0;
    size_t len = 0;
    if (ssh_config_text_find_line(content, paths->include, &at, &len)) {
        return ERR_OK;
    }
    char memory[sizeof paths->include + 1];
    struct text head = text_in(memory, sizeof memory);
    text_format(&head, "%s\n", paths->include);
    return person_file_replace(&file, text_bytes(&head), content, ret_why);
}

static void close_descriptor(int *fd)
{
    close(*fd);
}

enum err config_install(const struct config_paths *paths, struct bytes block, struct text *ret_why)
{
    int fd = -1;
    TRY(state_directory_make(paths->directory, &fd, ret_why));
    AUTO(close_descriptor) int directory = fd;
    (void)directory;
    TRY(private_file_store(paths->own, block, ret_why));
    return add_include(paths, ret_why);
}

/* ---- out ---- */

static enum err take_include(const struct config_paths *paths, struct text *ret_why)
{
    AUTO(person_file_free) struct person_file file = {.exists = false};
    TRY(person_file_open(paths->person, &file, ret_why));
    struct bytes content = bytes_of(file.data, file.len);
    size_t at = 0;
    size_t len = 0;
    if (!ssh_config_text_find_line(content, paths->include, &at, &len)) {
        return ERR_OK;
    }
    return person_file_replace(&file, bytes_of(content.data, at), bytes_from(content, at + len), ret_why);
}

static enum err take_file(const char *path, struct text *ret_why)
{
    if (unlinkat(AT_FDCWD, path, 0) != 0 && errno != ENOENT && errno != ENOTDIR) {
        text_format(ret_why, "%s cannot be removed: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

enum err config_install_undo(const struct config_paths *paths, struct text *ret_why)
{
    TRY(take_include(paths, ret_why));
    TRY(take_file(paths->own, ret_why));
    TRY(take_file(paths->nodes, ret_why));
    /* Sockets of masters that still run keep it, and so do host keys that a person has accepted. */
    (void)unlinkat(AT_FDCWD, paths->directory, AT_REMOVEDIR);
    return ERR_OK;
}
