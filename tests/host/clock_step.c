/* clock_step: a preload library that sets the wall clock back or forward for whoever reads it, by the seconds that
 * stand in /run/test/clock_step. The clocks that nobody can set, CLOCK_BOOTTIME among them, are left alone. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t read_step(void)
{
    char digits[32] = "";
    int fd = open("/run/test/clock_step", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!read(fd, digits, sizeof digits - 1);
        (void)close(fd);
    }
    return strtol(digits, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    int status = (int)syscall(SYS_clock_gettime, clock, ret_time);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        ret_time->tv_sec += read_step();
    }
    return status;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
    (void)zone;
    struct timespec now;
    int status = clock_gettime(CLOCK_REALTIME, &now);
    *ret_time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return status;
}

time_t time(time_t *ret_time)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time != NULL) {
        *ret_time = now.tv_sec;
    }
    return now.tv_sec;
}
