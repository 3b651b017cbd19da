/* call: one call of a service as client->account, whose credentials are there, from its request to its reply: the loop
 * turns meanwhile. */
#ifndef SSM_PROXY_COMMAND_CALL_H
#define SSM_PROXY_COMMAND_CALL_H

#include "proxy/command/api.h"
#include "proxy/command/client.h"
#include "proxy/core/ssm_api.h"

/* How long to wait for a reply, and what a signal changes about it. */
struct call_patience {
    int64_t deadline_us;
    int64_t grace_us; /* a signal shortens the wait to this; 0: ends it. A pause before another try it ends always */
    bool is_firm;     /* a second signal leaves the grace as it is */
    bool is_once;     /* the call must not happen twice, see core/retry */
};

/* Of any service, signed. ERR_OK with a reply of whatever HTTP status, which is borrowed from *ret_call; ERR_TIMEOUT,
 * ERR_INTERRUPTED, or as edge/https gives it, with words in client->why. */
enum err call_service(struct client *client, const struct aws_request *request, const struct call_patience *patience,
                      struct api_call **ret_call, struct aws_reply *ret_reply) SSM_MUST_USE;

/* Of the SSM API, the same. */
enum err call_ssm(struct client *client, const struct ssm_api_request *request, const struct call_patience *patience,
                  struct api_call **ret_call, struct aws_reply *ret_reply) SSM_MUST_USE;

#endif
