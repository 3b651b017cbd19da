/* calendar: seconds since 1970 as date and time of day, UTC. */
#ifndef SSM_PROXY_CORE_CALENDAR_H
#define SSM_PROXY_CORE_CALENDAR_H

#include "common/text.h"

#include <stdint.h>

struct calendar {
    unsigned year;  /* 1970 to 9999 */
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
    unsigned hour;
    unsigned minute;
    unsigned second;
};

/* ERR_MALFORMED before 1970 and after 9999. */
enum err calendar_from_unix(int64_t unix_seconds, struct calendar *ret_calendar) SSM_MUST_USE;

/* A timestamp as AWS's services and tools write it: "2015-08-30T12:36:00Z", with a fraction of a second (dropped), with
 * "UTC" or "+00:00" or another offset in place of "Z", a blank in place of "T". ERR_MALFORMED for anything else, one
 * without a time zone included. */
enum err calendar_parse_timestamp(const char *string, int64_t *ret_unix_seconds) SSM_MUST_USE;

/* The value of a header Date: "Sun, 30 Aug 2015 12:36:00 GMT" (RFC 9110, 5.6.7; its obsolete forms are not taken).
 * ERR_MALFORMED. */
enum err calendar_parse_http_date(const char *string, int64_t *ret_unix_seconds) SSM_MUST_USE;

/* "2015-08-30T12:36:00Z" (RFC 3339); "-" for a time that calendar_from_unix refuses. */
void calendar_put_rfc3339(int64_t unix_seconds, struct text *text);

#endif
