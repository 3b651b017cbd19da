#include "pam_ssm/edge/host_lock.h"

#include "common/limits.h"
#include "pam_ssm/edge/host_clock.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define RETRY_NS (20L * 1000 * 1000)

/* flock has no deadline of its own, and an alarm would change the process's signals. */
static enum err wait_for(int lock, int64_t timeout_ms)
{
    int64_t deadline_us = host_clock_mono_us() + timeout_ms * 1000;
    while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return ERR_SYSTEM;
        }
        if (host_clock_mono_us() >= deadline_us) {
            return ERR_TIMEOUT;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    }
    return ERR_OK;
}

enum err host_lock_take(const struct host_paths *paths, int64_t timeout_ms, int *ret_lock, struct text *ret_why)
{
    TRY(state_dir_make(paths->runtime_dir, paths->owner, ret_why));
    int lock = open(paths->lock_file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    enum err err = lock >= 0 ? wait_for(lock, timeout_ms) : ERR_SYSTEM;
    if (err != ERR_OK) {
        text_format(ret_why, "%s: %s", paths->lock_file,
                    err == ERR_TIMEOUT ? "another ssm-userctl holds the lock" : strerror(errno));
        path_trust_close(&lock);
        return err;
    }
    *ret_lock = lock;
    return ERR_OK;
}
