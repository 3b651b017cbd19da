/* lint: do the commands of the level limited give away more than they seem to? */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/userctl/limited_list.h"
#include "pam_ssm/userctl/verbs.h"

#include <errno.h>
#include <stdio.h>

/* A file that a person names may be anybody's: it is judged here, and not used. */
static enum err add_file(struct sudoers_limited *limited, const char *path, struct text *ret_why)
{
    FILE *file = fopen(path, "re");
    char *memory = malloc(LIMIT_HOST_CONFIG + 1);
    size_t len = file != NULL && memory != NULL ? fread(memory, 1, LIMIT_HOST_CONFIG + 1, file) : 0;
    enum err err = ERR_OK;
    if (file == NULL || memory == NULL || ferror(file) != 0) {
        text_format(ret_why, "%s: %s", path, strerror(errno));
        err = ERR_SYSTEM;
    } else if (len > LIMIT_HOST_CONFIG) {
        text_format(ret_why, "%s: %s", path, err_text(ERR_TOO_LONG));
        err = ERR_TOO_LONG;
    } else {
        err = sudoers_limited_add(limited, bytes_of(memory, len), path, ret_why);
    }
    free(memory);
    if (file != NULL) {
        (void)fclose(file);
    }
    return err;
}

static enum err read_all(const struct options *options, struct sudoers_limited *limited, struct text *ret_why)
{
    if (options->argument_count == 0) {
        return limited_list_read(&host_paths_system, limited, ret_why);
    }
    for (int i = 0; i < options->argument_count; i++) {
        TRY(add_file(limited, options->arguments[i], ret_why));
    }
    return ERR_OK;
}

static int lint_run(const struct options *options)
{
    AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
    struct limited_list_verdict verdict = {0};
    char words[512];
    struct text why = text_in(words, sizeof words);
    enum err err = read_all(options, &limited, &why);
    if (err != ERR_OK) {
        log_error("%s", words[0] != '\0' ? words : err_text(err));
        return USERCTL_ERROR;
    }
    if (options_has(options, OPTION_JSON)) {
        err = limited_list_lint_json(&limited, &verdict);
        if (err != ERR_OK || fflush(stdout) != 0) {
            log_error("lint: %s", err_text(err != ERR_OK ? err : ERR_SYSTEM));
            return USERCTL_ERROR;
        }
    } else {
        verdict = limited_list_lint(&limited);
    }
    return verdict.errors > 0 ? USERCTL_REFUSED : USERCTL_OK;
}

const struct verb lint_verb = {
    .name = "lint",
    .arguments = "[FILE]...",
    .summary = "Check lists of commands for the level limited.",
    .details = "Without a file, the lists of /etc/ssm-bridge/limited.d. Findings go to standard error, with --json to\n"
               "standard output. The exit code is 4 when one of them is an error, 1 when a list cannot be read.\n"
               "It knows programs by their names: what it does not find is no promise.",
    .options = OPTION_BIT(OPTION_JSON),
    .max_arguments = 1000,
    .run = lint_run,
};
