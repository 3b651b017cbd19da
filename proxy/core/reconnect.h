/* reconnect: when to try again after a connection was lost: at once, then after pauses that double, with jitter, so
 * that a gateway that restarts does not meet all its clients at the same moment; until the time for it is over. */
#ifndef SSM_PROXY_CORE_RECONNECT_H
#define SSM_PROXY_CORE_RECONNECT_H

#include "proxy/core/chance.h"

#include <stdbool.h>
#include <stdint.h>

struct reconnect {
    struct chance chance;
    int64_t pause_us;   /* the next one, before its jitter */
    int64_t next_us;    /* when to try */
    int64_t give_up_us; /* no try begins after this */
};

/* The first try is due at now_us. */
struct reconnect reconnect_begin(struct chance chance, int64_t budget_us, int64_t now_us);

/* What a try had brought back is lost again. When that was of no use, it counts as a try that failed: a gateway that
 * takes connections and ends them at once is not to be met hundreds of times a second. Otherwise as reconnect_begin. */
void reconnect_again(struct reconnect *reconnect, bool was_useful, int64_t budget_us, int64_t now_us);

/* The next try would come too late. */
static inline bool reconnect_is_over(const struct reconnect *reconnect)
{
    return reconnect->next_us > reconnect->give_up_us;
}

/* A try failed. False: the time is over; otherwise `next_us` is set. */
bool reconnect_failed(struct reconnect *reconnect, int64_t now_us);

#endif
