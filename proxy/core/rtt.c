#include "proxy/core/rtt.h"

#define INITIAL_RTT_US (100 * 1000)
#define INITIAL_TIMEOUT_US (200 * 1000)
#define MARGIN_US (100 * 1000)
#define MAX_TIMEOUT_US (8 * 1000 * 1000)

static int64_t min_us(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

struct rtt rtt_initial(void)
{
    return (struct rtt){.smoothed_us = INITIAL_RTT_US, .timeout_us = INITIAL_TIMEOUT_US};
}

void rtt_sample(struct rtt *rtt, int64_t sample_us)
{
    int64_t off_us = rtt->smoothed_us - sample_us;
    if (off_us < 0) {
        off_us = -off_us;
    }
    rtt->variation_us += (off_us - rtt->variation_us) / 4;
    rtt->smoothed_us += (sample_us - rtt->smoothed_us) / 8;
    int64_t margin_us = 4 * rtt->variation_us;
    if (margin_us < MARGIN_US) {
        margin_us = MARGIN_US;
    }
    rtt->timeout_us = min_us(rtt->smoothed_us + margin_us, MAX_TIMEOUT_US);
}

void rtt_back_off(struct rtt *rtt)
{
    rtt->timeout_us = min_us(2 * rtt->timeout_us, MAX_TIMEOUT_US);
}
