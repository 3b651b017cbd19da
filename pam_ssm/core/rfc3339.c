#include "pam_ssm/core/rfc3339.h"

#include <time.h>

/* `count` digits at *at, which moves behind them; -1 when there are not as many. */
static int take_digits(const char **at, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return -1;
        }
        number = number * 10 + (**at - '0');
    }
    return number;
}

static bool take(const char **at, char character)
{
    bool is_there = **at == character;
    *at += is_there;
    return is_there;
}

static bool take_date(const char **at, struct tm *ret_tm)
{
    int year = take_digits(at, 4);
    if (year < 1970 || !take(at, '-')) {
        return false;
    }
    int month = take_digits(at, 2);
    if (month < 1 || month > 12 || !take(at, '-')) {
        return false;
    }
    int day = take_digits(at, 2);
    ret_tm->tm_year = year - 1900;
    ret_tm->tm_mon = month - 1;
    ret_tm->tm_mday = day;
    return day >= 1 && day <= 31;
}

static bool take_time(const char **at, struct tm *ret_tm)
{
    ret_tm->tm_hour = take_digits(at, 2);
    if (ret_tm->tm_hour < 0 || ret_tm->tm_hour > 23 || !take(at, ':')) {
        return false;
    }
    ret_tm->tm_min = take_digits(at, 2);
    if (ret_tm->tm_min < 0 || ret_tm->tm_min > 59 || !take(at, ':')) {
        return false;
    }
    ret_tm->tm_sec = take_digits(at, 2);
    return ret_tm->tm_sec >= 0 && ret_tm->tm_sec <= 60;
}

/* Milliseconds out of ".250123456"; none without a point. */
static bool take_fraction(const char **at, int *ret_ms)
{
    *ret_ms = 0;
    if (!take(at, '.')) {
        return true;
    }
    int unit = 100;
    const char *first = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10) {
        *ret_ms += (**at - '0') * unit;
    }
    return *at > first;
}

/* Seconds east of Greenwich. */
static bool take_offset(const char **at, int *ret_offset_s)
{
    *ret_offset_s = 0;
    if (take(at, 'Z')) {
        return true;
    }
    bool is_west = **at == '-';
    if (!take(at, '+') && !take(at, '-')) {
        return false;
    }
    int hours = take_digits(at, 2);
    if (hours < 0 || hours > 23 || !take(at, ':')) {
        return false;
    }
    int minutes = take_digits(at, 2);
    *ret_offset_s = (is_west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return minutes >= 0 && minutes <= 59;
}

enum err rfc3339_parse(const char *string, int64_t *ret_unix_ms)
{
    struct tm tm = {0};
    int ms = 0;
    int offset_s = 0;
    const char *at = string;
    if (!take_date(&at, &tm) || !take(&at, 'T') || !take_time(&at, &tm) || !take_fraction(&at, &ms) ||
        !take_offset(&at, &offset_s) || *at != '\0') {
        return ERR_MALFORMED;
    }
    int month = tm.tm_mon;
    bool is_leap_second = tm.tm_sec == 60;
    int64_t unix_s = timegm(&tm);
    if (tm.tm_mon != month && !is_leap_second) { /* the 31st of April */
        return ERR_MALFORMED;
    }
    *ret_unix_ms = (unix_s - offset_s) * 1000 + ms;
    return ERR_OK;
}

static struct tm in_utc(int64_t unix_s)
{
    time_t time = (time_t)unix_s;
    struct tm tm = {0};
    (void)gmtime_r(&time, &tm);
    return tm;
}

void rfc3339_put(struct text *text, int64_t unix_ms)
{
    struct tm tm = in_utc(unix_ms / 1000);
    text_format(text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                tm.tm_min, tm.tm_sec, (int)(unix_ms % 1000));
}

void rfc3339_put_generalized(struct text *text, int64_t unix_s)
{
    struct tm tm = in_utc(unix_s);
    text_format(text, "%04d%02d%02d%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                tm.tm_sec);
}
