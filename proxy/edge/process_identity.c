#include "proxy/edge/process_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first line of a small file, without its end. Like the next one: 0, or an errno. */
static int process_identity_read_line(const char *path, char *ret_line, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    size_t len = 0;
    int error = 0;
    for (ssize_t got = 1; got != 0 && error == 0 && len < size - 1;) {
        got = read(fd, ret_line + len, size - 1 - len);
        len += got > 0 ? (size_t)got : 0;
        error = got < 0 && errno != EINTR ? errno : 0;
    }
    close(fd);
    ret_line[len] = '\0';
    ret_line[strcspn(ret_line, "\n")] = '\0';
    return error == 0 && ret_line[0] == '\0' ? EINVAL : error;
}

/* Field 22. The second field, the program's name, may hold blanks and parentheses, so counting begins after the last
 * one. Field 3, the state, is the first from there; a zombie counts as gone: ESRCH, ENOENT. */
static int process_identity_read_start(const char *path, unsigned long long *ret_start)
{
    char line[1024];
    int error = process_identity_read_line(path, line, sizeof line);
    if (error != 0) {
        return error;
    }
    const char *at = strrchr(line, ')');
    if (at == NULL || strlen(at) < 4) {
        return EINVAL;
    }
    if (at[2] == 'Z' || at[2] == 'X') {
        return ESRCH;
    }
    at += 2;
    for (int field = 3; field < 22; field++) {
        at = strchr(at, ' ');
        if (at == NULL) {
            return EINVAL;
        }
        at++;
    }
    *ret_start = strtoull(at, NULL, 10);
    return 0;
}

/* Where and since when `identity->pid`, whose stat is at `path`, is what it is. */
static enum err process_identity_read(const char *path, struct process_identity *identity)
{
    ssize_t len = readlink("/proc/self/ns/pid", identity->pid_namespace, sizeof identity->pid_namespace - 1);
    if (len <= 0 || process_identity_read_start(path, &identity->start) != 0 ||
        process_identity_read_line("/proc/sys/kernel/random/boot_id", identity->boot_id, sizeof identity->boot_id) !=
            0) {
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

enum err process_identity_parent(struct process_identity *ret_identity)
{
    struct process_identity parent = {.pid = (long)getppid()};
    char path[48];
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", parent.pid);
    TRY(process_identity_read(path, &parent));
    if (parent.pid != (long)getppid()) { /* it ended meanwhile, and its pid may be somebody else's */
        return ERR_SYSTEM;
    }
    *ret_identity = parent;
    return ERR_OK;
}

enum err process_identity_self(struct process_identity *ret_identity)
{
    struct process_identity self = {.pid = (long)getpid()};
    TRY(process_identity_read("/proc/self/stat", &self));
    if (gethostname(self.host_name, sizeof self.host_name - 1) != 0 || self.host_name[0] == '\0') {
        (void)stpcpy(self.host_name, "-");
    }
    if (process_identity_read_line("/etc/machine-id", self.machine_id, sizeof self.machine_id) != 0) {
        (void)stpcpy(self.machine_id, "-");
    }
    *ret_identity = self;
    return ERR_OK;
}

bool process_identity_is_gone(const struct process_identity *identity, const struct process_identity *self)
{
    if (strcmp(identity->host_name, self->host_name) != 0 || strcmp(identity->machine_id, self->machine_id) != 0) {
        return false;
    }
    if (strcmp(identity->boot_id, self->boot_id) != 0) {
        return true;
    }
    if (strcmp(identity->pid_namespace, self->pid_namespace) != 0) {
        return false;
    }
    if (identity->pid == self->pid) { /* whatever /proc says: we live */
        return identity->start != self->start;
    }
    char path[48];
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", identity->pid);
    unsigned long long start = 0;
    int error = process_identity_read_start(path, &start);
    return error == ENOENT || error == ESRCH || (error == 0 && start != identity->start);
}

void process_identity_put_process(const struct process_identity *identity, struct text *text)
{
    text_format(text, "%ld %llu %s %s", identity->pid, identity->start, identity->pid_namespace, identity->boot_id);
}

void process_identity_put_host(const struct process_identity *identity, struct text *text)
{
    text_format(text, "%s %s", identity->host_name, identity->machine_id);
}

/* The next word of `*text`, copied; `*text` moves behind it and one blank. */
static enum err process_identity_take_word(const char **text, char *ret_word, size_t size)
{
    size_t len = strcspn(*text, " ");
    if (len == 0 || len >= size) {
        return ERR_MALFORMED;
    }
    memcpy(ret_word, *text, len);
    ret_word[len] = '\0';
    *text += len + ((*text)[len] == ' ');
    return ERR_OK;
}

static enum err process_identity_take_number(const char **text, unsigned long long *ret_number)
{
    char word[24];
    TRY(process_identity_take_word(text, word, sizeof word));
    char *end = word;
    errno = 0;
    unsigned long long number = strtoull(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0) {
        return ERR_MALFORMED;
    }
    *ret_number = number;
    return ERR_OK;
}

enum err process_identity_parse_process(const char *text, struct process_identity *identity)
{
    unsigned long long pid = 0;
    TRY(process_identity_take_number(&text, &pid));
    TRY(process_identity_take_number(&text, &identity->start));
    TRY(process_identity_take_word(&text, identity->pid_namespace, sizeof identity->pid_namespace));
    TRY(process_identity_take_word(&text, identity->boot_id, sizeof identity->boot_id));
    identity->pid = (long)pid;
    return *text == '\0' && pid > 0 && pid <= INT_MAX ? ERR_OK : ERR_MALFORMED;
}

enum err process_identity_parse_host(const char *text, struct process_identity *identity)
{
    TRY(process_identity_take_word(&text, identity->host_name, sizeof identity->host_name));
    TRY(process_identity_take_word(&text, identity->machine_id, sizeof identity->machine_id));
    return *text == '\0' ? ERR_OK : ERR_MALFORMED;
}
