/* What a doctor looks at on the node itself: sudo, sshd, the kernel, the account. */
#include "common/auto.h"
#include "pam_ssm/core/doctor_login.h"
#include "pam_ssm/core/doctor_sudo.h"
#include "pam_ssm/edge/agent_dir.h"
#include "pam_ssm/edge/helper_process.h"
#include "pam_ssm/edge/host_files.h"
#include "pam_ssm/edge/pam_module.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/plain_file.h"
#include "pam_ssm/edge/process_search.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/userctl/doctor.h"
#include "pam_ssm/userctl/governed.h"
#include "pam_ssm/userctl/logins.h"

#include <unistd.h>

#define HELPER_TIMEOUT_MS 5000
#define OUTPUT_SIZE (256 * 1024)
#define FILE_SIZE (256 * 1024)

char *doctor_look_run(const char *const *argv, int64_t timeout_ms)
{
    AUTO_FREE char *memory = malloc(OUTPUT_SIZE);
    if (memory == NULL) {
        return NULL;
    }
    struct text output = text_in(memory, OUTPUT_SIZE);
    int status = 0;
    char words[256];
    struct text unused = text_in(words, sizeof words);
    enum err err = helper_process_run(
        &(struct helper_process){.argv = argv, .timeout_ms = timeout_ms, .output = &output, .complaints = &unused},
        &status);
    return err == ERR_OK && status == 0 ? MOVE(memory) : NULL;
}

/* NULL: it cannot be read. */
static char *read_file(const char *path)
{
    char *memory = NULL;
    size_t len = 0;
    return plain_file_read_end(path, FILE_SIZE, &memory, &len) == ERR_OK ? memory : NULL;
}

static bool is_program(const char *name)
{
    char memory[LIMIT_PATH + 1];
    struct text path = text_in(memory, sizeof memory);
    return helper_process_find(name, &path) == ERR_OK;
}

/* ---- sudo ---- */

static bool has_active_grant(const struct node *node)
{
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    AUTO(host_files_free_grants) struct host_grants grants = {0};
    if (host_files_read_grants(node->paths, &grants, &why) != ERR_OK) {
        return false;
    }
    for (size_t i = 0; i < grants.count; i++) {
        if (grant_is_active(&grants.grants[i], &node->now)) {
            return true;
        }
    }
    return false;
}

/* Debian's is the newest entries first, of which enough fits. */
static char *read_changelog(void)
{
    static const char debian[] = "/usr/share/doc/sudo/changelog.Debian.gz";
    char *changelog = NULL;
    if (access(debian, R_OK) == 0) {
        changelog = doctor_look_run((const char *const[]){"gzip", "-dc", debian, NULL}, HELPER_TIMEOUT_MS);
    }
    return changelog != NULL
               ? changelog
               : doctor_look_run((const char *const[]){"rpm", "-q", "--changelog", "sudo", NULL}, HELPER_TIMEOUT_MS);
}

/* May it run the editor of sudoers, which no list of the level limited may hold? */
static bool ask_for_root(const char *user, bool *ret_gives_root)
{
    char memory[LIMIT_PATH + 1];
    struct text visudo = text_in(memory, sizeof memory);
    int status = 0;
    const char *const argv[] = {"sudo", "-n", "-l", "-U", user, memory, NULL};
    if (helper_process_find("visudo", &visudo) != ERR_OK ||
        helper_process_run(&(struct helper_process){.argv = argv, .timeout_ms = HELPER_TIMEOUT_MS}, &status) !=
            ERR_OK) {
        return false;
    }
    *ret_gives_root = status == 0;
    return status == 0 || status == 1;
}

void doctor_look_at_sudo(const struct node *node, struct doctor_report *report)
{
    const char *user = node->policy.account.name;
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    if (state_dir_list(node->paths->sudoers_dir, node->paths->owner, &names, &why) != ERR_OK) {
        names = (struct state_dir_names){0};
    }
    AUTO_FREE char *version = doctor_look_run((const char *const[]){"sudo", "--version", NULL}, HELPER_TIMEOUT_MS);
    AUTO_FREE char *changelog = read_changelog();
    AUTO_FREE char *listing =
        doctor_look_run((const char *const[]){"sudo", "-n", "-l", "-U", user, NULL}, HELPER_TIMEOUT_MS);
    AUTO_FREE char *sudoers = read_file(node->paths->sudoers_file);
    AUTO_FREE char *nsswitch = read_file("/etc/nsswitch.conf");
    struct doctor_sudo_facts facts = {
        .user = user,
        .wants_root = node->policy.privilege.level == HOST_LEVEL_ROOT || has_active_grant(node),
        .is_installed = is_program("sudo"),
        .version = version,
        .changelog = changelog,
        .listing = listing,
        .sudoers = sudoers,
        .sudoers_dir = node->paths->sudoers_dir,
        .our_sudoers = node->paths->our_sudoers,
        .names = (const char *const *)names.names,
        .name_count = names.count,
        .nsswitch = nsswitch,
    };
    facts.is_answered = facts.is_installed && ask_for_root(user, &facts.gives_root);
    doctor_sudo_judge(&facts, report);
}

/* ---- sshd and the kernel ---- */

/* From a network for documentation (RFC 5737), which nobody is in. */
static char *ask_sshd(const char *user, const char *address, struct text *complaint)
{
    char memory[128];
    struct text question = text_in(memory, sizeof memory);
    text_format(&question, "user=%s,host=node.invalid,addr=%s", user, address);
    AUTO_FREE char *settings = malloc(OUTPUT_SIZE);
    if (settings == NULL) {
        return NULL;
    }
    struct text output = text_in(settings, OUTPUT_SIZE);
    int status = 0;
    const char *const argv[] = {"sshd", "-T", "-C", memory, NULL};
    enum err err = helper_process_run(
        &(struct helper_process){
            .argv = argv, .timeout_ms = HELPER_TIMEOUT_MS, .output = &output, .complaints = complaint},
        &status);
    return err == ERR_OK && status == 0 ? MOVE(settings) : NULL;
}

static void look_at_sshd(const struct node *node, struct doctor_report *report)
{
    const char *user = node->policy.account.name;
    char complaint_memory[256];
    char path_memory[512];
    char why_memory[512];
    struct text complaint = text_in(complaint_memory, sizeof complaint_memory);
    struct text path = text_in(path_memory, sizeof path_memory);
    struct text why = text_in(why_memory, sizeof why_memory);
    bool is_usable = pam_module_check(&path, &why) == ERR_OK;
    AUTO_FREE char *remote = ask_sshd(user, "192.0.2.1", &complaint);
    AUTO_FREE char *local = ask_sshd(user, "127.0.0.1", &complaint);
    struct doctor_sshd_facts facts = {
        .user = user,
        .is_installed = is_program("sshd"),
        .remote = remote,
        .local = local,
        .complaint = complaint_memory,
        .is_module_usable = is_usable,
        .module = is_usable ? path_memory : why_memory,
    };
    doctor_login_judge_sshd(&facts, report);
}

static void look_at_servers(const struct node *node, struct doctor_report *report)
{
    struct doctor_server_facts servers[] = {{.program = "dropbear"}, {.program = "dropbearmulti"},
                                            {.program = "lshd"},     {.program = "tailscaled"},
                                            {.program = "tinysshd"}, {.program = "wolfsshd"}};
    const size_t count = sizeof servers / sizeof servers[0];
    for (size_t i = 0; i < count; i++) {
        if (process_search_name(node->paths, servers[i].program, node->paths->owner, &servers[i].pid) != ERR_OK) {
            servers[i].pid = 0;
        }
    }
    AUTO_FREE char *tailscale =
        doctor_look_run((const char *const[]){"tailscale", "debug", "prefs", NULL}, HELPER_TIMEOUT_MS);
    struct doctor_servers_facts facts = {
        .user = node->policy.account.name, .servers = servers, .count = count, .tailscale = tailscale};
    doctor_login_judge_servers(&facts, report);
}

/* -1: the file is not there. */
static int read_number(const char *path)
{
    AUTO_FREE char *content = read_file(path);
    return content != NULL ? (int)strtol(content, NULL, 10) : -1;
}

#define WORKERS_MAX 16

static size_t look_at_workers(const struct node *node, struct doctor_worker_facts workers[WORKERS_MAX])
{
    size_t count = 0;
    const struct word_list *paths = &node->policy.session.worker_paths;
    for (const char *path = word_list_first(paths); path != NULL && count < WORKERS_MAX;
         path = word_list_next(paths, path)) {
        struct doctor_worker_facts *worker = &workers[count++];
        *worker = (struct doctor_worker_facts){.path = path, .exists = access(path, F_OK) == 0};
        AUTO_FREE char *real = worker->exists ? realpath(path, NULL) : NULL;
        char *slash = real != NULL ? strrchr(real, '/') : NULL;
        if (slash == NULL) {
            continue;
        }
        *slash = '\0';
        char memory[256];
        struct text why = text_in(memory, sizeof memory);
        AUTO(path_trust_close) int dir = -1;
        AUTO(path_trust_close) int file = -1;
        worker->is_trusted =
            path_trust_open_dir(real[0] != '\0' ? real : "/", node->paths->owner, &dir, &why) == ERR_OK &&
            path_trust_open_file_at(dir, slash + 1, node->paths->owner, &file, &why) == ERR_OK;
    }
    return count;
}

void doctor_look_at_login(const struct node *node, struct doctor_report *report)
{
    look_at_sshd(node, report);
    look_at_servers(node, report);
    struct doctor_worker_facts workers[WORKERS_MAX];
    struct doctor_kernel_facts facts = {
        .workers = workers,
        .worker_count = look_at_workers(node, workers),
        .selinux_enforcing = read_number("/sys/fs/selinux/enforce"),
        .ptrace_scope = read_number("/proc/sys/kernel/yama/ptrace_scope"),
    };
    doctor_login_judge_kernel(&facts, report);
}

/* ---- the account ---- */

static size_t count_sessions(const struct node *node)
{
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    size_t logins = 0;
    AUTO(agent_dir_free) struct agent_sessions sessions = {0};
    if (logins_count(node->paths, node->now.boot_id, &logins, &why) != ERR_OK ||
        agent_dir_read(node->paths, &sessions) != ERR_OK) {
        return logins;
    }
    return logins + sessions.count;
}

void doctor_look_at_account(const struct node *node, struct doctor_report *report)
{
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    struct doctor_account_facts facts = {.name = node->policy.account.name};
    AUTO_FREE struct governed *governed = NULL;
    if (governed_read(node, &governed, &why) == ERR_OK) {
        const struct account_facts *account = &governed->facts;
        const struct account_use *use = &governed->use;
        facts.is_readable = true;
        facts.is_known = account->is_known;
        facts.uid = account->uid;
        facts.groups = &account->groups;
        facts.is_closed = account->has_shadow && account->is_locked && account->expire_day >= 0 &&
                          account->expire_day <= account->today_day;
        facts.wants_closed = governed->want != ACCOUNT_WANT_OPEN;
        facts.has_crontab = use->has_crontab;
        facts.has_at_job = use->has_at_job;
        facts.is_lingering = use->is_lingering;
        facts.processes = use->processes;
        facts.home = account->home;
        facts.has_keys = plain_file_is_below(account->home, ".ssh/authorized_keys") ||
                         plain_file_is_below(account->home, ".ssh/authorized_keys2");
        facts.has_user_units = plain_file_is_below(account->home, ".config/systemd/user");
        facts.live_sessions = count_sessions(node);
    }
    doctor_login_judge_account(&facts, report);
}
