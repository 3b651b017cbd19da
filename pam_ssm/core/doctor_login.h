/* doctor_login: the ways in to the governed account: sshd's effective settings, the agent's worker, the kernel, and
 * what the account itself has. */
#ifndef SSM_HOST_CORE_DOCTOR_LOGIN_H
#define SSM_HOST_CORE_DOCTOR_LOGIN_H

#include "pam_ssm/core/doctor_report.h"
#include "pam_ssm/core/word_list.h"

/* Texts are borrowed; NULL: it could not be read. */
struct doctor_sshd_facts {
    const char *user;
    bool is_installed;
    const char *remote; /* what `sshd -T -C` prints for the user from another machine */
    const char *local;  /* and from 127.0.0.1 */
    const char *complaint;
    bool is_module_usable; /* pam_ssm.so can be loaded */
    const char *module;    /* its path, or why not */
};
void doctor_login_judge_sshd(const struct doctor_sshd_facts *facts, struct doctor_report *report);

struct doctor_server_facts {
    const char *program; /* an SSH server other than OpenSSH's */
    int64_t pid;         /* of root's process that runs it; 0: none does */
};
struct doctor_servers_facts {
    const char *user;
    const struct doctor_server_facts *servers;
    size_t count;
    const char *tailscale; /* what `tailscale debug prefs` prints */
};
void doctor_login_judge_servers(const struct doctor_servers_facts *facts, struct doctor_report *report);

struct doctor_worker_facts {
    const char *path; /* of WorkerPath */
    bool exists;
    bool is_trusted; /* root's alone, and so is every directory above it */
};
struct doctor_kernel_facts {
    const struct doctor_worker_facts *workers;
    size_t worker_count;
    int selinux_enforcing; /* -1: no SELinux */
    int ptrace_scope;      /* of Yama; -1: no Yama */
};
void doctor_login_judge_kernel(const struct doctor_kernel_facts *facts, struct doctor_report *report);

struct doctor_account_facts {
    const char *name;
    bool is_readable, is_known;
    int64_t uid;
    const struct word_list *groups;
    bool is_closed; /* locked and expired */
    bool wants_closed;
    bool has_crontab, has_at_job, is_lingering, has_user_units, has_keys;
    const char *home;
    size_t processes, live_sessions;
};
void doctor_login_judge_account(const struct doctor_account_facts *facts, struct doctor_report *report);

#endif
