/* api: one call of a service: signed, sent, and its reply. */
#ifndef SSM_PROXY_COMMAND_API_H
#define SSM_PROXY_COMMAND_API_H

#include "proxy/command/account.h"
#include "proxy/core/aws_request.h"
#include "proxy/core/ssm_api.h"
#include "proxy/edge/https.h"

struct api_way {
    int64_t timeout_us; /* bounds the whole call; 0: HTTPS_TIMEOUT_US */
    bool is_apart;      /* on a connection of its own; see https.h */
    bool is_direct;     /* never through a proxy */
};

/* Starts to send `request`; signed as of now by `signer`, unless that is NULL or the request has no signing_name. */
enum err api_send(struct net *net, const struct aws_request *request, const struct aws_credentials *signer,
                  struct api_way way, struct https_call **ret_call) SSM_MUST_USE;

/* A call of the SSM API as `account`. */
enum err api_post(struct net *net, const struct account *account, const struct ssm_api_request *request,
                  int64_t timeout_us, struct https_call **ret_call) SSM_MUST_USE;
/* The same on a connection of its own, for when the network may be another one by now: on a connection that was kept
 * nothing would say so before the call's time is up. */
enum err api_post_apart(struct net *net, const struct account *account, const struct ssm_api_request *request,
                        int64_t timeout_us, struct https_call **ret_call) SSM_MUST_USE;

/* ERR_AGAIN while the call runs; ERR_OK with a reply of whatever HTTP status (borrowed from the call), for one of the
 * parsers of the core; or why there is none. */
enum err api_reply(struct https_call *call, struct aws_reply *ret_reply, struct text *ret_why) SSM_MUST_USE;

#endif
