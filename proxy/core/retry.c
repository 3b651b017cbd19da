#include "proxy/core/retry.h"

#include "proxy/core/calendar.h"
#include "proxy/core/service_failure.h"

#define FIRST_PAUSE_US (1000 * 1000)
#define LONGEST_PAUSE_US (20 * 1000 * 1000)

struct retry retry_begin(struct chance chance, int tries_max, bool is_once)
{
    return (struct retry){.chance = chance, .tries_max = tries_max, .is_once = is_once};
}

static bool is_refusal(const struct aws_reply *reply)
{
    return reply->http_status < 200 || reply->http_status > 299;
}

/* What a reply of a service stands for; ERR_OK for a success. */
static enum err judge(const struct aws_reply *reply)
{
    struct service_failure failure;
    return is_refusal(reply) ? service_failure_read(reply, &failure) : ERR_OK;
}

static bool is_worth_a_try(const struct retry *retry, const struct retry_outcome *outcome)
{
    if (outcome->err != ERR_OK) {
        bool is_connection = outcome->err == ERR_UNREACHABLE || outcome->err == ERR_TIMEOUT;
        return is_connection && !(retry->is_once && outcome->was_sent);
    }
    enum err err = judge(outcome->reply);
    return err == ERR_THROTTLED || err == ERR_SERVICE;
}

/* 0 when nothing usable was said; a date in Retry-After is none, AWS sends seconds. */
static int64_t asked_pause_us(const struct retry_outcome *outcome)
{
    int64_t seconds = 0;
    int64_t milliseconds = 0;
    if (text_parse_decimal(outcome->x_amz_retry_after, 0, INT32_MAX, &milliseconds) == ERR_OK) {
        return instant_earlier(milliseconds * 1000, LONGEST_PAUSE_US);
    }
    if (text_parse_decimal(outcome->retry_after, 0, INT32_MAX, &seconds) == ERR_OK) {
        return instant_earlier(seconds * 1000 * 1000, LONGEST_PAUSE_US);
    }
    return 0;
}

bool retry_wants(struct retry *retry, const struct retry_outcome *outcome, int64_t *ret_pause_us)
{
    int64_t bound_us = FIRST_PAUSE_US;
    for (int i = 0; i < retry->tries && bound_us < LONGEST_PAUSE_US; i++) {
        bound_us = instant_earlier(2 * bound_us, LONGEST_PAUSE_US);
    }
    retry->tries++;
    if (retry->tries >= retry->tries_max || !is_worth_a_try(retry, outcome)) {
        return false;
    }
    int64_t pause_us = (int64_t)chance_below(&retry->chance, (uint64_t)bound_us + 1);
    int64_t asked_us = asked_pause_us(outcome);
    *ret_pause_us = pause_us > asked_us ? pause_us : asked_us;
    return true;
}

bool retry_clock_offset(const struct retry_outcome *outcome, int64_t unix_seconds, int64_t *ret_offset_s)
{
    int64_t service_s;
    if (outcome->err != ERR_OK || judge(outcome->reply) != ERR_CLOCK_SKEW ||
        calendar_parse_http_date(outcome->date, &service_s) != ERR_OK) {
        return false;
    }
    *ret_offset_s = service_s - unix_seconds;
    return true;
}
