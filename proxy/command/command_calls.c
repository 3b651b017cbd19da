#include "proxy/command/command_calls.h"

#include "proxy/command/call.h"
#include "proxy/edge/clock.h"

#define CALL_US (INT64_C(60) * 1000 * 1000)
#define GRACE_US (INT64_C(10) * 1000 * 1000) /* of a call whose outcome we have to know */
#define PAGES_MAX 10000                      /* whatever the service says, it ends */

static enum err make_call(struct client *client, const struct ssm_api_request *request, struct call_patience patience,
                          struct api_call **ret_call, struct aws_reply *ret_reply)
{
    patience.deadline_us = clock_mono_us() + CALL_US;
    TRY(client_resolve(client, true, patience.deadline_us));
    return call_ssm(client, request, &patience, ret_call, ret_reply);
}

static enum err settle(struct client *client, enum err err, const struct service_failure *failure)
{
    if (err != ERR_OK) {
        service_failure_put(failure, &client->why);
    }
    return err;
}

enum err command_calls_send(struct client *client, const struct command_api_send *send,
                            struct command_api_command *ret_command)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct service_failure failure;
    struct call_patience patience = {.grace_us = GRACE_US, .is_once = true};
    TRY(command_api_send(send, &request));
    TRY(make_call(client, &request, patience, &call, &reply));
    return settle(client, command_api_parse_sent(&reply, ret_command, &failure), &failure);
}

enum err command_calls_describe(struct client *client, const char *command_id, struct command_api_command *ret_command)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct service_failure failure = {.http_status = 0};
    TRY(command_api_list_command(command_id, &request));
    TRY(make_call(client, &request, (struct call_patience){0}, &call, &reply));
    enum err err = command_api_parse_listed(&reply, ret_command, &failure);
    err = strcmp(failure.type, "InvalidCommandId") == 0 ? ERR_NO_TARGET : err;
    return settle(client, err, &failure);
}

static enum err read_page(struct client *client, const struct command_api_list *list,
                          struct command_api_invocations *ret_page)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct service_failure failure;
    TRY(command_api_list_invocations(list, &request));
    TRY(make_call(client, &request, (struct call_patience){0}, &call, &reply));
    return settle(client, command_api_parse_invocations(&reply, ret_page, &failure), &failure);
}

enum err command_calls_visit(struct client *client, const char *command_id, bool has_output,
                             command_calls_visitor *visit, void *context)
{
    AUTO_FREE char *token = NULL;
    struct command_api_list list = {.command_id = command_id, .has_output = has_output, .page_size = LIMIT_API_PAGE};
    for (int i = 0; i < PAGES_MAX; i++) {
        AUTO(command_api_invocations_free) struct command_api_invocations page = {.items = NULL};
        list.next_token = token;
        enum err err = read_page(client, &list, &page);
        if (err == ERR_TOO_LONG && list.page_size > 1) {
            text_clear(&client->why);
            list.page_size /= 2;
            continue;
        }
        TRY(err);
        TRY(visit(context, &page));
        free(token);
        token = MOVE(page.next_token);
        if (token == NULL) {
            return ERR_OK;
        }
    }
    text_put(&client->why, "the list of the nodes does not end");
    return ERR_TOO_LONG;
}

enum err command_calls_get(struct client *client, const char *command_id, const char *node_id, const char *step,
                           struct command_api_step *ret_step)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct service_failure failure;
    TRY(command_api_get_invocation(command_id, node_id, step, &request));
    TRY(make_call(client, &request, (struct call_patience){0}, &call, &reply));
    return settle(client, command_api_parse_invocation(&reply, ret_step, &failure), &failure);
}

enum err command_calls_cancel(struct client *client, const char *command_id)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct service_failure failure;
    TRY(command_api_cancel(command_id, &request));
    TRY(make_call(client, &request, (struct call_patience){.grace_us = GRACE_US}, &call, &reply));
    return settle(client, command_api_parse_cancelled(&reply, &failure), &failure);
}
