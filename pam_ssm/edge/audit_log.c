#include "pam_ssm/edge/audit_log.h"

#include "common/auto.h"
#include "pam_ssm/edge/path_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum err audit_log_append(const char *path, struct bytes line)
{
    AUTO(path_trust_close)
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    ssize_t put;
    do {
        put = write(fd, line.data, line.len);
    } while (put < 0 && errno == EINTR);
    return put == (ssize_t)line.len ? ERR_OK : ERR_SYSTEM;
}
