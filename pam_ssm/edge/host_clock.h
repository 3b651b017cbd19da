/* host_clock: both clocks of a grant, and which boot this is. */
#ifndef SSM_HOST_EDGE_HOST_CLOCK_H
#define SSM_HOST_EDGE_HOST_CLOCK_H

#include "pam_ssm/core/grant.h"
#include "pam_ssm/edge/host_paths.h"

/* ERR_SYSTEM: a clock, or boot_id below proc_dir, cannot be read. */
enum err host_clock_now(const struct host_paths *paths, struct host_moment *ret_now) SSM_MUST_USE;

/* Milliseconds since 1970, and microseconds of CLOCK_MONOTONIC for deadlines. */
int64_t host_clock_unix_ms(void);
int64_t host_clock_mono_us(void);

/* The time of day at which a process began, from field 22 of /proc/PID/stat, which counts on CLOCK_BOOTTIME. When the
 * clock has been set meanwhile, what it would have been with the clock of now. */
int64_t host_clock_start_unix_ms(int64_t start_ticks);

#endif
