/* The node's module: each of its phases, and each piece of evidence that is missing. Whatever call fails, nobody enters
 * who would not have, and the process that it is a guest of is as it was. */
#include "tests/torture/scenario.h"

#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/gate.h"
#include "tests/host/gate_node.h"
#include "tests/host/guest.h"
#include "tests/torture/torture.h"

#include <dirent.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct gate_node node;

static int say_nothing(int count, const struct pam_message **messages, struct pam_response **ret_responses, void *data)
{
    (void)messages;
    (void)data;
    *ret_responses = calloc((size_t)count, sizeof **ret_responses);
    return *ret_responses != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

static pam_handle_t *begin(void)
{
    static const struct pam_conv conversation = {say_nothing, NULL};
    char folder[128];
    char variable[160];
    (void)snprintf(folder, sizeof folder, "%s/pam.d", node.root);
    (void)snprintf(variable, sizeof variable, "SSH_CONNECTION=%s", node.connection);
    pam_handle_t *pamh = NULL;
    scenario_demand(pam_start_confdir("gate", "ssm-user", &conversation, folder, &pamh) == PAM_SUCCESS &&
                        pam_putenv(pamh, variable) == PAM_SUCCESS,
                    "pam_start_confdir");
    return pamh;
}

static void remove_node(void)
{
    gate_node_remove(&node);
}

/* Removes what is in a folder: how much that was, besides the temporary files of those who were killed. */
static unsigned empty(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", node.root, name);
    DIR *folder = opendir(path);
    scenario_demand(folder != NULL, path);
    unsigned count = 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            count += entry->d_name[0] != '.';
            scenario_demand(unlinkat(dirfd(folder), entry->d_name, 0) == 0 ||
                                unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR) == 0,
                            path);
        }
    }
    (void)closedir(folder);
    return count;
}

/* One node for all runs: a session that is open, and no record of a login. */
static void make_node(void)
{
    if (node.root[0] == '\0') {
        gate_node_make(&node);
        gate_node_put(&node, "pam.d/gate", "account required pam_permit.so\n", 0644);
        (void)atexit(remove_node);
    }
    (void)empty("run/sessions");
    (void)empty("lib/grants");
    (void)empty("log");
    gate_node_set_policy(&node, "");
    gate_node_set_state(&node, "AWS-StartSSHSession", 0);
}

typedef int phase(pam_handle_t *pamh, const char *argument);

static int check(pam_handle_t *pamh, const char *argument)
{
    return gate_check(&node.tree.paths, pamh, 0, 1, &argument);
}

static int open_session(pam_handle_t *pamh, const char *argument)
{
    return gate_open_session(&node.tree.paths, pamh, 1, &argument);
}

static int close_session(pam_handle_t *pamh, const char *argument)
{
    return gate_close_session(&node.tree.paths, pamh, 1, &argument);
}

static int run_guarded(phase *run, const char *argument, bool is_tortured)
{
    static char before[GUEST_SIZE];
    static char after[GUEST_SIZE];
    pam_handle_t *pamh = begin();
    guest_describe(before);
    if (is_tortured) {
        torture_go_on();
    }
    int status = run(pamh, argument);
    torture_pause();
    guest_describe(after);
    scenario_demand(strcmp(before, after) == 0, "the process is not as it was");
    (void)pam_end(pamh, status);
    return status;
}

/* Only what the phase calls is counted. */
static int run_alone(phase *run, const char *argument)
{
    torture_pause();
    int status = run_guarded(run, argument, true);
    torture_go_on();
    return status;
}

/* Nothing fails, and nothing is counted. */
static int run_alone_unharmed(phase *run, const char *argument)
{
    return run_guarded(run, argument, false);
}

/* ---- who may ---- */

static enum err log_in(void)
{
    int status = run_alone(check, "require=connection");
    scenario_demand(status == PAM_SUCCESS || status == PAM_PERM_DENIED, "neither allowed nor refused");
    return status == PAM_SUCCESS ? ERR_OK : ERR_SYSTEM;
}

/* Succeeds whatever happens; a record that is there is whole. */
static enum err begin_session(void)
{
    scenario_demand(run_alone(open_session, "require=connection") == PAM_SUCCESS, "a session phase refuses");
    torture_pause();
    int status = run_alone_unharmed(check, "require=session");
    bool is_written = empty("run/sessions") == 1;
    torture_go_on();
    scenario_demand(is_written == (status == PAM_SUCCESS), "a record that is not whole");
    return is_written ? ERR_OK : ERR_SYSTEM;
}

static void make_session(void)
{
    make_node();
    scenario_demand(run_alone_unharmed(open_session, "require=connection") == PAM_SUCCESS, "no session");
    gate_node_grant(&node, GATE_NODE_SESSION);
}

static enum err become_root(void)
{
    int status = run_alone(check, "require=grant");
    scenario_demand(status == PAM_SUCCESS || status == PAM_PERM_DENIED, "neither allowed nor refused");
    return status == PAM_SUCCESS ? ERR_OK : ERR_SYSTEM;
}

static enum err end_session(void)
{
    scenario_demand(run_alone(close_session, "require=connection") == PAM_SUCCESS, "a session phase refuses");
    torture_pause();
    bool is_left = empty("run/sessions") > 0;
    torture_go_on();
    return is_left ? ERR_SYSTEM : ERR_OK;
}

/* ---- who may not ---- */

static enum err refuse_login(void)
{
    scenario_demand(run_alone(check, "require=connection") == PAM_PERM_DENIED, "somebody enters");
    return ERR_OK;
}

static enum err refuse_sudo(void)
{
    scenario_demand(run_alone(check, "require=session") == PAM_PERM_DENIED, "sudo outside of a session");
    return ERR_OK;
}

static enum err refuse_root(void)
{
    scenario_demand(run_alone(check, "require=grant") == PAM_PERM_DENIED, "root without a grant");
    return ERR_OK;
}

static void make_session_unknown(void)
{
    make_node();
    gate_node_set_state(&node, "AWS-StartSSHSession", -60);
}

static void make_other_document(void)
{
    make_node();
    gate_node_set_state(&node, "AWS-StartPortForwardingSession", 0);
}

static void make_owner_refused(void)
{
    make_node();
    gate_node_set_policy(&node, "[Session]\nAllowOwner=arn:aws:iam::123456789012:user/bob\n");
}

static void make_policy_broken(void)
{
    make_node();
    gate_node_set_policy(&node, "[Session]\nRequireSsm=maybe\n");
}

static void make_log_required(void)
{
    make_node();
    gate_node_set_policy(&node, "[Audit]\nAudit=required\n");
    char path[128];
    (void)snprintf(path, sizeof path, "%s/log/audit.jsonl", node.root);
    scenario_demand(mkdir(path, 0700) == 0, path);
}

static void make_grant_of_another(void)
{
    make_session();
    gate_node_grant(&node, "bob-1");
}

/* ---- files that are written whole ---- */

static void make_old_file(void)
{
    make_node();
    gate_node_put(&node, "lib/grants/file", "old", 0600);
}

/* Old or new, and never told to be there when it is not. */
static enum err judge_file(enum err err)
{
    torture_pause();
    char *content = gate_node_get(&node, "lib/grants/file");
    bool is_new = strcmp(content, "the new content") == 0;
    scenario_demand(is_new || strcmp(content, "old") == 0, "a file that is neither old nor new");
    scenario_demand(is_new || err != ERR_OK, "written, and not there");
    free(content);
    torture_go_on();
    return err;
}

static enum err write_file(void)
{
    char words[256];
    struct text why = text_in(words, sizeof words);
    return judge_file(
        state_dir_write(node.tree.grants_dir, "file", bytes_of_text("the new content"), 0600, true, &why));
}

static enum err replace_file(void)
{
    char words[256];
    struct text why = text_in(words, sizeof words);
    return judge_file(state_dir_replace(node.tree.grants_dir, "file", bytes_of_text("the new content"), &why));
}

const struct scenario host_scenarios[] = {
    {"file written", make_old_file, write_file},
    {"file replaced", make_old_file, replace_file},
    {"login", make_node, log_in},
    {"session begins", make_node, begin_session},
    {"root by a grant", make_session, become_root},
    {"session ends", make_session, end_session},
    {"stale state file", make_session_unknown, refuse_login},
    {"other document", make_other_document, refuse_login},
    {"other owner", make_owner_refused, refuse_login},
    {"broken policy", make_policy_broken, refuse_login},
    {"log is required", make_log_required, refuse_login},
    {"no session", make_node, refuse_sudo},
    {"another's grant", make_grant_of_another, refuse_root},
};
const size_t host_scenario_count = COUNT(host_scenarios);
