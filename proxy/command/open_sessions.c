#include "proxy/command/open_sessions.h"

#include "proxy/command/call.h"
#include "proxy/command/identity.h"

#define PAGES_MAX 400

static enum err failed(struct client *client, enum err err, const struct service_failure *failure)
{
    service_failure_put(failure, &client->why);
    return err;
}

static enum err read_page(struct client *client, const struct session_list_query *query, struct session_list *ret_page)
{
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    TRY(session_list_request(query, &request));
    AUTO(api_free) struct api_call *call = NULL;
    struct aws_reply reply;
    struct call_patience patience = {.deadline_us = client->deadline_us};
    TRY(call_ssm(client, &request, &patience, &call, &reply));
    struct service_failure failure;
    enum err err = session_list_parse(&reply, ret_page, &failure);
    return err == ERR_OK ? err : failed(client, err, &failure);
}

enum err open_sessions_visit(struct client *client, bool is_everybodys, open_sessions_visitor *visit, void *context)
{
    char owner[LIMIT_ARN + 1];
    TRY(is_everybodys ? ERR_OK : identity_ask(client, owner, NULL));
    AUTO_FREE char *token = NULL;
    for (int i = 0; i < PAGES_MAX; i++) {
        struct session_list_query query = {.owner = is_everybodys ? NULL : owner, .next_token = token};
        AUTO(session_list_free) struct session_list page = {.items = NULL};
        TRY(read_page(client, &query, &page));
        TRY(visit(context, &page));
        free(token);
        token = MOVE(page.next_token);
        if (token == NULL) {
            return ERR_OK;
        }
    }
    text_format(&client->why, "there are more than %d sessions", PAGES_MAX * LIMIT_API_PAGE);
    return ERR_TOO_LONG;
}
