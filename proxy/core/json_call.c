#include "proxy/core/json_call.h"

#define CONTENT_TYPE "application/x-amz-json-1.1"

enum err json_call_make(const struct json_call *call, const json_t *body, const json_error_t *error,
                        struct aws_request *ret_request)
{
    if (body == NULL) {
        return json_view_error(error);
    }
    AUTO_FREE char *text = json_dumps(body, JSON_COMPACT);
    if (text == NULL) {
        return ERR_MEMORY;
    }
    AUTO(aws_request_free) struct aws_request request = {.method = "POST", .url = *call->endpoint};
    request.signing_name = aws_service_signing_name(call->service);
    struct text signed_for = text_in(request.region, sizeof request.region);
    text_put(&signed_for, call->region);
    TRY(text_finish(&signed_for));
    TRY(aws_request_add_header(&request, "X-Amz-Target", call->x_amz_target));
    TRY(aws_request_set_body(&request, CONTENT_TYPE, bytes_of_text(text)));
    *ret_request = request;
    request = (struct aws_request){.method = NULL};
    return ERR_OK;
}
