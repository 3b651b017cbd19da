/* duration: lengths of time as people write them, "90s", "30m", "2h", "1d"; a number alone is seconds. */
#ifndef SSM_HOST_CORE_DURATION_H
#define SSM_HOST_CORE_DURATION_H

#include "common/err.h"
#include "common/text.h"

/* Seconds, 1 to `max_s`. ERR_MALFORMED. */
enum err duration_parse(const char *string, int64_t max_s, int64_t *ret_s) SSM_MUST_USE;

/* Appends e.g. "1h 30m", "45s": the two largest units, for people. */
void duration_put(struct text *text, int64_t duration_s);

#endif
