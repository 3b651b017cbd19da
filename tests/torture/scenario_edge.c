/* The edges that need no peer: files, records, loop, signals, standard streams, trust, entropy, the log. */
#include "tests/torture/scenario.h"

#include "common/auto.h"
#include "common/log.h"
#include "proxy/edge/aws_files.h"
#include "proxy/edge/child_process.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/connection_notes.h"
#include "proxy/edge/entropy.h"
#include "proxy/edge/file_lock.h"
#include "proxy/edge/key_agent.h"
#include "proxy/edge/key_directory.h"
#include "proxy/edge/listener.h"
#include "proxy/edge/local_socket.h"
#include "proxy/edge/person_file.h"
#include "proxy/edge/private_file.h"
#include "proxy/edge/process_identity.h"
#include "proxy/edge/prompt.h"
#include "proxy/edge/session_record.h"
#include "proxy/edge/signals.h"
#include "proxy/edge/state_log.h"
#include "proxy/edge/stdio.h"
#include "proxy/edge/trust.h"
#include "tests/torture/torture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char why_memory[1024];

static struct text why(void)
{
    return text_in(why_memory, sizeof why_memory);
}

static const char *path_of(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", scenario_folder, name);
    return path;
}

static void write_file(const char *name, const char *text, size_t repeat)
{
    FILE *file = fopen(path_of(name), "we");
    scenario_demand(file != NULL, "a file cannot be made");
    for (size_t i = 0; file != NULL && i < repeat; i++) {
        (void)fputs(text, file);
    }
    (void)fclose(file);
}

/* ---- files ---- */

static void make_config(void)
{
    write_file("config", "0123456789abcdef", 2500);
}

static enum err read_config(void)
{
    struct text words = why();
    AUTO(aws_files_wipe) struct aws_file file = {0};
    AUTO(aws_files_wipe) struct aws_file absent = {0};
    TRY(aws_files_read(path_of("absent"), INSTANT_NEVER, &absent, &words));
    TRY(aws_files_read(path_of("config"), INSTANT_NEVER, &file, &words));
    scenario_demand(absent.data == NULL, "a file that is not there has content");
    if (file.data == NULL) {
        return ERR_CONFIG; /* ENOENT: there was none */
    }
    scenario_demand(file.len == 40000 && file.data[39999] == 'f', "the file is not whole");
    return ERR_OK;
}

/* ---- records ---- */

static struct session_record a_record(const char *session_id)
{
    struct session_record record = {.region = "eu-west-1", .endpoint_url = "https://h/", .profile = "default"};
    (void)stpcpy(record.session_id, session_id);
    return record;
}

/* A record of a process that is gone, and something that is none. */
static void leave_record(void)
{
    pid_t child = fork();
    if (child == 0) {
        struct session_records *records = NULL;
        struct session_record record = a_record("left-1");
        struct text words = why();
        bool is_written = session_record_open(scenario_folder, NULL, &records) == ERR_OK &&
                          session_record_write(records, &record, &words) == ERR_OK;
        _exit(is_written ? 0 : 1);
    }
    int status = 0;
    scenario_demand(waitpid(child, &status, 0) == child && status == 0, "no record could be left");
    write_file("ssm-bridge/sessions/0.session", "garbage\n", 1);
}

static enum err keep_records(void)
{
    AUTO(session_record_close) struct session_records *records = NULL;
    struct text words = why();
    struct session_record record = a_record("mine-1");
    struct session_record stale = {.session_id = ""};
    TRY(session_record_open(scenario_folder, NULL, &records));
    TRY(session_record_write(records, &record, &words));
    bool found = session_record_next_stale(records, &stale);
    scenario_demand(!found || strcmp(stale.session_id, "left-1") == 0, "the record of a living process is stale");
    if (found) {
        session_record_remove(records, stale.session_id);
    }
    session_record_remove(records, "mine-1");
    return found ? ERR_OK : ERR_SYSTEM; /* not found: it stays for the next run */
}

static void remove_state(void)
{
    char command[160];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path_of("ssm-bridge"));
    scenario_demand(system(command) == 0, "rm"); /* NOLINT(cert-env33-c): our own text */
}

/* Where there is no directory yet. */
static enum err make_first_record(void)
{
    AUTO(session_record_close) struct session_records *records = NULL;
    struct text words = why();
    struct session_record record = a_record("first-1");
    TRY(session_record_open(scenario_folder, NULL, &records));
    return session_record_write(records, &record, &words);
}

static enum err name_process(void)
{
    struct process_identity self;
    TRY(process_identity_self(&self));
    scenario_demand(self.pid == getpid() && self.boot_id[0] != '\0', "the process");
    scenario_demand(!process_identity_is_gone(&self, &self), "we are gone");
    struct process_identity other = self;
    other.pid = 1;
    bool is_gone = process_identity_is_gone(&self, &other); /* rightly so, where the kernel says that it is */
    scenario_demand(!is_gone || torture_end().error == ENOENT, "a living process counts as gone");
    return ERR_OK;
}

/* A log that is full, and open to others. */
static void fill_log(void)
{
    char command[160];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path_of("log"));
    scenario_demand(system(command) == 0, "rm"); /* NOLINT(cert-env33-c): our own text */
    (void)mkdir(path_of("log"), 0700);
    write_file("log/last.log", "x", LIMIT_STATE_LOG);
    (void)chmod(path_of("log/last.log"), 0644);
}

static enum err keep_log(void)
{
    struct text words = why();
    char directory[96];
    (void)snprintf(directory, sizeof directory, "%s/log", scenario_folder);
    TRY(state_log_append(directory, "last.log", bytes_of_text("the line\n"), &words));
    torture_pause();
    char line[16] = "";
    FILE *file = fopen(path_of("log/last.log"), "re");
    bool is_found = file != NULL && fseek(file, -9, SEEK_END) == 0 && fread(line, 1, 9, file) == 9;
    scenario_demand(is_found && strcmp(line, "the line\n") == 0, "the line is not in the log");
    (void)fclose(file);
    torture_go_on();
    return ERR_OK;
}

/* ---- loop, signals, streams ---- */

static enum err loop_once(struct loop *loop, struct signals *signals)
{
    TRY(signals_open(loop, signals));
    (void)raise(SIGHUP);
    int taken = 0;
    for (int turn = 0; turn < 2 && taken == 0; turn++) { /* a read that failed leaves it for the next turn */
        TRY(loop_wait(loop, INSTANT_NEVER));
        taken = signals->source.can_read ? signals_take(signals) : 0;
    }
    return taken == SIGHUP ? ERR_OK : ERR_SYSTEM;
}

static void on_hangup(int number)
{
    (void)number; /* a signal that was not taken is delivered when signals are closed */
}

static enum err wait_for_signal(void)
{
    (void)signal(SIGHUP, on_hangup);
    AUTO(loop_free) struct loop *loop = NULL;
    AUTO(signals_close) struct signals signals = {.source = {.fd = -1}};
    TRY(loop_new(&loop));
    return loop_once(loop, &signals);
}

/* Linux before 5.11. */
static enum err wait_without_pwait2(void)
{
    torture_lack("epoll_pwait2", ENOSYS);
    enum err err = wait_for_signal();
    torture_lack(NULL, 0);
    return err;
}

struct streams {
    struct loop *loop;
    struct stdio_stream in;
    struct stdio_stream out;
    int fds[2]; /* in, out */
};

static void close_streams(struct streams *streams)
{
    stdio_close(&streams->in);
    stdio_close(&streams->out);
    loop_free(&streams->loop);
    torture_pause();
    (void)close(streams->fds[0]);
    if (streams->fds[1] >= 0) {
        (void)close(streams->fds[1]);
    }
    torture_go_on();
}

static enum err write_hello(struct streams *streams)
{
    struct bytes hello = bytes_of_text("hello");
    while (hello.len > 0) {
        size_t len = 0;
        streams->out.source.want_write = true;
        TRY(loop_wait(streams->loop, INSTANT_NEVER));
        enum err err = stdio_write(&streams->out, hello, &len);
        if (err != ERR_OK && err != ERR_AGAIN) {
            return err;
        }
        hello = bytes_from(hello, len);
    }
    return ERR_OK;
}

static enum err read_to_end(struct streams *streams, size_t *ret_len)
{
    char buffer[64];
    streams->in.source.want_read = true;
    for (;;) {
        size_t len = 0;
        TRY(loop_wait(streams->loop, INSTANT_NEVER));
        enum err err = stdio_read(&streams->in, buffer + *ret_len, sizeof buffer - *ret_len, &len);
        *ret_len += len;
        if (streams->in.end == STDIO_EOF) {
            scenario_demand(*ret_len == 5 && memcmp(buffer, "hello", 5) == 0, "the bytes");
            return ERR_OK;
        }
        if (err != ERR_OK && err != ERR_AGAIN) {
            return err;
        }
    }
}

/* "hello" through both streams, and the end. */
static enum err pass_through(int in, int out)
{
    AUTO(close_streams) struct streams streams = {.fds = {in, out}};
    TRY(loop_new(&streams.loop));
    TRY(stdio_open(streams.loop, out, STDIO_WRITE, &streams.out));
    TRY(stdio_open(streams.loop, in, STDIO_READ, &streams.in));
    TRY(write_hello(&streams));
    stdio_close(&streams.out);
    torture_pause();
    (void)close(out);
    streams.fds[1] = -1;
    torture_go_on();
    size_t len = 0;
    return read_to_end(&streams, &len);
}

static enum err pass_through_pipe(void)
{
    int fds[2];
    torture_pause();
    scenario_demand(pipe2(fds, O_CLOEXEC) == 0, "pipe2");
    torture_go_on();
    return pass_through(fds[0], fds[1]);
}

static enum err pass_through_sockets(void)
{
    int fds[2];
    scenario_demand(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
    return pass_through(fds[0], fds[1]);
}

/* A fifo with a name is no pipe that we may open again: then each step is asked for. */
static enum err pass_through_fifo(void)
{
    torture_pause();
    (void)unlink(path_of("fifo"));
    scenario_demand(mkfifo(path_of("fifo"), 0600) == 0, "mkfifo");
    int in = open(path_of("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int out = open(path_of("fifo"), O_WRONLY | O_CLOEXEC);
    torture_go_on();
    return pass_through(in, out);
}

static enum err guard_stdio(void)
{
    torture_pause();
    int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    (void)close(STDIN_FILENO);
    torture_go_on();
    enum err err = stdio_guard();
    torture_pause();
    (void)dup2(kept, STDIN_FILENO);
    (void)close(kept);
    torture_go_on();
    return err;
}

/* ---- programs ---- */

/* What a run of it takes, however it ends. */
struct program {
    struct loop *loop;
    struct child_process *child;
};

static void close_program(struct program *program)
{
    child_process_free(&program->child);
    loop_free(&program->loop);
}

static enum err start_program(struct program *program, const char *const *arguments, int64_t deadline_us)
{
    struct text words = why();
    struct child_process_command command = {arguments, 100, deadline_us};
    TRY(loop_new(&program->loop));
    return child_process_start(program->loop, &command, &program->child, &words);
}

/* It has ended before it is looked at: so each run makes the same calls. */
static enum err run_program(void)
{
    AUTO(close_program) struct program program = {NULL};
    const char *const arguments[] = {"echo", "hello", NULL};
    TRY(start_program(&program, arguments, INSTANT_NEVER));
    siginfo_t ended;
    scenario_demand(waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) == 0, "it does not end");
    struct text words = why();
    struct child_process_result result = {.exit_status = -1};
    enum err err = child_process_result(program.child, &result, &words);
    if (err == ERR_AGAIN) { /* a call that was interrupted */
        TRY(loop_wait(program.loop, child_process_deadline_us(program.child)));
        err = child_process_result(program.child, &result, &words);
    }
    TRY(err);
    scenario_demand(result.exit_status == 0 && bytes_equal_text(result.output, "hello\n"), "what it printed");
    return ERR_OK;
}

static void remove_mark(void)
{
    (void)unlink(path_of("mark"));
}

/* Its time is up, and it has a child. */
static enum err kill_program(void)
{
    AUTO(close_program) struct program program = {NULL};
    const char *const arguments[] = {"sh", "-c", "sleep 2 & : >\"$0\"; wait", path_of("mark"), NULL};
    TRY(start_program(&program, arguments, 0));
    torture_pause();
    struct stat status;
    for (int i = 0; i < 1000 && stat(path_of("mark"), &status) != 0; i++) {
        (void)usleep(10 * 1000);
    }
    torture_go_on();
    struct text words = why();
    struct child_process_result result;
    enum err err = child_process_result(program.child, &result, &words);
    return err == ERR_TIMEOUT ? ERR_OK : err == ERR_OK || err == ERR_AGAIN ? ERR_SYSTEM : err;
}

/* ---- the terminal ---- */

static int terminal_master = -1;

/* A terminal of our own, in whose foreground we are, and one line typed into it. */
static void make_terminal(void)
{
    if (terminal_master < 0) {
        (void)setsid();
        terminal_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        scenario_demand(grantpt(terminal_master) == 0 && unlockpt(terminal_master) == 0, "no terminal");
        int terminal = open(ptsname(terminal_master), O_RDWR | O_CLOEXEC); /* it becomes ours; and stays open */
        scenario_demand(terminal >= 0, "the terminal cannot be opened");
    }
}

static enum err answer_prompt(void)
{
    AUTO(loop_free) struct loop *loop = NULL;
    AUTO(prompt_free) struct prompt *prompt = NULL;
    TRY(loop_new(&loop));
    TRY(prompt_start(loop, "code", &prompt));
    torture_pause();
    scenario_demand(write(terminal_master, "123456\n", 7) == 7, "nothing can be typed");
    torture_go_on();
    struct bytes answer;
    for (;;) {
        enum err err = prompt_result(prompt, &answer);
        if (err == ERR_OK) {
            scenario_demand(bytes_equal_text(answer, "123456"), "the answer");
        }
        if (err != ERR_AGAIN) {
            return err;
        }
        TRY(loop_wait(loop, INSTANT_NEVER));
    }
}

/* ---- a person's file ---- */

static void write_person_file(void)
{
    FILE *file = fopen(path_of("person"), "we");
    scenario_demand(file != NULL && fputs("mine\n", file) >= 0 && fclose(file) == 0, "the file");
}

static void demand_person_file(const char *content)
{
    torture_pause();
    char found[32] = "";
    FILE *file = fopen(path_of("person"), "re");
    scenario_demand(file != NULL && fread(found, 1, sizeof found - 1, file) > 0, "there is no file");
    (void)fclose(file);
    scenario_demand(strcmp(found, content) == 0, "the content");
    torture_go_on();
}

static enum err replace_person_file(void)
{
    struct text words = why();
    AUTO(person_file_free) struct person_file file = {.exists = false};
    enum err err = person_file_open(path_of("person"), &file, &words);
    if (err == ERR_OK) {
        err = person_file_replace(&file, bytes_of_text("ours\n"), bytes_of(file.data, file.len), &words);
    }
    demand_person_file(err == ERR_OK ? "ours\nmine\n" : "mine\n");
    return err;
}

/* ---- private files ---- */

static void remove_private_file(void)
{
    char command[160];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path_of("private"));
    scenario_demand(system(command) == 0, "rm"); /* NOLINT(cert-env33-c): our own text */
}

static enum err store_private_file(void)
{
    struct text words = why();
    TRY(private_file_store(path_of("private/cache/file"), bytes_of_text("secret"), &words));
    torture_pause();
    char content[16] = "";
    FILE *file = fopen(path_of("private/cache/file"), "re");
    scenario_demand(file != NULL && fread(content, 1, sizeof content - 1, file) == 6, "the file is not whole");
    (void)fclose(file);
    scenario_demand(strcmp(content, "secret") == 0, "the content");
    torture_go_on();
    return ERR_OK;
}

/* ---- notes for known-hosts ---- */

/* Whatever fails: nothing is left behind, and nobody reads half a note. */
static enum err leave_and_find_note(void)
{
    char content[16];
    size_t len = 0;
    struct text words = why();
    AUTO(connection_notes_take_back) struct connection_notes left = connection_notes_none();
    AUTO(connection_notes_close) struct connection_notes found = connection_notes_none();
    TRY(connection_notes_leave(path_of("private/notes"), bytes_of_text("a note"), &left, &words));
    TRY(connection_notes_find(path_of("private/notes"), content, sizeof content, &len, &found));
    scenario_demand(len == 6 && memcmp(content, "a note", 6) == 0, "the note is not whole");
    scenario_demand(!connection_notes_wait(&found, 0), "more is to come");
    connection_notes_settle(&left);
    return connection_notes_wait(&found, 0) ? ERR_OK : ERR_TIMEOUT;
}

static enum err lock_twice(void)
{
    struct text words = why();
    AUTO(file_lock_release) int first = -1;
    AUTO(file_lock_release) int second = -1;
    enum err err = file_lock_try(path_of("private/locks"), "one", &first, &words);
    if (err != ERR_OK) {
        return err == ERR_AGAIN ? ERR_SYSTEM : err; /* flock says that somebody has it */
    }
    err = file_lock_try(path_of("private/locks"), "one", &second, &words);
    scenario_demand(err == ERR_AGAIN || err == ERR_SYSTEM, "two have it");
    return err == ERR_AGAIN ? ERR_OK : err;
}

/* ---- keys ---- */

static void make_key(void)
{
    remove_private_file();
    (void)mkdir(path_of("private"), 0700);
    (void)mkdir(path_of("private/ssm-bridge"), 0700);
    (void)mkdir(path_of("private/ssm-bridge/keys"), 0700);
    write_file("private/ssm-bridge/keys/key-2", "key", 1);
    (void)chmod(path_of("private/ssm-bridge/keys/key-2"), 0600);
}

/* Whoever has the lock has it alone, and it falls with its descriptor. */
static enum err lock_keys(void)
{
    struct text words = why();
    AUTO(key_directory_close) struct key_directory directory = {.fd = -1};
    AUTO_SECRET struct secret content = {0};
    TRY(key_directory_open(path_of("private"), NULL, &directory, &words));
    for (int i = 0; i < 2; i++) {
        int shared = -1;
        int alone = -1;
        TRY(key_directory_take(&directory, KEY_DIRECTORY_READ, 1, clock_mono_us() + 20000, &shared, &words));
        enum err err = key_directory_take(&directory, KEY_DIRECTORY_WRITE, 1, 0, &alone, &words);
        (void)close(shared);
        scenario_demand(err == ERR_TIMEOUT || err == ERR_SYSTEM, "a slot that is read is not written");
        TRY(err == ERR_TIMEOUT ? ERR_OK : err);
    }
    scenario_demand(key_directory_read(&directory, 0, &content, &words) != ERR_OK, "there is no first key");
    TRY(key_directory_read(&directory, 1, &content, &words));
    scenario_demand(bytes_equal_text(secret_bytes(&content), "key"), "the key");
    return ERR_OK;
}

/* An agent that takes whatever key it gets. */
static pid_t start_agent(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)stpcpy(address.sun_path, path);
    (void)unlink(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    scenario_demand(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0,
                    "an agent's socket");
    pid_t agent = fork();
    if (agent == 0) {
        char request[1024];
        int fd = accept(listener, NULL, NULL);
        ssize_t len = read(fd, request, sizeof request);
        len = len > 0 ? write(fd, "\0\0\0\1\6", 5) : len;
        _exit(len == 5 && read(fd, request, sizeof request) == 0 ? 0 : 1);
    }
    (void)close(listener);
    return agent;
}

static enum err ask_agent(void)
{
    char path[128];
    struct text words = why();
    struct key_agent_message request;
    AUTO(key_agent_reply_free) struct key_agent_reply reply = {.data = NULL};
    (void)snprintf(path, sizeof path, "%s/agent", scenario_folder);
    torture_pause();
    pid_t agent = start_agent(path);
    torture_go_on();
    key_agent_message_put_list(&request);
    enum err err = key_agent_ask(path, &request, clock_mono_us() + INT64_C(10000000), &reply, &words);
    torture_pause();
    (void)kill(agent, SIGKILL);
    (void)waitpid(agent, NULL, 0);
    torture_go_on();
    TRY(err);
    scenario_demand(reply.len == 1 && key_agent_message_read_add(bytes_of(reply.data, reply.len)) == ERR_OK,
                    "the agent's answer");
    return ERR_OK;
}

/* ---- local connections ---- */

/* A socket file that a killed process has left. */
static void leave_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)stpcpy(address.sun_path, path_of("local.sock"));
    (void)unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    scenario_demand(bind(fd, (const struct sockaddr *)&address, sizeof address) == 0, "a socket file");
    (void)close(fd);
}

/* Both ends of one connection. */
struct local {
    struct loop *loop;
    struct listener listener;
    struct local_socket socket;
    int client;
};

static void close_local(struct local *local)
{
    local_socket_close(&local->socket);
    listener_close(&local->listener);
    loop_free(&local->loop);
    if (local->client >= 0) {
        torture_pause();
        (void)close(local->client);
        torture_go_on();
    }
}

/* A program connects, and sends. */
static void send_hello(struct local *local)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    torture_pause();
    (void)stpcpy(address.sun_path, path_of("local.sock"));
    local->client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    scenario_demand(connect(local->client, (const struct sockaddr *)&address, sizeof address) == 0 &&
                        send(local->client, "hello", 5, 0) == 5,
                    "a client");
    torture_go_on();
}

static enum err accept_local(struct local *local)
{
    int fd;
    enum err err = ERR_AGAIN;
    local->listener.source.want_read = true;
    for (int left = 3; err != ERR_OK && left > 0; left--) {
        TRY(loop_wait(local->loop, INSTANT_NEVER));
        err = listener_accept(&local->listener, &fd); /* ERR_SYSTEM: it goes on waiting */
    }
    TRY(err);
    return local_socket_open(local->loop, fd, &local->socket);
}

static enum err answer_local(struct local *local)
{
    char buffer[8];
    struct bytes rest = bytes_of_text("hello");
    local->socket.source.want_read = true;
    while (rest.len > 0) {
        size_t len;
        TRY(loop_wait(local->loop, INSTANT_NEVER));
        enum err err = local_socket_read(&local->socket, buffer, sizeof buffer, &len);
        if (err == ERR_AGAIN) {
            continue;
        }
        TRY(err);
        scenario_demand(len > 0 && len <= rest.len && memcmp(buffer, rest.data, len) == 0, "what was sent");
        rest = bytes_from(rest, len);
    }
    size_t len;
    enum err err = local_socket_write(&local->socket, bytes_of_text("x"), &len);
    return err == ERR_AGAIN ? local_socket_write(&local->socket, bytes_of_text("x"), &len) : err;
}

static enum err take_local_connection(void)
{
    struct text words = why();
    AUTO(close_local) struct local local = {.client = -1};
    AUTO(listener_close) struct listener tcp = {.is_open = false};
    uint16_t port = 0;
    TRY(listener_open_tcp("127.0.0.1", 0, &tcp, &port, &words));
    scenario_demand(port != 0, "a free port");
    TRY(listener_open_unix(path_of("local.sock"), &local.listener, &words));
    TRY(loop_new(&local.loop));
    TRY(listener_join(&local.listener, local.loop));
    send_hello(&local);
    TRY(accept_local(&local));
    return answer_local(&local);
}

/* ---- the rest ---- */

static void make_roots(void)
{
    write_file("ca.pem", "x", 1);
    (void)mkdir(path_of("roots"), 0700);
    write_file("roots/0123abcd.0", "x", 1);
}

static enum err find_trust(void)
{
    struct trust trust;
    struct text words = why();
    char directory[96];
    (void)snprintf(directory, sizeof directory, "%s/roots", scenario_folder);
    TRY(trust_find(path_of("ca.pem"), NULL, NULL, &trust, &words));
    scenario_demand(trust.file[0] != '\0' && trust.directory[0] == '\0', "a bundle alone");
    enum err err = trust_find(directory, NULL, NULL, &trust, &words);
    if (err == ERR_OK && trust.directory[0] == '\0') {
        return ERR_CONFIG; /* stat failed: libcurl says later that it is no bundle */
    }
    TRY(err);
    scenario_demand(strcmp(trust.directory, directory) == 0, "a directory alone");
    return trust_find(NULL, path_of("ca.pem"), NULL, &trust, &words);
}

static enum err draw_entropy(void)
{
    uint8_t mask[4];
    struct entropy_pool pool = {.left = 0};
    TRY(entropy_take(&pool, mask, sizeof mask));
    scenario_demand(pool.left == sizeof pool.bytes - sizeof mask, "the pool");
    return ERR_OK;
}

/* Standard error is a pipe: the line is read back, or lost. */
static enum err log_line(void)
{
    torture_pause();
    int fds[2];
    scenario_demand(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0, "pipe2");
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    (void)dup2(fds[1], STDERR_FILENO);
    torture_go_on();
    log_error("a line");
    torture_pause();
    (void)dup2(kept, STDERR_FILENO);
    char line[64] = "";
    (void)!read(fds[0], line, sizeof line - 1);
    (void)close(kept);
    (void)close(fds[0]);
    (void)close(fds[1]);
    torture_go_on();
    return strcmp(line, "ssm: a line\n") == 0 ? ERR_OK : ERR_SYSTEM;
}

const struct scenario edge_scenarios[] = {
    {"aws files", make_config, read_config},
    {"first record", remove_state, make_first_record},
    {"records", leave_record, keep_records},
    {"process identity", NULL, name_process},
    {"older kernel", NULL, wait_without_pwait2},
    {"state log", fill_log, keep_log},
    {"signals", NULL, wait_for_signal},
    {"pipe", NULL, pass_through_pipe},
    {"sockets", NULL, pass_through_sockets},
    {"fifo", NULL, pass_through_fifo},
    {"stdio guard", NULL, guard_stdio},
    {"program", NULL, run_program},
    {"late program", remove_mark, kill_program},
    {"prompt", make_terminal, answer_prompt},
    {"person file", write_person_file, replace_person_file},
    {"private file", remove_private_file, store_private_file},
    {"note of a connection", remove_private_file, leave_and_find_note},
    {"file lock", remove_private_file, lock_twice},
    {"locks of keys", make_key, lock_keys},
    {"ssh-agent", NULL, ask_agent},
    {"local connection", leave_socket, take_local_connection},
    {"trust", make_roots, find_trust},
    {"entropy", NULL, draw_entropy},
    {"log", NULL, log_line},
};
const size_t edge_scenario_count = COUNT(edge_scenarios);
