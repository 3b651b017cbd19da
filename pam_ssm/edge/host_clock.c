#include "pam_ssm/edge/host_clock.h"

#include "common/auto.h"
#include "pam_ssm/edge/path_trust.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock_us(clockid_t clock)
{
    struct timespec time = {0};
    (void)clock_gettime(clock, &time); /* fails for no clock that Linux has */
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

int64_t host_clock_unix_ms(void)
{
    return read_clock_us(CLOCK_REALTIME) / 1000;
}

int64_t host_clock_mono_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

int64_t host_clock_start_unix_ms(int64_t start_ticks)
{
    int64_t boot_us = read_clock_us(CLOCK_REALTIME) - read_clock_us(CLOCK_BOOTTIME);
    return boot_us / 1000 + start_ticks * 1000 / sysconf(_SC_CLK_TCK);
}

enum err host_clock_now(const struct host_paths *paths, struct host_moment *ret_now)
{
    char memory[LIMIT_PATH + 1];
    struct text path = text_in(memory, sizeof memory);
    text_format(&path, "%s/sys/kernel/random/boot_id", paths->proc_dir);
    TRY(text_finish(&path));
    struct host_moment now = {
        .unix_s = read_clock_us(CLOCK_REALTIME) / 1000000,
        .boot_s = read_clock_us(CLOCK_BOOTTIME) / 1000000,
    };
    AUTO(path_trust_close) int fd = open(memory, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || read(fd, now.boot_id, HOST_BOOT_ID_LEN) != HOST_BOOT_ID_LEN) {
        return ERR_SYSTEM;
    }
    *ret_now = now;
    return ERR_OK;
}
