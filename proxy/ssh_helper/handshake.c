#include "proxy/ssh_helper/handshake.h"

#include "common/auto.h"
#include "common/log.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh/libssh.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* An agent whose port nobody listens on says so after a minute; a server says its first word at once. */
#define BANNER_TIMEOUT_MS (20 * 1000)
#define LIBSSH_TIMEOUT_S 30L

struct handshake {
    int socket; /* our end of the command's standard input and output */
    int errors; /* of its standard error */
    pid_t pid;
    int64_t began_us;
};

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void put(const char *word, const char *value)
{
    char shown[2048];
    text_copy_for_display(value, shown, sizeof shown);
    printf("%s %s\n", word, shown);
}

static void put_time(const char *word, int64_t since_us)
{
    printf("%s %lld\n", word, (long long)(now_us() - since_us));
}

/* ---- the command ---- */

static enum err spawn(struct handshake *handshake, char *const *command, int socket, int errors)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ERR_MEMORY;
    }
    int failure = posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    failure = failure != 0 ? failure : posix_spawn_file_actions_adddup2(&actions, socket, STDOUT_FILENO);
    failure = failure != 0 ? failure : posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    failure = failure != 0 ? failure : posix_spawn(&handshake->pid, command[0], &actions, NULL, command, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) {
        log_error("handshake: %s cannot be started: %s", command[0], strerror(failure));
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

static enum err start(struct handshake *handshake, char *const *command)
{
    int sockets[2];
    int errors[2];
    handshake->began_us = now_us();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0 || pipe2(errors, O_CLOEXEC) != 0) {
        log_error("handshake: no socket for the command: %s", strerror(errno));
        return ERR_SYSTEM;
    }
    handshake->socket = sockets[0];
    handshake->errors = errors[0];
    enum err err = spawn(handshake, command, sockets[1], errors[1]);
    close(sockets[1]);
    close(errors[1]);
    return err;
}

/* The last line that the command has written to standard error. It has ended, so all of it is in the pipe. */
static void put_last_line(int errors)
{
    char said[16 * 1024];
    ssize_t len = read(errors, said, sizeof said - 1);
    said[len > 0 ? len : 0] = '\0';
    for (char *end = said + strlen(said); end > said && end[-1] == '\n';) {
        *--end = '\0';
    }
    const char *newline = strrchr(said, '\n');
    const char *line = newline != NULL ? newline + 1 : said;
    if (line[0] != '\0') {
        put("said", line);
    }
}

static void put_end(const struct handshake *handshake)
{
    int status = 0;
    if (waitpid(handshake->pid, &status, 0) == handshake->pid) {
        printf("status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        put_last_line(handshake->errors);
    }
}

/* True: the server's first byte is there, and still to be read. */
static bool wait_for_banner(const struct handshake *handshake)
{
    struct pollfd poll_fd = {.fd = handshake->socket, .events = POLLIN};
    char first;
    if (poll(&poll_fd, 1, BANNER_TIMEOUT_MS) == 1 && recv(handshake->socket, &first, 1, MSG_PEEK) == 1) {
        put_time("banner_us", handshake->began_us);
        return true;
    }
    return false;
}

/* ---- libssh ---- */

static void free_session(ssh_session *session)
{
    ssh_free(*session);
}

/* Neither the person's configuration nor their known hosts have a say. */
static bool set_up(ssh_session session, const char *user, int socket)
{
    long timeout_s = LIBSSH_TIMEOUT_S;
    bool reads_config = false;
    return ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &reads_config) == SSH_OK &&
           ssh_options_set(session, SSH_OPTIONS_HOST, "node") == SSH_OK &&
           ssh_options_set(session, SSH_OPTIONS_USER, user) == SSH_OK &&
           ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") == SSH_OK &&
           ssh_options_set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") == SSH_OK &&
           ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &timeout_s) == SSH_OK &&
           ssh_options_set(session, SSH_OPTIONS_FD, &socket) == SSH_OK;
}

static void put_host_key(ssh_session session)
{
    ssh_key key = NULL;
    unsigned char *hash = NULL;
    size_t hash_len = 0;
    char *base64 = NULL;
    if (ssh_get_server_publickey(session, &key) != SSH_OK) {
        return;
    }
    if (ssh_pki_export_pubkey_base64(key, &base64) == SSH_OK) {
        printf("host_key %s %s\n", ssh_key_type_to_char(ssh_key_type(key)), base64);
        ssh_string_free_char(base64);
    }
    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &hash_len) == SSH_OK) {
        char *fingerprint = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, hash_len);
        put("fingerprint", fingerprint != NULL ? fingerprint : "");
        ssh_string_free_char(fingerprint);
        ssh_clean_pubkey_hash(&hash);
    }
    ssh_key_free(key);
}

static void put_methods(ssh_session session, const char *user)
{
    static const struct {
        unsigned bit;
        const char *name;
    } methods[] = {
        {SSH_AUTH_METHOD_NONE, "none"},           {SSH_AUTH_METHOD_PUBLICKEY, "publickey"},
        {SSH_AUTH_METHOD_PASSWORD, "password"},   {SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"},
        {SSH_AUTH_METHOD_HOSTBASED, "hostbased"}, {SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic"},
    };
    char memory[256];
    struct text list = text_in(memory, sizeof memory);
    int64_t began_us = now_us();
    int answer = ssh_userauth_none(session, user);
    if (answer == SSH_AUTH_ERROR) {
        put("why", ssh_get_error(session));
        return;
    }
    put_time("methods_us", began_us);
    unsigned offered = answer == SSH_AUTH_SUCCESS ? SSH_AUTH_METHOD_NONE : (unsigned)ssh_userauth_list(session, user);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if ((offered & methods[i].bit) != 0) {
            text_format(&list, "%s%s", list.len > 0 ? "," : "", methods[i].name);
        }
    }
    put("methods", memory);
}

/* The socket is libssh's from ssh_connect on. */
static void shake_hands(ssh_session session, const char *user)
{
    int64_t began_us = now_us();
    if (ssh_connect(session) != SSH_OK) {
        put("why", ssh_get_error(session));
        return;
    }
    put_time("handshake_us", began_us);
    put("software", ssh_get_serverbanner(session));
    put_host_key(session);
    put_methods(session, user);
    ssh_disconnect(session);
}

static enum err talk(const char *user, int socket)
{
    AUTO(free_session) ssh_session session = ssh_new();
    if (session == NULL || !set_up(session, user, socket)) {
        log_error("handshake: libssh does not take the settings");
        return ERR_SYSTEM;
    }
    shake_hands(session, user);
    return ERR_OK;
}

enum err handshake_print(const char *user, char *const *command)
{
    struct handshake handshake = {.socket = -1, .errors = -1};
    TRY(start(&handshake, command));
    (void)signal(SIGPIPE, SIG_IGN);
    if (wait_for_banner(&handshake)) {
        TRY(talk(user, handshake.socket));
        (void)waitpid(handshake.pid, NULL, 0); /* it ends its session */
    } else {
        close(handshake.socket); /* the command ends, if it has not */
        put_end(&handshake);
    }
    return ERR_OK;
}
