/* sudoers_lint: would this command of the level limited give away more than it seems? Programs that start others, write
 * where they are told or show text in a pager are as good as root; so is a program that others can replace, and so are
 * arguments that match more than they show.
 *
 * It knows programs by their names, and cannot know them all: what it finds is true, what it does not find is no
 * promise. */
#ifndef SSM_HOST_CORE_SUDOERS_LINT_H
#define SSM_HOST_CORE_SUDOERS_LINT_H

#include "pam_ssm/core/sudoers_limited.h"

/* What an edge has seen of a command's file. */
struct sudoers_file_facts {
    bool exists;
    bool is_regular;
    bool is_foreign;           /* somebody other than root owns it, or a directory above it */
    bool is_writable;          /* group or others may write to it, or to a directory above it */
    bool is_script;            /* it begins with "#!" */
    char real[LIMIT_PATH + 1]; /* the path without symbolic links; "" when it does not exist */
};

struct sudoers_finding {
    bool is_error;       /* as good as root; else a warning */
    const char *reason;  /* what is wrong; constant memory */
    const char *instead; /* a safer spelling; NULL: none */
};

#define SUDOERS_LINT_FINDINGS 12 /* more than all checks together can give */

/* `facts` is NULL when nobody has looked. Gives the number of findings. */
size_t sudoers_lint(const struct sudoers_command *command, const struct sudoers_file_facts *facts,
                    struct sudoers_finding ret_findings[SUDOERS_LINT_FINDINGS]);

#endif
