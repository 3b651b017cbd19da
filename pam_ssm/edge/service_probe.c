#include "pam_ssm/edge/service_probe.h"

#include "common/auto.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/path_trust.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBES_MAX 8

/* ---- in the process of one probe ---- */

static void say(struct doctor_probe *probe, const char *words)
{
    (void)snprintf(probe->words, sizeof probe->words, "%s", words);
}

/* The parent takes the last one that it gets: a probe is written after each step. It fits into a pipe's buffer, and is
 * written whole. */
static void report(const struct doctor_probe *probe, int pipe)
{
    ssize_t put = write(pipe, probe, sizeof *probe);
    (void)put; /* nobody listens any more */
}

/* The descriptor, for somebody else to close. */
static int take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static bool connect_to_any(struct doctor_probe *probe, const struct addrinfo *addresses, int *ret_fd)
{
    for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next) {
        AUTO(path_trust_close) int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
            *ret_fd = take(&fd);
            return true;
        }
        say(probe, strerror(errno));
    }
    return false;
}

static void say_tls_failure(struct doctor_probe *probe, const SSL *tls)
{
    long verdict = SSL_get_verify_result(tls);
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    if (verdict != X509_V_OK) {
        say(probe, X509_verify_cert_error_string(verdict));
    } else {
        say(probe, reason != NULL ? reason : "the connection ended");
    }
}

static void drop_context(SSL_CTX **context)
{
    SSL_CTX_free(*context);
}

static void drop_tls(SSL **tls)
{
    SSL_free(*tls);
}

/* The Date header of whatever it answers: an error will do. */
static void read_date(struct doctor_probe *probe, SSL *tls)
{
    char memory[4096];
    int len = (int)sizeof memory - 1;
    (void)snprintf(memory, sizeof memory, "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", probe->host);
    if (SSL_write(tls, memory, (int)strlen(memory)) <= 0 || (len = SSL_read(tls, memory, len)) <= 0) {
        return;
    }
    memory[len] = '\0';
    probe->own_unix_s = host_clock_unix_ms() / 1000;
    char *date = strcasestr(memory, "\r\ndate: ");
    if (date != NULL) {
        date += strlen("\r\ndate: ");
        date[strcspn(date, "\r\n")] = '\0';
        if (doctor_agent_parse_date(date, &probe->date_unix_s) != ERR_OK) {
            probe->date_unix_s = 0;
        }
    }
}

static void try_tls(struct doctor_probe *probe, int fd)
{
    AUTO(drop_context) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    AUTO(drop_tls) SSL *tls = context != NULL ? SSL_new(context) : NULL;
    if (tls == NULL || SSL_CTX_set_default_verify_paths(context) != 1 || SSL_set1_host(tls, probe->host) != 1 ||
        SSL_set_tlsext_host_name(tls, probe->host) != 1 || SSL_set_fd(tls, fd) != 1) {
        say(probe, "OpenSSL cannot be set up");
        return;
    }
    SSL_set_verify(tls, SSL_VERIFY_PEER, NULL);
    if (SSL_connect(tls) != 1) {
        say_tls_failure(probe, tls);
        return;
    }
    probe->stage = DOCTOR_ANSWER;
    probe->words[0] = '\0';
    read_date(probe, tls);
}

static void try_all(struct doctor_probe *probe, int pipe)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int error = getaddrinfo(probe->host, "443", &wanted, &addresses);
    if (error != 0) {
        say(probe, gai_strerror(error));
        report(probe, pipe);
        return;
    }
    probe->stage = DOCTOR_CONNECT;
    report(probe, pipe);
    int fd = -1; /* closed by the end of the process */
    if (connect_to_any(probe, addresses, &fd)) {
        probe->stage = DOCTOR_TLS;
        report(probe, pipe);
        try_tls(probe, fd);
    }
    report(probe, pipe);
}

/* ---- in ours ---- */

struct running {
    pid_t pid;
    int pipe; /* -1: it has ended */
};

static enum err start(const struct doctor_probe *probe, struct running *ret_running)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return ERR_SYSTEM;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        (void)signal(SIGPIPE, SIG_IGN);
        struct doctor_probe own = *probe;
        own.stage = DOCTOR_RESOLVE;
        try_all(&own, ends[1]);
        _exit(0);
    }
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        return ERR_SYSTEM;
    }
    *ret_running = (struct running){.pid = pid, .pipe = ends[0]};
    return ERR_OK;
}

/* Takes what there is; the pipe is closed at its end. */
static void listen_to(struct running *running, struct doctor_probe *probe)
{
    struct doctor_probe said;
    ssize_t got = read(running->pipe, &said, sizeof said);
    if (got == (ssize_t)sizeof said) {
        *probe = said;
    } else if (got >= 0 || errno != EINTR) {
        path_trust_close(&running->pipe);
    }
}

static void collect(struct running *runnings, struct doctor_probe *probes, size_t count, int64_t deadline_us)
{
    for (;;) {
        struct pollfd polled[PROBES_MAX];
        size_t open = 0;
        for (size_t i = 0; i < count; i++) {
            polled[i] = (struct pollfd){.fd = runnings[i].pipe, .events = POLLIN};
            open += runnings[i].pipe >= 0 ? 1 : 0;
        }
        int64_t left_ms = (deadline_us - host_clock_mono_us() + 999) / 1000;
        if (open == 0 || left_ms <= 0) {
            return;
        }
        if (poll(polled, (nfds_t)count, (int)left_ms) <= 0) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            if (runnings[i].pipe >= 0 && polled[i].revents != 0) {
                listen_to(&runnings[i], &probes[i]);
            }
        }
    }
}

enum err service_probe_run(struct doctor_probe *probes, size_t count, int64_t timeout_ms)
{
    struct running runnings[PROBES_MAX];
    size_t started = 0;
    enum err err = count <= PROBES_MAX ? ERR_OK : ERR_TOO_LONG;
    while (err == ERR_OK && started < count) {
        err = start(&probes[started], &runnings[started]);
        started += err == ERR_OK ? 1 : 0;
    }
    if (err == ERR_OK) {
        collect(runnings, probes, started, host_clock_mono_us() + timeout_ms * 1000);
    }
    for (size_t i = 0; i < started; i++) {
        if (runnings[i].pipe >= 0) {
            probes[i].is_timeout = true;
            (void)kill(runnings[i].pid, SIGKILL); /* not yet waited for: its pid is its own */
            path_trust_close(&runnings[i].pipe);
        }
        while (waitpid(runnings[i].pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    return err;
}
