#include "pam_ssm/find_session.h"

#include "common/auto.h"
#include "pam_ssm/edge/agent_dir.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/peer.h"
#include "pam_ssm/edge/process.h"

/* A shell in a shell in a screen: people come to twenty. */
#define MAX_ANCESTORS 128

/* The agent notes the time after it has started the worker (0.6 s seen), and a clock is corrected little by little. */
#define START_SLACK_MS 3000

static bool is_late(int64_t deadline_us)
{
    return host_clock_mono_us() > deadline_us;
}

/* Is this the worker process that the agent started for the session? */
static bool is_worker_of(const struct host_paths *paths, const struct host_policy *policy,
                         const struct process *process, const struct agent_session *session)
{
    if (!process_is_of(process, paths->owner) || !process_runs(process, &policy->session.worker_paths)) {
        return false;
    }
    int64_t difference_ms = session->worker_start_unix_ms - host_clock_start_unix_ms(process->stat.start_ticks);
    return difference_ms >= -START_SLACK_MS && difference_ms <= START_SLACK_MS;
}

bool find_session_worker_start(const struct host_paths *paths, const struct host_policy *policy,
                               const struct agent_session *session, int64_t *ret_start_ticks)
{
    AUTO(process_close) struct process process = PROCESS_NONE;
    if (process_open(paths, session->worker_pid, &process) != ERR_OK ||
        !is_worker_of(paths, policy, &process, session)) {
        return false;
    }
    *ret_start_ticks = process.stat.start_ticks;
    return true;
}

bool find_session_has_worker(const struct host_paths *paths, const struct host_policy *policy,
                             const struct agent_session *session)
{
    int64_t start_ticks;
    return find_session_worker_start(paths, policy, session, &start_ticks);
}

static enum decision_finding read_sessions(const struct host_paths *paths, int64_t deadline_us,
                                           struct agent_sessions *ret_sessions)
{
    enum err err = agent_dir_read_until(paths, deadline_us, ret_sessions);
    if (err != ERR_OK) {
        return err == ERR_TIMEOUT ? FINDING_TIMEOUT : FINDING_STATE_MISSING;
    }
    return FINDING_VERIFIED;
}

/* ---- by the connection ---- */

static bool worker_holds_socket(const struct host_paths *paths, const struct host_policy *policy,
                                const struct agent_session *session, unsigned long inode)
{
    AUTO(process_close) struct process process = PROCESS_NONE;
    return process_open(paths, session->worker_pid, &process) == ERR_OK &&
           is_worker_of(paths, policy, &process, session) && process_holds_socket(&process, inode);
}

static enum decision_finding match_socket(const struct host_paths *paths, const struct host_policy *policy,
                                          const struct agent_sessions *sessions, unsigned long inode,
                                          int64_t deadline_us, const struct agent_session **ret_session)
{
    const struct agent_session *match = NULL;
    for (size_t i = 0; i < sessions->count; i++) {
        if (is_late(deadline_us)) {
            return FINDING_TIMEOUT;
        }
        if (worker_holds_socket(paths, policy, &sessions->sessions[i], inode)) {
            if (match != NULL) {
                /* Two share it. Who is no worker cannot: only root could have passed it on. */
                return FINDING_AMBIGUOUS;
            }
            match = &sessions->sessions[i];
        }
    }
    *ret_session = match;
    return match != NULL ? FINDING_VERIFIED : FINDING_NOT_WORKER;
}

static enum decision_finding find_peer(const struct peer_connection *connection, uid_t owner,
                                       struct peer_socket *ret_socket)
{
    enum err err = peer_find(connection, ret_socket);
    if (err != ERR_OK) {
        return err == ERR_NO_TARGET ? FINDING_NO_SESSION : FINDING_UNKNOWN;
    }
    return ret_socket->uid == owner ? FINDING_VERIFIED : FINDING_NOT_ROOT;
}

static enum decision_finding find_by_connection(const struct host_paths *paths, const struct host_policy *policy,
                                                const char *ssh_connection, int64_t deadline_us,
                                                struct agent_session *ret_session)
{
    struct peer_connection connection;
    enum err err = ssh_connection != NULL ? peer_parse(ssh_connection, &connection) : ERR_MALFORMED;
    if (err != ERR_OK) {
        return err == ERR_NO_TARGET ? FINDING_NOT_LOOPBACK : FINDING_UNKNOWN;
    }
    if (!peer_is_ours(&connection)) {
        return FINDING_NOT_OURS;
    }
    struct peer_socket socket;
    enum decision_finding finding = find_peer(&connection, paths->owner, &socket);
    if (finding != FINDING_VERIFIED) {
        return finding;
    }
    AUTO(agent_dir_free) struct agent_sessions sessions = {0};
    finding = read_sessions(paths, deadline_us, &sessions);
    if (finding != FINDING_VERIFIED) {
        return finding;
    }
    const struct agent_session *match = NULL;
    finding = match_socket(paths, policy, &sessions, socket.inode, deadline_us, &match);
    if (finding != FINDING_VERIFIED) {
        return finding;
    }
    /* Once more, now that the owner is known: the worker may have ended, and the port have gone to another socket. */
    struct peer_socket again;
    if (find_peer(&connection, paths->owner, &again) != FINDING_VERIFIED || again.inode != socket.inode) {
        return FINDING_AMBIGUOUS;
    }
    *ret_session = *match;
    return FINDING_VERIFIED;
}

void find_session_of_connection(const struct host_paths *paths, const struct host_policy *policy,
                                const char *ssh_connection, int64_t deadline_us, struct found_session *ret_found)
{
    *ret_found = (struct found_session){.finding = FINDING_UNKNOWN};
    ret_found->finding = find_by_connection(paths, policy, ssh_connection, deadline_us, &ret_found->session);
}

/* ---- by the ancestors ---- */

static bool is_recorded(const struct host_paths *paths, const struct process *process, const char *boot_id,
                        struct login_record *ret_record)
{
    return host_files_read_login(paths, &process->stat, ret_record) == ERR_OK &&
           login_record_is_of(ret_record, &process->stat, boot_id) && process_is_of(process, paths->owner);
}

/* Is the very process that was the worker at the login still there? The session ends with it. */
static bool has_recorded_worker(const struct host_paths *paths, const struct login_record *record)
{
    AUTO(process_close) struct process process = PROCESS_NONE;
    return process_open(paths, record->session.worker_pid, &process) == ERR_OK &&
           process.stat.start_ticks == record->worker_start_ticks && process_is_of(&process, paths->owner);
}

/* A worker of the agent's, by its file: the agent must know it, too. */
static enum decision_finding judge_worker(const struct host_paths *paths, const struct host_policy *policy,
                                          const struct process *process, int64_t deadline_us,
                                          struct agent_session *ret_session)
{
    AUTO(agent_dir_free) struct agent_sessions sessions = {0};
    enum decision_finding finding = read_sessions(paths, deadline_us, &sessions);
    if (finding != FINDING_VERIFIED) {
        return finding;
    }
    for (size_t i = 0; i < sessions.count; i++) {
        if (sessions.sessions[i].worker_pid == process->stat.pid &&
            is_worker_of(paths, policy, process, &sessions.sessions[i])) {
            *ret_session = sessions.sessions[i];
            return FINDING_VERIFIED;
        }
    }
    return FINDING_STATE_MISSING;
}

/* What this ancestor says; NO_SESSION: nothing, ask the next one. */
static enum decision_finding judge_ancestor(const struct host_paths *paths, const struct host_policy *policy,
                                            const char *boot_id, const struct process *process, int64_t deadline_us,
                                            struct found_session *found)
{
    if (is_recorded(paths, process, boot_id, &found->record)) {
        found->is_recorded = true;
        found->session = found->record.session;
        return has_recorded_worker(paths, &found->record) ? FINDING_VERIFIED : FINDING_ENDED;
    }
    if (!process_runs(process, &policy->session.worker_paths)) {
        return FINDING_NO_SESSION;
    }
    if (!process_is_of(process, paths->owner)) {
        return FINDING_NOT_ROOT;
    }
    return judge_worker(paths, policy, process, deadline_us, &found->session);
}

void find_session_of_process(const struct host_paths *paths, const struct host_policy *policy, const char *boot_id,
                             int64_t pid, int64_t deadline_us, struct found_session *ret_found)
{
    *ret_found = (struct found_session){.finding = FINDING_NO_SESSION};
    int64_t next = pid;
    int64_t child_start = INT64_MAX;
    for (int i = 0; i < MAX_ANCESTORS && next > 1; i++) {
        AUTO(process_close) struct process process = PROCESS_NONE;
        /* An ancestor that is younger than its child is another process with a pid that was used before. */
        if (process_open(paths, next, &process) != ERR_OK || process.stat.start_ticks > child_start) {
            return;
        }
        if (is_late(deadline_us)) {
            ret_found->finding = FINDING_TIMEOUT;
            return;
        }
        ret_found->finding = judge_ancestor(paths, policy, boot_id, &process, deadline_us, ret_found);
        if (ret_found->finding != FINDING_NO_SESSION) {
            return;
        }
        child_start = process.stat.start_ticks;
        next = process.stat.parent_pid;
    }
}
