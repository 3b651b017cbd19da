/* What a doctor looks at of the SSM agent: its program and process, the way to its services, its credentials. */
#include "common/auto.h"
#include "common/ini.h"
#include "common/json_view.h"
#include "pam_ssm/core/doctor_agent.h"
#include "pam_ssm/edge/instance_metadata.h"
#include "pam_ssm/edge/plain_file.h"
#include "pam_ssm/edge/process_search.h"
#include "pam_ssm/edge/service_probe.h"
#include "pam_ssm/userctl/doctor.h"

#include <inttypes.h>
#include <unistd.h>

#define AGENT_CONFIG "/etc/amazon/ssm/amazon-ssm-agent.json"
#define AGENT_LOG "/var/log/amazon/ssm/amazon-ssm-agent.log"
#define HELPER_TIMEOUT_MS 5000
#define PROBE_TIMEOUT_MS 3000
#define METADATA_BUDGET_MS 1000
#define LOG_SIZE (512 * 1024)
#define SMALL_FILE (64 * 1024)

static const char *const units[] = {"amazon-ssm-agent.service", "snap.amazon-ssm-agent.amazon-ssm-agent.service"};

struct agent {
    struct word_list programs;
    char program[LIMIT_PATH + 1];
    int64_t pid;
    char *unit_words;                         /* what systemctl shows of its unit; owned */
    char *environment, *version, *last_error; /* owned */
};

static void agent_free(struct agent *agent)
{
    free(agent->unit_words);
    free(agent->environment);
    free(agent->version);
    free(agent->last_error);
}

/* ---- the agent ---- */

/* The agent lies beside its session worker. */
static void find_program(const struct node *node, struct agent *agent)
{
    char memory[LIMIT_WORD_LIST];
    struct text programs = text_in(memory, sizeof memory);
    const struct word_list *workers = &node->policy.session.worker_paths;
    for (const char *path = word_list_first(workers); path != NULL; path = word_list_next(workers, path)) {
        const char *slash = strrchr(path, '/');
        char candidate[LIMIT_PATH + 32];
        (void)snprintf(candidate, sizeof candidate, "%.*s/amazon-ssm-agent", (int)(slash - path), path);
        text_format(&programs, "%s ", candidate);
        if (agent->program[0] == '\0' && access(candidate, X_OK) == 0) {
            (void)snprintf(agent->program, sizeof agent->program, "%.*s", LIMIT_PATH, candidate);
        }
    }
    if (text_finish(&programs) != ERR_OK || word_list_set(&agent->programs, memory) != ERR_OK) {
        agent->programs = (struct word_list){0};
    }
    if (process_search(node->paths, &agent->programs, node->paths->owner, &agent->pid) != ERR_OK) {
        agent->pid = 0;
    }
}

/* The first unit that systemd knows, as NAME=value lines. */
static void ask_systemd(struct agent *agent)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const char *const argv[] = {"systemctl", "show", "-p", "Id,LoadState,ActiveState,UnitFileState,Environment",
                                    units[i],    NULL};
        AUTO_FREE char *words = doctor_look_run(argv, HELPER_TIMEOUT_MS);
        const char *state = doctor_agent_variable(words, "LoadState");
        if (state != NULL && strncmp(state, "loaded", 6) == 0) {
            agent->unit_words = MOVE(words);
            return;
        }
    }
}

/* What separates them becomes a line's end. */
static void separate(char *memory, size_t len, char separator)
{
    for (size_t i = 0; i < len; i++) {
        memory[i] = (char)(memory[i] == separator ? '\n' : memory[i]);
    }
}

/* Of the process that runs, or of the one that its unit would start. */
static void read_environment(const struct node *node, struct agent *agent)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s/%" PRId64 "/environ", node->paths->proc_dir, agent->pid);
    size_t len = 0;
    if (agent->pid > 0 && plain_file_read_end(path, SMALL_FILE, &agent->environment, &len) == ERR_OK) {
        separate(agent->environment, len, '\0');
        return;
    }
    const char *words = doctor_agent_variable(agent->unit_words, "Environment");
    if (words != NULL) {
        agent->environment = strndup(words, strcspn(words, "\n"));
        if (agent->environment != NULL) {
            separate(agent->environment, strlen(agent->environment), ' ');
        }
    }
}

/* The last line that says ERROR or CRITICAL. */
static void read_last_error(struct agent *agent)
{
    AUTO_FREE char *log = NULL;
    size_t len = 0;
    if (plain_file_read_end(AGENT_LOG, LOG_SIZE, &log, &len) != ERR_OK) {
        return;
    }
    const char *last = NULL;
    char *state = NULL;
    for (const char *line = strtok_r(log, "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state)) {
        if (strstr(line, " ERROR ") != NULL || strstr(line, " CRITICAL ") != NULL) {
            last = line;
        }
    }
    agent->last_error = last != NULL ? strdup(last) : NULL;
}

/* A value of systemctl's words, ended; "" when it is absent. */
static void copy_word(const char *words, const char *name, char *ret_word, size_t size)
{
    const char *value = doctor_agent_variable(words, name);
    struct text text = text_in(ret_word, size);
    if (value != NULL) {
        text_put_bytes(&text, bytes_of(value, strcspn(value, "\n")));
    }
}

static void judge_agent(const struct agent *agent, struct doctor_report *report)
{
    char unit[128];
    char active[64];
    char enabled[64];
    copy_word(agent->unit_words, "Id", unit, sizeof unit);
    copy_word(agent->unit_words, "ActiveState", active, sizeof active);
    copy_word(agent->unit_words, "UnitFileState", enabled, sizeof enabled);
    struct doctor_agent_facts facts = {
        .program = agent->program[0] != '\0' ? agent->program : NULL,
        .pid = agent->pid,
        .unit = unit[0] != '\0' ? unit : NULL,
        .active_state = active[0] != '\0' ? active : NULL,
        .unit_file_state = enabled[0] != '\0' ? enabled : NULL,
        .version = agent->version,
        .last_error = agent->last_error,
        .environment = agent->environment,
    };
    doctor_agent_judge(&facts, report);
}

/* ---- the way to its services ---- */

/* A string of a JSON file, at `member` or at `outer`.`member`; "" when it is not there. */
static void read_member(const char *path, const char *outer, const char *member, char *ret_value, size_t size)
{
    ret_value[0] = '\0';
    AUTO_FREE char *memory = NULL;
    size_t len = 0;
    AUTO_JSON json_t *root = NULL;
    if (plain_file_read_end(path, SMALL_FILE, &memory, &len) != ERR_OK ||
        json_view_parse_object(bytes_of(memory, len), &root) != ERR_OK) {
        return;
    }
    const char *value = json_view_text(outer != NULL ? json_object_get(root, outer) : root, member);
    struct text text = text_in(ret_value, size);
    text_put(&text, value != NULL ? value : "");
    if (text_finish(&text) != ERR_OK) {
        text_clear(&text);
    }
}

/* Only what a host name may hold. */
static bool is_region(const char *words)
{
    size_t len = strspn(words, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len > 0 && words[len] == '\0' && len <= 40;
}

static void put_registration(const struct node *node, char path[LIMIT_PATH + 1])
{
    (void)snprintf(path, LIMIT_PATH + 1, "%s/registration", node->paths->agent_state_dir);
}

static void find_region(const struct node *node, const char *told, const struct instance_metadata *metadata,
                        char ret_region[LIMIT_REGION + 1])
{
    struct text region = text_in(ret_region, LIMIT_REGION + 1);
    text_put(&region, told != NULL ? told : "");
    if (ret_region[0] == '\0') {
        read_member(AGENT_CONFIG, "Agent", "Region", ret_region, LIMIT_REGION + 1);
    }
    if (ret_region[0] == '\0') {
        char path[LIMIT_PATH + 1];
        put_registration(node, path);
        read_member(path, NULL, "Region", ret_region, LIMIT_REGION + 1);
    }
    if (ret_region[0] == '\0') {
        region = text_in(ret_region, LIMIT_REGION + 1);
        text_put(&region, metadata->region);
    }
    if (!is_region(ret_region)) {
        ret_region[0] = '\0';
    }
}

static void judge_network(const struct agent *agent, const char *region, struct doctor_report *report)
{
    static const char *const services[] = {"ssm", "ssmmessages", "ec2messages"};
    enum { SERVICES = sizeof services / sizeof services[0] };
    struct doctor_probe probes[SERVICES] = {0};
    for (size_t i = 0; i < SERVICES; i++) {
        struct text host = text_in(probes[i].host, sizeof probes[i].host);
        (void)snprintf(probes[i].service, sizeof probes[i].service, "%s", services[i]);
        doctor_agent_put_host(services[i], region, &host);
    }
    if (region[0] != '\0' && service_probe_run(probes, SERVICES, PROBE_TIMEOUT_MS) != ERR_OK) {
        doctor_report_add(report, "network", DOCTOR_UNKNOWN, "try again", "no process could be started");
        return;
    }
    const char *proxy = doctor_agent_variable(agent->environment, "https_proxy");
    proxy = proxy != NULL ? proxy : doctor_agent_variable(agent->environment, "HTTPS_PROXY");
    doctor_agent_judge_network(probes, SERVICES, region, proxy, report);
}

/* ---- its credentials ---- */

/* Where the SDK of the agent looks, as root: $AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials. */
static void put_credentials_path(const struct agent *agent, struct text *path)
{
    const char *told = doctor_agent_variable(agent->environment, "AWS_SHARED_CREDENTIALS_FILE");
    const char *home = doctor_agent_variable(agent->environment, "HOME");
    if (told != NULL) {
        text_put_bytes(path, bytes_of(told, strcspn(told, "\n")));
    } else {
        text_put_bytes(path, home != NULL ? bytes_of(home, strcspn(home, "\n")) : bytes_of_text("/root"));
        text_put(path, "/.aws/credentials");
    }
}

static bool has_keys(const struct agent *agent, const char *path)
{
    AUTO_FREE char *memory = NULL;
    size_t len = 0;
    AUTO(ini_free) struct ini ini = {0};
    char words[128];
    struct text why = text_in(words, sizeof words);
    if (plain_file_read_end(path, LIMIT_CONFIG_FILE, &memory, &len) != ERR_OK) {
        return false;
    }
    bool is_parsed = ini_parse(bytes_of(memory, len), &ini, &why) == ERR_OK;
    explicit_bzero(memory, len);
    char profile[LIMIT_PROFILE + 1];
    copy_word(agent->environment, "AWS_PROFILE", profile, sizeof profile);
    const struct ini_section *section = ini_find_section(&ini, profile[0] != '\0' ? profile : "default");
    return is_parsed && text_is_given(ini_get(&ini, section, "aws_access_key_id"));
}

static void judge_credentials(const struct node *node, const struct agent *agent,
                              const struct instance_metadata *metadata, bool has_metadata, struct doctor_report *report)
{
    char file_memory[LIMIT_PATH + 1];
    char path[LIMIT_PATH + 1];
    struct text file = text_in(file_memory, sizeof file_memory);
    put_credentials_path(agent, &file);
    struct doctor_credential_facts facts = {
        .has_environment = doctor_agent_variable(agent->environment, "AWS_ACCESS_KEY_ID") != NULL,
        .has_file = has_keys(agent, file_memory),
        .file = file_memory,
        .has_container = doctor_agent_variable(agent->environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
                         doctor_agent_variable(agent->environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL,
        .has_metadata = has_metadata,
        .is_metadata_v1 = metadata->is_version_1,
    };
    (void)snprintf(facts.role, sizeof facts.role, "%s", metadata->role);
    put_registration(node, path);
    read_member(path, NULL, "ManagedInstanceID", facts.hybrid_node, sizeof facts.hybrid_node);
    facts.is_hybrid = strncmp(facts.hybrid_node, "mi-", 3) == 0;
    (void)snprintf(path, sizeof path, "%s/credentials", node->paths->agent_state_dir);
    facts.has_default_host_role = access(path, F_OK) == 0;
    doctor_agent_judge_credentials(&facts, report);
}

void doctor_look_at_agent(const struct node *node, const char *region, struct doctor_report *report)
{
    AUTO(agent_free) struct agent agent = {0};
    find_program(node, &agent);
    ask_systemd(&agent);
    read_environment(node, &agent);
    read_last_error(&agent);
    if (agent.program[0] != '\0') {
        agent.version = doctor_look_run((const char *const[]){agent.program, "-version", NULL}, HELPER_TIMEOUT_MS);
    }
    judge_agent(&agent, report);
    struct instance_metadata metadata = {0};
    bool has_metadata = instance_metadata_read(METADATA_BUDGET_MS, &metadata) == ERR_OK;
    char where[LIMIT_REGION + 1];
    find_region(node, region, &metadata, where);
    judge_network(&agent, where, report);
    judge_credentials(node, &agent, &metadata, has_metadata, report);
}
