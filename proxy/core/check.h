/* check: one thing that `ssm-proxy doctor` has tried, and how it is shown: a line or two for a person, an object for a
 * program.
 *
 *     ok    clock         right to the second
 *     FAIL  endpoint      ssmmessages.eu-west-1.amazonaws.com: unreachable: cannot connect to ...
 *                         -> let this machine reach it, or name a proxy in HTTPS_PROXY
 *     skip  session       the node is not connected */
#ifndef SSM_PROXY_CORE_CHECK_H
#define SSM_PROXY_CORE_CHECK_H

#include "common/err.h"
#include "common/text.h"

#include <stdint.h>

enum check_status {
    CHECK_PASSED,
    CHECK_WARNED,  /* it works, and there is something to better */
    CHECK_FAILED,  /* this is what is to be mended */
    CHECK_SKIPPED, /* could not be tried, or need not be; the detail says why */
    CHECK_STATUS_COUNT
};

/* Texts may hold what a service or a node has said: they are shown with control characters replaced. */
struct check {
    const char *name;  /* lower case: "clock"; borrowed */
    char subject[256]; /* what of several: "ssm:StartSession"; "" where there is one alone */
    enum check_status status;
    char detail[2304];
    char advice[640]; /* what to do; "" where there is nothing */
    int64_t took_us;  /* -1: nothing was timed */
};

/* Appends the lines, each with its end. `is_coloured`: the status in a terminal's colours. */
void check_put_lines(const struct check *check, bool is_coloured, struct text *text);

/* {"Check", "Subject", "Status", "Detail", "Advice", "Milliseconds"}, terminated, without the members that say nothing;
 * the caller frees it. The status is passed, warned, failed or skipped. Bytes of texts that are not UTF-8 are replaced.
 * ERR_MEMORY. */
enum err check_to_json(const struct check *check, char **ret_json) SSM_MUST_USE;

#endif
