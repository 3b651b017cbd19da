#include "pam_ssm/edge/pam_module.h"

#include "pam_ssm/edge/path_trust.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where distributions put modules; one of them holds pam_unix.so. Directories that are symbolic links (/lib) are
 * named by their own path, as path_trust wants it. */
static const char *const patterns[] = {"/usr/lib/*/security/pam_unix.so", "/usr/lib64/security/pam_unix.so",
                                       "/usr/lib/security/pam_unix.so",   "/lib/*/security/pam_unix.so",
                                       "/lib64/security/pam_unix.so",     "/lib/security/pam_unix.so"};

static enum err find_folder(struct text *ret_path)
{
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        glob_t found;
        if (glob(patterns[i], 0, NULL, &found) == 0) {
            size_t len = strlen(found.gl_pathv[0]) - strlen("pam_unix.so");
            text_put_bytes(ret_path, bytes_of(found.gl_pathv[0], len));
            globfree(&found);
            return ERR_OK;
        }
    }
    return ERR_NO_TARGET;
}

static int load(const char *path)
{
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    bool is_whole = module != NULL && dlsym(module, "pam_sm_acct_mgmt") != NULL &&
                    dlsym(module, "pam_sm_authenticate") != NULL && dlsym(module, "pam_sm_open_session") != NULL;
    return is_whole ? 0 : 1;
}

/* In a process of its own: loading a file that was cut ends with SIGBUS. */
static enum err try_to_load(const char *path, struct text *ret_why)
{
    pid_t child = fork();
    if (child == 0) {
        _exit(load(path));
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            child = -1;
        }
    }
    if (child < 0) {
        text_put(ret_why, strerror(errno));
        return ERR_SYSTEM;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        text_format(ret_why, "%s cannot be loaded", path);
        return ERR_MALFORMED;
    }
    return ERR_OK;
}

enum err pam_module_check(struct text *ret_path, struct text *ret_why)
{
    if (find_folder(ret_path) != ERR_OK) {
        text_put(ret_why, "no folder of PAM modules is found (pam_unix.so)");
        return ERR_NO_TARGET;
    }
    text_put(ret_path, "pam_ssm.so");
    TRY(text_finish(ret_path));
    const char *name = strrchr(ret_path->data, '/') + 1;
    char memory[512];
    struct text folder = text_in(memory, sizeof memory);
    text_put_bytes(&folder, bytes_of(ret_path->data, (size_t)(name - 1 - ret_path->data)));
    TRY(text_finish(&folder));
    int dir = -1;
    int file = -1;
    enum err err = path_trust_open_dir(memory, 0, &dir, ret_why);
    if (err == ERR_OK) {
        err = path_trust_open_file_at(dir, name, 0, &file, ret_why);
    }
    path_trust_close(&dir);
    path_trust_close(&file);
    TRY(err);
    return try_to_load(ret_path->data, ret_why);
}
