#include "pam_ssm/core/doctor_login.h"

#include "pam_ssm/core/host_policy.h"

#include <inttypes.h>

/* ---- sshd ---- */

/* The value behind `key`, which sshd -T prints in lower case at the begin of a line; `len` 0: there is none. */
static struct bytes next_value(const char **at, const char *key)
{
    size_t key_len = strlen(key);
    while (**at != '\0') {
        const char *line = *at;
        size_t len = strcspn(line, "\n");
        *at = line + len + (line[len] == '\n' ? 1 : 0);
        if (len > key_len && strncmp(line, key, key_len) == 0 && line[key_len] == ' ') {
            return bytes_of(line + key_len + 1, len - key_len - 1);
        }
    }
    return bytes_of(NULL, 0);
}

/* Does DenyUsers name this user, without a host? sshd -T prints one line a pattern. */
static bool is_denied(const char *settings, const char *user)
{
    const char *at = settings;
    for (struct bytes value; (value = next_value(&at, "denyusers")).len > 0;) {
        if (bytes_equal_text(value, user)) {
            return true;
        }
    }
    return false;
}

static void judge_networks(const struct doctor_sshd_facts *facts, struct doctor_report *report)
{
    if (is_denied(facts->local, facts->user)) {
        doctor_report_add(report, "sshd-networks", DOCTOR_BAD, "find the DenyUsers line: grep -rn DenyUsers /etc/ssh",
                          "sshd refuses %s from loopback too: no session gets in", facts->user);
    } else if (!is_denied(facts->remote, facts->user)) {
        doctor_report_add(
            report, "sshd-networks", DOCTOR_WARN,
            "ssm-userctl sshd enable; the Include of sshd_config.d must stand first in /etc/ssh/sshd_config",
            "sshd does not refuse %s from other machines: our drop-in is not in force, and PAM alone refuses it",
            facts->user);
    } else {
        doctor_report_add(report, "sshd-networks", DOCTOR_OK, NULL, "sshd refuses %s from other machines, before PAM",
                          facts->user);
    }
}

void doctor_login_judge_sshd(const struct doctor_sshd_facts *facts, struct doctor_report *report)
{
    if (!facts->is_installed) {
        doctor_report_add(report, "sshd", DOCTOR_WARN, "install openssh-server for SSH through Session Manager",
                          "there is no sshd");
        return;
    }
    if (facts->remote == NULL || facts->local == NULL) {
        doctor_report_add(report, "sshd", DOCTOR_UNKNOWN, "sshd -t says what is wrong with its configuration",
                          "sshd does not tell its settings: %.200s",
                          facts->complaint != NULL ? facts->complaint : "no reason given");
        return;
    }
    const char *at = facts->local;
    if (bytes_equal_text(next_value(&at, "usepam"), "yes")) {
        doctor_report_add(report, "sshd-pam", DOCTOR_OK, NULL, "sshd asks PAM");
    } else {
        doctor_report_add(report, "sshd-pam", DOCTOR_BAD, "set `UsePAM yes` in /etc/ssh/sshd_config",
                          "sshd does not ask PAM (UsePAM no): no session is verified, and a parked account stays shut");
    }
    judge_networks(facts, report);
    if (facts->is_module_usable) {
        doctor_report_add(report, "pam-module", DOCTOR_OK, NULL, "%s", facts->module);
    } else {
        doctor_report_add(report, "pam-module", DOCTOR_BAD, "install the package again: nobody gets in as ssm-user",
                          "pam_ssm.so cannot be loaded: %s", facts->module);
    }
}

/* ---- other SSH servers ---- */

/* Tailscale's daemon is there for its network first; its SSH server is a setting (ipn.Prefs.RunSSH). */
static bool serves_ssh(const struct doctor_server_facts *server, const char *tailscale)
{
    return server->pid > 0 && (strcmp(server->program, "tailscaled") != 0 || tailscale == NULL ||
                               strstr(tailscale, "\"RunSSH\": false") == NULL);
}

void doctor_login_judge_servers(const struct doctor_servers_facts *facts, struct doctor_report *report)
{
    size_t found = 0;
    for (size_t i = 0; i < facts->count; i++) {
        const struct doctor_server_facts *server = &facts->servers[i];
        if (serves_ssh(server, facts->tailscale)) {
            found++;
            doctor_report_add(
                report, "ssh-servers", DOCTOR_WARN,
                "stop it, or keep the account out by its own settings (Tailscale: tailscale set --ssh=false)",
                "%s runs (process %" PRId64 "): nothing makes it look whether %s is expired, or ask pam_ssm",
                server->program, server->pid, facts->user);
        }
    }
    if (found == 0) {
        doctor_report_add(report, "ssh-servers", DOCTOR_OK, NULL, "no known SSH server runs besides OpenSSH's");
    }
}

/* ---- the kernel and the agent's worker ---- */

static void judge_workers(const struct doctor_kernel_facts *facts, struct doctor_report *report)
{
    size_t found = 0;
    for (size_t i = 0; i < facts->worker_count; i++) {
        const struct doctor_worker_facts *worker = &facts->workers[i];
        if (!worker->exists) {
            continue;
        }
        found++;
        if (worker->is_trusted) {
            doctor_report_add(report, "worker", DOCTOR_OK, NULL, "%s", worker->path);
        } else {
            doctor_report_add(report, "worker", DOCTOR_BAD, "chown root: it, and take away write access for all others",
                              "%s, or a directory above it, can be changed by others than root", worker->path);
        }
    }
    if (found == 0) {
        doctor_report_add(report, "worker", DOCTOR_BAD,
                          "install the SSM agent, or set WorkerPath in /etc/ssm-bridge/host.conf",
                          "none of the files of WorkerPath is there: no session can be verified");
    }
}

void doctor_login_judge_kernel(const struct doctor_kernel_facts *facts, struct doctor_report *report)
{
    judge_workers(facts, report);
    if (facts->selinux_enforcing > 0) {
        doctor_report_add(report, "selinux", DOCTOR_WARN,
                          "if logins are refused, look for denials: ausearch -m avc -c sshd; and allow what they name",
                          "SELinux is enforcing: sshd may be kept from asking the kernel whose a connection is");
    } else {
        doctor_report_add(report, "selinux", DOCTOR_OK, NULL, "SELinux is not enforcing");
    }
    if (facts->ptrace_scope == 0) {
        doctor_report_add(report, "ptrace", DOCTOR_WARN, "sysctl kernel.yama.ptrace_scope=1",
                          "sessions of the same account can trace each other's processes");
    } else {
        doctor_report_add(report, "ptrace", facts->ptrace_scope > 0 ? DOCTOR_OK : DOCTOR_NOTE, NULL,
                          facts->ptrace_scope > 0
                              ? "sessions of the same account cannot trace each other's processes"
                              : "no Yama: sessions of the same account can trace each other's processes");
    }
}

/* ---- the account ---- */

static void judge_groups(const struct doctor_account_facts *facts, struct doctor_report *report)
{
    bool is_clean = true;
    for (const char *group = word_list_first(facts->groups); group != NULL;
         group = word_list_next(facts->groups, group)) {
        if (host_policy_is_forbidden_group(group)) {
            is_clean = false;
            doctor_report_add(report, "account-groups", DOCTOR_BAD, "take it out: gpasswd -d ssm-user GROUP",
                              "%s is in the group %s, which is as good as root", facts->name, group);
        }
    }
    if (is_clean) {
        doctor_report_add(report, "account-groups", DOCTOR_OK, NULL, "%s is in no group that is as good as root",
                          facts->name);
    }
}

/* What a session can leave behind, to come back without one. */
static void judge_remains(const struct doctor_account_facts *facts, struct doctor_report *report)
{
    const struct {
        bool is_there;
        const char *check, *what, *advice;
    } remains[] = {
        {facts->has_crontab, "account-cron", "a crontab", "look at it, then: crontab -r -u ssm-user"},
        {facts->has_at_job, "account-at", "a job of at(1)", "look at it, then: atq and atrm as root"},
        {facts->has_keys, "account-keys", "SSH keys in its home that stay when their session ends",
         "remove ~/.ssh/authorized_keys; ssm-userctl key accept takes keys for a minute"},
        {facts->is_lingering, "account-linger", "a user manager that starts at boot",
         "loginctl disable-linger ssm-user"},
        {facts->has_user_units, "account-units", "systemd units of its own in its home",
         "look at ~/.config/systemd/user and remove what nobody knows"},
    };
    for (size_t i = 0; i < sizeof remains / sizeof remains[0]; i++) {
        if (remains[i].is_there) {
            doctor_report_add(report, remains[i].check, DOCTOR_WARN, remains[i].advice, "%s has %s", facts->name,
                              remains[i].what);
        } else {
            doctor_report_add(report, remains[i].check, DOCTOR_OK, NULL, "%s does not have %s", facts->name,
                              remains[i].what);
        }
    }
    if (facts->processes > 0 && facts->live_sessions == 0) {
        doctor_report_add(report, "account-processes", DOCTOR_WARN, "look at them: ps -u ssm-user -f",
                          "%zu processes of %s run, and no session is open", facts->processes, facts->name);
    } else {
        doctor_report_add(report, "account-processes", DOCTOR_OK, NULL, "%zu processes of %s, %zu open sessions",
                          facts->processes, facts->name, facts->live_sessions);
    }
}

void doctor_login_judge_account(const struct doctor_account_facts *facts, struct doctor_report *report)
{
    if (!facts->is_readable) {
        doctor_report_add(report, "account", DOCTOR_UNKNOWN, "getent passwd ssm-user; getent shadow ssm-user",
                          "the databases of accounts cannot be read");
        return;
    }
    if (!facts->is_known) {
        doctor_report_add(report, "account", DOCTOR_WARN,
                          "ssm-userctl init: else the agent creates it, and SSH fails until it has",
                          "there is no account %s", facts->name);
        return;
    }
    if (facts->uid == 0) {
        doctor_report_add(report, "account", DOCTOR_BAD, "ssm-userctl status", "%s has user id 0", facts->name);
    } else if (!facts->is_closed && facts->wants_closed) {
        doctor_report_add(report, "account", DOCTOR_BAD, "ssm-userctl apply",
                          "%s (user id %" PRId64 ") is open: sshd, su and cron let it in without pam_ssm", facts->name,
                          facts->uid);
    } else {
        doctor_report_add(report, "account", DOCTOR_OK, NULL, "%s (user id %" PRId64 ") is %s", facts->name, facts->uid,
                          facts->is_closed ? "parked" : "open, as the policy has it");
    }
    judge_groups(facts, report);
    judge_remains(facts, report);
}
