#include "tests/emulator/lab_process.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "proxy/core/uuid.h"
#include "tests/emulator/association.h"
#include "tests/emulator/connect_key.h"
#include "tests/emulator/document_store.h"
#include "tests/emulator/fault_interval.h"
#include "tests/emulator/identity.h"
#include "tests/emulator/instance.h"
#include "tests/emulator/kms.h"
#include "tests/emulator/lab_limits.h"
#include "tests/emulator/node_table.h"
#include "tests/emulator/node_worker.h"
#include "tests/emulator/outage.h"
#include "tests/emulator/proxy_server.h"
#include "tests/emulator/run_command.h"
#include "tests/emulator/server.h"
#include "tests/emulator/session.h"

struct stop_sources {
    struct loop_watch signals, parent, children;
};

static void stop(void *owner, uint32_t events)
{
    struct lab *lab = owner;
    (void)events;
    lab->is_stopping = true;
}

static enum err watch_signals(struct lab *lab, struct stop_sources *sources)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return ERR_SYSTEM;
    }
    sources->signals = (struct loop_watch){.ready = stop, .owner = lab};
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? ERR_SYSTEM : event_loop_watch(lab->loop, &sources->signals, fd, EPOLLIN);
}

/* Readable when the process is gone, whether or not it is our parent. */
static enum err watch_parent(struct lab *lab, struct stop_sources *sources)
{
    if (lab->options.parent == 0) {
        return ERR_OK;
    }
    int fd = (int)syscall(SYS_pidfd_open, lab->options.parent, 0);
    if (fd < 0 && errno == ESRCH) {
        lab->is_stopping = true;
        return ERR_OK;
    }
    sources->parent = (struct loop_watch){.ready = stop, .owner = lab};
    return fd < 0 ? ERR_SYSTEM : event_loop_watch(lab->loop, &sources->parent, fd, EPOLLIN);
}

/* Session workers and scripts of Run Command. A child is told of before it is waited for: its process group is then
 * still its own. */
static void children_ended(void *owner, uint32_t events)
{
    struct lab *lab = owner;
    struct signalfd_siginfo signals[8];
    (void)events;
    while (read(lab->children_fd, signals, sizeof signals) > 0) {
    }
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        int exit_code = info.si_code == CLD_EXITED ? info.si_status : -1;
        run_command_child_ended(lab->commands, info.si_pid, exit_code);
        session_table_child_ended(lab->sessions, info.si_pid, exit_code);
        waitpid(info.si_pid, NULL, 0);
        info = (siginfo_t){0};
    }
}

static enum err watch_children(struct lab *lab, struct stop_sources *sources)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return ERR_SYSTEM;
    }
    sources->children = (struct loop_watch){.ready = children_ended, .owner = lab};
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    lab->children_fd = fd;
    return fd < 0 ? ERR_SYSTEM : event_loop_watch(lab->loop, &sources->children, fd, EPOLLIN);
}

/* Every session takes three descriptors here: client, target, and a little for the API. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < LAB_LIMIT_DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < LAB_LIMIT_DESCRIPTORS ? limit.rlim_max : LAB_LIMIT_DESCRIPTORS;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum err seed(struct lab *lab)
{
    if (lab->options.has_seed) {
        lab->chance = chance_from_number(lab->options.seed);
        return ERR_OK;
    }
    uint8_t entropy[CHANCE_SEED_LEN];
    if (getrandom(entropy, sizeof entropy, 0) != (ssize_t)sizeof entropy) {
        return ERR_SYSTEM;
    }
    lab->chance = chance_from_entropy(entropy);
    return ERR_OK;
}

static enum err open_state_dir(struct lab *lab)
{
    if (lab->options.state_dir != NULL) {
        if (strlen(lab->options.state_dir) >= sizeof lab->state_dir) {
            return ERR_TOO_LONG;
        }
        strcpy(lab->state_dir, lab->options.state_dir);
        return mkdir(lab->state_dir, 0700) == 0 || errno == EEXIST ? ERR_OK : ERR_SYSTEM;
    }
    const char *base = getenv("TMPDIR");
    int len = snprintf(lab->state_dir, sizeof lab->state_dir, "%s/ssm-lab-XXXXXX",
                       base == NULL || base[0] == '\0' ? "/tmp" : base);
    if (len < 0 || (size_t)len >= sizeof lab->state_dir) {
        return ERR_TOO_LONG;
    }
    lab->owns_state_dir = mkdtemp(lab->state_dir) != NULL;
    return lab->owns_state_dir ? ERR_OK : ERR_SYSTEM;
}

static void make_activation(struct lab *lab)
{
    struct uuid id = uuid_v4(&lab->chance);
    uuid_to_text(&id, lab->activation_id);
    credential_store_random_text(&lab->chance, 20, lab->activation_code);
}

static enum err open_rooms(struct lab *lab, struct stop_sources *sources)
{
    raise_descriptor_limit();
    TRY(seed(lab));
    TRY(sha256_new(&lab->hash));
    TRY(open_state_dir(lab));
    TRY(certificate_make(lab->state_dir, &lab->certificates, &lab->authority));
    TRY(event_loop_new(&lab->loop));
    TRY(watch_signals(lab, sources));
    TRY(watch_parent(lab, sources));
    TRY(watch_children(lab, sources));
    TRY(credential_store_new(&lab->chance, &lab->credentials));
    make_activation(lab);
    TRY(identity_new(lab, &lab->identity));
    TRY(kms_new(lab, &lab->kms));
    TRY(node_table_new(lab, &lab->nodes));
    TRY(instance_table_new(lab, &lab->instances));
    TRY(session_table_new(lab, &lab->sessions));
    TRY(document_store_new(lab_time(lab), &lab->documents));
    TRY(run_command_table_new(lab, &lab->commands));
    TRY(association_table_new(lab, &lab->associations));
    TRY(connect_key_table_new(lab, &lab->connect_keys));
    TRY(outage_new(lab, &lab->outage));
    TRY(fault_interval_new(lab, &lab->intervals));
    return server_start(lab);
}

static json_t *describe_credential(const struct lab *lab, enum credential_kind kind)
{
    const struct credential *credential = credential_store_of_kind(lab->credentials, kind);
    json_t *object = json_pack("{s:s,s:s}", "access_key_id", credential->access_key_id, "secret_access_key",
                               credential->secret_access_key);
    if (credential->session_token[0] != '\0') {
        json_object_set_new(object, "session_token", json_string(credential->session_token));
    }
    return object;
}

static json_t *describe_nodes(const struct lab *lab)
{
    json_t *nodes = json_array();
    for (const struct node *node = lab->nodes->first; node != NULL; node = node->next) {
        if (!node->is_container && !node->is_light && strcmp(node->region, lab->options.region) == 0) {
            json_array_append_new(nodes, json_pack("{s:s,s:s,s:s}", "id", node->id, "name", node->name, "status",
                                                   node_ping_status(node, lab_time(lab))));
        }
    }
    return nodes;
}

static json_t *describe_containers(const struct lab *lab)
{
    json_t *containers = json_array();
    for (const struct node *node = lab->nodes->first; node != NULL; node = node->next) {
        if (node->is_container) {
            json_array_append_new(containers, json_string(node->id));
        }
    }
    return containers;
}

static json_t *describe_instances(const struct lab *lab)
{
    json_t *instances = json_array();
    for (const struct instance *at = instance_first(lab->instances); at != NULL; at = at->next) {
        const char *name = tag_value(at->tags, "Name");
        json_array_append_new(instances, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "id", at->id, "name",
                                                   name == NULL ? "" : name, "region", at->region, "state",
                                                   instance_state_name(at->state), "private_ipv4", at->private_ipv4,
                                                   "public_ipv4", at->public_ipv4, "ipv6", at->ipv6, "private_dns",
                                                   at->private_dns, "public_dns", at->public_dns));
    }
    return instances;
}

static void set_url(json_t *ready, const char *name, const struct lab *lab, int port)
{
    char url[128];
    bool is_v6 = strchr(lab->options.listen, ':') != NULL;
    snprintf(url, sizeof url, "https://%s%s%s:%d", is_v6 ? "[" : "", lab->options.listen, is_v6 ? "]" : "", port);
    json_object_set_new(ready, name, json_string(url));
}

static enum err say_ready(const struct lab *lab)
{
    json_t *ready = describe_credential(lab, CREDENTIAL_PERMANENT);
    set_url(ready, "api_url", lab, lab->api_port);
    set_url(ready, "gateway_url", lab, lab->gateway_port);
    json_object_set_new(ready, "proxy", proxy_server_describe(lab->proxy));
    json_object_set_new(ready, "ca_file", json_string(lab->certificates.authority));
    json_object_set_new(ready, "server_certificate", json_string(lab->certificates.server));
    json_object_set_new(ready, "server_key", json_string(lab->certificates.server_key));
    json_object_set_new(ready, "region", json_string(lab->options.region));
    if (lab->options.other_region != NULL) {
        json_object_set_new(ready, "other_region", json_string(lab->options.other_region));
    }
    json_object_set_new(ready, "expired", describe_credential(lab, CREDENTIAL_EXPIRED));
    json_object_set_new(ready, "temporary", describe_credential(lab, CREDENTIAL_TEMPORARY));
    json_object_set_new(ready, "denied", describe_credential(lab, CREDENTIAL_DENIED));
    json_object_set_new(ready, "activation_id", json_string(lab->activation_id));
    json_object_set_new(ready, "activation_code", json_string(lab->activation_code));
    json_object_set_new(ready, "identity", identity_describe(lab));
    json_object_set_new(ready, "kms", kms_describe(lab->kms));
    json_object_set_new(ready, "nodes", describe_nodes(lab));
    json_object_set_new(ready, "instances", describe_instances(lab));
    json_object_set_new(ready, "containers", describe_containers(lab));
    json_object_set_new(ready, "connect_keys_dir", json_string(connect_key_dir(lab->connect_keys)));
    json_object_set_new(ready, "pid", json_integer(getpid()));
    json_object_set_new(ready, "state_dir", json_string(lab->state_dir));
    char *text = json_dumps(ready, JSON_COMPACT);
    json_decref(ready);
    if (text == NULL) {
        return ERR_MEMORY;
    }
    bool is_said = puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    return is_said ? ERR_OK : ERR_SYSTEM;
}

static void close_rooms(struct lab *lab, struct stop_sources *sources)
{
    server_stop(lab);
    session_table_free(lab->sessions);
    association_table_free(lab->associations);
    run_command_table_free(lab->commands);
    connect_key_table_free(lab->connect_keys);
    document_store_free(lab->documents);
    instance_table_free(lab->instances);
    node_table_free(lab->nodes);
    kms_free(lab->kms);
    identity_free(lab, lab->identity);
    credential_store_free(lab->credentials);
    if (sources->signals.is_armed) {
        close(sources->signals.fd);
    }
    if (sources->parent.is_armed) {
        close(sources->parent.fd);
    }
    if (sources->children.is_armed) {
        close(sources->children.fd);
    }
    fault_interval_free(lab->intervals);
    outage_free(lab->outage);
    event_loop_free(lab->loop);
    certificate_authority_free(lab->authority);
    sha256_free(&lab->hash);
    fault_free(&lab->faults);
    if (lab->owns_state_dir) {
        unlink(lab->certificates.authority);
        unlink(lab->certificates.server);
        unlink(lab->certificates.server_key);
        rmdir(lab->state_dir);
    }
}

enum err lab_process_run(const struct lab_options *options)
{
    struct lab *lab = calloc(1, sizeof *lab);
    struct stop_sources sources = {0};
    if (lab == NULL) {
        return ERR_MEMORY;
    }
    lab->options = *options;
    fault_reset(&lab->faults);
    enum err err = open_rooms(lab, &sources);
    if (err == ERR_OK) {
        err = say_ready(lab);
    }
    while (err == ERR_OK && !lab->is_stopping) {
        server_round(lab);
        session_table_flush(lab->sessions);
    }
    close_rooms(lab, &sources);
    free(lab);
    return err;
}
