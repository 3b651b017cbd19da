#include "proxy/core/liveness.h"

#include "proxy/core/instant.h"

#define SUSPEND_US (2 * 1000 * 1000)       /* less than this is a busy machine */
#define AFTER_SUSPEND_US (5 * 1000 * 1000) /* a peer that is there answers by then */

struct liveness liveness_begin(int64_t interval_us, int64_t now_us, int64_t boot_ms)
{
    return (struct liveness){
        .interval_us = interval_us,
        .ping_us = now_us + interval_us,
        .heard_us = now_us,
        .now_us = now_us,
        .boot_ms = boot_ms,
    };
}

void liveness_update(struct liveness *liveness, int64_t received_us, bool is_reading, int64_t now_us, int64_t boot_ms)
{
    int64_t passed_us = now_us - liveness->now_us;
    bool has_slept = (boot_ms - liveness->boot_ms) * 1000 - passed_us > SUSPEND_US;
    liveness->now_us = now_us;
    liveness->boot_ms = boot_ms;
    liveness->silent_us += is_reading ? passed_us : 0;
    if (received_us > liveness->heard_us) {
        liveness->heard_us = received_us;
        liveness->silent_us = 0;
    }
    if (has_slept) {
        int64_t soon_us = 2 * liveness->interval_us - AFTER_SUSPEND_US;
        liveness->silent_us = soon_us > liveness->silent_us ? soon_us : liveness->silent_us;
        liveness->ping_us = now_us;
    }
}

void liveness_pinged(struct liveness *liveness)
{
    liveness->ping_us = liveness->now_us + liveness->interval_us;
}

int64_t liveness_deadline_us(const struct liveness *liveness)
{
    return instant_earlier(liveness->ping_us, liveness->now_us + 2 * liveness->interval_us - liveness->silent_us);
}
