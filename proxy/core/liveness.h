/* liveness: is the peer still there? Pings it when an interval has passed since the last, and calls it dead after two
 * intervals of silence, in which nothing at all came from it, while we were reading. Time in which we ourselves did not
 * read, because nobody takes our output, does not count. */
#ifndef SSM_PROXY_CORE_LIVENESS_H
#define SSM_PROXY_CORE_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

struct liveness {
    int64_t interval_us;
    int64_t ping_us;   /* the next ping is due */
    int64_t heard_us;  /* something came, by liveness_update's account */
    int64_t silent_us; /* silence that counts, since then */
    int64_t now_us;    /* of the last update */
    int64_t boot_ms;   /* the same on a clock that goes on in suspend */
};

struct liveness liveness_begin(int64_t interval_us, int64_t now_us, int64_t boot_ms);

/* Once a turn. `received_us`: when something last came; `is_reading`: were we since the last update? After a suspend,
 * which shows in boot_ms, a ping is due at once, and the answer is wanted soon. */
void liveness_update(struct liveness *liveness, int64_t received_us, bool is_reading, int64_t now_us, int64_t boot_ms);

static inline bool liveness_wants_ping(const struct liveness *liveness)
{
    return liveness->now_us >= liveness->ping_us;
}

void liveness_pinged(struct liveness *liveness);

static inline bool liveness_is_dead(const struct liveness *liveness)
{
    return liveness->silent_us >= 2 * liveness->interval_us;
}

/* The next update is due then, while we read. */
int64_t liveness_deadline_us(const struct liveness *liveness);

#endif
