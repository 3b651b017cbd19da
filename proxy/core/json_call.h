/* json_call: a request in AWS's JSON protocol 1.1, for the services that aws_request carries (KMS, EC2 Instance
 * Connect). */
#ifndef SSM_PROXY_CORE_JSON_CALL_H
#define SSM_PROXY_CORE_JSON_CALL_H

#include "common/json_view.h"
#include "proxy/core/aws_request.h"
#include "proxy/core/aws_service.h"

/* All borrowed. */
struct json_call {
    enum aws_service service;
    const char *x_amz_target; /* static: "TrentService.GenerateDataKey" */
    const struct endpoint_url *endpoint;
    const char *region; /* of the endpoint */
};

/* `body` is borrowed; NULL: it could not be made, and `error` says why. ERR_MALFORMED when a text in it is not UTF-8,
 * ERR_TOO_LONG, ERR_MEMORY. The caller frees ret_request. */
enum err json_call_make(const struct json_call *call, const json_t *body, const json_error_t *error,
                        struct aws_request *ret_request) SSM_MUST_USE;

#endif
