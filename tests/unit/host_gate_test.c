/* pam_ssm's phases through libpam, as an ordinary user: what each is refused by, and that the process which it is a
 * guest of stays as it was. */
#include "tests/support/unit.h"

#include "tests/host/gate_node.h"
#include "tests/host/guest.h"

#include <security/pam_appl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

/* The stack's end, for whoever the module lets pass on: neither of its own results. */
#define PASSED_ON PAM_ACCT_EXPIRED

static struct gate_node node;
static char told[1024]; /* to the person */

static int converse(int count, const struct pam_message **messages, struct pam_response **ret_responses, void *data)
{
    (void)data;
    for (int i = 0; i < count; i++) {
        size_t len = strlen(told);
        (void)snprintf(told + len, sizeof told - len, "%s\n", messages[i]->msg);
    }
    *ret_responses = calloc((size_t)count, sizeof **ret_responses);
    return *ret_responses != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* One run of an application for one user, as sshd and sudo have it. */
static pam_handle_t *begin(const char *user, const char *arguments)
{
    char service[1024];
    char folder[128];
    (void)snprintf(service, sizeof service,
                   "auth [success=done ignore=ignore default=die] " SSM_TEST_MODULE " %s\n"
                   "auth required pam_debug.so auth=acct_expired cred=acct_expired\n"
                   "account [success=done ignore=ignore default=die] " SSM_TEST_MODULE " %s\n"
                   "account required pam_debug.so acct=acct_expired\n"
                   "session [success=done ignore=ignore default=die] " SSM_TEST_MODULE " %s\n"
                   "session required pam_debug.so open_session=acct_expired close_session=acct_expired\n"
                   "password [success=done ignore=ignore default=die] " SSM_TEST_MODULE " %s\n"
                   "password required pam_debug.so prechauthtok=acct_expired chauthtok=acct_expired\n",
                   arguments, arguments, arguments, arguments);
    gate_node_put(&node, "pam.d/gate", service, 0644);
    (void)snprintf(folder, sizeof folder, "%s/pam.d", node.root);
    static const struct pam_conv conversation = {converse, NULL};
    pam_handle_t *pamh = NULL;
    assert_int_equal(pam_start_confdir("gate", user, &conversation, folder, &pamh), PAM_SUCCESS);
    char variable[160];
    (void)snprintf(variable, sizeof variable, "SSH_CONNECTION=%s", node.connection);
    assert_int_equal(pam_putenv(pamh, variable), PAM_SUCCESS);
    told[0] = '\0';
    return pamh;
}

typedef int phase(pam_handle_t *pamh, int flags);

/* The result of a phase; the guest is looked at before and after. */
static int guarded(phase *run, pam_handle_t *pamh, int flags)
{
    static char before[GUEST_SIZE];
    static char after[GUEST_SIZE];
    guest_describe(before);
    int status = run(pamh, flags);
    guest_describe(after);
    assert_string_equal(before, after);
    return status;
}

static int account(const char *user, const char *arguments)
{
    pam_handle_t *pamh = begin(user, arguments);
    int status = guarded(pam_acct_mgmt, pamh, 0);
    assert_int_equal(pam_end(pamh, status), PAM_SUCCESS);
    return status;
}

static void assert_account(const char *arguments, int expected, const char *words)
{
    int status = account("ssm-user", arguments);
    if (status != expected || (words[0] == '\0' ? told[0] != '\0' : strstr(told, words) == NULL)) {
        fail_msg("%s: %d, not %d: %s", arguments, status, expected, told);
    }
}

static size_t count_events(const char *event)
{
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "\"event\":\"%s\"", event);
    char *log = gate_node_get(&node, "log/audit.jsonl");
    size_t count = 0;
    for (const char *at = strstr(log, wanted); at != NULL; at = strstr(at + 1, wanted)) {
        count++;
    }
    free(log);
    return count;
}

static int make_node(void **state)
{
    (void)state;
    gate_node_make(&node);
    return setenv("SSM_TEST_ROOT", node.root, 1);
}

static int remove_node(void **state)
{
    (void)state;
    gate_node_remove(&node);
    return 0;
}

/* ---- whose turn it is ---- */

static void everybody_else_is_passed_on_in_every_phase(void **state)
{
    (void)state;
    static const char *const users[] = {"root",     "visitor",   "ssm-user2", "ssm-use",
                                        "SSM-USER", " ssm-user", "ssm-user "};
    static phase *const phases[] = {pam_authenticate, pam_setcred,       pam_acct_mgmt,
                                    pam_open_session, pam_close_session, pam_chauthtok};
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        for (size_t j = 0; j < sizeof phases / sizeof phases[0]; j++) {
            pam_handle_t *pamh = begin(users[i], "");
            assert_int_equal(guarded(phases[j], pamh, 0), PASSED_ON);
            assert_int_equal(pam_end(pamh, PASSED_ON), PAM_SUCCESS);
            assert_null(strstr(told, "ssm-bridge"));
        }
    }
    assert_int_equal(account("visitor", "nonsense"), PASSED_ON); /* a typing error in our line is not theirs */
    assert_int_equal(account("ssm-user", "user=other"), PASSED_ON);
}

static void an_unknown_argument_is_a_service_error(void **state)
{
    (void)state;
    static const char *const wrong[] = {"nonsense", "require=", "require=root", "require=connection debug", "User=x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_account(wrong[i], PAM_SERVICE_ERR, "");
    }
}

/* ---- refused ---- */

static void a_policy_that_cannot_be_read_refuses(void **state)
{
    (void)state;
    gate_node_set_policy(&node, "[Privilege]\nLevel=everything\n");
    assert_account("", PAM_PERM_DENIED, "test.conf:2: level not one of none, limited, root");
    gate_node_put(&node, "etc/host.conf", "", 0666);
    assert_account("", PAM_PERM_DENIED, "host.conf may be written by others");
    gate_node_put(&node, "etc/host.conf", "", 0644);
    gate_node_set_policy(&node, "[Account]\nName=other\n");
    assert_account("", PAM_PERM_DENIED, "host.conf names other, the PAM line ssm-user");
    assert_account("require=session", PAM_PERM_DENIED, "host.conf names other");
    assert_account("require=grant", PAM_PERM_DENIED, "host.conf names other");
}

static void without_a_policy_the_defaults_hold(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/etc/host.conf", node.root);
    assert_int_equal(unlink(path), 0);
    assert_account("", PAM_PERM_DENIED, "not the SSM agent's session worker"); /* which is where the agent has it */
}

static void a_session_that_the_agent_does_not_know_is_refused(void **state)
{
    (void)state;
    gate_node_set_state(&node, "AWS-StartPortForwardingSession", 0);
    assert_account("", PAM_PERM_DENIED, "not one of Documents");
    gate_node_set_state(&node, "AWS-StartSSHSession", -10);
    assert_account("", PAM_PERM_DENIED, "not the SSM agent's session worker");
    gate_node_set_state(&node, "AWS-StartSSHSession", 10);
    assert_account("", PAM_PERM_DENIED, "not the SSM agent's session worker");
    gate_node_set_state(&node, "AWS-StartSSHSession", 0);
    assert_account("", PAM_SUCCESS, "");
    gate_node_remove_state(&node);
    assert_account("", PAM_PERM_DENIED, "not the SSM agent's session worker");
    gate_node_set_state(&node, "AWS-StartSSHSession", 0);
}

static void a_connection_of_somebody_else_is_refused(void **state)
{
    (void)state;
    char kept[sizeof node.connection];
    memcpy(kept, node.connection, sizeof kept);
    static const char *const wrong[] = {"", "nonsense", "192.0.2.1 1 192.0.2.2 22", "127.0.0.1 1 127.0.0.1 2"};
    static const char *const words[] = {"does not tell", "does not tell", "does not come from",
                                        "not the one that is served here"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)strcpy(node.connection, wrong[i]);
        assert_account("", PAM_PERM_DENIED, words[i]);
    }
    memcpy(node.connection, kept, sizeof kept);
    /* The worker's real connection, named in a process that does not serve it. */
    int server = dup(node.server);
    (void)close(node.server);
    int far = dup2(server, 900);
    (void)close(server);
    assert_account("", PAM_PERM_DENIED, "not the one that is served here");
    assert_int_equal(dup2(far, node.server), node.server);
    (void)close(far);
    assert_account("", PAM_SUCCESS, "");
}

static void a_session_that_nobody_opened_has_no_sudo(void **state)
{
    (void)state;
    assert_account("require=session", PAM_PERM_DENIED,
                   "no readable state of this session"); /* this process is no worker */
    assert_account("require=grant", PAM_PERM_DENIED, "ssm-bridge: ");
    assert_int_equal(count_events("sudo-refused"), 2);
    assert_int_equal(count_events("sudo-allowed"), 0);
}

static void a_lost_worker_is_refused(void **state)
{
    (void)state;
    gate_node_stop_worker(&node);
    assert_account("", PAM_PERM_DENIED, "ssm-bridge: ");
    gate_node_start_worker(&node);
    assert_account("", PAM_SUCCESS, "");
}

static void a_search_that_takes_too_long_is_a_refusal(void **state)
{
    (void)state;
    assert_int_equal(setenv("SSM_TEST_HURRY", "1", 1), 0);
    assert_account("", PAM_PERM_DENIED, "took too long");
    assert_account("require=session", PAM_PERM_DENIED, "took too long");
    gate_node_set_policy(&node, "[Session]\nRequireSsm=log\n");
    assert_account("", PAM_SUCCESS, "");
    assert_int_equal(count_events("login-unverified"), 1);
    assert_int_equal(unsetenv("SSM_TEST_HURRY"), 0);
}

static void silence_is_kept_in_sshd_and_not_in_sudo(void **state)
{
    (void)state;
    gate_node_set_state(&node, "Another", 0);
    pam_handle_t *pamh = begin("ssm-user", "");
    assert_int_equal(guarded(pam_acct_mgmt, pamh, (int)PAM_SILENT), PAM_PERM_DENIED);
    assert_string_equal(told, "");
    (void)pam_end(pamh, PAM_PERM_DENIED);
    pamh = begin("ssm-user", "require=grant");
    assert_int_equal(guarded(pam_acct_mgmt, pamh, (int)PAM_SILENT), PAM_PERM_DENIED);
    assert_non_null(strstr(told, "ssm-userctl"));
    (void)pam_end(pamh, PAM_PERM_DENIED);
}

static void an_audit_log_that_is_required(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/log", node.root);
    gate_node_set_policy(&node, "");
    assert_int_equal(chmod(path, 0777), 0); /* others may put their own file there */
    assert_account("", PAM_SUCCESS, "");
    assert_int_equal(count_events("login-allowed"), 0);
    gate_node_set_policy(&node, "[Audit]\nAudit=required\n");
    assert_account("", PAM_PERM_DENIED, "the audit log cannot be written");
    assert_int_equal(chmod(path, 0700), 0);
    assert_account("", PAM_SUCCESS, "");
    assert_int_equal(count_events("login-allowed"), 1);
    gate_node_put(&node, "log/second", "", 0600);
    char other[160];
    (void)snprintf(other, sizeof other, "%s/log/second", node.root);
    (void)snprintf(path, sizeof path, "%s/log/audit.jsonl", node.root);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(link(other, path), 0); /* a second name for somebody's file */
    assert_account("", PAM_PERM_DENIED, "the audit log cannot be written");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_account("", PAM_PERM_DENIED, "the audit log cannot be written");
}

/* ---- allowed ---- */

static void a_login_and_sudo_in_it(void **state)
{
    (void)state;
    pam_handle_t *login = begin("ssm-user", "");
    assert_int_equal(guarded(pam_acct_mgmt, login, 0), PAM_SUCCESS);
    assert_int_equal(guarded(pam_setcred, login, PAM_ESTABLISH_CRED), PAM_SUCCESS);
    assert_int_equal(guarded(pam_open_session, login, 0), PAM_SUCCESS);
    assert_string_equal(pam_getenv(login, "SSM_SESSION_ID"), GATE_NODE_SESSION);
    assert_string_equal(told, "");

    pam_handle_t *sudo = begin("ssm-user", "require=session");
    assert_int_equal(guarded(pam_authenticate, sudo, 0), PAM_SUCCESS);
    assert_int_equal(guarded(pam_acct_mgmt, sudo, 0), PAM_SUCCESS);
    assert_int_equal(guarded(pam_setcred, sudo, PAM_ESTABLISH_CRED), PAM_SUCCESS);
    assert_int_equal(guarded(pam_open_session, sudo, 0), PAM_SUCCESS);
    assert_int_equal(guarded(pam_close_session, sudo, 0), PAM_SUCCESS);
    assert_int_equal(pam_end(sudo, PAM_SUCCESS), PAM_SUCCESS);
    assert_int_equal(count_events("sudo-allowed"), 1); /* auth and account: one event */
    assert_int_equal(account("ssm-user", "require=session"), PAM_SUCCESS);
    assert_int_equal(count_events("sudo-allowed"), 2); /* account alone, as for -l */

    assert_account("require=grant", PAM_PERM_DENIED, "no grant is active for this session");
    gate_node_grant(&node, "bob-1");
    assert_account("require=grant", PAM_PERM_DENIED, "no grant is active for this session");
    gate_node_grant(&node, GATE_NODE_SESSION);
    assert_account("require=grant", PAM_SUCCESS, "");
    char *log = gate_node_get(&node, "log/audit.jsonl");
    assert_non_null(strstr(log, "\"grant_id\":\"0123456789abcdef\""));
    assert_non_null(strstr(log, "\"owner_arn\":\"" GATE_NODE_OWNER "\""));
    free(log);

    assert_int_equal(guarded(pam_close_session, login, (int)PAM_SILENT), PAM_SUCCESS);
    assert_int_equal(pam_end(login, PAM_SUCCESS), PAM_SUCCESS);
    assert_int_equal(count_events("login"), 1);
    assert_int_equal(count_events("logout"), 1);
    assert_int_equal(account("ssm-user", "require=session"), PAM_PERM_DENIED);
}

static void what_would_be_refused_is_only_logged(void **state)
{
    (void)state;
    gate_node_set_policy(&node, "[Session]\nRequireSsm=log\nDocuments=Another\n");
    assert_account("", PAM_SUCCESS, "");
    assert_int_equal(count_events("login-unverified"), 1);
    assert_int_equal(count_events("login-allowed"), 0);
    assert_account("require=session", PAM_SUCCESS, "");
    assert_int_equal(count_events("sudo-unverified"), 1);
    assert_account("require=grant", PAM_PERM_DENIED, "no grant"); /* the level none stands */
    gate_node_set_policy(&node, "[Session]\nRequireSsm=log\nDocuments=\n[Account]\nName=other\n");
    assert_account("", PAM_PERM_DENIED, "host.conf names other"); /* without a policy nobody has said `log` */
}

static void the_password_phase_is_not_ours(void **state)
{
    (void)state;
    pam_handle_t *pamh = begin("ssm-user", "");
    assert_int_equal(guarded(pam_chauthtok, pamh, 0), PASSED_ON);
    assert_int_equal(pam_end(pamh, PASSED_ON), PAM_SUCCESS);
}

int main(void)
{
#define ON_NODE(test) cmocka_unit_test_setup_teardown(test, make_node, remove_node)
    const struct CMUnitTest tests[] = {
        ON_NODE(everybody_else_is_passed_on_in_every_phase),
        ON_NODE(an_unknown_argument_is_a_service_error),
        ON_NODE(a_policy_that_cannot_be_read_refuses),
        ON_NODE(without_a_policy_the_defaults_hold),
        ON_NODE(a_session_that_the_agent_does_not_know_is_refused),
        ON_NODE(a_connection_of_somebody_else_is_refused),
        ON_NODE(a_session_that_nobody_opened_has_no_sudo),
        ON_NODE(a_lost_worker_is_refused),
        ON_NODE(a_search_that_takes_too_long_is_a_refusal),
        ON_NODE(silence_is_kept_in_sshd_and_not_in_sudo),
        ON_NODE(an_audit_log_that_is_required),
        ON_NODE(a_login_and_sudo_in_it),
        ON_NODE(what_would_be_refused_is_only_logged),
        ON_NODE(the_password_phase_is_not_ours),
    };
    /* sshd and sudo have theirs open, too: the first line would be the one that opens it. */
    openlog("host_gate_test", LOG_NDELAY, LOG_AUTHPRIV);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
