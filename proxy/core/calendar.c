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
