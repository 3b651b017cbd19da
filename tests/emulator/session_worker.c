/* session_worker: stands for the agent's ssm-session-worker, one process a session, run by root:
 *
 *     ssm-session-worker SESSION-ID
 *
 * What the real one gets from its agent through a private channel comes in the environment here: SESSION_WORKER_PORT,
 * the port of localhost that standard input and output are relayed to (plugin Port); or SESSION_WORKER_USER and
 * SESSION_WORKER_COMMAND, for a shell: `sh -c COMMAND` as that user, by setuid alone, without PAM (plugin
 * Standard_Stream). Who runs it without being root forges a session, and stays who he is. */
#include <err.h>
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct direction {
    int from, to;
};

/* To the end of one direction; a thread each, so that neither waits for the other. */
static void *copy(void *argument)
{
    const struct direction *direction = argument;
    char memory[64 * 1024];
    ssize_t got;
    while ((got = read(direction->from, memory, sizeof memory)) > 0) {
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(direction->to, memory + done, (size_t)(got - done));
            if (put < 0) {
                return NULL;
            }
            done += put;
        }
    }
    (void)shutdown(direction->to, SHUT_WR);
    return NULL;
}

static int dial_address(const char *address, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    if (getaddrinfo(address, port, &hints, &list) != 0) {
        return -1;
    }
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_connected = fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) == 0;
    freeaddrinfo(list);
    if (!is_connected) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* localhost, as the agent tries it. */
static int dial(const char *port)
{
    int fd = dial_address("::1", port);
    if (fd < 0) {
        fd = dial_address("127.0.0.1", port);
    }
    if (fd < 0) {
        err(1, "port %s", port);
    }
    return fd;
}

/* Ends with the node's side: a client that is gone is noticed by it. */
static int relay(const char *port)
{
    int fd = dial(port);
    static struct direction to_node, to_client;
    to_node = (struct direction){STDIN_FILENO, fd};
    to_client = (struct direction){fd, STDOUT_FILENO};
    pthread_t thread;
    if (pthread_create(&thread, NULL, copy, &to_node) != 0) {
        errx(1, "no thread");
    }
    (void)copy(&to_client);
    return 0;
}

static void run_shell(const char *user, const char *command)
{
    const struct passwd *account = getpwnam(user);
    if (account == NULL || (getuid() == 0 && (initgroups(user, account->pw_gid) != 0 || setgid(account->pw_gid) != 0 ||
                                              setuid(account->pw_uid) != 0))) {
        err(1, "%s", user);
    }
    (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    err(1, "sh");
}

static int shell(const char *user, const char *command)
{
    pid_t child = fork();
    if (child == 0) {
        run_shell(user, command);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        err(1, "child");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    (void)argv;
    const char *port = getenv("SESSION_WORKER_PORT");
    const char *user = getenv("SESSION_WORKER_USER");
    const char *command = getenv("SESSION_WORKER_COMMAND");
    if (argc != 2 || (port == NULL && (user == NULL || command == NULL))) {
        errx(2, "usage: SESSION_WORKER_PORT=N %s SESSION-ID", argv[0]);
    }
    return port != NULL ? relay(port) : shell(user, command);
}
