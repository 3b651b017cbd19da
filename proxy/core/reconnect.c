#include "proxy/core/reconnect.h"

#define FIRST_PAUSE_US (250 * 1000)
#define LONGEST_PAUSE_US (15 * 1000 * 1000) /* a network that is back is noticed while a person still watches */

struct reconnect reconnect_begin(struct chance chance, int64_t budget_us, int64_t now_us)
{
    return (struct reconnect){
        .chance = chance,
        .pause_us = FIRST_PAUSE_US,
        .next_us = now_us,
        .give_up_us = now_us + budget_us,
    };
}

bool reconnect_failed(struct reconnect *reconnect, int64_t now_us)
{
    int64_t half_us = reconnect->pause_us / 2;
    reconnect->next_us = now_us + half_us + (int64_t)chance_below(&reconnect->chance, (uint64_t)half_us + 1);
    reconnect->pause_us = reconnect->pause_us < LONGEST_PAUSE_US / 2 ? 2 * reconnect->pause_us : LONGEST_PAUSE_US;
    return !reconnect_is_over(reconnect);
}

void reconnect_again(struct reconnect *reconnect, bool was_useful, int64_t budget_us, int64_t now_us)
{
    if (was_useful) {
        *reconnect = reconnect_begin(reconnect->chance, budget_us, now_us);
    } else {
        (void)reconnect_failed(reconnect, now_us);
    }
}
