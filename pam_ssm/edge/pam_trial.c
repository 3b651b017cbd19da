#include "pam_ssm/edge/pam_trial.h"

#include "common/auto.h"
#include "common/limits.h"
#include "pam_ssm/edge/state_dir.h"

#include <errno.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIAL_SECONDS 20

static enum err refuse(const char *path, struct text *ret_why)
{
    text_format(ret_why, "%s: %s", path, strerror(errno));
    return ERR_SYSTEM;
}

/* ---- the folder: links to all installed services, and the one on trial ---- */

static enum err link_services(const struct host_paths *paths, const char *dir, struct text *ret_why)
{
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    TRY(state_dir_list(paths->pam_dir, paths->owner, &names, ret_why));
    for (size_t i = 0; i < names.count; i++) {
        char target[LIMIT_PATH + 1], link[LIMIT_PATH + 1];
        struct text target_text = text_in(target, sizeof target);
        struct text link_text = text_in(link, sizeof link);
        text_format(&target_text, "%s/%s", paths->pam_dir, names.names[i]);
        text_format(&link_text, "%s/%s", dir, names.names[i]);
        TRY(text_finish(&target_text));
        TRY(text_finish(&link_text));
        if (symlink(target, link) != 0) {
            return refuse(link, ret_why);
        }
    }
    return ERR_OK;
}

static void remove_folder(const struct host_paths *paths, const char *dir)
{
    char words[256];
    struct text why = text_in(words, sizeof words);
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    (void)!state_dir_list(dir, paths->owner, &names, &why);
    for (size_t i = 0; i < names.count; i++) {
        (void)!state_dir_remove(dir, names.names[i], &why);
    }
    (void)rmdir(dir);
}

/* ---- the child ---- */

static int refuse_to_talk(int count, const struct pam_message **messages, struct pam_response **ret_responses,
                          void *context)
{
    (void)count;
    (void)messages;
    (void)ret_responses;
    (void)context;
    return PAM_CONV_ERR;
}

static int ask(const char *dir, const char *service, const char *user)
{
    const struct pam_conv conversation = {refuse_to_talk, NULL};
    pam_handle_t *pamh = NULL;
    int verdict = pam_start_confdir(service, user, &conversation, dir, &pamh);
    if (verdict == PAM_SUCCESS) {
        verdict = pam_acct_mgmt(pamh, PAM_SILENT);
        (void)pam_end(pamh, verdict);
    }
    return verdict;
}

static enum err ask_in_child(const char *dir, const char *service, const char *user, int *ret_verdict,
                             struct text *ret_why)
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        return refuse("fork", ret_why);
    }
    if (child == 0) {
        (void)signal(SIGALRM, SIG_DFL);
        (void)alarm(TRIAL_SECONDS);
        _exit(ask(dir, service, user));
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return refuse("waitpid", ret_why);
        }
    }
    if (WIFEXITED(status)) {
        *ret_verdict = WEXITSTATUS(status);
        return ERR_OK;
    }
    bool is_late = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    text_format(ret_why, "PAM %s when the service %s was tried", is_late ? "gave no answer in time" : "crashed",
                service);
    return is_late ? ERR_TIMEOUT : ERR_SYSTEM;
}

enum err pam_trial_account(const struct host_paths *paths, const char *service, struct bytes content, const char *user,
                           int *ret_verdict, struct text *ret_why)
{
    char dir[LIMIT_PATH + 1];
    struct text path = text_in(dir, sizeof dir);
    text_format(&path, "%s/pam-trial-XXXXXX", paths->runtime_dir);
    TRY(text_finish(&path));
    TRY(state_dir_make(paths->runtime_dir, paths->owner, ret_why));
    if (mkdtemp(dir) == NULL) {
        return refuse(dir, ret_why);
    }
    enum err err = link_services(paths, dir, ret_why);
    /* In place of the link, if there is one. */
    err = err != ERR_OK ? err : state_dir_write(dir, service, content, 0600, false, ret_why);
    err = err != ERR_OK ? err : ask_in_child(dir, service, user, ret_verdict, ret_why);
    remove_folder(paths, dir);
    return err;
}
