/* Who is at the other end of a connection, and which process is it: against this process and this kernel. */
#include "tests/support/unit.h"

#include "common/auto.h"
#include "pam_ssm/edge/agent_dir.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/peer.h"
#include "pam_ssm/edge/process.h"
#include "pam_ssm/edge/state_dir.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void wrong_connections_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "127.0.0.1",
                                        "127.0.0.1 1 127.0.0.1",
                                        "127.0.0.1 0 127.0.0.1 22",
                                        "127.0.0.1 1 127.0.0.1 65536",
                                        "127.0.0.1 1 127.0.0.1 22 x",
                                        "127.0.0.1 1 ::1 22",
                                        "localhost 1 localhost 22",
                                        "127.0.0.1  1 127.0.0.1 22"};
    struct peer_connection connection;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (peer_parse(wrong[i], &connection) != ERR_MALFORMED) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
    assert_err(peer_parse("192.0.2.1 1 127.0.0.1 22", &connection), ERR_NO_TARGET);
    assert_err(peer_parse("127.0.0.1 1 192.0.2.1 22", &connection), ERR_NO_TARGET);
    assert_err(peer_parse("2001:db8::1 1 ::1 22", &connection), ERR_NO_TARGET);
    assert_ok(peer_parse("127.0.0.5 1 127.0.0.1 22", &connection));
    assert_ok(peer_parse("::1 1 ::1 22", &connection));
}

/* A connection over loopback; gives its client and server descriptors, and SSH_CONNECTION as a server would have it. */
static bool connect_pair(int family, int *ret_client, int *ret_server, char ret_words[128])
{
    struct sockaddr_storage address = {0};
    socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    address.ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        ((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
    }
    int listener = socket(family, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, len) != 0) {
        close(listener);
        return false; /* a machine without IPv6 */
    }
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    *ret_client = socket(family, SOCK_STREAM, 0);
    assert_int_equal(connect(*ret_client, (struct sockaddr *)&address, len), 0);
    *ret_server = accept(listener, NULL, NULL);
    struct sockaddr_storage client;
    assert_int_equal(getsockname(*ret_client, (struct sockaddr *)&client, &len), 0);
    const char *host = family == AF_INET ? "127.0.0.1" : "::1";
    /* NOLINTBEGIN(clang-analyzer-core.CallAndMessage): getsockname has written both. */
    unsigned client_port = ntohs(((struct sockaddr_in *)&client)->sin_port); /* the same place in sockaddr_in6 */
    unsigned server_port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    /* NOLINTEND(clang-analyzer-core.CallAndMessage) */
    (void)snprintf(ret_words, 128, "%s %u %s %u", host, client_port, host, server_port);
    close(listener);
    return true;
}

static void finds_the_clients_socket(int family)
{
    int client = -1;
    int server = -1;
    char words[128];
    if (!connect_pair(family, &client, &server, words)) {
        print_message("no address of family %d here\n", family);
        return;
    }
    struct peer_connection connection;
    struct peer_socket found;
    struct stat stat_of_client;
    assert_ok(peer_parse(words, &connection));
    assert_ok(peer_find(&connection, &found));
    assert_int_equal(fstat(client, &stat_of_client), 0);
    assert_int_equal(found.inode, stat_of_client.st_ino);
    assert_int_equal(found.uid, getuid());

    assert_true(peer_is_ours(&connection));
    struct peer_connection reversed = {.client = connection.server, .server = connection.client};
    assert_true(peer_is_ours(&reversed)); /* this process has both ends */
    int kept = fcntl(server, F_DUPFD_CLOEXEC, 400);
    close(server);
    assert_false(peer_is_ours(&connection)); /* the client's end is not what counts */
    assert_int_equal(dup2(kept, server), server);
    close(kept);
    assert_true(peer_is_ours(&connection));

    AUTO(process_close) struct process self = PROCESS_NONE;
    assert_ok(process_open(&host_paths_system, getpid(), &self));
    assert_true(process_holds_socket(&self, found.inode));
    close(client);
    close(server);
    assert_false(process_holds_socket(&self, found.inode));
    assert_err(peer_find(&connection, &found), ERR_NO_TARGET); /* closed, or in TIME_WAIT: nobody's */
}

static void finds_sockets_of_both_families(void **state)
{
    (void)state;
    finds_the_clients_socket(AF_INET);
    finds_the_clients_socket(AF_INET6);
}

static void one_port_for_both_families(void **state)
{
    (void)state;
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
    socklen_t len = sizeof any;
    int no = 0;
    int listener = socket(AF_INET6, SOCK_STREAM, 0);
    if (listener < 0 || setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) != 0 ||
        bind(listener, (struct sockaddr *)&any, len) != 0) {
        print_message("no IPv6 here\n");
        return;
    }
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&any, &len), 0);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = any.sin6_port};
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&v4, sizeof v4), 0);
    int server = accept(listener, NULL, NULL);
    len = sizeof v4;
    struct sockaddr_in own = {0};
    assert_int_equal(getsockname(client, (struct sockaddr *)&own, &len), 0);
    char words[128];
    (void)snprintf(words, sizeof words, "127.0.0.1 %u 127.0.0.1 %u", ntohs(own.sin_port), ntohs(v4.sin_port));
    struct peer_connection connection;
    struct peer_socket found;
    assert_ok(peer_parse(words, &connection));
    assert_true(peer_is_ours(&connection));
    assert_ok(peer_find(&connection, &found));
    close(client);
    close(server);
    close(listener);
}

static void a_listening_socket_is_not_the_peer(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    char words[128];
    (void)snprintf(words, sizeof words, "127.0.0.1 %u 127.0.0.1 1", ntohs(address.sin_port));
    struct peer_connection connection;
    struct peer_socket found;
    assert_ok(peer_parse(words, &connection));
    assert_err(peer_find(&connection, &found), ERR_NO_TARGET);
    close(listener);
}

static void a_process_is_known_by_its_file(void **state)
{
    (void)state;
    char path[512];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    assert_true(len > 0);
    path[len] = '\0';
    struct word_list words;
    AUTO(process_close) struct process self = PROCESS_NONE;
    assert_ok(process_open(&host_paths_system, getpid(), &self));
    assert_int_equal(self.stat.parent_pid, getppid());
    assert_ok(word_list_set(&words, "/bin/sh /no/such/file"));
    assert_false(process_runs(&self, &words));
    assert_ok(word_list_set(&words, path));
    assert_true(process_runs(&self, &words));
    assert_true(process_is_of(&self, getuid()));
    assert_false(process_is_of(&self, getuid() + 1));
    int64_t start_ms = host_clock_start_unix_ms(self.stat.start_ticks);
    assert_true(start_ms / 1000 >= time(NULL) - 600 && start_ms / 1000 <= time(NULL) + 2);
}

static void a_copy_and_a_replaced_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/host-peer-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char command[256];
    char path[64];
    (void)snprintf(path, sizeof path, "%s/sleeper", folder);
    (void)snprintf(command, sizeof command, "cp /bin/sleep %s && cp /bin/sleep %s.copy", path, path);
    assert_int_equal(system(command), 0);
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, "60", (char *)NULL);
        _exit(127);
    }
    struct word_list original;
    struct word_list copy;
    char copy_path[72];
    (void)snprintf(copy_path, sizeof copy_path, "%s.copy", path);
    assert_ok(word_list_set(&original, path));
    assert_ok(word_list_set(&copy, copy_path));
    AUTO(process_close) struct process process = PROCESS_NONE;
    assert_ok(process_open(&host_paths_system, child, &process));
    for (int i = 0; i < 500 && !process_runs(&process, &original); i++) {
        usleep(10 * 1000); /* until the child has called execl */
    }
    assert_true(process_runs(&process, &original));
    assert_false(process_runs(&process, &copy));                          /* the same content is another file */
    (void)snprintf(command, sizeof command, "mv %s %s", copy_path, path); /* an upgrade */
    assert_int_equal(system(command), 0);
    assert_true(process_runs(&process, &original));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(process_runs(&process, &original)); /* the descriptor still means that process, which is gone */
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* Does a process whose /proc/PID/exe says `link` run the agent of the snap? */
static bool runs_snap(const char *folder, const char *link)
{
    struct host_paths paths = host_paths_system;
    paths.proc_dir = folder;
    struct word_list words;
    char exe[64];
    (void)snprintf(exe, sizeof exe, "%s/77/exe", folder);
    (void)unlink(exe);
    assert_int_equal(symlink(link, exe), 0);
    assert_ok(word_list_set(&words, "/snap/amazon-ssm-agent/current/ssm-session-worker"));
    AUTO(process_close) struct process process = PROCESS_NONE;
    assert_ok(process_open(&paths, 77, &process));
    return process_runs(&process, &words);
}

static void any_revision_of_the_snap(void **state)
{
    (void)state;
    char folder[] = "/tmp/host-snap-XXXXXX";
    char command[256];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(command, sizeof command, "mkdir %s/77 && cp /proc/self/stat %s/77/stat", folder, folder);
    assert_int_equal(system(command), 0);
    assert_true(runs_snap(folder, "/snap/amazon-ssm-agent/7993/ssm-session-worker"));
    assert_true(runs_snap(folder, "/snap/amazon-ssm-agent/x1/ssm-session-worker")); /* installed by hand */
    static const char *const others[] = {
        "/snap/amazon-ssm-agent/7993/ssm-agent-worker",
        "/snap/amazon-ssm-agent//ssm-session-worker",
        "/snap/amazon-ssm-agent/7993/../../x/1/ssm-session-worker",
        "/snap/another/7993/ssm-session-worker",
        "/home/snap/amazon-ssm-agent/7993/ssm-session-worker",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (runs_snap(folder, others[i])) {
            fail_msg("taken for the agent's: %s", others[i]);
        }
    }
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void the_agents_sessions(void **state)
{
    (void)state;
    char folder[] = "/tmp/host-agent-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char command[512];
    (void)snprintf(command, sizeof command,
                   "umask 077; mkdir -p %s/i-0123456789abcdef0/document/state/current %s/daemons", folder, folder);
    assert_int_equal(system(command), 0);
    char current[128];
    (void)snprintf(current, sizeof current, "%s/i-0123456789abcdef0/document/state/current", folder);
    static const char content[] =
        "{\"DocumentInformation\":{\"DocumentID\":\"alice-1\",\"DocumentName\":\"AWS-StartSSHSession\","
        "\"ProcInfo\":{\"Pid\":7,\"StartTime\":\"2023-11-14T22:13:20Z\"}},\"DocumentType\":\"StartSession\"}";
    char words[160];
    struct text why = text_in(words, sizeof words);
    assert_ok(state_dir_write(current, "alice-1", bytes_of_text(content), 0600, false, &why));
    assert_ok(state_dir_write(current, "mallory-1", bytes_of_text(content), 0600, false, &why)); /* another's id */
    assert_ok(state_dir_write(current, "bob-1", bytes_of_text("{"), 0600, false, &why));
    assert_ok(state_dir_write(current, "open-1", bytes_of_text(content), 0666, false, &why));
    struct host_paths paths = host_paths_system;
    paths.owner = getuid();
    paths.agent_state_dir = folder;
    AUTO(agent_dir_free) struct agent_sessions sessions = {0};
    assert_ok(agent_dir_read(&paths, &sessions));
    assert_int_equal(sessions.count, 1);
    assert_int_equal(sessions.unreadable, 3);
    assert_string_equal(sessions.sessions[0].session_id, "alice-1");
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    agent_dir_free(&sessions);
    assert_ok(agent_dir_read(&paths, &sessions)); /* no agent here */
    assert_int_equal(sessions.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_connections_are_refused),  cmocka_unit_test(finds_sockets_of_both_families),
        cmocka_unit_test(one_port_for_both_families),     cmocka_unit_test(a_listening_socket_is_not_the_peer),
        cmocka_unit_test(a_process_is_known_by_its_file), cmocka_unit_test(a_copy_and_a_replaced_file),
        cmocka_unit_test(any_revision_of_the_snap),       cmocka_unit_test(the_agents_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
