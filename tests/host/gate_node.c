#include "tests/host/gate_node.h"

#include "pam_ssm/core/grant.h"
#include "pam_ssm/edge/host_clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CURRENT "agent/i-0123456789abcdef0/document/state/current"

static void demand(bool holds, const char *what)
{
    if (!holds) {
        perror(what);
        abort();
    }
}

void gate_node_put(const struct gate_node *node, const char *name, const char *text, unsigned mode)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", node->root, name);
    FILE *file = fopen(path, "we");
    demand(file != NULL && fputs(text, file) >= 0, path);
    demand(fclose(file) == 0 && chmod(path, mode) == 0, path);
}

char *gate_node_get(const struct gate_node *node, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", node->root, name);
    size_t size = 64 * 1024;
    char *text = calloc(1, size);
    demand(text != NULL, "calloc");
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        demand(fread(text, 1, size - 1, file) < size - 1, path);
        (void)fclose(file);
    }
    return text;
}

static void make_tree(struct gate_node *node)
{
    static const char *const folders[] = {"etc",
                                          "etc/host.conf.d",
                                          "lib",
                                          "lib/grants",
                                          "run",
                                          "run/sessions",
                                          "log",
                                          "pam.d",
                                          "agent",
                                          "agent/i-0123456789abcdef0",
                                          "agent/i-0123456789abcdef0/document",
                                          "agent/i-0123456789abcdef0/document/state",
                                          CURRENT};
    (void)strcpy(node->root, "/tmp/ssm-gate-XXXXXX");
    demand(mkdtemp(node->root) != NULL, "mkdtemp");
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[160];
        (void)snprintf(path, sizeof path, "%s/%s", node->root, folders[i]);
        demand(mkdir(path, 0700) == 0, path);
    }
    test_paths_below(node->root, &node->tree);
}

/* The worker: connects, and is there until its parent has gone. */
static void work(const struct sockaddr_in *address, int ready)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || connect(client, (const struct sockaddr *)address, sizeof *address) != 0 ||
        write(ready, "", 1) != 1) {
        _exit(1);
    }
    for (;;) {
        (void)pause();
    }
}

void gate_node_start_worker(struct gate_node *node)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    demand(listener >= 0 && bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 1) == 0 &&
               getsockname(listener, (struct sockaddr *)&address, &len) == 0,
           "listener");
    int ready[2];
    demand(pipe(ready) == 0, "pipe");
    node->started = time(NULL);
    node->worker = fork();
    demand(node->worker >= 0, "fork");
    if (node->worker == 0) {
        (void)close(listener);
        work(&address, ready[1]);
    }
    char byte;
    demand(read(ready[0], &byte, 1) == 1, "the worker");
    (void)close(ready[0]);
    (void)close(ready[1]);
    struct sockaddr_in client = {0};
    len = sizeof client;
    node->server = accept4(listener, (struct sockaddr *)&client, &len, SOCK_CLOEXEC);
    demand(node->server >= 0, "accept");
    (void)close(listener);
    (void)snprintf(node->connection, sizeof node->connection, "127.0.0.1 %u 127.0.0.1 %u", ntohs(client.sin_port),
                   ntohs(address.sin_port));
    gate_node_set_state(node, "AWS-StartSSHSession", 0);
}

void gate_node_stop_worker(struct gate_node *node)
{
    demand(kill(node->worker, SIGKILL) == 0 && waitpid(node->worker, NULL, 0) == node->worker, "the worker's end");
    (void)close(node->server);
    gate_node_remove_state(node);
}

void gate_node_set_state(const struct gate_node *node, const char *document, int start_s)
{
    time_t start = node->started + start_s;
    struct tm parts;
    char when[40];
    char text[1024];
    demand(strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&start, &parts)) > 0, "strftime");
    (void)snprintf(
        text, sizeof text,
        "{\"DocumentInformation\":{\"DocumentID\":\"" GATE_NODE_SESSION "\",\"DocumentName\":\"%s\","
        "\"SessionOwner\":\"" GATE_NODE_OWNER "\",\"ProcInfo\":{\"Pid\":%d,\"StartTime\":\"%s\"}},"
        "\"DocumentType\":\"StartSession\",\"InstancePluginsInformation\":[{\"Configuration\":{\"PluginName\":"
        "\"Port\"}}]}",
        document, (int)node->worker, when);
    gate_node_put(node, CURRENT "/" GATE_NODE_SESSION, text, 0600);
}

void gate_node_remove_state(const struct gate_node *node)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/" CURRENT "/" GATE_NODE_SESSION, node->root);
    demand(unlink(path) == 0, path);
}

void gate_node_set_policy(const struct gate_node *node, const char *policy)
{
    gate_node_put(node, "etc/host.conf.d/test.conf", policy, 0644);
}

static void write_config(const struct gate_node *node)
{
    char self[512];
    char text[2048];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    demand(len > 0, "/proc/self/exe");
    self[len] = '\0';
    (void)snprintf(text, sizeof text, "[Audit]\nJsonl=%s/log/audit.jsonl\n[Session]\nWorkerPath=%s\n", node->root,
                   self);
    gate_node_put(node, "etc/host.conf", text, 0644);
}

void gate_node_grant(const struct gate_node *node, const char *session_id)
{
    struct host_moment now;
    demand(host_clock_now(&node->tree.paths, &now) == ERR_OK, "the clock");
    struct grant grant = {.id = "0123456789abcdef",
                          .created_unix_s = now.unix_s,
                          .not_after_unix_s = now.unix_s + 60,
                          .boot_deadline_s = now.boot_s + 60};
    memcpy(grant.boot_id, now.boot_id, sizeof grant.boot_id);
    (void)snprintf(grant.session_id, sizeof grant.session_id, "%s", session_id);
    char memory[LIMIT_STATE_FILE];
    struct text text = text_in(memory, sizeof memory);
    grant_render(&grant, &text);
    gate_node_put(node, "lib/grants/0123456789abcdef", memory, 0600);
}

void gate_node_make(struct gate_node *node)
{
    make_tree(node);
    gate_node_start_worker(node);
    write_config(node);
}

void gate_node_remove(struct gate_node *node)
{
    gate_node_stop_worker(node);
    char command[160];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", node->root);
    demand(system(command) == 0, command); /* NOLINT(cert-env33-c): our own text */
}
