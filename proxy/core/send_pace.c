#include "proxy/core/send_pace.h"

#include "proxy/core/instant.h"

#define INITIAL_LIMIT 64 /* what a pipe holds of 1 KiB messages */
#define MIN_LIMIT 32     /* keeps a round trip of 40 ms at 0.8 MB/s, whatever happens */
#define ENOUGH_LIMIT 256
#define ENOUGH_US 10                /* a message for each: 100 MB/s of 1 KiB */
#define QUEUE_US 1000               /* of queueing are no reason to slow down: a batch of the peer's */
#define EPOCH_US (10 * 1000 * 1000) /* a shorter route that is gone is forgotten after 10 to 20 s */

struct send_pace send_pace_initial(uint32_t max)
{
    return (struct send_pace){
        .limit = max < INITIAL_LIMIT ? max : INITIAL_LIMIT,
        .max = max,
        .is_starting = true,
        .round_min_us = INSTANT_NEVER,
        .base_us = INSTANT_NEVER,
        .base_before_us = INSTANT_NEVER,
    };
}

void send_pace_was_limited(struct send_pace *pace)
{
    pace->was_limited = true;
}

void send_pace_lost(struct send_pace *pace)
{
    pace->had_loss = true;
}

static void shrink(struct send_pace *pace, uint32_t by)
{
    pace->is_starting = false;
    pace->limit = pace->limit > by + MIN_LIMIT ? pace->limit - by : MIN_LIMIT;
    pace->limit = pace->limit < pace->max ? pace->limit : pace->max;
}

static int64_t base_us(const struct send_pace *pace)
{
    return instant_earlier(pace->base_us, pace->base_before_us);
}

static void grow(struct send_pace *pace, bool has_queue)
{
    int64_t enough = ENOUGH_LIMIT + base_us(pace) / ENOUGH_US;
    uint32_t max = enough < pace->max ? (uint32_t)enough : pace->max;
    uint32_t by = pace->is_starting && !has_queue ? pace->limit : pace->limit / 8;
    if (pace->limit < max) {
        pace->limit = max - pace->limit > by ? pace->limit + by : max;
    }
}

static void end_round(struct send_pace *pace)
{
    int64_t risen_us = 2 * base_us(pace) + QUEUE_US;
    if (pace->had_loss) {
        shrink(pace, pace->limit / 2);
    } else if (pace->round_min_us > risen_us) {
        shrink(pace, pace->limit / 8);
    } else if (pace->was_limited) {
        grow(pace, pace->round_sum_us / pace->round_count > risen_us);
    }
    pace->had_loss = false;
    pace->was_limited = false;
    pace->round_min_us = INSTANT_NEVER;
    pace->round_sum_us = 0;
    pace->round_count = 0;
}

void send_pace_sample(struct send_pace *pace, int64_t sequence, int64_t sample_us, int64_t next, int64_t now_us)
{
    if (now_us >= pace->epoch_end_us) {
        pace->epoch_end_us = now_us + EPOCH_US;
        pace->base_before_us = pace->base_us;
        pace->base_us = INSTANT_NEVER;
    }
    pace->base_us = instant_earlier(pace->base_us, sample_us);
    pace->round_min_us = instant_earlier(pace->round_min_us, sample_us);
    pace->round_sum_us += sample_us;
    pace->round_count++;
    if (sequence >= pace->round_end) {
        end_round(pace);
        pace->round_end = next;
    }
}
