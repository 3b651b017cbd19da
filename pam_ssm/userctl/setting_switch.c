#include "pam_ssm/userctl/setting_switch.h"

#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/userctl/components.h"
#include "pam_ssm/userctl/reconcile.h"
#include "pam_ssm/userctl/userctl_exit.h"
#include "pam_ssm/userctl/userctl_options.h"
#include "pam_ssm/userctl/userctl_print.h"

#include <stdio.h>
#include <unistd.h>

static enum err put_name(const char *name, char memory[64])
{
    struct text text = text_in(memory, 64);
    text_format(&text, "disabled-%s", name);
    return text_finish(&text);
}

bool setting_switch_is_on(const struct node *node, const char *name)
{
    char file[64], path[LIMIT_PATH + 1];
    struct text text = text_in(path, sizeof path);
    if (put_name(name, file) != ERR_OK) {
        return true;
    }
    text_format(&text, "%s/%s", node->paths->state_dir, file);
    return access(path, F_OK) != 0;
}

enum err setting_switch_set(const struct node *node, const char *name, bool is_on, struct text *ret_why)
{
    char file[64];
    TRY(put_name(name, file));
    TRY(state_dir_make(node->paths->state_dir, node->paths->owner, ret_why));
    return is_on ? state_dir_remove(node->paths->state_dir, file, ret_why)
                 : state_dir_write(node->paths->state_dir, file, bytes_of_text("# Written by ssm-userctl.\n"), 0600,
                                   true, ret_why);
}

/* ---- the verbs ---- */

static bool put_out(char *differences, bool as_json)
{
    bool is_as_wanted = differences[0] == '\0';
    if (as_json) {
        return userctl_print_json(
            json_pack("{s:b, s:o}", "is_as_wanted", is_as_wanted, "differences", reconcile_lines_to_json(differences)));
    }
    printf("%s", is_as_wanted ? "as it should be\n" : differences);
    return fflush(stdout) == 0;
}

/* 0, or USERCTL_DRIFT when something differs. */
static int print_differences(const struct setting_verb *verb, struct node *node, bool as_json)
{
    AUTO_FREE char *memory = malloc(COMPONENT_TEXT);
    char words[2048];
    struct text why = text_in(words, sizeof words);
    if (memory == NULL) {
        return USERCTL_ERROR;
    }
    struct text differences = text_in(memory, COMPONENT_TEXT);
    enum err err = verb->check(node, &differences, &why);
    if (err != ERR_OK) {
        log_error("%s: %s", verb->name, words[0] != '\0' ? words : err_text(err));
        return userctl_exit_code(err);
    }
    int code = memory[0] != '\0' ? USERCTL_DRIFT : USERCTL_OK;
    return put_out(memory, as_json) ? code : USERCTL_ERROR;
}

static enum err enable(const struct setting_verb *verb, struct node *node, struct text *ret_why)
{
    TRY(setting_switch_set(node, verb->name, true, ret_why));
    TRY(verb->apply(node, ret_why));
    node_audit(node, verb->name, "enabled");
    return ERR_OK;
}

static enum err disable(const struct setting_verb *verb, struct node *node, struct text *ret_why)
{
    TRY(setting_switch_set(node, verb->name, false, ret_why));
    TRY(verb->undo(node, false, ret_why));
    node_audit(node, verb->name, "disabled");
    printf("%s: disabled; ssm-userctl apply leaves it so\n", verb->name);
    return ERR_OK;
}

static int dry_run(const struct setting_verb *verb, struct node *node, bool is_enable)
{
    if (is_enable) {
        return print_differences(verb, node, false) == USERCTL_ERROR ? USERCTL_ERROR : USERCTL_OK;
    }
    printf("what is ours in the files of %s would be taken out\n", verb->name);
    return USERCTL_OK;
}

int setting_switch_run(const struct setting_verb *verb, const struct options *options)
{
    const char *action = options->arguments[0];
    bool is_enable = strcmp(action, "enable") == 0;
    bool is_check = strcmp(action, "check") == 0;
    if (!is_enable && !is_check && strcmp(action, "disable") != 0) {
        log_error("%s: %s is not one of enable, disable, check", verb->name, action);
        return USERCTL_USAGE;
    }
    bool as_json = options_has(options, OPTION_JSON);
    if (as_json && !is_check) {
        log_error("%s: --json is for check alone", verb->name);
        return USERCTL_USAGE;
    }
    bool is_dry = is_check || options_has(options, OPTION_DRY_RUN);
    AUTO(node_close) struct node *node = NULL;
    enum err err = node_open(is_dry ? NODE_READ : NODE_CHANGE, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    if (is_dry) {
        return is_check ? print_differences(verb, node, as_json) : dry_run(verb, node, is_enable);
    }
    char words[2048];
    struct text why = text_in(words, sizeof words);
    err = is_enable ? enable(verb, node, &why) : disable(verb, node, &why);
    if (err != ERR_OK) {
        log_error("%s %s: %s; nothing was changed", verb->name, action, words[0] != '\0' ? words : err_text(err));
        return userctl_exit_code(err);
    }
    return fflush(stdout) == 0 ? USERCTL_OK : USERCTL_ERROR;
}
