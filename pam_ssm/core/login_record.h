/* login_record: who is in, one file a login: /run/ssm-bridge/sessions/PID-START, a key_value file written by pam_ssm in
 * sshd's privileged process. It is alive as long as that very process is: nothing is counted, so that nothing can drift
 * when a process is killed. It counts as long as the session's worker is there, too: a user may stop sshd's process of
 * his own, and sshd's privileged one then never learns that the connection is gone.
 *
 * sudo finds its session by walking from its own process up to one that has a record. */
#ifndef SSM_HOST_CORE_LOGIN_RECORD_H
#define SSM_HOST_CORE_LOGIN_RECORD_H

#include "pam_ssm/core/agent_state.h"
#include "pam_ssm/core/grant.h"
#include "pam_ssm/core/proc_stat.h"

#define LOGIN_RECORD_NAME_SIZE 48
#define LOGIN_RECORD_PEER_SIZE 112 /* two addresses and two ports */

struct login_record {
    int64_t pid;
    int64_t start_ticks;
    char boot_id[HOST_BOOT_ID_LEN + 1];
    struct agent_session session; /* the worker's pid and start are those at the login */
    int64_t worker_start_ticks;   /* by the kernel: the agent's time moves with the clock */
    char user[LIMIT_USER + 1];
    char service[LIMIT_USER + 1];      /* PAM service */
    char peer[LOGIN_RECORD_PEER_SIZE]; /* SSH_CONNECTION */
    int64_t opened_unix_s;
};

/* "PID-START". */
void login_record_name(int64_t pid, int64_t start_ticks, char ret_name[LOGIN_RECORD_NAME_SIZE]);
/* The other way round; ERR_MALFORMED for any other name. */
enum err login_record_parse_name(const char *name, int64_t *ret_pid, int64_t *ret_start_ticks) SSM_MUST_USE;

/* `memory` is cut into strings, see key_value_parse. ERR_MALFORMED. */
enum err login_record_parse(char *memory, size_t len, struct login_record *ret_record) SSM_MUST_USE;
void login_record_render(const struct login_record *record, struct text *text);

/* `process` is the one that has the pid now. */
bool login_record_is_of(const struct login_record *record, const struct proc_stat *process, const char *boot_id);

#endif
