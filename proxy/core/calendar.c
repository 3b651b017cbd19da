#include "proxy/core/calendar.h"

/* Days since 1970 to year, month and day (proleptic Gregorian), counted in eras of 400 years from a 1 March. */
static void set_date(unsigned days, struct calendar *calendar)
{
    unsigned from_march = days + 719468;
    unsigned era = from_march / 146097;
    unsigned day_of_era = from_march % 146097;
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153;
    calendar->day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    calendar->month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    calendar->year = era * 400 + year_of_era + (calendar->month <= 2);
}

enum err calendar_from_unix(int64_t unix_seconds, struct calendar *ret_calendar)
{
    if (unix_seconds < 0 || unix_seconds >= INT64_C(253402300800)) { /* 10000-01-01 */
        return ERR_MALFORMED;
    }
    unsigned second = (unsigned)(unix_seconds % 86400);
    *ret_calendar = (struct calendar){.hour = second / 3600, .minute = second / 60 % 60, .second = second % 60};
    set_date((unsigned)(unix_seconds / 86400), ret_calendar);
    return ERR_OK;
}

void calendar_put_rfc3339(int64_t unix_seconds, struct text *text)
{
    struct calendar at;
    if (calendar_from_unix(unix_seconds, &at) != ERR_OK) {
        text_put_char(text, '-');
        return;
    }
    text_format(text, "%04u-%02u-%02uT%02u:%02u:%02uZ", at.year, at.month, at.day, at.hour, at.minute, at.second);
}

/* ---- reading ---- */

static unsigned days_of_month(unsigned year, unsigned month)
{
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    bool is_short = month == 4 || month == 6 || month == 9 || month == 11;
    return month == 2 ? (is_leap ? 29 : 28) : (is_short ? 30 : 31);
}

/* set_date, the other way round. */
static int64_t days_since_1970(const struct calendar *date)
{
    unsigned year = date->year - (date->month <= 2);
    unsigned year_of_era = year % 400;
    unsigned day_of_year = (153 * (date->month > 2 ? date->month - 3 : date->month + 9) + 2) / 5 + date->day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)(year / 400) * 146097 + day_of_era - 719468;
}

static int64_t unix_seconds(const struct calendar *at)
{
    return days_since_1970(at) * 86400 + at->hour * INT64_C(3600) + at->minute * INT64_C(60) + at->second;
}

/* `count` digits as a number from `min` to `max`; moves `at` behind them. */
static bool take_number(const char **at, int count, unsigned min, unsigned max, unsigned *ret_number)
{
    unsigned number = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        number = number * 10 + (unsigned)(**at - '0');
    }
    *ret_number = number;
    return number >= min && number <= max;
}

static bool take_character(const char **at, const char *allowed)
{
    bool is_there = **at != '\0' && strchr(allowed, **at) != NULL;
    *at += is_there;
    return is_there;
}

static bool take_date_and_time(const char **at, struct calendar *at_time)
{
    return take_number(at, 4, 1970, 9999, &at_time->year) && take_character(at, "-") &&
           take_number(at, 2, 1, 12, &at_time->month) && take_character(at, "-") &&
           take_number(at, 2, 1, days_of_month(at_time->year, at_time->month), &at_time->day) &&
           take_character(at, "T ") && take_number(at, 2, 0, 23, &at_time->hour) && take_character(at, ":") &&
           take_number(at, 2, 0, 59, &at_time->minute) && take_character(at, ":") &&
           take_number(at, 2, 0, 59, &at_time->second);
}

/* "Z", "UTC", "+01:00", "+0100". */
static bool take_zone(const char **at, int64_t *ret_offset_seconds)
{
    *ret_offset_seconds = 0;
    if (take_character(at, "Z")) {
        return true;
    }
    if (strncmp(*at, "UTC", 3) == 0) {
        *at += 3;
        return true;
    }
    bool is_west = **at == '-';
    unsigned hours = 0;
    unsigned minutes = 0;
    if (!take_character(at, "+-") || !take_number(at, 2, 0, 23, &hours)) {
        return false;
    }
    (void)take_character(at, ":");
    if (!take_number(at, 2, 0, 59, &minutes)) {
        return false;
    }
    int64_t offset = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    *ret_offset_seconds = is_west ? -offset : offset;
    return true;
}

enum err calendar_parse_timestamp(const char *string, int64_t *ret_unix_seconds)
{
    struct calendar time;
    const char *at = string;
    if (!take_date_and_time(&at, &time)) {
        return ERR_MALFORMED;
    }
    if (take_character(&at, ".")) {
        size_t digits = strspn(at, "0123456789");
        if (digits == 0) {
            return ERR_MALFORMED;
        }
        at += digits;
    }
    int64_t offset_seconds;
    if (!take_zone(&at, &offset_seconds) || *at != '\0') {
        return ERR_MALFORMED;
    }
    *ret_unix_seconds = unix_seconds(&time) - offset_seconds;
    return ERR_OK;
}

static bool take_month(const char **at, unsigned *ret_month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (unsigned month = 1; month <= 12; month++) {
        if (strncmp(*at, names + 3 * (size_t)(month - 1), 3) == 0) {
            *ret_month = month;
            *at += 3;
            return true;
        }
    }
    return false;
}

/* The day's name is for people. */
enum err calendar_parse_http_date(const char *string, int64_t *ret_unix_seconds)
{
    struct calendar time;
    const char *at = strchr(string, ',');
    bool is_date = at != NULL && take_character(&at, ",") && take_character(&at, " ") &&
                   take_number(&at, 2, 1, 31, &time.day) && take_character(&at, " ") && take_month(&at, &time.month) &&
                   take_character(&at, " ") && take_number(&at, 4, 1970, 9999, &time.year) &&
                   take_character(&at, " ") && take_number(&at, 2, 0, 23, &time.hour) && take_character(&at, ":") &&
                   take_number(&at, 2, 0, 59, &time.minute) && take_character(&at, ":") &&
                   take_number(&at, 2, 0, 60, &time.second); /* a leap second */
    if (!is_date || time.day > days_of_month(time.year, time.month) || strcmp(at, " GMT") != 0) {
        return ERR_MALFORMED;
    }
    *ret_unix_seconds = unix_seconds(&time);
    return ERR_OK;
}
