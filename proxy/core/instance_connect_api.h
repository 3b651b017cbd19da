/* instance_connect_api: the one call of EC2 Instance Connect (AWS JSON 1.1, API version 2018-04-02): SendSSHPublicKey,
 * after which sshd of an EC2 instance accepts a key for one account, for 60 seconds.
 *
 *     {"InstanceId": "i-...", "InstanceOSUser": "admin", "SSHPublicKey": "ssh-ed25519 AAAA..."}
 *     {"RequestId": "...", "Success": true}
 *
 * The zone, which is optional, is left out: it would take a look-up. Source: the service's API reference. */
#ifndef SSM_PROXY_CORE_INSTANCE_CONNECT_API_H
#define SSM_PROXY_CORE_INSTANCE_CONNECT_API_H

#include "proxy/core/aws_request.h"
#include "proxy/core/service_failure.h"

/* All borrowed; user and key are what key_way says yes to. */
struct instance_connect_api_push {
    const char *instance_id;
    const char *user;
    const char *public_key;
};

/* ERR_MALFORMED when a text is not UTF-8; ERR_TOO_LONG, ERR_MEMORY. The caller frees ret_request. */
enum err instance_connect_api_push(const struct endpoint_url *endpoint, const char *region,
                                   const struct instance_connect_api_push *push,
                                   struct aws_request *ret_request) SSM_MUST_USE;

/* ERR_OK: the key was taken. Errors of aws_error.h, ERR_MALFORMED (200 with something else in it), ERR_DENIED (200, and
 * Success is false), each with ret_failure; ERR_MEMORY. */
enum err instance_connect_api_parse_push(const struct aws_reply *reply,
                                         struct service_failure *ret_failure) SSM_MUST_USE;

#endif
