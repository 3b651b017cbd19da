/* retry: whether a call that failed is made again, and when: the "standard" mode of the AWS SDKs. Also how far our
 * clock is off, when a service says so.
 *
 * Throttling, 5xx, no connection, a connection lost, no reply in time: up to 3 tries in all, or max_attempts. A call
 * that must not happen twice (StartSession: the session of a reply that was lost runs on, and nobody knows its id) is
 * made again only when the service has refused it, or when it was never sent.
 *
 * The pause before the next try is a random part of 1 s, then of 2 s, 4 s, ... at most of 20 s, and not shorter than
 * the service asks for in Retry-After or x-amz-retry-after, up to 20 s.
 *
 * A signature that is refused for its time is followed by one more try, at once and beyond the number, with the time of
 * the reply's Date; once a call.
 *
 * Source: AWS SDKs and tools reference guide, "Retry behavior"; botocore retries/standard.py. */
#ifndef SSM_PROXY_CORE_RETRY_H
#define SSM_PROXY_CORE_RETRY_H

#include "proxy/core/aws_request.h"
#include "proxy/core/chance.h"
#include "proxy/core/instant.h"

#define RETRY_TRIES 3

/* What came of a try. */
struct retry_outcome {
    enum err err;                  /* ERR_OK: there is a reply, of whatever status */
    bool was_sent;                 /* some of the request has gone out */
    const struct aws_reply *reply; /* when err is ERR_OK */
    const char *retry_after;       /* values of the headers; "" when absent, like the two others */
    const char *x_amz_retry_after;
    const char *date;
};

struct retry {
    struct chance chance;
    int tries_max;
    int tries;    /* made so far */
    bool is_once; /* must not happen twice */
};

struct retry retry_begin(struct chance chance, int tries_max, bool is_once);

/* True: make the call again after *ret_pause_us. A try has been made. */
bool retry_wants(struct retry *retry, const struct retry_outcome *outcome, int64_t *ret_pause_us);

/* How many seconds our clock has to be put forward (negative: back) for the service to take our signatures.
 * `unix_seconds` is the time that the refused signature bore. False: that was not the reason, or nobody can tell. */
bool retry_clock_offset(const struct retry_outcome *outcome, int64_t unix_seconds, int64_t *ret_offset_s);

#endif
