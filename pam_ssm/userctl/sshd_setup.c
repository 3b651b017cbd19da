#include "pam_ssm/userctl/sshd_setup.h"

#include "common/auto.h"
#include "pam_ssm/core/sshd_drop_in.h"
#include "pam_ssm/edge/helper_process.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/userctl/governed.h"
#include "pam_ssm/userctl/setting_switch.h"

#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#define DROP_IN "10-ssm-bridge.conf"
#define EFFECTIVE_SIZE (64 * 1024)
#define SSHD_TIMEOUT_MS 20000

/* Somewhere else than on this node; nobody connects. */
#define REMOTE "10.0.0.1"

/* ---- asking sshd ---- */

/* What sshd would do for a login of `user` from `address`; of `config`, or of its own. *ret_effective is owned by the
 * caller. ERR_CONFIG with sshd's words. */
static enum err ask_sshd(const char *config, const char *user, const char *address, char **ret_effective,
                         struct text *ret_why)
{
    char connection[256];
    struct text text = text_in(connection, sizeof connection);
    text_format(&text, "user=%s,host=%s,addr=%s,laddr=127.0.0.1,lport=22", user, address, address);
    TRY(text_finish(&text));
    AUTO_FREE char *memory = malloc(EFFECTIVE_SIZE);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    char complaints_memory[512];
    struct text output = text_in(memory, EFFECTIVE_SIZE);
    struct text complaints = text_in(complaints_memory, sizeof complaints_memory);
    const char *const argv[] = {"sshd", "-T", "-C", connection, config != NULL ? "-f" : NULL, config, NULL};
    int status = 0;
    TRY(helper_process_run(&(struct helper_process){argv, SSHD_TIMEOUT_MS, &output, &complaints}, &status));
    if (status != 0) {
        text_format(ret_why, "sshd -T: %.*s", (int)strcspn(complaints_memory, "\r\n"), complaints_memory);
        return ERR_CONFIG;
    }
    TRY(text_finish(&output));
    *ret_effective = MOVE(memory);
    return ERR_OK;
}

static bool has_sshd(void)
{
    char memory[64];
    struct text path = text_in(memory, sizeof memory);
    return helper_process_find("sshd", &path) == ERR_OK;
}

/* ---- AuthorizedKeysFile without our file ---- */

static void put_matches(const struct host_paths *paths, const char *pattern, struct text *text)
{
    char memory[LIMIT_PATH + 1], ours[LIMIT_PATH + 1];
    struct text path = text_in(memory, sizeof memory);
    struct text our_path = text_in(ours, sizeof ours);
    bool is_relative = pattern[0] != '/';
    text_format(&path, "%s%s", is_relative ? "/etc/ssh/" : "", pattern); /* sshd_config(5) */
    text_format(&our_path, "%s/%s", paths->sshd_dir, DROP_IN);
    glob_t found;
    if (glob(memory, 0, NULL, &found) != 0) {
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (strcmp(found.gl_pathv[i], ours) != 0) {
            text_format(text, "Include \"%s\"\n", found.gl_pathv[i]);
        }
    }
    globfree(&found);
}

static bool expand_include(void *context, const char *patterns, struct text *text)
{
    char memory[LIMIT_PATH + 1];
    struct text copy = text_in(memory, sizeof memory);
    text_put(&copy, patterns);
    char *state = NULL;
    for (const char *word = strtok_r(memory, " \t\"", &state); word != NULL; word = strtok_r(NULL, " \t\"", &state)) {
        put_matches(*(const struct host_paths **)context, word, text);
    }
    return true;
}

static enum err write_trial(const struct host_paths *paths, const char *name, struct text *ret_why)
{
    AUTO_FREE char *config = NULL;
    size_t len = 0;
    TRY(path_trust_read(paths->sshd_config, paths->owner, LIMIT_HOST_CONFIG, &config, &len, ret_why));
    AUTO_FREE char *memory = malloc((size_t)2 * LIMIT_HOST_CONFIG);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text text = text_in(memory, (size_t)2 * LIMIT_HOST_CONFIG);
    sshd_drop_in_expand(bytes_of(config, len), expand_include, &paths, &text);
    TRY(text_finish(&text));
    TRY(state_dir_make(paths->runtime_dir, paths->owner, ret_why));
    return state_dir_write(paths->runtime_dir, name, text_bytes(&text), 0600, false, ret_why);
}

static enum err find_key_files(const struct node *node, struct text *ret_files, struct text *ret_why)
{
    const struct host_paths *paths = node->paths;
    char name[32], memory[LIMIT_PATH + 1];
    struct text trial = text_in(memory, sizeof memory);
    (void)snprintf(name, sizeof name, "sshd-trial-%d", (int)getpid());
    text_format(&trial, "%s/%s", paths->runtime_dir, name);
    TRY(write_trial(paths, name, ret_why));
    AUTO_FREE char *effective = NULL;
    /* Nobody's: a Match block for a user of this name would say it for him alone. */
    enum err err = ask_sshd(memory, "ssm-bridge-nobody", REMOTE, &effective, ret_why);
    char words[256];
    struct text why = text_in(words, sizeof words);
    (void)!state_dir_remove(paths->runtime_dir, name, &why);
    TRY(err);
    if (!sshd_drop_in_find(effective, "authorizedkeysfile", ret_files)) {
        text_put(ret_why, "sshd -T says nothing about AuthorizedKeysFile");
        return ERR_CONFIG;
    }
    return text_finish(ret_files);
}

static enum err render(const struct node *node, struct text *text, struct text *ret_why)
{
    char files[LIMIT_PATH + 1];
    struct text key_files = text_in(files, sizeof files);
    TRY(find_key_files(node, &key_files, ret_why));
    sshd_drop_in_render(&(struct sshd_drop_in){node->policy.account.name, node->paths->keys_dir, files}, text);
    return text_finish(text);
}

/* ---- is it in force? ---- */

static enum err judge_remote(const struct node *node, struct text *ret_why)
{
    AUTO_FREE char *effective = NULL;
    char memory[1024] = "";
    struct text value = text_in(memory, sizeof memory);
    const char *user = node->policy.account.name;
    TRY(ask_sshd(NULL, user, REMOTE, &effective, ret_why));
    if (!sshd_drop_in_find(effective, "denyusers", &value) || !sshd_drop_in_has_word(memory, user)) {
        text_format(ret_why, "sshd would let %s in from elsewhere: does %s say, before any Match, Include %s/*.conf ?",
                    user, node->paths->sshd_config, node->paths->sshd_dir);
        return ERR_DENIED;
    }
    text_clear(&value);
    if (!sshd_drop_in_find(effective, "usepam", &value) || strcmp(memory, "yes") != 0) {
        text_format(ret_why, "sshd runs without PAM (UsePAM no): nobody would ask pam_ssm");
        return ERR_DENIED;
    }
    return ERR_OK;
}

static enum err judge_local(const struct node *node, struct text *ret_why)
{
    AUTO_FREE char *effective = NULL;
    char memory[LIMIT_PATH + 1] = "", keys[LIMIT_PATH + 1];
    struct text value = text_in(memory, sizeof memory);
    struct text wanted = text_in(keys, sizeof keys);
    const char *user = node->policy.account.name;
    TRY(ask_sshd(NULL, user, "127.0.0.1", &effective, ret_why));
    if (sshd_drop_in_find(effective, "denyusers", &value) && sshd_drop_in_has_word(memory, user)) {
        text_format(ret_why, "sshd lets %s not in, not even from the node itself (DenyUsers %s)", user, memory);
        return ERR_DENIED;
    }
    text_clear(&value);
    text_format(&wanted, "%s/%%u", node->paths->keys_dir);
    if (!sshd_drop_in_find(effective, "authorizedkeysfile", &value) || !sshd_drop_in_has_word(memory, keys)) {
        text_format(ret_why, "another file says AuthorizedKeysFile before ours: %s", memory);
        return ERR_DENIED;
    }
    return ERR_OK;
}

static enum err judge(const struct node *node, struct text *ret_why)
{
    TRY(judge_remote(node, ret_why));
    return judge_local(node, ret_why);
}

/* For everybody else nothing changes but AuthorizedKeysFile. */
static enum err ask_about_others(char **ret_rest, struct text *ret_why)
{
    AUTO_FREE char *effective = NULL;
    TRY(ask_sshd(NULL, "root", REMOTE, &effective, ret_why));
    AUTO_FREE char *rest = malloc(EFFECTIVE_SIZE);
    if (rest == NULL) {
        return ERR_MEMORY;
    }
    struct text text = text_in(rest, EFFECTIVE_SIZE);
    sshd_drop_in_put_rest(effective, &text);
    *ret_rest = MOVE(rest);
    return ERR_OK;
}

/* ---- writing ---- */

/* NULL: there is none. */
static enum err read_drop_in(const struct node *node, char **ret_content, struct text *ret_why)
{
    AUTO(path_trust_close) int dir = -1;
    size_t len = 0;
    TRY(path_trust_open_dir(node->paths->sshd_dir, node->paths->owner, &dir, ret_why));
    enum err err = path_trust_read_at(dir, DROP_IN, node->paths->owner, LIMIT_HOST_CONFIG, ret_content, &len, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
        *ret_content = NULL;
        return ERR_OK;
    }
    return err;
}

static enum err put_drop_in(const struct node *node, const char *content, struct text *ret_why)
{
    return content != NULL
               ? state_dir_write(node->paths->sshd_dir, DROP_IN, bytes_of_text(content), 0644, true, ret_why)
               : state_dir_remove(node->paths->sshd_dir, DROP_IN, ret_why);
}

static enum err judge_change(const struct node *node, const char *content, const char *rest_before,
                             struct text *ret_why)
{
    AUTO_FREE char *rest = NULL;
    TRY(ask_about_others(&rest, ret_why));
    if (strcmp(rest, rest_before) != 0) {
        text_put(ret_why, "sshd -T says something else about root than before");
        return ERR_DENIED;
    }
    return content != NULL ? judge(node, ret_why) : ERR_OK;
}

/* sshd takes it, or what was there before comes back. */
static enum err change(const struct node *node, const char *before, const char *content, struct text *ret_why)
{
    AUTO_FREE char *rest = NULL;
    TRY(ask_about_others(&rest, ret_why));
    TRY(put_drop_in(node, content, ret_why));
    enum err err = judge_change(node, content, rest, ret_why);
    if (err != ERR_OK) {
        char words[256];
        struct text why = text_in(words, sizeof words);
        if (put_drop_in(node, before, &why) != ERR_OK) {
            text_format(ret_why, "; and then %s", words);
        }
    }
    return err;
}

static void tell_sshd(void)
{
    if (access("/run/systemd/system", F_OK) != 0) {
        printf("sshd: it takes this when it reads its configuration again (SIGHUP)\n");
        return;
    }
    static const char *const units[] = {"ssh.service", "sshd.service"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const char *const argv[] = {"systemctl", "--quiet", "try-reload-or-restart", units[i], NULL};
        int status = 0;
        /* One of them exists; started by its socket alone, sshd reads its configuration each time. */
        (void)!helper_process_run(&(struct helper_process){.argv = argv, .timeout_ms = SSHD_TIMEOUT_MS}, &status);
    }
}

/* ---- all of it ---- */

enum err sshd_setup_check(struct node *node, struct text *differences, struct text *ret_why)
{
    if (!setting_switch_is_on(node, "sshd") || !has_sshd()) {
        return ERR_OK;
    }
    AUTO_FREE char *content = NULL;
    char wanted[LIMIT_PATH + 1024];
    struct text text = text_in(wanted, sizeof wanted);
    TRY(read_drop_in(node, &content, ret_why));
    TRY(render(node, &text, ret_why));
    if (content == NULL || strcmp(content, wanted) != 0) {
        text_format(differences, "write %s/%s: %s\n", node->paths->sshd_dir, DROP_IN,
                    content == NULL ? "it is not there" : "it is not what it should be");
        return ERR_OK;
    }
    enum err err = judge(node, ret_why);
    if (err == ERR_DENIED) {
        text_format(differences, "%s\n", ret_why->data);
        text_clear(ret_why);
        return ERR_OK;
    }
    return err;
}

enum err sshd_setup_apply(struct node *node, struct text *ret_why)
{
    if (!setting_switch_is_on(node, "sshd") || !has_sshd()) {
        return ERR_OK;
    }
    TRY(governed_want_own(node, ret_why));
    AUTO_FREE char *before = NULL;
    char wanted[LIMIT_PATH + 1024];
    struct text text = text_in(wanted, sizeof wanted);
    TRY(read_drop_in(node, &before, ret_why));
    TRY(render(node, &text, ret_why));
    if (before != NULL && strcmp(before, wanted) == 0) {
        return judge(node, ret_why);
    }
    TRY(change(node, before, wanted, ret_why));
    printf("sshd: %s/%s written\n", node->paths->sshd_dir, DROP_IN);
    tell_sshd();
    return ERR_OK;
}

enum err sshd_setup_undo(struct node *node, bool restores, struct text *ret_why)
{
    (void)restores;
    AUTO_FREE char *before = NULL;
    enum err err = read_drop_in(node, &before, ret_why);
    if (err == ERR_NO_TARGET || (err == ERR_OK && before == NULL)) {
        text_clear(ret_why);
        return ERR_OK;
    }
    TRY(err);
    TRY(has_sshd() ? change(node, before, NULL, ret_why) : put_drop_in(node, NULL, ret_why));
    tell_sshd();
    return ERR_OK;
}
