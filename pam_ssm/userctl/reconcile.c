#include "pam_ssm/userctl/reconcile.h"

#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/userctl/components.h"
#include "pam_ssm/userctl/key_store.h"
#include "pam_ssm/userctl/live_grants.h"
#include "pam_ssm/userctl/logins.h"
#include "pam_ssm/userctl/userctl_exit.h"
#include "pam_ssm/userctl/userctl_print.h"

#include <stdio.h>

#define WHY_SIZE 2048

/* ---- saying ---- */

static void check_one(struct node *node, const struct component *component, struct text *lines)
{
    char memory[WHY_SIZE];
    struct text why = text_in(memory, sizeof memory);
    text_clear(lines);
    enum err err = component->check(node, lines, &why);
    if (err != ERR_OK) {
        text_clear(lines);
        text_format(lines, "cannot be looked at: %s\n", memory[0] != '\0' ? memory : err_text(err));
    }
}

void reconcile_put_differences(struct node *node, struct text *text, size_t *ret_count)
{
    *ret_count = 0;
    AUTO_FREE char *memory = malloc(COMPONENT_TEXT);
    for (size_t i = 0; memory != NULL && components[i] != NULL; i++) {
        struct text lines = text_in(memory, COMPONENT_TEXT);
        check_one(node, components[i], &lines);
        char *state = NULL;
        for (const char *line = strtok_r(memory, "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state)) {
            text_format(text, "%s: %s\n", components[i]->name, line);
            (*ret_count)++;
        }
    }
}

json_t *reconcile_lines_to_json(char *lines)
{
    json_t *array = json_array();
    char *state = NULL;
    for (const char *line = strtok_r(lines, "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state)) {
        (void)json_array_append_new(array, userctl_print_string(line));
    }
    return array;
}

int reconcile_print_plan(struct node *node, bool as_json)
{
    AUTO_FREE char *memory = malloc((size_t)4 * COMPONENT_TEXT);
    if (memory == NULL) {
        log_error("out of memory");
        return USERCTL_ERROR;
    }
    struct text text = text_in(memory, (size_t)4 * COMPONENT_TEXT);
    size_t count = 0;
    reconcile_put_differences(node, &text, &count);
    bool is_printed = false;
    if (as_json) {
        is_printed = userctl_print_json(
            json_pack("{s:b, s:o}", "is_as_wanted", count == 0, "differences", reconcile_lines_to_json(memory)));
    } else {
        printf("%s", count > 0 ? memory : "nothing to do: the node is as the policy wants it\n");
        is_printed = fflush(stdout) == 0;
    }
    if (!is_printed) {
        return USERCTL_ERROR;
    }
    return count > 0 ? USERCTL_DRIFT : USERCTL_OK;
}

/* ---- doing ---- */

static enum err sweep_logins(const struct node *node, struct text *ret_why)
{
    size_t swept = 0;
    TRY(logins_sweep(node->paths, node->now.boot_id, &swept, ret_why));
    if (swept > 0) {
        printf("logins: %zu records of logins that have ended are removed\n", swept);
    }
    return ERR_OK;
}

static enum err sweep_remains(const struct node *node, struct text *ret_why)
{
    TRY(state_dir_sweep(node->paths->sudoers_dir, ret_why));
    TRY(state_dir_sweep(node->paths->grants_dir, ret_why));
    TRY(state_dir_sweep(node->paths->pam_dir, ret_why));
    TRY(state_dir_sweep(node->paths->sshd_dir, ret_why));
    return state_dir_sweep(node->paths->state_dir, ret_why);
}

/* The worst of two exit codes: an error says more than a refusal, and a refusal more than success. */
static int worse(int a, int b)
{
    if (a == USERCTL_ERROR || b == USERCTL_ERROR) {
        return USERCTL_ERROR;
    }
    return a != USERCTL_OK ? a : b;
}

static int judge(const char *name, enum err err, const char *why)
{
    if (err != ERR_OK) {
        log_error("%s: %s", name, why[0] != '\0' ? why : err_text(err));
    }
    return userctl_exit_code(err);
}

int reconcile_apply(struct node *node)
{
    char memory[WHY_SIZE];
    struct text why = text_in(memory, sizeof memory);
    int code = judge("grants", live_grants_sweep(node, &why), memory);
    text_clear(&why);
    code = worse(code, judge("logins", sweep_logins(node, &why), memory));
    text_clear(&why);
    code = worse(code, judge("keys", key_store_sweep(node, &why), memory));
    text_clear(&why);
    code = worse(code, judge("what a killed run has left", sweep_remains(node, &why), memory));
    for (size_t i = 0; components[i] != NULL; i++) {
        text_clear(&why);
        enum err err = components[i]->apply(node, &why);
        (void)fflush(stdout); /* in order with what is said on standard error */
        code = worse(code, judge(components[i]->name, err, memory));
    }
    return code;
}
