/* clock: reads the clocks. Nothing but commands and edges calls it; the core takes a struct instant. */
#ifndef SSM_PROXY_EDGE_CLOCK_H
#define SSM_PROXY_EDGE_CLOCK_H

#include "proxy/core/instant.h"

/* CLOCK_MONOTONIC and CLOCK_REALTIME, one after the other. Neither can fail on Linux. */
struct instant clock_now(void);

/* CLOCK_MONOTONIC alone, in microseconds. */
int64_t clock_mono_us(void);

/* CLOCK_BOOTTIME in milliseconds: goes on during suspend, so that a jump against mono_us tells of one. */
int64_t clock_boot_ms(void);

#endif
