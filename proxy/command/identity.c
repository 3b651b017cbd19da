#include "proxy/command/identity.h"

#include "proxy/command/call.h"
#include "proxy/core/aws_service.h"
#include "proxy/core/calendar.h"
#include "proxy/core/sts_api.h"
#include "proxy/edge/clock.h"

static int64_t clock_offset_s(const struct aws_reply *reply)
{
    int64_t theirs_s;
    if (reply->date == NULL || calendar_parse_http_date(reply->date, &theirs_s) != ERR_OK) {
        return 0;
    }
    return theirs_s - (int64_t)(clock_now().unix_ms / 1000);
}

enum err identity_ask(struct client *client, char ret_arn[LIMIT_ARN + 1], int64_t *ret_clock_offset_s)
{
    const char *region = client->account.settings.region;
    struct endpoint_url url;
    TRY(aws_service_endpoint(client->account.config, AWS_SERVICE_STS, region, &url, &client->why));
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    TRY(sts_api_caller_identity(&url, region, &request));
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct call_patience patience = {.deadline_us = client->deadline_us};
    TRY(call_service(client, &request, &patience, &call, &reply));
    struct service_failure failure;
    enum err err = sts_api_parse_caller_identity(&reply, ret_arn, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, &client->why);
    } else if (ret_clock_offset_s != NULL) {
        *ret_clock_offset_s = clock_offset_s(&reply);
    }
    return err;
}
