#include "pam_ssm/edge/command_file.h"

#include "common/auto.h"
#include "pam_ssm/edge/path_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void judge_owner(const struct stat *stat, struct sudoers_file_facts *facts)
{
    facts->is_foreign = facts->is_foreign || stat->st_uid != 0;
    facts->is_writable = facts->is_writable || (stat->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/* The directories above a path, up to "/". */
static void judge_parents(const char *path, struct sudoers_file_facts *facts)
{
    char memory[LIMIT_PATH + 1];
    struct text text = text_in(memory, sizeof memory);
    text_put(&text, path);
    for (char *slash = strrchr(memory, '/'); slash != NULL; slash = strrchr(memory, '/')) {
        struct stat stat;
        slash[slash == memory ? 1 : 0] = '\0';
        if (lstat(memory, &stat) != 0) {
            facts->is_foreign = facts->is_foreign || errno != ENOENT;
        } else if (!S_ISLNK(stat.st_mode)) { /* what it leads to is judged by the real path */
            judge_owner(&stat, facts);
        }
        if (slash == memory) {
            return;
        }
    }
}

static bool is_script(const char *path)
{
    char begin[2];
    AUTO(path_trust_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && read(fd, begin, sizeof begin) == (ssize_t)sizeof begin && memcmp(begin, "#!", 2) == 0;
}

void command_file_look(const char *path, struct sudoers_file_facts *ret_facts)
{
    *ret_facts = (struct sudoers_file_facts){0};
    judge_parents(path, ret_facts);
    struct stat stat;
    AUTO_FREE char *real = realpath(path, NULL);
    if (real == NULL || lstat(real, &stat) != 0) {
        return;
    }
    struct text text = text_in(ret_facts->real, sizeof ret_facts->real);
    text_put(&text, real);
    judge_parents(real, ret_facts);
    judge_owner(&stat, ret_facts);
    ret_facts->exists = true;
    ret_facts->is_regular = S_ISREG(stat.st_mode);
    ret_facts->is_script = ret_facts->is_regular && is_script(real);
}
