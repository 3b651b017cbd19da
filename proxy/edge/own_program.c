#include "proxy/edge/own_program.h"

#include <errno.h>
#include <unistd.h>

static enum err not_found(const char *path, struct text *ret_why)
{
    text_format(ret_why, "%s, which belongs to ssm-proxy, cannot be run: %s", path, strerror(errno));
    return ERR_SYSTEM;
}

enum err own_program_path(char ret_path[LIMIT_PATH + 1], struct text *ret_why)
{
    ssize_t len = readlink("/proc/self/exe", ret_path, LIMIT_PATH);
    if (len < 0) {
        text_format(ret_why, "the path of ssm-proxy is not known: %s", strerror(errno));
        return ERR_SYSTEM;
    }
    ret_path[len] = '\0';
    return ERR_OK;
}

/* /usr of /usr/bin/ssm-proxy, and of a helper, /usr/libexec/ssm-bridge/ssh-answer. */
static void cut_to_prefix(char *own)
{
    char *name = strrchr(own, '/');
    *(name != NULL ? name : own) = '\0';
    size_t len = strlen(own);
    size_t helpers_len = strlen("/" SSM_LIBEXEC);
    if (len >= helpers_len && strcmp(own + len - helpers_len, "/" SSM_LIBEXEC) == 0) {
        own[len - helpers_len] = '\0';
        return;
    }
    char *directory = strrchr(own, '/');
    *(directory != NULL ? directory : own) = '\0';
}

enum err own_program_helper(const char *name, char ret_path[LIMIT_PATH + 1], struct text *ret_why)
{
    char own[LIMIT_PATH + 1];
    TRY(own_program_path(own, ret_why));
    cut_to_prefix(own);
    struct text path = text_in(ret_path, LIMIT_PATH + 1);
    text_format(&path, "%s/" SSM_LIBEXEC "/%s", own, name);
    if (text_finish(&path) != ERR_OK) {
        errno = ENAMETOOLONG;
        return not_found(name, ret_why);
    }
    return access(ret_path, X_OK) == 0 ? ERR_OK : not_found(ret_path, ret_why);
}
