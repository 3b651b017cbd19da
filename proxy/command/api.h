/* api: calls of services: signed, sent, made again where core/retry says so, and their replies. Nothing waits: ask for
 * the reply once a turn. */
#ifndef SSM_PROXY_COMMAND_API_H
#define SSM_PROXY_COMMAND_API_H

#include "proxy/core/aws_credentials.h"
#include "proxy/core/chance.h"
#include "proxy/core/ssm_api.h"
#include "proxy/edge/https.h"

struct account;
struct api_call; /* owned by its creator; not to outlive its struct api */

/* What all calls of a run share. Zero-initialised means "closed". */
struct api {
    struct net *net;        /* borrowed */
    struct chance chance;   /* for pauses */
    int tries;              /* of one call, the first included */
    int64_t clock_offset_s; /* our clock is put forward by that: a service has said so */
    struct api_call *calls;
};

struct api_way {
    int64_t timeout_us;  /* bounds one try; 0: HTTPS_TIMEOUT_US */
    int64_t deadline_us; /* no try after that, and none goes on beyond it; 0: none */
    int tries;           /* 0: as for any call */
    bool is_once;        /* must not happen twice, see retry.h */
    bool is_apart;       /* on a connection of its own; see https.h */
    bool is_direct;      /* never through a proxy */
};

/* Now, in seconds since 1970, by our clock or, where that is wrong, by the one of a service. */
int64_t api_unix_seconds(const struct api *api);

/* When a pause before another try ends; INSTANT_NEVER while there is none. */
int64_t api_deadline_us(const struct api *api);

/* Starts to send `request`; signed as of now by `signer`, unless that is NULL or the request has no signing_name. Both
 * are copied. */
enum err api_send(struct api *api, const struct aws_request *request, const struct aws_credentials *signer,
                  struct api_way way, struct api_call **ret_call) SSM_MUST_USE;

/* A call of the SSM API as `account`, whose credentials are there. */
enum err api_post(struct api *api, const struct account *account, const struct ssm_api_request *request,
                  struct api_way way, struct api_call **ret_call) SSM_MUST_USE;

/* ERR_AGAIN while the call runs; ERR_OK with a reply of whatever HTTP status (borrowed from the call), for one of the
 * parsers of the core; or why there is none. */
enum err api_reply(struct api_call *call, struct aws_reply *ret_reply, struct text *ret_why) SSM_MUST_USE;

/* "; before that: ..." : why the last finished try was no success, which tells more than that the time is over. Nothing
 * when there was none. */
void api_put_last_failure(const struct api_call *call, struct text *text);

/* Nothing is under way: it pauses before another try. */
bool api_is_pausing(const struct api_call *call);

/* Cancels it when it still runs. NULL inside is fine; usable with AUTO(). */
void api_free(struct api_call **call);

#endif
