/* level: what sudo does for the account: none, limited, root. Written down in host.conf.d, then in sudoers. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/agent_sudoers.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/userctl/sudoers_apply.h"
#include "pam_ssm/userctl/verbs.h"

#include <stdio.h>
#include <unistd.h>

static const char drop_in[] = "50-level.conf";

/* What stands in the drop-in; NULL: nothing. */
static enum err read_drop_in(const struct host_paths *paths, char **ret_content, size_t *ret_len, struct text *ret_why)
{
    char memory[LIMIT_PATH + 1];
    struct text path = text_in(memory, sizeof memory);
    text_format(&path, "%s/%s", paths->config_dir, drop_in);
    TRY(text_finish(&path));
    enum err err = path_trust_read(memory, paths->owner, LIMIT_HOST_CONFIG, ret_content, ret_len, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
        *ret_content = NULL;
        return ERR_OK;
    }
    return err;
}

static enum err write_drop_in(const struct host_paths *paths, enum host_level level, struct text *ret_why)
{
    char memory[128];
    struct text text = text_in(memory, sizeof memory);
    text_format(&text, "# Written by ssm-userctl level.\n[Privilege]\nLevel=%s\n", host_policy_level_text(level));
    TRY(host_files_make_config(paths, ret_why));
    return state_dir_write(paths->config_dir, drop_in, text_bytes(&text), 0644, true, ret_why);
}

static void restore_drop_in(const struct host_paths *paths, const char *content, size_t len)
{
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    enum err err = content != NULL
                       ? state_dir_write(paths->config_dir, drop_in, bytes_of(content, len), 0644, true, &why)
                       : state_dir_remove(paths->config_dir, drop_in, &why);
    if (err != ERR_OK) {
        log_error("level: %s/%s could not be put back as it was, mend it by hand: %s", paths->config_dir, drop_in,
                  memory);
    }
}

static bool is_dry(const struct sudoers_apply *wish)
{
    return wish->how == SUDOERS_SHOW;
}

static enum err install(const struct sudoers_apply *wish, enum host_level level, struct sudoers_applied *applied,
                        struct text *ret_why)
{
    struct node *node = wish->node;
    if (!is_dry(wish)) {
        TRY(node_read_policy(node, ret_why));
    } else {
        node->policy.privilege.level = level;
    }
    if (node->policy.privilege.level != level) {
        text_format(ret_why, "a file behind %s/%s says Level=%s, and the last one counts", node->paths->config_dir,
                    drop_in, host_policy_level_text(node->policy.privilege.level));
        return ERR_DENIED;
    }
    TRY(sudoers_apply(wish, applied, ret_why));
    if (is_dry(wish)) {
        return ERR_OK;
    }
    /* Ours beats it already; when ours is damaged some day, nothing stands behind it. */
    TRY(state_dir_make(node->paths->state_dir, node->paths->owner, ret_why));
    return agent_sudoers_install(node->paths, ret_why);
}

static enum err set_level(const struct sudoers_apply *wish, enum host_level level, struct sudoers_applied *applied,
                          struct text *ret_why)
{
    const struct host_paths *paths = wish->node->paths;
    AUTO_FREE char *before = NULL;
    size_t len = 0;
    TRY(read_drop_in(paths, &before, &len, ret_why));
    if (!is_dry(wish)) {
        TRY(write_drop_in(paths, level, ret_why));
    }
    enum err err = install(wish, level, applied, ret_why);
    if (err != ERR_OK && !is_dry(wish)) {
        restore_drop_in(paths, before, len);
    }
    return err;
}

static int level_run(const struct options *options)
{
    enum host_level level;
    if (host_policy_parse_level(options->arguments[0], &level) != ERR_OK) {
        log_error("level: %s is not one of none, limited, root (see: ssm-userctl level --help)", options->arguments[0]);
        return USERCTL_USAGE;
    }
    bool is_dry_run = options_has(options, OPTION_DRY_RUN);
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(is_dry_run ? NODE_READ : NODE_CHANGE, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    bool is_tightening = level <= node->policy.privilege.level;
    const struct sudoers_apply wish = {.node = node,
                                       .how = is_dry_run      ? SUDOERS_SHOW
                                              : is_tightening ? SUDOERS_TIGHTEN
                                                              : SUDOERS_LOOSEN,
                                       .accepts_findings = options_has(options, OPTION_I_KNOW)};
    struct sudoers_applied applied = {0};
    char words[2048];
    struct text why = text_in(words, sizeof words);
    err = set_level(&wish, level, &applied, &why);
    if (err != ERR_OK) {
        log_error("level: %s", words[0] != '\0' ? words : err_text(err));
        return userctl_exit_code(err);
    }
    if (!is_dry_run) {
        node_audit(node, "level", host_policy_level_text(level));
    }
    if (applied.is_outranked) {
        log_error("%s", words);
        return USERCTL_DRIFT;
    }
    return fflush(stdout) == 0 ? USERCTL_OK : USERCTL_ERROR;
}

const struct verb level_verb = {
    .name = "level",
    .arguments = "none|limited|root",
    .summary = "Set what sudo does for the account: nothing, the commands of limited.d, or everything.",
    .details = "It is written to /etc/ssm-bridge/host.conf.d/50-level.conf and to /etc/sudoers.d/zzz-ssm-bridge.\n"
               "The commands of the level limited are checked as by the verb lint first; its errors are refused\n"
               "unless --i-know is given, which holds until the list changes.",
    .options = OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_I_KNOW),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = level_run,
};
