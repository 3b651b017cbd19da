#include "tests/host/guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct lines {
    char *data;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct lines *lines, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(lines->data + lines->len, GUEST_SIZE - lines->len, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= GUEST_SIZE - lines->len) {
        abort();
    }
    lines->len += (size_t)len;
}

static void put_signals(struct lines *lines)
{
    sigset_t mask;
    (void)sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action = {0};
        if (sigaction(number, NULL, &action) == 0) {
            put(lines, "signal %d %p %x %d\n", number, *(void **)&action.sa_sigaction, (unsigned)action.sa_flags,
                sigismember(&mask, number));
        }
    }
}

static void put_limits(struct lines *lines)
{
    for (int kind = 0; kind < RLIM_NLIMITS; kind++) {
        struct rlimit limit = {0};
        (void)getrlimit((__rlimit_resource_t)kind, &limit);
        put(lines, "limit %d %llu %llu\n", kind, (unsigned long long)limit.rlim_cur,
            (unsigned long long)limit.rlim_max);
    }
}

/* Not where a descriptor's pointer in its file stands: a log of the test's own moves. */
static void put_descriptors(struct lines *lines)
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        abort();
    }
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char link[512] = "";
        ssize_t len = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
        int fd = (int)strtol(entry->d_name, NULL, 10);
        if (len > 0 && fd != dirfd(directory)) {
            link[len] = '\0';
            put(lines, "descriptor %d %s %x %x\n", fd, link, (unsigned)fcntl(fd, F_GETFD),
                (unsigned)fcntl(fd, F_GETFL));
        }
    }
    (void)closedir(directory);
}

void guest_describe(char ret_lines[GUEST_SIZE])
{
    struct lines lines = {.data = ret_lines};
    char path[4096];
    mode_t mask = umask(0);
    (void)umask(mask);
    put(&lines, "umask %03o\n", (unsigned)mask);
    put(&lines, "directory %s\n", getcwd(path, sizeof path) != NULL ? path : "none");
    ssize_t len = readlink("/proc/self/root", path, sizeof path - 1);
    put(&lines, "root %.*s\n", len > 0 ? (int)len : 0, path);
    put(&lines, "locale %s\n", setlocale(LC_ALL, NULL));
    put_signals(&lines);
    put_limits(&lines);
    put_descriptors(&lines);
    for (char **variable = environ; *variable != NULL; variable++) {
        put(&lines, "variable %s\n", *variable);
    }
}
