#include "proxy/core/instance_connect_api.h"

#include "proxy/core/json_call.h"

enum err instance_connect_api_push(const struct endpoint_url *endpoint, const char *region,
                                   const struct instance_connect_api_push *push, struct aws_request *ret_request)
{
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(&error, 0, "{s:s, s:s, s:s}", "InstanceId", push->instance_id,
                                          "InstanceOSUser", push->user, "SSHPublicKey", push->public_key);
    struct json_call call = {AWS_SERVICE_EC2_INSTANCE_CONNECT, "AWSEC2InstanceConnectService.SendSSHPublicKey",
                             endpoint, region};
    return json_call_make(&call, body, &error, ret_request);
}

enum err instance_connect_api_parse_push(const struct aws_reply *reply, struct service_failure *ret_failure)
{
    if (reply->http_status != 200) {
        return service_failure_read_json(reply, ret_failure);
    }
    AUTO_JSON json_t *object = NULL;
    enum err err = json_view_parse_object(reply->body, &object);
    const json_t *success = err == ERR_OK ? json_object_get(object, "Success") : NULL;
    if (json_is_true(success)) {
        return ERR_OK;
    }
    if (json_is_false(success)) {
        return service_failure_say(reply, ERR_DENIED, "EC2 Instance Connect did not take the key", ret_failure);
    }
    return service_failure_say(reply, err == ERR_OK ? ERR_MALFORMED : err,
                               "the reply does not say whether the key was taken", ret_failure);
}
