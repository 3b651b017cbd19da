#include "proxy/core/instance_connect_api.h"

#include "common/json_view.h"
#include "proxy/core/aws_service.h"

#define CONTENT_TYPE "application/x-amz-json-1.1"

static enum err set_body(struct aws_request *request, const struct instance_connect_api_push *push)
{
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(&error, 0, "{s:s, s:s, s:s}", "InstanceId", push->instance_id,
                                          "InstanceOSUser", push->user, "SSHPublicKey", push->public_key);
    if (body == NULL) {
        return json_view_error(&error);
    }
    AUTO_FREE char *text = json_dumps(body, JSON_COMPACT);
    if (text == NULL) {
        return ERR_MEMORY;
    }
    return aws_request_set_body(request, CONTENT_TYPE, bytes_of_text(text));
}

enum err instance_connect_api_push(const struct endpoint_url *endpoint, const char *region,
                                   const struct instance_connect_api_push *push, struct aws_request *ret_request)
{
    AUTO(aws_request_free) struct aws_request request = {.method = "POST", .url = *endpoint};
    request.signing_name = aws_service_signing_name(AWS_SERVICE_EC2_INSTANCE_CONNECT);
    struct text signed_for = text_in(request.region, sizeof request.region);
    text_put(&signed_for, region);
    TRY(text_finish(&signed_for));
    TRY(aws_request_add_header(&request, "X-Amz-Target", "AWSEC2InstanceConnectService.SendSSHPublicKey"));
    TRY(set_body(&request, push));
    *ret_request = request;
    request = (struct aws_request){.method = NULL};
    return ERR_OK;
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
