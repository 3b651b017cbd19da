#include "proxy/command/session.h"

#include "common/log.h"
#include "proxy/command/api.h"
#include "proxy/command/call.h"
#include "proxy/edge/clock.h"

/* For the reply of a StartSession that is under way when a signal comes. */
#define START_GRACE_US (3 * 1000 * 1000)

static void remember(struct client *client, const char *session_id)
{
    if (client->records == NULL) {
        return;
    }
    const struct aws_settings *settings = &client->account.settings;
    struct session_record record = {0};
    memcpy(record.session_id, session_id, strlen(session_id) + 1);
    memcpy(record.region, settings->region, sizeof settings->region);
    memcpy(record.profile, settings->profile, sizeof settings->profile);
    struct text url = text_in(record.endpoint_url, sizeof record.endpoint_url);
    endpoint_put_url(&settings->api, &url);
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    if (session_record_write(client->records, &record, &why) != ERR_OK) {
        log_debug("no record of the session is kept: %s", memory);
    }
}

void session_forget(struct client *client, const char *session_id)
{
    if (client->records != NULL) {
        session_record_remove(client->records, session_id);
    }
}

/* What is wrong with it, a person has written: the rest is ours. */
static enum err make_start(struct client *client, const struct ssm_api_start_session *session,
                           struct ssm_api_request *ret_request)
{
    enum err err = ssm_api_start_session(session, ret_request);
    if (err == ERR_TOO_LONG) {
        text_format(&client->why, "the reason of the session has more than %d characters", SSM_API_REASON_MAX);
        return ERR_CONFIG;
    }
    if (err == ERR_MALFORMED) {
        text_put(&client->why, "the reason of the session, or the name of its document, is not UTF-8");
        return ERR_CONFIG;
    }
    return err;
}

enum err session_start(struct client *client, const struct ssm_api_start_session *request,
                       struct ssm_api_session *ret_session)
{
    AUTO(ssm_api_request_free) struct ssm_api_request body = {0};
    TRY(make_start(client, request, &body));
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct call_patience patience = {
        .deadline_us = client->deadline_us, .grace_us = START_GRACE_US, .is_firm = true, .is_once = true};
    client->leave_by_us = INSTANT_NEVER;
    TRY(call_ssm(client, &body, &patience, &call, &reply));
    struct service_failure failure;
    enum err err = ssm_api_parse_session(&reply, ret_session, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, &client->why);
    }
    if (ret_session->session_id[0] != '\0') {
        remember(client, ret_session->session_id);
    }
    return err;
}

enum err session_end(struct client *client, const char *session_id, int64_t deadline_us)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    TRY(ssm_api_terminate_session(session_id, &request));
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct call_patience patience = {
        .deadline_us = instant_earlier(deadline_us, client->leave_by_us),
        .grace_us = START_GRACE_US,
    };
    TRY(client_resolve(client, false, patience.deadline_us)); /* those of a role last for an hour, tunnels for days */
    TRY(call_ssm(client, &request, &patience, &call, &reply));
    struct service_failure failure;
    enum err err = ssm_api_parse_terminated_session(&reply, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, &client->why);
        return err;
    }
    session_forget(client, session_id);
    return ERR_OK;
}
