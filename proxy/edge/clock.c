#include "proxy/edge/clock.h"

#include <time.h>

static struct timespec clock_read(clockid_t clock)
{
    struct timespec time = {0};
    (void)clock_gettime(clock, &time);
    return time;
}

int64_t clock_mono_us(void)
{
    struct timespec time = clock_read(CLOCK_MONOTONIC);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

struct instant clock_now(void)
{
    struct timespec time = clock_read(CLOCK_REALTIME);
    return (struct instant){
        .mono_us = clock_mono_us(),
        .unix_ms = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000,
    };
}

int64_t clock_boot_ms(void)
{
    struct timespec time = clock_read(CLOCK_BOOTTIME);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}
