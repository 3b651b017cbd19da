#include "pam_ssm/edge/sudoers_install.h"

#include "common/auto.h"
#include "common/limits.h"
#include "common/text.h"
#include "pam_ssm/edge/helper_process.h"
#include "pam_ssm/edge/path_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUDOERS_MODE 0440

/* sudo -l may ask a directory service for rules and groups. */
#define VISUDO_TIMEOUT_MS 10000
#define SUDO_TIMEOUT_MS 30000

/* ---- reading ---- */

void sudoers_install_free(struct sudoers_present *present)
{
    free(present->content);
    *present = (struct sudoers_present){0};
}

static enum err open_dir(const struct host_paths *paths, int *ret_dir, struct text *ret_why)
{
    return path_trust_open_dir(paths->sudoers_dir, paths->owner, ret_dir, ret_why);
}

enum err sudoers_install_read(const struct host_paths *paths, const char *name, struct sudoers_present *ret_present,
                              struct text *ret_why)
{
    *ret_present = (struct sudoers_present){0};
    AUTO(path_trust_close) int dir = -1;
    TRY(open_dir(paths, &dir, ret_why));
    struct stat stat;
    if (fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(stat.st_mode)) {
        return ERR_OK;
    }
    struct sudoers_present present = {0};
    enum err err =
        path_trust_read_at(dir, name, paths->owner, LIMIT_SUDOERS_FILE, &present.content, &present.len, ret_why);
    /* What others could have written is no content of ours, and is replaced. */
    if (err == ERR_DENIED || err == ERR_NO_TARGET || err == ERR_TOO_LONG) {
        text_clear(ret_why);
        return ERR_OK;
    }
    TRY(err);
    present.is_sound = stat.st_uid == paths->owner && (stat.st_mode & 07777) == SUDOERS_MODE;
    *ret_present = present;
    return ERR_OK;
}

/* ---- writing ---- */

static enum err refuse(const struct host_paths *paths, const char *name, struct text *ret_why)
{
    text_format(ret_why, "%s/%s: %s", paths->sudoers_dir, name, strerror(errno));
    return ERR_SYSTEM;
}

static enum err write_temporary(int dir, const char *name, struct bytes content)
{
    AUTO(path_trust_close) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    struct bytes rest = content;
    while (rest.len > 0) {
        ssize_t put = write(fd, rest.data, rest.len);
        if (put < 0 && errno != EINTR) {
            return ERR_SYSTEM;
        }
        rest = bytes_from(rest, put > 0 ? (size_t)put : 0);
    }
    return fchmod(fd, SUDOERS_MODE) == 0 && fsync(fd) == 0 ? ERR_OK : ERR_SYSTEM;
}

/* What visudo says ends up in ret_why, without its line ends. */
static enum err run_visudo(const char *const *argv, struct text *ret_why)
{
    char memory[1024];
    struct text output = text_in(memory, sizeof memory);
    int status = 0;
    const struct helper_process visudo = {.argv = argv, .timeout_ms = VISUDO_TIMEOUT_MS, .output = &output};
    enum err err = helper_process_run(&visudo, &status);
    if (err != ERR_OK) {
        text_format(ret_why, "visudo: %s", err == ERR_SYSTEM ? strerror(errno) : err_text(err));
        return err == ERR_NO_TARGET ? ERR_SYSTEM : err;
    }
    if (status == 0) {
        return ERR_OK;
    }
    for (char *at = memory; *at != '\0'; at++) {
        *at = (char)(*at == '\n' && at[1] != '\0' ? ';' : *at);
    }
    text_format(ret_why, "visudo: %s", memory[0] != '\0' ? memory : "it refuses, and does not say why");
    return ERR_CONFIG;
}

/* `is_judged`: visudo must like it. */
static enum err put_in(const struct host_paths *paths, int dir, const char *name, struct bytes content, bool is_judged,
                       struct text *ret_why)
{
    char temporary[LIMIT_PATH + 1];
    struct text text = text_in(temporary, sizeof temporary);
    text_format(&text, "%s/.tmp-%d", paths->sudoers_dir, (int)getpid()); /* so that state_dir_sweep finds it */
    TRY(text_finish(&text));
    const char *base = temporary + strlen(paths->sudoers_dir) + 1;
    (void)unlinkat(dir, base, 0); /* of one who was killed: the lock is ours */
    enum err err = write_temporary(dir, base, content);
    if (err != ERR_OK) {
        err = refuse(paths, name, ret_why);
    }
    if (err == ERR_OK && is_judged) {
        const char *const argv[] = {"visudo", "-c", "-f", temporary, NULL};
        err = run_visudo(argv, ret_why);
    }
    if (err == ERR_OK && (renameat(dir, base, dir, name) != 0 || fsync(dir) != 0)) {
        err = refuse(paths, name, ret_why);
    }
    if (err != ERR_OK) {
        (void)unlinkat(dir, base, 0);
    }
    return err;
}

enum err sudoers_install_put(const struct host_paths *paths, const char *name, struct bytes content,
                             struct text *ret_why)
{
    AUTO(path_trust_close) int dir = -1;
    TRY(open_dir(paths, &dir, ret_why));
    return put_in(paths, dir, name, content, true, ret_why);
}

enum err sudoers_install_restore(const struct host_paths *paths, const char *name,
                                 const struct sudoers_present *present, struct text *ret_why)
{
    AUTO(path_trust_close) int dir = -1;
    TRY(open_dir(paths, &dir, ret_why));
    if (present->content != NULL) {
        return put_in(paths, dir, name, bytes_of(present->content, present->len), false, ret_why);
    }
    if ((unlinkat(dir, name, 0) != 0 && errno != ENOENT) || fsync(dir) != 0) {
        return refuse(paths, name, ret_why);
    }
    return ERR_OK;
}

/* ---- asking ---- */

enum err sudoers_install_check(const struct host_paths *paths, struct text *ret_why)
{
    /* With the system's own file no -f: only then does visudo judge owners and modes too. */
    bool is_system = strcmp(paths->sudoers_file, host_paths_system.sudoers_file) == 0;
    const char *const system_set[] = {"visudo", "-c", NULL};
    const char *const other_set[] = {"visudo", "-c", "-f", paths->sudoers_file, NULL};
    return run_visudo(is_system ? system_set : other_set, ret_why);
}

enum err sudoers_install_allows(const char *user, const char *command, bool *ret_allows, struct text *ret_why)
{
    char memory[1024];
    struct text complaints = text_in(memory, sizeof memory);
    int status = 0;
    const char *const argv[] = {"sudo", "-n", "-l", "-U", user, command, NULL};
    char dropped[1];
    struct text nothing = text_in(dropped, sizeof dropped);
    const struct helper_process sudo = {
        .argv = argv, .timeout_ms = SUDO_TIMEOUT_MS, .output = &nothing, .complaints = &complaints};
    enum err err = helper_process_run(&sudo, &status);
    if (err != ERR_OK) {
        text_format(ret_why, "sudo: %s", err == ERR_SYSTEM ? strerror(errno) : err_text(err));
        return err;
    }
    if (strstr(memory, "unknown user") != NULL) {
        text_format(ret_why, "there is no user %s", user);
        return ERR_NO_TARGET;
    }
    if (status != 0 && status != 1) {
        text_format(ret_why, "sudo -l -U %s gives no answer (status %d)", user, status);
        return ERR_SYSTEM;
    }
    *ret_allows = status == 0;
    return ERR_OK;
}

enum err sudoers_install_version(struct sudo_version *ret_version, struct text *ret_why)
{
    char memory[1024];
    struct text output = text_in(memory, sizeof memory);
    int status = 0;
    const char *const argv[] = {"sudo", "--version", NULL};
    char dropped[1]; /* what it thinks of sudoers */
    struct text complaints = text_in(dropped, sizeof dropped);
    const struct helper_process sudo = {
        .argv = argv, .timeout_ms = SUDO_TIMEOUT_MS, .output = &output, .complaints = &complaints};
    enum err err = helper_process_run(&sudo, &status);
    if (err != ERR_OK) {
        text_format(ret_why, "sudo: %s", err == ERR_NO_TARGET ? "it is not installed" : err_text(err));
        return err;
    }
    if (sudo_version_parse(memory, ret_version) != ERR_OK) {
        text_format(ret_why, "sudo --version says what nobody here understands: %.80s", memory);
        return ERR_CONFIG;
    }
    return ERR_OK;
}
