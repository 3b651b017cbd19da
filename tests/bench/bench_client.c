/* bench_client: what ssh is to a ProxyCommand, with a stopwatch.
 *
 *     bench_client banner|up|down|ping SIZE COMMAND [ARGUMENT...]
 *
 * Starts COMMAND with pipes on its standard input and output and prints one JSON object:
 *   banner  time from the start to the first byte (SIZE is not used)
 *   up      writes SIZE bytes, waits for the one byte that a sink answers
 *   down    asks a source with one byte, reads SIZE bytes
 *   ping    SIZE round trips of 64 bytes through an echo
 * Then closes the pipes and waits for COMMAND: its CPU time is from wait4, its peak memory (VmHWM) from /proc just
 * before the end (ru_maxrss would count this program's own memory before the exec). */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PING_BYTES = 64, TIMEOUT_MS = 120 * 1000, PIECE = 128 * 1024 };

struct child {
    pid_t pid;
    int to;   /* its standard input */
    int from; /* its standard output */
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static struct child start(char **command)
{
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) {
        err(EXIT_FAILURE, "pipe");
    }
    pid_t pid = fork();
    if (pid < 0) {
        err(EXIT_FAILURE, "fork");
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        execvp(command[0], command);
        err(127, "%s", command[0]);
    }
    close(to[0]);
    close(from[1]);
    return (struct child){.pid = pid, .to = to[1], .from = from[0]};
}

static size_t read_some(const struct child *child, char *buffer, size_t size)
{
    struct pollfd wait = {.fd = child->from, .events = POLLIN};
    if (poll(&wait, 1, TIMEOUT_MS) == 0) {
        errx(EXIT_FAILURE, "nothing came for %d s", TIMEOUT_MS / 1000);
    }
    ssize_t got = read(child->from, buffer, size);
    if (got <= 0) {
        errx(EXIT_FAILURE, "the command ended too early");
    }
    return (size_t)got;
}

static void write_all(const struct child *child, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t written = write(child->to, data, len);
        if (written < 0) {
            err(EXIT_FAILURE, "write");
        }
        data += written;
        len -= (size_t)written;
    }
}

/* Returns the milliseconds from `started_ms` to the first byte; reads the greeting's line away. */
static double read_banner(const struct child *child, double started_ms)
{
    char byte;
    (void)read_some(child, &byte, 1);
    double first_ms = now_ms() - started_ms;
    while (byte != '\n') {
        (void)read_some(child, &byte, 1);
    }
    return first_ms;
}

static void upload(const struct child *child, uint64_t size)
{
    static char piece[PIECE];
    memset(piece, 'u', sizeof piece);
    for (uint64_t left = size; left > 0;) {
        size_t len = left < sizeof piece ? (size_t)left : sizeof piece;
        write_all(child, piece, len);
        left -= len;
    }
    char answer;
    (void)read_some(child, &answer, 1);
}

static void download(const struct child *child, uint64_t size)
{
    static char piece[PIECE];
    write_all(child, "g", 1);
    for (uint64_t total = 0; total < size;) {
        total += read_some(child, piece, sizeof piece);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Prints the median and the 99th percentile of `count` round trips. */
static void ping(const struct child *child, uint64_t count)
{
    char message[PING_BYTES] = {0};
    double *took_ms = calloc(count + 1, sizeof *took_ms);
    if (took_ms == NULL) {
        err(EXIT_FAILURE, "calloc");
    }
    for (uint64_t i = 0; i < count; i++) {
        double sent_ms = now_ms();
        write_all(child, message, sizeof message);
        for (size_t total = 0; total < sizeof message;) {
            total += read_some(child, message, sizeof message - total);
        }
        took_ms[i] = now_ms() - sent_ms;
    }
    qsort(took_ms, count, sizeof *took_ms, compare_doubles);
    printf("\"median_us\":%.1f,\"p99_us\":%.1f,", took_ms[count / 2] * 1e3, took_ms[count * 99 / 100] * 1e3);
    free(took_ms);
}

static long peak_memory_kb(pid_t pid)
{
    char path[64], line[256];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kb = strtol(line + 6, NULL, 10);
        }
    }
    if (status != NULL) {
        fclose(status);
    }
    return kb;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void finish(const struct child *child)
{
    long memory_kb = peak_memory_kb(child->pid);
    double ended_ms = now_ms();
    struct rusage usage;
    int status;
    close(child->to);
    close(child->from);
    if (wait4(child->pid, &status, 0, &usage) != child->pid) {
        err(EXIT_FAILURE, "wait4");
    }
    printf("\"user_s\":%.3f,\"system_s\":%.3f,\"memory_kb\":%ld,\"end_ms\":%.1f,\"status\":%d}\n",
           seconds_of(usage.ru_utime), seconds_of(usage.ru_stime), memory_kb, now_ms() - ended_ms,
           WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        errx(EXIT_FAILURE, "usage: bench_client banner|up|down|ping SIZE COMMAND [ARGUMENT...]");
    }
    const char *mode = argv[1];
    uint64_t size = strtoull(argv[2], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    double started_ms = now_ms();
    struct child child = start(argv + 3);
    printf("{\"banner_ms\":%.2f,", read_banner(&child, started_ms));
    double begun_ms = now_ms();
    if (strcmp(mode, "up") == 0) {
        upload(&child, size);
    } else if (strcmp(mode, "down") == 0) {
        download(&child, size);
    } else if (strcmp(mode, "ping") == 0) {
        ping(&child, size);
    }
    printf("\"seconds\":%.4f,", (now_ms() - begun_ms) / 1e3);
    finish(&child);
    return 0;
}
