/* ssm-userctl: governs the account of the SSM agent, ssm-user. Hardens the process, finds the verb, runs it. */
#include "common/log.h"
#include "pam_ssm/userctl/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the order of --help. */
static const struct verb *const verbs[] = {
    &init_verb,   &adopt_verb,  &status_verb, &sessions_verb, &doctor_verb,    &audit_verb,   &plan_verb, &diff_verb,
    &apply_verb,  &park_verb,   &unpark_verb, &remove_verb,   &uninstall_verb, &level_verb,   &lint_verb, &grant_verb,
    &grants_verb, &revoke_verb, &key_verb,    &pam_verb,      &sshd_verb,      &version_verb,
};

static const struct program program = {
    .name = "ssm-userctl",
    .summary = "Governs ssm-user, the account of Session Manager on this node.",
    .rows = userctl_options,
    .row_count = OPTION_COUNT,
    .help = OPTION_HELP,
    .debug = -1,
    .usage_exit_code = USERCTL_USAGE,
    .has_options_anywhere = true,
    .verbs = verbs,
    .verb_count = sizeof verbs / sizeof verbs[0],
};

/* Whoever called us may have closed 0, 1 or 2: no file that we write may land there. */
static bool fill_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd) {
            return false;
        }
    }
    return true;
}

/* The mode of a file that others read is set where it is made. Where SIGCHLD is ignored, the kernel keeps no exit
 * status of the programs that we start. */
static void harden(void)
{
    (void)signal(SIGCHLD, SIG_DFL);
    (void)umask(077);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

int main(int argc, char **argv)
{
    log_open("ssm-userctl", false);
    if (!fill_standard_streams()) {
        return USERCTL_ERROR;
    }
    harden();
    return options_dispatch(&program, argc, argv);
}
