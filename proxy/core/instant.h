/* instant: one moment on two clocks. Entry points of the core take it as an argument; edge/clock reads it. */
#ifndef SSM_PROXY_CORE_INSTANT_H
#define SSM_PROXY_CORE_INSTANT_H

#include <stdint.h>

struct instant {
    int64_t mono_us;  /* microseconds of CLOCK_MONOTONIC: for intervals and deadlines; stands still in suspend */
    uint64_t unix_ms; /* milliseconds since 1970: for time stamps on the wire; may jump */
};

/* A deadline, in mono_us, that never comes. */
#define INSTANT_NEVER INT64_MAX

/* The earlier of two deadlines. */
static inline int64_t instant_earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

#endif
