#include "pam_ssm/userctl/pam_setup.h"

#include "common/auto.h"
#include "pam_ssm/core/pam_stack.h"
#include "pam_ssm/edge/pam_trial.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/userctl/governed.h"
#include "pam_ssm/userctl/setting_switch.h"

#include <security/pam_appl.h>
#include <stdio.h>

#define SSHD "sshd"
#define SSHD_SAVED "pam.d-sshd"
#define FILE_SIZE ((size_t)LIMIT_HOST_CONFIG + LIMIT_STATE_FILE)

/* ---- files ---- */

static enum err read_service(const struct node *node, const char *name, char **ret_content, size_t *ret_len,
                             struct text *ret_why)
{
    AUTO(path_trust_close) int dir = -1;
    TRY(path_trust_open_dir(node->paths->pam_dir, node->paths->owner, &dir, ret_why));
    return path_trust_read_at(dir, name, node->paths->owner, LIMIT_HOST_CONFIG, ret_content, ret_len, ret_why);
}

/* ---- the services of sudo ---- */

static const struct service {
    const char *name;
    void (*put)(struct text *text, const char *user);
} services[] = {
    {"ssm-sudo", pam_stack_put_sudo},
    {"ssm-sudo-limited", pam_stack_put_sudo_limited},
};
#define SERVICE_COUNT (sizeof services / sizeof services[0])

static bool is_gate_line(const char *line)
{
    line += *line == '-';
    return strncmp(line, "auth ", 5) == 0 || strncmp(line, "account ", 8) == 0;
}

static bool has_line(const char *file, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = strstr(file, line); at != NULL; at = strstr(at + 1, line)) {
        if ((at == file || at[-1] == '\n') && at[len] == '\n') {
            return true;
        }
    }
    return false;
}

/* An admin may have added to it, a second factor for instance: what asks our module is enough. Cuts `wanted`. */
static bool has_gate(const char *file, char *wanted)
{
    char *state = NULL;
    for (char *line = strtok_r(wanted, "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state)) {
        if (is_gate_line(line) && !has_line(file, line)) {
            return false;
        }
    }
    return true;
}

static enum err is_service_right(const struct node *node, const struct service *service, bool *ret_is_right,
                                 struct text *ret_why)
{
    char wanted[4096];
    struct text text = text_in(wanted, sizeof wanted);
    service->put(&text, node->policy.account.name);
    TRY(text_finish(&text));
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    enum err err = read_service(node, service->name, &content, &len, ret_why);
    if (err == ERR_NO_TARGET || err == ERR_DENIED) {
        text_clear(ret_why); /* it is written, or taken back */
        *ret_is_right = false;
        return ERR_OK;
    }
    TRY(err);
    *ret_is_right = has_gate(content, wanted);
    return ERR_OK;
}

static enum err apply_service(struct node *node, const struct service *service, struct text *ret_why)
{
    bool is_right = false;
    TRY(is_service_right(node, service, &is_right, ret_why));
    if (is_right) {
        return ERR_OK;
    }
    char wanted[4096];
    struct text text = text_in(wanted, sizeof wanted);
    service->put(&text, node->policy.account.name);
    TRY(state_dir_write(node->paths->pam_dir, service->name, text_bytes(&text), 0644, true, ret_why));
    printf("PAM: %s/%s written\n", node->paths->pam_dir, service->name);
    return ERR_OK;
}

/* One that an admin has changed stays. */
static enum err undo_service(struct node *node, const struct service *service, struct text *ret_why)
{
    char wanted[4096];
    struct text text = text_in(wanted, sizeof wanted);
    service->put(&text, node->policy.account.name);
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    enum err err = read_service(node, service->name, &content, &len, ret_why);
    if (err == ERR_NO_TARGET || (err == ERR_OK && strcmp(content, wanted) != 0)) {
        text_clear(ret_why);
        return ERR_OK;
    }
    TRY(err);
    return state_dir_remove(node->paths->pam_dir, service->name, ret_why);
}

/* ---- sshd's ---- */

static struct pam_stack_wish wish_of(const struct node *node)
{
    return (struct pam_stack_wish){PAM_STACK_LOGIN, node->policy.account.name, ""};
}

static enum err explain(const struct node *node, enum err err, struct text *ret_why)
{
    char words[512];
    struct text copy = text_in(words, sizeof words);
    text_put(&copy, ret_why->data);
    text_clear(ret_why);
    text_format(ret_why, "%s/%s: %s", node->paths->pam_dir, SSHD, words[0] != '\0' ? words : err_text(err));
    return err;
}

/* PAM finds the module and gets along with it: of root, it has no opinion. */
static enum err try_module(const struct node *node, struct text *ret_why)
{
    static const char service[] = "account [success=ok ignore=ignore default=die] " PAM_STACK_MODULE "\n"
                                  "account required pam_permit.so\n";
    int verdict = PAM_SYSTEM_ERR;
    TRY(pam_trial_account(node->paths, "ssm-bridge-trial", bytes_of_text(service), "root", &verdict, ret_why));
    if (verdict != PAM_SUCCESS) {
        text_format(ret_why,
                    "PAM cannot use " PAM_STACK_MODULE " (%s): it belongs into the folder of PAM's own modules, "
                    "beside pam_unix.so",
                    pam_strerror(NULL, verdict));
        return ERR_DENIED;
    }
    return ERR_OK;
}

/* PAM says of root what it said before. */
static enum err try_text(const struct node *node, struct bytes before, struct bytes after, struct text *ret_why)
{
    int old = PAM_SYSTEM_ERR;
    int new = PAM_SYSTEM_ERR;
    TRY(pam_trial_account(node->paths, SSHD, before, "root", &old, ret_why));
    TRY(pam_trial_account(node->paths, SSHD, after, "root", &new, ret_why));
    if (old != new) {
        text_format(ret_why, "with our lines PAM would say of root \"%s\", without \"%s\"", pam_strerror(NULL, new),
                    pam_strerror(NULL, old));
        return ERR_DENIED;
    }
    return ERR_OK;
}

static enum err install(const struct node *node, struct bytes before, struct bytes after, struct text *ret_why)
{
    TRY(try_text(node, before, after, ret_why));
    TRY(state_dir_replace(node->paths->pam_dir, SSHD, after, ret_why));
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    enum err err = read_service(node, SSHD, &content, &len, ret_why);
    if (err == ERR_OK && bytes_equal(bytes_of(content, len), after)) {
        return ERR_OK;
    }
    text_put(ret_why, "it does not read back as written; ");
    TRY(state_dir_replace(node->paths->pam_dir, SSHD, before, ret_why));
    return ERR_SYSTEM;
}

static enum err add_lines(const struct node *node, struct bytes file, struct text *ret_why)
{
    const struct pam_stack_wish wish = wish_of(node);
    AUTO_FREE char *with = malloc(FILE_SIZE);
    AUTO_FREE char *bare = malloc(FILE_SIZE);
    if (with == NULL || bare == NULL) {
        return ERR_MEMORY;
    }
    struct text with_text = text_in(with, FILE_SIZE);
    struct text bare_text = text_in(bare, FILE_SIZE);
    enum err err = pam_stack_insert(file, &wish, &with_text, ret_why);
    err = err != ERR_OK ? err : pam_stack_remove(file, &bare_text, ret_why);
    err = err != ERR_OK ? err : try_module(node, ret_why);
    if (err != ERR_OK) {
        return explain(node, err, ret_why);
    }
    TRY(state_dir_make(node->paths->state_dir, node->paths->owner, ret_why));
    TRY(state_dir_write(node->paths->state_dir, SSHD_SAVED, text_bytes(&bare_text), 0600, true, ret_why));
    err = install(node, file, text_bytes(&with_text), ret_why);
    return err == ERR_OK ? ERR_OK : explain(node, err, ret_why);
}

static enum err apply_sshd(struct node *node, struct text *ret_why)
{
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    enum err err = read_service(node, SSHD, &content, &len, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(
            ret_why); /* no sshd here, or one without a service of its own: then the expired account stays shut */
        return ERR_OK;
    }
    TRY(err);
    const struct pam_stack_wish wish = wish_of(node);
    if (pam_stack_check(bytes_of(content, len), &wish, ret_why) == ERR_OK) {
        return ERR_OK;
    }
    text_clear(ret_why);
    TRY(add_lines(node, bytes_of(content, len), ret_why));
    printf("PAM: our lines are in %s/%s\n", node->paths->pam_dir, SSHD);
    return ERR_OK;
}

static enum err undo_sshd(struct node *node, struct text *ret_why)
{
    AUTO_FREE char *content = NULL;
    AUTO_FREE char *bare = malloc(FILE_SIZE);
    size_t len = 0;
    enum err err = read_service(node, SSHD, &content, &len, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
        return ERR_OK;
    }
    TRY(err);
    if (bare == NULL) {
        return ERR_MEMORY;
    }
    struct text bare_text = text_in(bare, FILE_SIZE);
    err = pam_stack_remove(bytes_of(content, len), &bare_text, ret_why);
    if (err != ERR_OK) {
        return explain(node, err, ret_why);
    }
    if (!bytes_equal(bytes_of(content, len), text_bytes(&bare_text))) {
        TRY(install(node, bytes_of(content, len), text_bytes(&bare_text), ret_why));
    }
    return state_dir_remove(node->paths->state_dir, SSHD_SAVED, ret_why);
}

/* ---- all of it ---- */

static enum err check_sshd(const struct node *node, struct text *differences, struct text *ret_why)
{
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    enum err err = read_service(node, SSHD, &content, &len, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
        return ERR_OK;
    }
    TRY(err);
    const struct pam_stack_wish wish = wish_of(node);
    err = pam_stack_check(bytes_of(content, len), &wish, ret_why);
    if (err == ERR_NO_TARGET || err == ERR_DENIED) {
        text_format(differences, "put our lines into %s/%s: %s\n", node->paths->pam_dir, SSHD,
                    err == ERR_NO_TARGET ? "they are not there" : ret_why->data);
        text_clear(ret_why);
        return ERR_OK;
    }
    return err;
}

enum err pam_setup_check(struct node *node, struct text *differences, struct text *ret_why)
{
    if (!setting_switch_is_on(node, "pam")) {
        return ERR_OK;
    }
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        bool is_right = false;
        TRY(is_service_right(node, &services[i], &is_right, ret_why));
        if (!is_right) {
            text_format(differences, "write %s/%s: sudo asks it about %s\n", node->paths->pam_dir, services[i].name,
                        node->policy.account.name);
        }
    }
    return check_sshd(node, differences, ret_why);
}

enum err pam_setup_apply(struct node *node, struct text *ret_why)
{
    if (!setting_switch_is_on(node, "pam")) {
        return ERR_OK;
    }
    TRY(governed_want_own(node, ret_why));
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        TRY(apply_service(node, &services[i], ret_why));
    }
    return apply_sshd(node, ret_why);
}

enum err pam_setup_undo(struct node *node, bool restores, struct text *ret_why)
{
    (void)restores; /* the admin's file is as it was in any case */
    TRY(undo_sshd(node, ret_why));
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        TRY(undo_service(node, &services[i], ret_why));
    }
    return ERR_OK;
}
