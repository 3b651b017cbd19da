/* rfc3339: points in time as text, "2026-11-21T04:30:00.250Z" (RFC 3339), whatever the locale and the time zone. */
#ifndef SSM_HOST_CORE_RFC3339_H
#define SSM_HOST_CORE_RFC3339_H

#include "common/err.h"
#include "common/text.h"

/* Milliseconds since 1970; what is finer is cut. Any offset and any number of digits behind the point, as Go's
 * encoding/json writes them. Years 1970 to 9999. ERR_MALFORMED. */
enum err rfc3339_parse(const char *string, int64_t *ret_unix_ms) SSM_MUST_USE;

/* Appends it in UTC, with milliseconds. */
void rfc3339_put(struct text *text, int64_t unix_ms);

/* Appends YYYYmmddHHMMSSZ, the generalized time of sudoers(5). */
void rfc3339_put_generalized(struct text *text, int64_t unix_s);

#endif
