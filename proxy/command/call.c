#include "proxy/command/call.h"

#include "proxy/command/api.h"
#include "proxy/edge/clock.h"

static enum err wait_for_reply(struct client *client, struct api_call *call, const struct call_patience *patience,
                               struct aws_reply *ret_reply)
{
    int64_t deadline_us = patience->deadline_us;
    int64_t grace_us = patience->grace_us;
    int signal_before = client->signal;
    bool was_signalled = client->signal != 0;
    for (;;) {
        enum err err = api_reply(call, ret_reply, &client->why);
        if (err != ERR_AGAIN) {
            return err;
        }
        if (clock_mono_us() >= deadline_us) {
            text_put(&client->why, "no reply from the service in time");
            api_put_last_failure(call, &client->why);
            return ERR_TIMEOUT;
        }
        if (client->is_urgent && !patience->is_firm) { /* it may have been before we began */
            return ERR_INTERRUPTED;
        }
        TRY(client_turn(client, deadline_us));
        if (client->signal != signal_before && (grace_us == 0 || api_is_pausing(call))) {
            return ERR_INTERRUPTED;
        }
        if (client->signal != 0 && !was_signalled) {
            was_signalled = true;
            deadline_us = instant_earlier(deadline_us, clock_mono_us() + grace_us);
        }
    }
}

enum err call_ssm(struct client *client, const struct ssm_api_request *request, const struct call_patience *patience,
                  struct api_call **ret_call, struct aws_reply *ret_reply)
{
    struct api_way way = {.deadline_us = patience->deadline_us, .is_once = patience->is_once};
    TRY(api_post(&client->api, &client->account, request, way, ret_call));
    return wait_for_reply(client, *ret_call, patience, ret_reply);
}

enum err call_service(struct client *client, const struct aws_request *request, const struct call_patience *patience,
                      struct api_call **ret_call, struct aws_reply *ret_reply)
{
    struct api_way way = {.deadline_us = patience->deadline_us, .is_once = patience->is_once};
    TRY(api_send(&client->api, request, &client->account.credentials, way, ret_call));
    return wait_for_reply(client, *ret_call, patience, ret_reply);
}
