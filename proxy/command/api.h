/* api: one call of the SSM API: signed, posted, and its reply. */
#ifndef SSM_PROXY_COMMAND_API_H
#define SSM_PROXY_COMMAND_API_H

#include "proxy/command/account.h"
#include "proxy/core/ssm_api.h"
#include "proxy/edge/https.h"

/* Signs `request` as of now and starts to post it; `timeout_us` bounds the whole call. */
enum err api_post(struct net *net, const struct account *account, const struct ssm_api_request *request,
                  int64_t timeout_us, struct https_call **ret_call) SSM_MUST_USE;
/* The same on a connection of its own, for when the network may be another one by now: on a connection that was kept
 * nothing would say so before the call's time is up. */
enum err api_post_apart(struct net *net, const struct account *account, const struct ssm_api_request *request,
                        int64_t timeout_us, struct https_call **ret_call) SSM_MUST_USE;

/* ERR_AGAIN while the call runs; ERR_OK with a reply of whatever HTTP status (borrowed from the call), for one of the
 * parsers of core/ssm_api; or why there is none. */
enum err api_reply(struct https_call *call, struct ssm_api_reply *ret_reply, struct text *ret_why) SSM_MUST_USE;

/* "TargetNotConnected: i-... is not connected." */
void api_put_failure(const struct ssm_api_failure *failure, struct text *text);

#endif
