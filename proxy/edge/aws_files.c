#include "proxy/edge/aws_files.h"

#include "common/auto.h"
#include "proxy/edge/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AWS_FILES_PIECE (16 * 1024)

struct aws_files_source {
    int fd;
    const char *path;
    bool is_pipe;
    int64_t deadline_us; /* of a pipe */
};

static const char *aws_files_get(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

struct aws_config_environment aws_files_environment(void)
{
    return (struct aws_config_environment){.get = aws_files_get};
}

void aws_files_wipe(struct aws_file *file)
{
    if (file->data != NULL) {
        explicit_bzero(file->data, file->len);
        free(file->data);
    }
    *file = (struct aws_file){0};
}

static void aws_files_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

/* Room for another piece and a terminator. The old place is wiped, which realloc would not do. */
static enum err aws_files_grow(struct aws_file *file, size_t *size)
{
    size_t larger = *size == 0 ? AWS_FILES_PIECE + 1 : *size * 2;
    char *grown = malloc(larger);
    if (grown == NULL) {
        return ERR_MEMORY;
    }
    size_t len = file->len;
    if (len > 0) {
        memcpy(grown, file->data, len);
    }
    aws_files_wipe(file);
    *file = (struct aws_file){grown, len};
    *size = larger;
    return ERR_OK;
}

/* A pipe that nobody has opened for writing yet is not at its end: that is told by POLLHUP. Nothing else here waits. */
static enum err aws_files_await(const struct aws_files_source *source, struct text *ret_why)
{
    struct pollfd pollfd = {.fd = source->fd, .events = POLLIN};
    int64_t left_us = source->deadline_us - clock_mono_us();
    int64_t left_ms = left_us > 0 ? left_us / 1000 + 1 : 0;
    int ready = poll(&pollfd, 1, left_ms < INT_MAX ? (int)left_ms : -1);
    if (ready > 0 || (ready < 0 && errno == EINTR)) {
        return ERR_OK; /* what is not there yet is asked for again */
    }
    text_format(ret_why, "%s cannot be read: %s", source->path,
                ready == 0 ? "it is a pipe, and nobody has written to its end in time" : strerror(errno));
    return ERR_CONFIG;
}

static enum err aws_files_read_all(const struct aws_files_source *source, struct aws_file *file, struct text *ret_why)
{
    size_t size = 0;
    for (;;) {
        if (size < file->len + 2) {
            TRY(aws_files_grow(file, &size));
        }
        TRY(source->is_pipe ? aws_files_await(source, ret_why) : ERR_OK);
        ssize_t got = read(source->fd, file->data + file->len, size - file->len - 1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (got < 0) {
            text_format(ret_why, "%s cannot be read: %s", source->path, strerror(errno));
            return ERR_CONFIG;
        }
        if (got == 0) {
            file->data[file->len] = '\0';
            return ERR_OK;
        }
        file->len += (size_t)got;
        if (file->len > LIMIT_CONFIG_FILE) {
            text_format(ret_why, "%s is larger than %d bytes", source->path, LIMIT_CONFIG_FILE);
            return ERR_CONFIG;
        }
    }
}

enum err aws_files_read(const char *path, int64_t deadline_us, struct aws_file *ret_file, struct text *ret_why)
{
    AUTO(aws_files_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        *ret_file = (struct aws_file){0};
        return ERR_OK;
    }
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        text_format(ret_why, "%s cannot be read: %s", path, strerror(errno));
        return ERR_CONFIG;
    }
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
        text_format(ret_why, "%s is not a file", path);
        return ERR_CONFIG;
    }
    AUTO(aws_files_wipe) struct aws_file file = {0};
    struct aws_files_source source = {fd, path, S_ISFIFO(status.st_mode), deadline_us};
    TRY(aws_files_read_all(&source, &file, ret_why));
    *ret_file = file;
    file = (struct aws_file){0};
    return ERR_OK;
}
