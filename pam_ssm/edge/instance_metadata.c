#include "pam_ssm/edge/instance_metadata.h"

#include "common/auto.h"
#include "common/text.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/path_trust.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN_SIZE 256 /* 56 characters in practice */
#define ANSWER_SIZE 4096

static bool wait_for(int fd, short events, int64_t deadline_us)
{
    for (;;) {
        int64_t left_ms = (deadline_us - host_clock_mono_us() + 999) / 1000;
        struct pollfd polled = {.fd = fd, .events = events};
        int ready = left_ms > 0 ? poll(&polled, 1, (int)left_ms) : 0;
        if (ready >= 0 || errno != EINTR) {
            return ready > 0;
        }
    }
}

/* The descriptor, for somebody else to close. */
static int take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static enum err connect_to_service(int64_t deadline_us, int *ret_fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
    (void)inet_pton(AF_INET, "169.254.169.254", &address.sin_addr);
    AUTO(path_trust_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    int error = 0;
    socklen_t len = sizeof error;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        return ERR_NO_TARGET;
    }
    if (!wait_for(fd, POLLOUT, deadline_us) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        return ERR_NO_TARGET;
    }
    *ret_fd = take(&fd);
    return ERR_OK;
}

/* Reads to the end: the request says "Connection: close". */
static enum err read_answer(int fd, int64_t deadline_us, struct text *answer)
{
    char buffer[1024];
    for (;;) {
        if (!wait_for(fd, POLLIN, deadline_us)) {
            return ERR_NO_TARGET;
        }
        ssize_t got = read(fd, buffer, sizeof buffer);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? text_finish(answer) : ERR_NO_TARGET;
        }
        text_put_bytes(answer, bytes_of(buffer, (size_t)got));
        TRY(text_finish(answer));
    }
}

/* *ret_status is the HTTP status; the first line of the body goes to ret_line. */
static enum err ask(const char *request, int64_t deadline_us, int *ret_status, struct text *ret_line)
{
    AUTO(path_trust_close) int fd = -1;
    TRY(connect_to_service(deadline_us, &fd));
    size_t len = strlen(request); /* fits into any socket's buffer at once */
    if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len) {
        return ERR_NO_TARGET;
    }
    char memory[ANSWER_SIZE];
    struct text answer = text_in(memory, sizeof memory);
    TRY(read_answer(fd, deadline_us, &answer));
    const char *body = strstr(memory, "\r\n\r\n");
    if (strncmp(memory, "HTTP/1.", 7) != 0 || strlen(memory) < 12 || body == NULL) {
        return ERR_NO_TARGET;
    }
    text_clear(ret_line);
    text_put_bytes(ret_line, bytes_of(body + 4, strcspn(body + 4, "\r\n")));
    *ret_status = (int)strtol(memory + 9, NULL, 10);
    return text_finish(ret_line) == ERR_OK ? ERR_OK : ERR_NO_TARGET;
}

static enum err get(const char *path, const char *token, int64_t deadline_us, int *ret_status, struct text *ret_line)
{
    char memory[512 + TOKEN_SIZE];
    struct text request = text_in(memory, sizeof memory);
    text_format(&request, "GET /latest/meta-data/%s HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n", path);
    if (token[0] != '\0') {
        text_format(&request, "X-aws-ec2-metadata-token: %s\r\n", token);
    }
    text_put(&request, "\r\n");
    TRY(text_finish(&request));
    return ask(memory, deadline_us, ret_status, ret_line);
}

/* Only what may stand in a header of our next request. */
static bool is_token(const char *words)
{
    for (; *words != '\0'; words++) {
        if (*words <= ' ' || *words >= 0x7f) {
            return false;
        }
    }
    return true;
}

enum err instance_metadata_read(int64_t budget_ms, struct instance_metadata *ret_metadata)
{
    int64_t deadline_us = host_clock_mono_us() + budget_ms * 1000;
    struct instance_metadata metadata = {0};
    char token_memory[TOKEN_SIZE];
    struct text token = text_in(token_memory, sizeof token_memory);
    int status = 0;
    TRY(ask("PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\nContent-Length: 0\r\n"
            "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n",
            deadline_us, &status, &token));
    if (status != 200 || !is_token(token_memory)) {
        text_clear(&token);
    }
    struct text region = text_in(metadata.region, sizeof metadata.region);
    if (get("placement/region", token_memory, deadline_us, &status, &region) != ERR_OK || status != 200) {
        text_clear(&region);
    }
    struct text role = text_in(metadata.role, sizeof metadata.role);
    if (get("iam/security-credentials/", token_memory, deadline_us, &status, &role) != ERR_OK || status != 200) {
        text_clear(&role); /* 404: an instance without a profile */
    }
    char memory[160];
    struct text unused = text_in(memory, sizeof memory);
    metadata.is_version_1 = get("", "", deadline_us, &status, &unused) == ERR_OK && status == 200;
    *ret_metadata = metadata;
    return ERR_OK;
}
